"""Checks to run on your own environments, rewards and human models."""

from volition.testing.check_env import check_env as check_env
from volition.testing.check_finite_mdp import check_finite_mdp as check_finite_mdp
from volition.testing.check_human import check_human as check_human
from volition.testing.check_reward import check_reward as check_reward
from volition.testing.known_answer import KnownAnswer as KnownAnswer
