"""The cliff walk of the textbook."""

from volition.env.environment import Feature
from volition.env.gridworld import Tile, gridworld
from volition.env.mdp import FiniteMDP

BOARD = (
    "............",
    "............",
    "............",
    "SCCCCCCCCCCG",
)
LEGEND = {
    ".": Tile(ground=("step",)),
    "S": Tile(ground=("step",), start=True),
    "C": Tile(enter=("cliff",), returns=True),
    "G": Tile(ground=("step",), ends=True, goal=True),
}
FEATURES = (
    Feature("step", "1", "1 for every step that does not fall, the last one included"),
    Feature("cliff", "1", "1 for the step that falls off the cliff", harm=True),
)


def cliff_walking(*, discount: float = 1.0) -> FiniteMDP:
    """The cliff walk: 4 x 12 tiles, from one bottom corner to the other, four moves.

    Between the two lies the cliff: a step into it pays `cliff` alone, puts back to the
    start and does not end the episode. Only the far corner ends it. The book's reward
    is -1 for `step` and -100 for `cliff`.

    Args:
        discount: in `[0, 1]`, per step.

    Returns:
        The MDP; undiscounted unless you say otherwise, so that a policy that never
        arrives has no finite value.

    Raises:
        ValueError: where the discount is not in `[0, 1]`.

    Example:
        >>> world = cliff_walking()
        >>> world.describe(int(world.initial.argmax())), world.feature_names
        ('(3, 0)', ('step', 'cliff'))

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.6.
    """
    return gridworld(BOARD, LEGEND, FEATURES, discount=discount)
