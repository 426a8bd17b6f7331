"""The random walk of the textbook, for the prediction of values."""

import numpy as np

from volition.env.environment import Feature
from volition.env.mdp import FiniteMDP

FEATURES = (
    Feature("left end", "1", "1 for the step that leaves at the left"),
    Feature("right end", "1", "1 for the step that leaves at the right"),
)


def random_walk(n_states: int = 19, *, discount: float = 1.0) -> FiniteMDP:
    """A row of states, walked left or right by chance until it is left at one end.

    There is one action, so what is learned is the value of the walk. State `i` of the
    row has the number `i` from 1; 0 and `n_states + 1` are the ends. Episodes begin in
    the middle. The book's reward is -1 for `left end` and 1 for `right end`, under
    which state `i` is worth `2 i / (n_states + 1) - 1`.

    Args:
        n_states: length of the row, odd.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where there is no middle, or the discount is not in `[0, 1]`.

    Example:
        >>> walk = random_walk(5)
        >>> walk.successor[3, 0].tolist(), walk.terminal.tolist()
        ([2, 4], [True, False, False, False, False, False, True])

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., examples 6.2
    and 7.1.
    """
    if n_states < 1 or n_states % 2 == 0:
        raise ValueError(f"the row needs a middle: n_states is odd, not {n_states}.")
    n_all = n_states + 2
    index = np.arange(n_all)
    terminal = (index == 0) | (index == n_all - 1)
    successor = np.stack([index - 1, index + 1], axis=-1)
    successor = np.where(terminal[:, None], index[:, None], successor)[:, None]
    features = np.stack([successor == 0, successor == n_all - 1], axis=-1)
    features = features & ~terminal[:, None, None, None]
    return FiniteMDP(
        successor,
        np.full(successor.shape, 0.5),
        terminal=terminal,
        initial=(index == n_all // 2).astype(float),
        discount=discount,
        features=features,
        feature_info=FEATURES,
        action_names=("walk",),
    )
