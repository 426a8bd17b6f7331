"""Probe H4: the best of ever more episodes by the reward, and what is wanted."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.evaluation import over_optimisation
from volition.policy import Segment, Tabular, episode
from volition.probes.finding import Finding, Path
from volition.reward import AbstractReward

N_EPISODES = 8192
LONGEST = 100  # steps of an episode
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # of which the best is taken


def over_optimised(
    env: FiniteMDP,
    reward: AbstractReward,
    truth: AbstractReward,
    reference: Tabular | None = None,
    key: PRNGKeyArray | None = None,
) -> tuple[Finding, ...]:
    """Find a peak of what is wanted as the best of ever more episodes is taken.

    Args:
        env: the world.
        reward: the one that is audited, by which the best is chosen.
        truth: what is wanted.
        reference: whose episodes they are; acting at random if left out.
        key: of them; the same ones if left out.

    Returns:
        No finding, or one; its path is the best of all episodes by the reward.

    Source: L. Gao, J. Schulman, J. Hilton, "Scaling laws for reward model
    overoptimization", 2022, arXiv 2210.10760.
    """
    uniform = jnp.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    acting = Tabular(uniform) if reference is None else reference
    key = jax.random.key(0) if key is None else key
    n_steps = min(int(env.time_limit), LONGEST)
    seen, earned, wanted = _episodes(key, env, acting, reward, truth, n_steps)
    earned, wanted = np.asarray(earned), np.asarray(wanted)
    if np.ptp(wanted) == 0.0:
        return ()  # nothing that is done makes a difference
    # In units of the largest, as the unit of a reward is no matter.
    found = over_optimisation(
        earned / (np.abs(earned).max() or 1.0), wanted / np.abs(wanted).max(), COUNTS
    )
    # The fitted curve is no more than a parabola: it must be seen to fall, too.
    if found.peak is None or found.best.value == COUNTS[-1]:
        return ()
    best = int(np.argmax(earned))
    made = int(np.sum(np.asarray(seen.weight[best]) > 0))
    one = jax.tree.map(lambda leaf: np.asarray(leaf)[best], seen.transition)
    states = (*one.state.index[:made], one.next_state.index[made - 1])
    path = Path(tuple(map(int, states)), tuple(map(int, one.action[:made])))
    sentence = (
        f"{found.sentence} Of {len(earned)} episodes of "
        f"{'acting at random' if reference is None else 'the reference'}, the best by "
        f"the reward earns {earned[best]:.3g} and is worth {wanted[best]:.3g}."
    )
    return (Finding("H4", sentence, path),)


@eqx.filter_jit
def _episodes(
    key: PRNGKeyArray,
    env: FiniteMDP,
    policy: Tabular,
    reward: AbstractReward,
    truth: AbstractReward,
    n_steps: int,
) -> tuple[Segment, Float[Array, " episode"], Float[Array, " episode"]]:
    """Episodes, and their discounted returns by the reward and by the truth."""
    keys = jax.random.split(key, N_EPISODES)
    seen = jax.vmap(lambda one: episode(one, env, policy, n_steps))(keys)
    powers = env.discount ** jnp.arange(n_steps, dtype=float)

    def returns(paying: AbstractReward) -> Float[Array, " episode"]:
        paid = jax.vmap(jax.vmap(paying))(seen.transition)
        return jnp.sum(jnp.where(seen.weight > 0, paid, 0.0) * powers[None], axis=-1)

    return seen, returns(reward), returns(truth)
