"""The progress bar of a long command."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeElapsedColumn

from volition.study import Progress


@contextlib.contextmanager
def progress_bar(n_steps: int) -> Iterator[Progress]:
    """What a study tells its steps to; shown on standard error."""
    doing = TextColumn("{task.description}", markup=False)
    # Elsewhere than on a terminal it would leave a blank line, and before rich 15 does
    # so even where it is disabled.
    shown = Console(stderr=True).is_terminal
    console = Console(stderr=True, quiet=not shown)
    columns = (doing, BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("starting", total=n_steps)

        def tell(what: str, done: int, n_steps: int) -> None:
            bar.update(task, description=what, completed=done, total=n_steps)

        yield Progress(n_steps, tell)
