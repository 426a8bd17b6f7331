"""Stable-Baselines3's DQN on CartPole-v1: `python cartpole_sb3.py dqn 0`.

In an environment of its own. The settings are those of rl-baselines3-zoo,
hyperparams/dqn.yml.
"""
# pyright: reportMissingImports=false

import json
import sys
import time

import gymnasium
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

EVERY, LIMIT = 1000, 100_000


class Watch(BaseCallback):
    """Stops the clock, plays 20 greedy episodes, and stops learning where they do."""

    def __init__(self, seed):
        super().__init__()
        self.taken, self.found = 0.0, 0.0
        self.env = gymnasium.make("CartPole-v1")
        self.env.reset(seed=10_000 + seed)
        self.start = time.process_time()

    def _on_step(self):
        if self.n_calls % EVERY:
            return True
        self.taken += time.process_time() - self.start
        self.found = float(np.mean([self.episode() for _ in range(20)]))
        self.start = time.process_time()
        return self.found < 475.0

    def episode(self):
        observation, _ = self.env.reset()
        total, over = 0.0, False
        while not over:
            action, _ = self.model.predict(observation, deterministic=True)
            observation, reward, ended, cut, _ = self.env.step(int(action))
            total, over = total + float(reward), ended or cut
        return total


def main(seed):
    """Nothing is compiled, so that one run says both."""
    torch.set_num_threads(1)
    watch = Watch(seed)
    model = DQN(
        "MlpPolicy",
        "CartPole-v1",
        learning_rate=2.3e-3,
        batch_size=64,
        buffer_size=100_000,
        learning_starts=1000,
        gamma=0.99,
        target_update_interval=10,
        train_freq=256,
        gradient_steps=128,
        exploration_fraction=0.16,
        exploration_final_eps=0.04,
        policy_kwargs={"net_arch": [256, 256]},
        seed=seed,
        device="cpu",
    )
    model.learn(LIMIT, callback=watch)
    taken, steps = watch.taken, model.num_timesteps
    print(
        json.dumps({"total": taken, "hot": taken, "steps": steps, "mean": watch.found})
    )


if __name__ == "__main__":
    main(int(sys.argv[2]))
