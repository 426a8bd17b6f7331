"""imitation's MCE IRL: `python mce_irl_imitation.py world.npz horizon tolerance`.

In an environment of its own, with the settings of its tutorial but a linear reward of
one-hot states, and as many steps as it needs.
"""
# pyright: reportMissingImports=false

import json
import sys
import time

import numpy as np
import torch
from imitation.algorithms.mce_irl import MCEIRL
from imitation.rewards import reward_nets
from seals.base_envs import TabularModelPOMDP


def main() -> None:
    """Print seconds of CPU, iterations, and the gap that is left."""
    torch.set_num_threads(1)
    path, horizon, tolerance = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    told = np.load(path)
    n_states = told["leads"].shape[0]
    env = TabularModelPOMDP(
        transition_matrix=told["leads"],
        observation_matrix=np.eye(n_states),
        reward_matrix=np.zeros(n_states),
        horizon=horizon,
        initial_state_dist=told["initial"],
    )
    net = reward_nets.BasicRewardNet(
        env.observation_space,
        env.action_space,
        use_action=False,
        use_next_state=False,
        use_done=False,
        hid_sizes=[],
    )
    learner = MCEIRL(
        told["visits"],
        env,
        net,
        np.random.default_rng(0),
        optimizer_kwargs={"lr": 0.01},
        linf_eps=tolerance,
        discount=1.0,
        log_interval=None,
    )
    started = time.process_time()
    found = learner.train(max_iter=5000)
    taken = time.process_time() - started
    (weights, *_) = net.parameters()
    iterations = int(learner.optimizer.state[weights]["step"])
    gap = float(np.abs(found - told["visits"]).max())
    print(json.dumps({"seconds": taken, "iterations": iterations, "gap": gap}))


if __name__ == "__main__":
    main()
