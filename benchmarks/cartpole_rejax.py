"""rejax on CartPole-v1: `python cartpole_rejax.py pqn 0`, in an environment of its own.

The settings are those of its repository, configs/gymnax/cartpole.yaml.
"""
# pyright: reportMissingImports=false

import json
import sys
import time

import jax
import jax.numpy as jnp
from rejax import get_algo

SHARED = {"env": "CartPole-v1", "eps_start": 1.0, "eps_end": 0.05, "gamma": 0.99}
SHARED |= {"exploration_fraction": 0.5, "normalize_observations": False}
PQN = {"num_envs": 16, "num_steps": 128, "num_minibatches": 16, "max_grad_norm": 10}
PQN |= {"learning_rate": 3e-4, "num_epochs": 5, "total_timesteps": 524_288}
PQN |= {"td_lambda": 0.9}
DQN = {"agent": "DuelingQNetwork", "agent_kwargs": {"activation": "swish"}}
DQN |= {"num_envs": 10, "buffer_size": 50_000, "fill_buffer": 5_000}
DQN |= {"batch_size": 100, "max_grad_norm": 10, "learning_rate": 1e-3}
DQN |= {"num_epochs": 5, "total_timesteps": 100_000, "polyak": 0.98, "ddqn": True}
# Settings, steps in each iteration, steps between evaluations.
CASES = {"pqn": (PQN, 16 * 128, 4096), "dqn": (DQN, 10, 1000)}


def learn(key, begin, stretch, mean_return, each, limit):
    """Seconds of learning, steps, and the mean return it ended with."""
    taken, steps = 0.0, 0
    start = time.process_time()
    state = jax.block_until_ready(begin(key))
    taken += time.process_time() - start
    while True:
        start = time.process_time()
        state = jax.block_until_ready(stretch(state))
        taken += time.process_time() - start
        steps += each
        found = float(mean_return(jax.random.fold_in(key, steps), state))
        if found >= 475.0 or steps >= limit:
            return taken, steps, found


def main(case, seed):
    """Once from nothing, once compiled."""
    settings, own, each = CASES[case]
    algo = get_algo(case).create(**SHARED, **settings)
    env, params = algo.env, algo.env_params

    def greedy(state, observation):
        return jnp.argmax(algo.agent.apply(state.q_ts.params, observation[None])[0])

    def episode(key, state):
        reset_key, steps_key = jax.random.split(key)
        first = env.reset(reset_key, params)

        def step(carry, key):
            observation, where, on, total = carry
            action = greedy(state, observation)
            observation, where, reward, done, _ = env.step(key, where, action, params)
            return (observation, where, on & ~done, total + on * reward), None

        start = (*first, jnp.asarray(True), jnp.float32(0.0))
        keys = jax.random.split(steps_key, 500)
        return jax.lax.scan(step, start, keys)[0][3]

    def evaluate(key, state):
        keys = jax.random.split(key, 20)
        return jnp.mean(jax.vmap(episode, in_axes=(0, None))(keys, state))

    def iterations(state):
        one = lambda state, _: (algo.train_iteration(state), None)
        return jax.lax.scan(one, state, length=each // own)[0]

    key = jax.random.key(seed)
    compiled = jax.jit(algo.init_state), jax.jit(iterations), jax.jit(evaluate)
    cold, hot = (
        learn(key, *compiled, each, settings["total_timesteps"]) for _ in range(2)
    )
    print(
        json.dumps({"total": cold[0], "hot": hot[0], "steps": hot[1], "mean": hot[2]})
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
