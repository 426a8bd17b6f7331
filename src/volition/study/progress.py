"""Progress of something long, told to whoever listens."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass
class Progress:
    """Counts the steps of a study and tells a listener what is being done.

    Args:
        n_steps: how many there will be.
        tell: called with what is done now, the steps done, and `n_steps`.
    """

    n_steps: int
    tell: Callable[[str, int, int], None] = lambda what, done, n_steps: None
    done: int = 0
    where: str = ""

    def step(self, what: str) -> None:
        """The next step begins."""
        self.tell(
            f"{self.where}: {what}" if self.where else what, self.done, self.n_steps
        )
        self.done += 1
