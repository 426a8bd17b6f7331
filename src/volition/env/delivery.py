"""The delivery world, in which real people compared short paths."""

from volition.env.environment import Feature
from volition.env.gridworld import Tile, gridworld
from volition.env.mdp import FiniteMDP

# Figure 2 of Knox et al. (arXiv 2206.02231), as a drawing of ours.
BOARD = (
    "..R.......",
    "....C....m",
    "..A....mmm",
    "C.R.HAAmm.",
    "mm........",
    "m.C.......",
    "mH.ARH....",
    ".C.....cmm",
    "..R....mmG",
    "......R..C",
)
_ROAD, _MUD = ("gas",), ("mud",)
LEGEND = {
    ".": Tile(ground=_ROAD),
    "m": Tile(ground=_MUD),
    "C": Tile(ground=_ROAD, enter=("coin",)),
    "c": Tile(ground=_MUD, enter=("coin",)),
    "R": Tile(ground=_ROAD, enter=("roadblock",)),
    "H": Tile(blocked=True),
    "A": Tile(enter=("sheep",), ends=True),
    "G": Tile(enter=("goal",), ends=True, goal=True),
}
FEATURES = (
    Feature("gas", "1", "1 for a step that ends on road and does not end the episode"),
    Feature("goal", "1", "1 for the step that reaches the goal"),
    Feature("sheep", "1", "1 for the step that runs into a sheep", harm=True),
    Feature("coin", "1", "1 for a step onto a coin, which stays where it is"),
    Feature("roadblock", "1", "1 for a step onto a roadblock"),
    Feature("mud", "1", "1 for a step that ends on mud and does not end the episode"),
)


def delivery(*, discount: float = 0.999) -> FiniteMDP:
    """The delivery world: 10 x 10 tiles, 92 possible starts, four moves.

    Every step pays one ground cost, gas or mud, by where it ends; the step into the
    goal or a sheep pays that alone and ends the episode. A coin or a roadblock adds its
    own when it is driven onto, not when a blocked move stays on it.

    Args:
        discount: in `[0, 1]`, per step.

    Returns:
        The MDP; its goal is named, its sheep are the other ends.

    Example:
        >>> world = delivery()
        >>> world.n_states, int((world.initial > 0).sum())
        (100, 92)

    Source: W. B. Knox et al., "Models of human preference for learning reward
    functions", arXiv 2206.02231, section 4.
    """
    return gridworld(BOARD, LEGEND, FEATURES, discount=discount)
