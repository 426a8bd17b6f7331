"""Our DQN and PQN on CartPole-v1: `python cartpole_volition.py pqn 0`."""

import json
import sys
import time
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition import env, policy, reward, value

LIMIT = {"pqn": 524_288, "dqn": 100_000}  # as the peers have it


class Run(NamedTuple):
    """Seconds of learning, steps made, and the mean return at the end."""

    taken: float
    steps: int
    mean: float


def method(case: str) -> value.AbstractDeepLearner:
    """Our settings; one call makes the steps between two evaluations."""
    if case == "pqn":
        return value.PQN(
            4096,
            rollout=value.Rollout(16, 32),
            passes=value.Passes(4, 4, 0.65),
            optimiser=value.RAdam(1e-3),
            exploration=value.Linear(1.0, 0.05, n_steps=20_000),
            n_stretches=1,
        )
    return value.DQN(
        1024,
        rollout=value.Rollout(8, 4),
        replay=value.Replay(50_000, 64, n_updates=4),
        optimiser=value.Adam(1e-3),
        exploration=value.Linear(1.0, 0.05, n_steps=6_000),
        n_stretches=1,
    )


@eqx.filter_jit
def mean_return(
    key: PRNGKeyArray, world: env.CartPole, acting: policy.AbstractPolicy
) -> Float[Array, ""]:
    """Of 20 episodes."""

    def one(key):
        return jnp.sum(policy.episode(key, world, acting, 500).weight)

    return jnp.mean(jax.vmap(one)(jax.random.split(key, 20)))


def learn(
    key: PRNGKeyArray, learner: value.AbstractDeepLearner, limit: int, enough: float
) -> Run:
    """Until 20 greedy episodes have that mean return; the clock stands for them."""
    world, paid = env.CartPole(), reward.cartpole()
    taken, stand = 0.0, None
    while True:
        start = time.process_time()
        found = value.learn(key, world, paid, learner, after=stand)
        stand = jax.block_until_ready(found.stand)
        taken += time.process_time() - start
        steps = int(found.curve.step[-1])
        mean = float(mean_return(jax.random.fold_in(key, steps), world, found.policy))
        if mean >= enough or steps >= limit:
            return Run(taken, steps, mean)


def main(case: str, seed: int) -> None:
    """Once from nothing, once compiled."""
    key, learner = jax.random.key(seed), method(case)
    cold, hot = (learn(key, learner, LIMIT[case], 475.0) for _ in range(2))
    told = {"total": cold.taken, "hot": hot.taken, "steps": hot.steps, "mean": hot.mean}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
