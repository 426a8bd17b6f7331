"""Keys that answer questions: pressed in a terminal, or read as lines elsewhere."""

import abc
import sys
from typing import Final

import click

LEFT, RIGHT, TIE, CANNOT_TELL = "left", "right", "tie", "cannot tell"
LEFT_STRONGLY, RIGHT_STRONGLY = "left, strongly", "right, strongly"
UNDO, HELP, QUIT, UNKNOWN = "undo", "help", "quit", "unknown"

# What terminals send for each, ECMA-48 and xterm ("ctlseqs", PC-style function keys).
PRESSED: Final = {
    "\x1b[D": LEFT,
    "\x1bOD": LEFT,
    "l": LEFT,
    "\x1b[1;2D": LEFT_STRONGLY,
    "L": LEFT_STRONGLY,
    "\x1b[C": RIGHT,
    "\x1bOC": RIGHT,
    "r": RIGHT,
    "\x1b[1;2C": RIGHT_STRONGLY,
    "R": RIGHT_STRONGLY,
    "\x1b[A": TIE,
    "\x1bOA": TIE,
    "t": TIE,
    "\x1b[B": CANNOT_TELL,
    "\x1bOB": CANNOT_TELL,
    "c": CANNOT_TELL,
    "\x7f": UNDO,
    "\x08": UNDO,
    "u": UNDO,
    "h": HELP,
    "?": HELP,
    "q": QUIT,
}
ON_A_LINE: Final = PRESSED | {
    word: word for word in (LEFT, RIGHT, TIE, CANNOT_TELL, UNDO, HELP, QUIT)
}
KEYS_HELP = """\
  left    <- or l    the left one is better       Shift or L: much better
  right   -> or r    the right one is better      Shift or R: much better
  tie     up or t    both are as good
  cannot  down or c  cannot tell
  undo    Backspace or u    take back the last answer; it can be repeated
  help    h or ?     these lines
  quit    q or Ctrl-C    everything answered is kept; the same command goes on"""


class AbstractKeys(abc.ABC):
    """Where answers come from."""

    @abc.abstractmethod
    def read(self) -> str:
        """What the next key means: one of the words above, `QUIT` at the end.

        Raises:
            KeyboardInterrupt: at Ctrl-C.
        """


class TerminalKeys(AbstractKeys):
    """Keys of a terminal, one press each, read as they are pressed.

    What was typed before it is read is forgotten, so that a key pressed twice does not
    answer a question that was not seen.
    """

    def read(self) -> str:
        """Wait for a key."""
        try:
            typed = click.getchar()
        except EOFError:
            return QUIT
        return meaning(typed)


class LineKeys(AbstractKeys):
    """A key or a word on each line of standard input."""

    def read(self) -> str:
        """Read a line that is not empty."""
        for line in sys.stdin:
            if line.strip():
                return ON_A_LINE.get(line.strip(), UNKNOWN)
        return QUIT


def meaning(typed: str) -> str:
    r"""What was pressed; the first, where several keys came at once.

    Example:
        >>> meaning("\x1b[D"), meaning("Rl"), meaning("x")
        ('left', 'right, strongly', 'unknown')
    """
    for length in range(len(typed), 0, -1):
        if typed[:length] in PRESSED:
            return PRESSED[typed[:length]]
    return UNKNOWN
