"""A maze whose wall moves after learning: `python -m benchmarks.transfer`.

Paths of a soft expert in one maze. From the same paths are learned a reward of the
state and one of state and action, by AIRL and by maximum causal entropy, and a clone of
the policy. Then the wall opens elsewhere: the rewards are optimised again in the new
maze, the clone acts as it did, and all are scored by the true reward there: 0 is acting
at random, 1 the best there is.

All are tuned alike: each has nine settings, of which the one is taken under which other
paths in the old maze are most likely, of paths that are not scored. The new maze is
never looked at.

Source: J. Fu, K. Luo, S. Levine, arXiv 1710.11248, section 7.2. Differs: a small maze
in place of a continuous one, and tables in place of networks, so that what is optimised
again is so exactly; a clone is shown beside them. Demonstrations begin anywhere; with
`--from-left` left of the wall alone, where the way round is seldom seen.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import say
from volition.env import Feature, FiniteMDP
from volition.evaluation import mean_over, scaled_return
from volition.inference.imitation import tabular_cloning
from volition.inference.irl import Contest, airl, max_causal_entropy
from volition.policy import Segment, Tabular as TabularPolicy, episodes
from volition.reward import AbstractReward, Linear, Tabular
from volition.value import SoftValueIteration, expected_reward, plan
from volition.value.deep import MLP, PQN, Adam, Rollout, Soft
from volition.value.deep.pqn import Passes
from volition.value.schedule import Linear as Falling

N_ROWS, N_COLUMNS, WALL = 5, 6, 3  # the wall is left of column 3
PRIZE = (2, 5)
TRUTH = Linear(("prize",), [1.0])
RATIONALITY = 5.0  # nats per reward unit, of the expert
N_PATHS, LENGTH = 200, 40
N_STEPS = 1_000_000  # of AIRL's learner
TABLE = MLP((), layer_norm=False)  # a number for each state, and action
# Keys of the paths for choosing settings; those of the scored ones are 0, 1, 2 ...
CHOOSING, FRESH = 10_000, 20_000

# What is learned: a reward, optimised again wherever one is, or a policy.
Learned = AbstractReward | TabularPolicy
Setting = tuple[float, ...]


def maze(gap: int, anywhere: bool) -> FiniteMDP:
    """A room with a wall across, open in one row, and a prize, paid while one is there.

    Args:
        gap: the row in which the wall is open.
        anywhere: whether episodes begin in any state, or in those left of the wall.
    """
    row, column = np.divmod(np.arange(N_ROWS * N_COLUMNS), N_COLUMNS)
    moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
    successor = np.empty((len(row), len(moves), 1), dtype=np.int32)
    for number, (down, right) in enumerate(moves.values()):
        to_row = np.clip(row + down, 0, N_ROWS - 1)
        to_column = np.clip(column + right, 0, N_COLUMNS - 1)
        crosses = (column < WALL) != (to_column < WALL)
        to_column = np.where(crosses & (row != gap), column, to_column)
        successor[:, number, 0] = to_row * N_COLUMNS + to_column
    there = (row == PRIZE[0]) & (column == PRIZE[1])
    starts = (anywhere | (column < WALL)).astype(float)
    return FiniteMDP(
        successor,
        np.ones(successor.shape),
        terminal=np.zeros(len(row), dtype=bool),
        initial=starts / starts.sum(),
        features=np.broadcast_to(
            there[:, None, None, None].astype(float), (*successor.shape, 1)
        ),
        feature_info=(Feature("prize", "1", "1 for a step from the prize's state"),),
        discount=0.9,
        time_limit=LENGTH,
        action_names=tuple(moves),
    )


class Mazes(NamedTuple):
    """Where the expert acts, and where all are scored: before and after the wall moves.

    The scored episodes begin left of the wall, so that each has to get through it.
    """

    shown: FiniteMDP
    before: FiniteMDP
    after: FiniteMDP


def mazes(anywhere: bool = True) -> Mazes:
    """The gap is at the bottom, then at the top.

    Args:
        anywhere: whether demonstrations begin in any state, or left of the wall.
    """
    before, after = (maze(gap, False) for gap in (N_ROWS - 1, 0))
    return Mazes(maze(N_ROWS - 1, anywhere), before, after)


def expert(world: FiniteMDP) -> TabularPolicy:
    """Soft-optimal for the true reward, times its rationality."""
    return softly(world, RATIONALITY * expected_reward(world, TRUTH))


def softly(world: FiniteMDP, paid: jax.Array) -> TabularPolicy:
    """The soft-optimal policy."""
    return TabularPolicy(SoftValueIteration().solve(world, paid).policy.probabilities)


def paths(seed: int, world: FiniteMDP) -> Segment:
    """Demonstrations of the expert."""
    size = {"n_episodes": N_PATHS, "time_limit": LENGTH}
    return episodes(jax.random.key(seed), world, expert(world), **size)


def by_airl(takes_action: bool, n_steps: int = N_STEPS) -> Callable[..., Learned]:
    """AIRL, of a setting `(gradient penalty, first step size of the discriminator)`."""

    def learned(key: Any, world: FiniteMDP, told: Segment, setting: Setting) -> Learned:
        # Arrays, so that another setting does not compile anew.
        penalty, rate = (jnp.asarray(number) for number in setting)
        fall = lambda first: Adam(Falling(first, 0.02 * first, n_steps))
        learner = PQN(
            n_steps,
            rollout=Rollout(64, LENGTH),
            passes=Passes(4, 8, 0.9),
            network=TABLE,
            optimiser=fall(jnp.asarray(0.1)),
            backup=Soft(1.0),
            n_stretches=1,
        )
        contest = Contest(
            TABLE, n_updates=8, batch_size=512, penalty=penalty, optimiser=fall(rate)
        )
        found = airl(
            key,
            world,
            told,
            learner=learner,
            contest=contest,
            takes_action=takes_action,
        )
        return found.reward

    return learned


def by_entropy(takes_action: bool) -> Callable[..., Learned]:
    """Maximum causal entropy, of a setting `(penalty,)`."""

    def learned(key: Any, world: FiniteMDP, told: Segment, setting: Setting) -> Learned:
        del key
        shape = (world.n_states, world.n_actions)
        form = Tabular(jnp.zeros(shape if takes_action else shape[:1]))
        return max_causal_entropy(world, told, form, penalty=setting[0]).reward

    return learned


def by_cloning(key: Any, world: FiniteMDP, told: Segment, setting: Setting) -> Learned:
    """Behaviour cloning, of a setting `(pseudo-count,)`."""
    del key
    return tabular_cloning(world, told, pseudo_count=setting[0])


CONTESTS = tuple(itertools.product((0.0, 0.1, 1.0), (0.01, 0.03, 0.1)))
PENALTIES = tuple((10.0**-power,) for power in np.arange(1.0, 5.5, 0.5))
COUNTS = tuple(
    (count,) for count in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
)
METHODS: dict[str, tuple[Callable[..., Learned], Sequence[Setting]]] = {
    "AIRL, reward of the state": (by_airl(False), CONTESTS),
    "AIRL, reward of state and action": (by_airl(True), CONTESTS),
    "entropy, reward of the state": (by_entropy(False), PENALTIES),
    "entropy, reward of state and action": (by_entropy(True), PENALTIES),
    "clone of the policy": (by_cloning, COUNTS),
}


def likelihood(world: FiniteMDP, learned: Learned, told: Segment) -> float:
    """How likely what was learned makes steps, the mean of their log, nats.

    A reward does so by the policy that is soft-optimal for it.
    """
    if isinstance(learned, AbstractReward):
        learned = softly(world, expected_reward(world, learned))
    step = told.transition
    each = jnp.log(learned.probabilities)[step.state.index, step.action]
    return float(jnp.mean(each))


def score(world: FiniteMDP, learned: Learned) -> float:
    """Scaled true return; a reward is optimised first."""
    if isinstance(learned, AbstractReward):
        learned = plan(world, learned).policy
    return float(scaled_return(world, learned, TRUTH))


def tried(name: str, worlds: Mazes) -> list[dict[str, Any]]:
    """Each setting of a method, on paths that are not scored: what it comes to."""
    method, settings = METHODS[name]
    told, fresh = (paths(seed, worlds.shown) for seed in (CHOOSING, FRESH))
    found = []
    for setting in settings:
        learned = method(jax.random.key(CHOOSING), worlds.shown, told, setting)
        found.append(
            {
                "setting": [float(number) for number in setting],
                "likelihood": likelihood(worlds.shown, learned, fresh),
                "before": score(worlds.before, learned),
                "after": score(worlds.after, learned),
            }
        )
    return found


def transferred(
    seed: int, worlds: Mazes, name: str, setting: Setting
) -> dict[str, float]:
    """Scaled true return in the old maze, and in the new one, from paths of a seed."""
    method, _ = METHODS[name]
    told = paths(seed, worlds.shown)
    learned = method(jax.random.key(seed), worlds.shown, told, setting)
    return {
        "before": score(worlds.before, learned),
        "after": score(worlds.after, learned),
    }


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="A maze whose wall moves.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--from-left", action="store_true", help="begin demonstrations there alone"
    )
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    worlds, told = mazes(not options.from_left), {}
    for name in METHODS:
        say(f"{name}: settings")
        each = tried(name, worlds)
        chosen = max(each, key=lambda one: one["likelihood"])
        for one in each:
            setting = ", ".join(f"{number:.3g}" for number in one["setting"])
            print(
                f"{name:36s} setting {setting:10s} likelihood {one['likelihood']:7.4f} "
                f"before {one['before']:6.3f} after {one['after']:6.3f}"
                f"{', chosen' if one is chosen else ''}"
            )
        rows = []
        for seed in range(options.seeds):
            say(f"{name}: seed {seed + 1} of {options.seeds}")
            rows.append(transferred(seed, worlds, name, tuple(chosen["setting"])))
        told[name] = {"setting": chosen["setting"], "settings": each}
        for where in ("before", "after"):
            values = mean_over(np.array([row[where] for row in rows]), "seeds")
            told[name][where] = [values.value, values.low, values.high]
            print(f"{name:36s} {where:6s} {values}")
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
