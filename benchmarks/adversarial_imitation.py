"""imitation's AIRL and GAIL: `python adversarial_imitation.py airl 0 1000000`.

On seals/CartPole-v0, whose episodes never end early, as it asks for. In an environment
of its own, with the settings of its tutorials (which say that GAIL takes 800,000 steps,
AIRL 2,000,000), 60 episodes of an expert as there, the stopping rule of
adversarial_volition.py, and at most so many steps.
"""
# pyright: reportMissingImports=false

import json
import sys
import time

import numpy as np
import torch
from imitation.algorithms.adversarial.airl import AIRL
from imitation.algorithms.adversarial.gail import GAIL
from imitation.data import rollout
from imitation.data.wrappers import RolloutInfoWrapper
from imitation.rewards.reward_nets import BasicRewardNet, BasicShapedRewardNet
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

WORLD, N_ENVS = "seals:seals/CartPole-v0", 8
N_DEMONSTRATIONS, N_EPISODES = 60, 20
# What differs between the tutorials: of PPO, and of the contest.
PPOS = {
    "airl": {"learning_rate": 5e-4, "clip_range": 0.1, "vf_coef": 0.1},
    "gail": {"learning_rate": 4e-4},
}
CONTESTS = {
    "airl": {"demo_batch_size": 2048, "n_disc_updates_per_round": 16},
    "gail": {"demo_batch_size": 1024, "n_disc_updates_per_round": 8},
}


def worlds(seed):
    """Eight instances."""
    return make_vec_env(
        WORLD,
        rng=np.random.default_rng(seed),
        n_envs=N_ENVS,
        post_wrappers=[lambda env, _: RolloutInfoWrapper(env)],
    )


def mean_return(model, venv, greedy):
    """Of 20 episodes."""
    found, _ = evaluate_policy(model, venv, N_EPISODES, deterministic=greedy)
    return float(found)


def expert(seed, n_steps=300_000):
    """Of PPO, as soon as its sampled episodes come to 495 steps in the mean."""
    venv, watched = worlds(1000 + seed), worlds(2000 + seed)
    model = PPO(
        "MlpPolicy",
        venv,
        n_steps=256,
        batch_size=256,
        n_epochs=10,
        learning_rate=1.2e-3,
        gamma=0.9999,
        gae_lambda=0.9,
        clip_range=0.4,
        ent_coef=0.0085,
        max_grad_norm=0.8,
        seed=seed,
        device="cpu",
    )
    while mean_return(model, watched, False) < 495.0:
        if model.num_timesteps >= n_steps:
            raise SystemExit(f"seed {seed}: no expert after {n_steps} steps of PPO.")
        model.learn(8192, reset_num_timesteps=False)
    return rollout.rollout(
        model,
        worlds(3000 + seed),
        rollout.make_sample_until(min_episodes=N_DEMONSTRATIONS),
        rng=np.random.default_rng(seed),
        deterministic_policy=False,
    )


def main(case, seed, limit):
    """Until greedy and sampled episodes come to 475; the clock stands for them."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    shown = expert(seed)
    venv, watched = worlds(seed), worlds(4000 + seed)
    model = PPO(
        "MlpPolicy",
        venv,
        batch_size=64,
        ent_coef=0.0,
        gamma=0.95,
        n_epochs=5,
        seed=seed,
        device="cpu",
        **PPOS[case],
    )
    kind, network = {
        "airl": (AIRL, BasicShapedRewardNet),
        "gail": (GAIL, BasicRewardNet),
    }[case]
    trainer = kind(
        demonstrations=shown,
        venv=venv,
        gen_algo=model,
        reward_net=network(
            observation_space=venv.observation_space,
            action_space=venv.action_space,
            normalize_input_layer=RunningNorm,
        ),
        gen_replay_buffer_capacity=512,
        **CONTESTS[case],
    )
    taken, steps, mean = 0.0, 0, 0.0
    while mean < 475.0 and steps < limit:
        start = time.process_time()
        trainer.train(trainer.gen_train_timesteps)
        taken += time.process_time() - start
        steps += trainer.gen_train_timesteps
        mean = min(mean_return(model, watched, greedy) for greedy in (False, True))
    fresh = mean_return(model, watched, False)
    shown_return = float(np.mean([one.rews.sum() for one in shown]))
    told = {"total": taken, "taken": taken, "steps": steps, "mean": mean}
    print(json.dumps({**told, "fresh": fresh, "shown": shown_return}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
