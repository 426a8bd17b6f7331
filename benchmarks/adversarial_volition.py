"""Our AIRL and GAIL on CartPole-v1: `python adversarial_volition.py airl 0`."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
from cartpole_volition import mean_return, method
from jaxtyping import PRNGKeyArray

from volition import env, policy, reward, value
from volition.inference.irl import airl, gail, soft_learner

N_EPISODES, N_STEPS, LIMIT, LIMIT_ANEW = 20, 8192, 500_000, 200_000


class Run(NamedTuple):
    """Seconds, steps made, and mean returns of 20 episodes.

    The lesser of the greedy policy's and of the sampled one's, by which it stopped; and
    that of other episodes of the sampled one, by which nothing was chosen.
    """

    taken: float
    steps: int
    mean: float
    fresh: float


@eqx.filter_jit
def episodes(
    key: PRNGKeyArray, world: env.CartPole, acting: policy.AbstractPolicy
) -> policy.Segment:
    """Demonstrations: whole episodes."""
    each = lambda key: policy.episode(key, world, acting, 500)
    return jax.vmap(each)(jax.random.split(key, N_EPISODES))


def expert(key: PRNGKeyArray, world: env.CartPole) -> policy.Segment:
    """Of PQN, as soon as they come to 495 steps in the mean."""
    stand = None
    while True:
        found = value.learn(key, world, reward.cartpole(), method("pqn"), after=stand)
        stand = found.stand
        told = episodes(jax.random.fold_in(key, 1), world, found.policy)
        if float(told.weight.sum()) >= 495.0 * N_EPISODES:
            return told


def imitate(
    key: PRNGKeyArray, world: env.CartPole, told: policy.Segment, case: str
) -> tuple[Run, reward.AbstractReward]:
    """Until greedy and sampled episodes come to 475; and the reward that is left."""
    verb, learner = (
        (airl, soft_learner(N_STEPS))
        if case == "airl"
        else (gail, soft_learner(N_STEPS, 0.3))
    )
    learn = lambda after: verb(key, world, told, learner=learner, after=after)
    run, found = until(key, world, learn, lambda found: (found, found.greedy), LIMIT)
    return run, found.reward


def anew(key: PRNGKeyArray, world: env.CartPole, paid: reward.AbstractReward) -> Run:
    """From a reward alone, until greedy episodes come to 475.

    Softly: a reward that is recovered from soft behaviour is one of soft behaviour. The
    returns that end it are true ones, which nothing learns from.
    """
    learner = soft_learner(N_STEPS)
    learn = lambda after: value.learn(key, world, paid, learner, after=after)
    return until(key, world, learn, lambda found: (found,), LIMIT_ANEW)[0]


def until(
    key: PRNGKeyArray,
    world: env.CartPole,
    learn: Callable[[Any], Any],
    acting: Callable[[Any], tuple[policy.AbstractPolicy, ...]],
    limit: int,
) -> tuple[Run, Any]:
    """Until 20 episodes of each policy come to 475; the clock stands for them."""
    taken, stand = 0.0, None
    while True:
        start = time.process_time()
        found = learn(stand)
        stand = jax.block_until_ready(found.stand)
        taken += time.process_time() - start
        steps = int(found.curve.step[-1])
        seen = jax.random.fold_in(key, steps)
        all_of = acting(found.policy)
        mean = min(float(mean_return(seen, world, one)) for one in all_of)
        if mean >= 475.0 or steps >= limit:
            fresh = mean_return(jax.random.fold_in(seen, 1), world, all_of[0])
            return Run(taken, steps, mean, float(fresh)), found


def main(case: str, seed: int) -> None:
    """Once from nothing, once compiled, of another expert for each seed."""
    key, world = jax.random.key(seed), env.CartPole()
    told = expert(jax.random.fold_in(key, 2), world)
    (cold, _), (hot, left) = (imitate(key, world, told, case) for _ in range(2))
    shown = {"total": cold.taken, **hot._asdict()}
    if case == "airl":
        again = anew(jax.random.fold_in(key, 3), world, left)
        shown |= {"anew_steps": again.steps, "anew_fresh": again.fresh}
    print(json.dumps(shown))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
