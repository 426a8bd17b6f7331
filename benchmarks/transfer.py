"""A maze whose wall moves after learning: `python -m benchmarks.transfer`.

Paths of an expert in one maze; a reward of the state, a reward of state and action, and
a clone of the policy are learned from the same paths; then the wall moves, the rewards
are optimised again in the new maze, and all are scored by the true reward there: 0 is
acting at random, 1 the best there is. Fu et al. 2018 do so with AIRL, whose reward of
state and action does not transfer; here both rewards are those of maximum causal
entropy, drawn to 0 by one penalty, and both do.
"""

import argparse
import json

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import say
from volition.env import Feature, FiniteMDP
from volition.evaluation import mean_over, scaled_return
from volition.inference.imitation import tabular_cloning
from volition.inference.irl import max_causal_entropy
from volition.policy import Tabular as TabularPolicy, rollout
from volition.reward import Linear, Tabular
from volition.value import SoftValueIteration, expected_reward, plan

N_ROWS, N_COLUMNS, WALL = 5, 6, 3  # the wall is left of column 3
PRIZE = (2, 5)
NAMES = ("step", "prize")
TRUTH = Linear(NAMES, [0.0, 1.0])
RATIONALITY = 5.0  # nats per reward unit, of the expert
N_PATHS, LENGTH = 200, 40
# The same for both. Without it what the expert never came near is as bad as can be,
# and the way round is not taken.
PENALTY = 1e-3


def maze(gap: int) -> FiniteMDP:
    """A room with a wall across, open in one row; one goes to the prize and stays."""
    row, column = np.divmod(np.arange(N_ROWS * N_COLUMNS), N_COLUMNS)
    moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
    successor = np.empty((len(row), len(moves), 1), dtype=np.int32)
    for number, (down, right) in enumerate(moves.values()):
        to_row = np.clip(row + down, 0, N_ROWS - 1)
        to_column = np.clip(column + right, 0, N_COLUMNS - 1)
        crosses = (column < WALL) != (to_column < WALL)
        to_column = np.where(crosses & (row != gap), column, to_column)
        successor[:, number, 0] = to_row * N_COLUMNS + to_column
    there = (successor == PRIZE[0] * N_COLUMNS + PRIZE[1]).astype(float)
    return FiniteMDP(
        successor,
        np.ones(successor.shape),
        terminal=np.zeros(len(row), dtype=bool),
        initial=np.where(column < WALL, 1.0 / (WALL * N_ROWS), 0.0),
        features=np.stack([1.0 - there, there], axis=-1),
        feature_info=(
            Feature("step", "1", "1 for a step that ends elsewhere"),
            Feature("prize", "1", "1 for a step that ends at the prize, or stays"),
        ),
        discount=0.9,
        action_names=tuple(moves),
    )


def transferred(seed: int, penalty: float) -> dict[str, float]:
    """Scaled true return of each in the new maze, and in the old one."""
    before, after = maze(N_ROWS - 1), maze(0)
    paid = RATIONALITY * expected_reward(before, TRUTH)
    expert = TabularPolicy(
        SoftValueIteration().solve(before, paid).policy.probabilities
    )
    paths = rollout(
        jax.random.key(seed),
        before,
        expert,
        n_segments=N_PATHS,
        length=LENGTH,
        n_steps=LENGTH,
    )
    n, n_actions = before.n_states, before.n_actions
    forms = {
        "reward of the state": Tabular(jnp.zeros(n)),
        "reward of state and action": Tabular(jnp.zeros((n, n_actions))),
    }
    found = {}
    for name, form in forms.items():
        reward = max_causal_entropy(before, paths, form, penalty=penalty).reward
        for where, world in (("", after), (", before", before)):
            policy = plan(world, reward).policy
            found[name + where] = float(scaled_return(world, policy, TRUTH))
    clone = tabular_cloning(before, paths)
    for where, world in (("", after), (", before", before)):
        found["clone" + where] = float(scaled_return(world, clone, TRUTH))
    return found


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="A maze whose wall moves.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--penalty", type=float, default=PENALTY)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for seed in range(options.seeds):
        say(f"seed {seed + 1} of {options.seeds}")
        rows.append(transferred(seed, options.penalty))
    told = {}
    for name in rows[0]:
        values = mean_over(np.array([row[name] for row in rows]), "seeds")
        told[name] = [values.value, values.low, values.high]
        print(f"{name:34s} {values}")
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
