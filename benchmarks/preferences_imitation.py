"""imitation's reward trainer: `python preferences_imitation.py pairs length epochs`.

In an environment of its own; the network, the loss and the loop are those of its
tutorial "Learn a reward function using preference comparisons", with a batch of 32.
"""
# pyright: reportMissingImports=false

import json
import sys
import time

import gymnasium
import numpy as np
import torch
from imitation.algorithms import preference_comparisons
from imitation.data.types import TrajectoryWithRew
from imitation.rewards.reward_nets import BasicRewardNet

OBSERVATION, ACTION = 3, 1  # as of Pendulum-v1


def fragments(generator, n, length):
    """Steps drawn at random: what they are does not matter to the time."""
    single = np.float32
    for _ in range(n):
        yield TrajectoryWithRew(
            obs=generator.normal(size=(length + 1, OBSERVATION)).astype(single),
            acts=generator.normal(size=(length, ACTION)).astype(single),
            rews=generator.normal(size=length).astype(single),
            infos=None,
            terminal=False,
        )


def main(n_pairs, length, n_epochs, repeats):
    """Seconds of CPU of each run."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    each = list(fragments(generator, 2 * n_pairs, length))
    data = preference_comparisons.PreferenceDataset()
    pairs = list(zip(each[::2], each[1::2], strict=True))
    choices = generator.integers(0, 2, n_pairs).astype(np.float32)
    data.push(pairs, choices)
    taken = []
    for _ in range(repeats):
        box = gymnasium.spaces.Box
        network = BasicRewardNet(
            box(-np.inf, np.inf, (OBSERVATION,)),
            box(-np.inf, np.inf, (ACTION,)),
            use_next_state=True,
            use_done=True,
        )
        model = preference_comparisons.PreferenceModel(network)
        trainer = preference_comparisons.BasicRewardTrainer(
            preference_model=model,
            loss=preference_comparisons.CrossEntropyRewardLoss(),
            rng=np.random.default_rng(0),
            batch_size=32,
            epochs=n_epochs,
        )
        start = time.process_time()
        trainer.train(data)
        taken.append(time.process_time() - start)
    print(json.dumps({"taken": taken, "comparisons": n_pairs * n_epochs}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]))
