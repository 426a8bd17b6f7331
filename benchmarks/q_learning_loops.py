"""Tabular Q-learning as a Python loop and as a numba loop: the peers of ours."""

import functools
import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np


def needed(module: str) -> Any:
    """An optional module, or one sentence on how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise SystemExit(f"this peer needs {name}: pip install {name}.") from error


def textbook_on_gymnasium(
    name: str, n_steps: int, step_size: float, exploration: float, discount: float
) -> list[list[float]]:
    """The loop of every tutorial: a Gymnasium environment and a list of lists."""
    env = needed("gymnasium").make(name)
    n_states, n_actions = int(env.observation_space.n), int(env.action_space.n)
    q = [[0.0] * n_actions for _ in range(n_states)]
    random.seed(0)
    state, _ = env.reset(seed=0)
    for _ in range(n_steps):
        row = q[state]
        if random.random() < exploration:
            action = random.randrange(n_actions)
        else:
            action = row.index(max(row))
        successor, reward, terminated, truncated, _ = env.step(action)
        future = 0.0 if terminated else max(q[successor])
        row[action] += step_size * (reward + discount * future - row[action])
        state = env.reset()[0] if terminated or truncated else successor
    return q


def textbook_on_table(
    successors: list[list[int]],
    rewards: list[list[float]],
    terminal: list[bool],
    start: int,
    n_steps: int,
    step_size: float,
    exploration: float,
    discount: float,
) -> list[list[float]]:
    """The same loop without an environment's overhead: the world is lists, too."""
    n_actions = len(successors[0])
    q = [[0.0] * n_actions for _ in successors]
    random.seed(0)
    state = start
    for _ in range(n_steps):
        row = q[state]
        if random.random() < exploration:
            action = random.randrange(n_actions)
        else:
            action = row.index(max(row))
        successor = successors[state][action]
        ended = terminal[successor]
        future = 0.0 if ended else max(q[successor])
        row[action] += step_size * (
            rewards[state][action] + discount * future - row[action]
        )
        state = start if ended else successor
    return q


def replayed(
    successors: np.ndarray,
    rewards: np.ndarray,
    terminal: np.ndarray,
    first: int,
    explore: np.ndarray,
    random_action: np.ndarray,
    restart: np.ndarray,
    step_size: float,
    discount: float,
) -> np.ndarray:
    """The loop over arrays and given random numbers; plain Python that numba takes."""
    n_states, n_actions = successors.shape
    q = np.zeros((n_states, n_actions))
    state = first
    for step in range(explore.size):
        action = 0
        for other in range(1, n_actions):
            if q[state, other] > q[state, action]:
                action = other
        if explore[step]:
            action = random_action[step]
        successor = successors[state, action]
        aim = rewards[state, action]
        if not terminal[successor]:
            best = q[successor, 0]
            for other in range(1, n_actions):
                best = max(best, q[successor, other])
            aim += discount * best
        q[state, action] += step_size * (aim - q[state, action])
        state = restart[step] if terminal[successor] else successor
    return q


def drawing(
    successors: np.ndarray,
    rewards: np.ndarray,
    terminal: np.ndarray,
    start: int,
    n_steps: int,
    step_size: float,
    exploration: float,
    discount: float,
) -> np.ndarray:
    """The loop over arrays that draws its random numbers as it goes."""
    np.random.seed(0)  # noqa: NPY002 (the generator that numba compiles to a call)
    n_states, n_actions = successors.shape
    q = np.zeros((n_states, n_actions))
    state = start
    for _ in range(n_steps):
        action = 0
        uniform = np.random.random()  # noqa: NPY002
        if uniform < exploration:
            action = int(uniform / exploration * n_actions)
        else:
            for other in range(1, n_actions):
                if q[state, other] > q[state, action]:
                    action = other
        successor = successors[state, action]
        aim = rewards[state, action]
        if not terminal[successor]:
            best = q[successor, 0]
            for other in range(1, n_actions):
                best = max(best, q[successor, other])
            aim += discount * best
        q[state, action] += step_size * (aim - q[state, action])
        state = start if terminal[successor] else successor
    return q


@functools.cache
def compiled(loop: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """A loop compiled by numba at its first call."""
    return needed("numba").njit(loop)
