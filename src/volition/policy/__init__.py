"""Policies, rollouts, and the segments that they leave behind."""

from volition.policy.arrays import from_arrays as from_arrays
from volition.policy.episodes import episodes as episodes
from volition.policy.host import (
    HostEpisodes as HostEpisodes,
    host_episodes as host_episodes,
)
from volition.policy.mixed import Mixed as Mixed
from volition.policy.perturbed import Perturbed as Perturbed
from volition.policy.policy import (
    AbstractPolicy as AbstractPolicy,
    Always as Always,
    Random as Random,
    Tabular as Tabular,
    epsilon_greedy as epsilon_greedy,
    greedy as greedy,
)
from volition.policy.rollout import (
    act_out as act_out,
    continued as continued,
    episode as episode,
    rollout as rollout,
    window as window,
)
from volition.policy.segment import (
    Segment as Segment,
    check_whole as check_whole,
    whole_episodes as whole_episodes,
)
