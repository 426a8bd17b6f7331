"""Our worlds under ids of Gymnasium's."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from volition.env import CartPole
from volition.env.gym import GymEnv, GymVectorEnv
from volition.gymnasium_ids import IDS, register
from volition.reward import Linear, check_features

ASK = "print(gymnasium.make('volition/CartPole-v0').unwrapped.world)"


@pytest.mark.parametrize(
    "program",
    [
        f"import gymnasium, volition; gymnasium.register_envs(volition); {ASK}",
        "import volition, gymnasium; gymnasium.register_envs(volition.env.gym);" + ASK,
        f"import gymnasium; {ASK.replace('volition/', 'volition:volition/')}",
        "import volition, gymnasium;"
        + ASK.replace("volition/", "volition.env.gym:volition/"),
    ],
)
def test_ids_are_known_in_the_ways_of_gymnasium(program):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "CartPole" in done.stdout


@pytest.mark.parametrize("name", IDS)
def test_an_id_makes_one_or_many(name):
    one = gymnasium.make(f"volition/{name}")
    assert isinstance(one.unwrapped, GymEnv)
    many = gymnasium.make_vec(f"volition/{name}", num_envs=2)
    assert isinstance(many, GymVectorEnv)
    assert many.single_observation_space == one.observation_space
    assert type(one.unwrapped.world) is type(many.world)
    check_features(many.reward_fn, many.world.feature_names)


def test_another_world_and_reward():
    paid = Linear(("step", "fall"), [0.0, -1.0])
    env = gymnasium.make(
        "volition/CartPole-v0", world=CartPole(time_limit=3), reward_fn=paid
    )
    env.reset(seed=0)
    paid = [env.step(step % 2)[1:4] for step in range(3)]
    assert paid == [(0.0, False, False), (0.0, False, False), (0.0, False, True)]
    many = gymnasium.make_vec(
        "volition/CartPole-v0", num_envs=2, autoreset_mode="SameStep"
    )
    many.reset(seed=0)
    for _ in range(60):
        *_, info = many.step(np.array([1, 1]))
        if info.get("_final_obs", np.zeros(2)).any():
            return
    pytest.fail("no episode ended")


def test_registering_again_changes_nothing(recwarn):
    before = dict(gymnasium.registry)
    register()
    assert dict(gymnasium.registry) == before
    assert len(recwarn) == 0
