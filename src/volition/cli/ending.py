"""How a command ends: exit codes, signals, and output that cannot be written.

0: done. 1: standard output or a file could not be written. 2: unusable input, in one
sentence. 128 + n: ended by signal n, as shells say it: 130 by Ctrl-C, 143 by SIGTERM,
129 by SIGHUP, and 141 where the reader of a pipe went away.
"""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import click

from volition.cli.start import InputError

GRACE = (
    2.0  # s, in which a signal is heard by Python; then the process ends all the same
)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(SystemExit):
    """Ended by a signal; passes through every `finally`, so that no part is left."""

    def __init__(self, number: int):
        super().__init__(128 + number)


def run_command(command: Callable[..., object]) -> None:
    """Run a command of click's to its end, and leave with the right exit code.

    Args:
        command: called without arguments but click's own.

    Raises:
        SystemExit: wherever the exit code is not 0.
    """
    _print_anything()
    output = sys.stdout
    with _signals():
        try:
            code = command(prog_name="volition", standalone_mode=False)
            if sys.stdout is not None:
                sys.stdout.flush()
        except InputError as error:
            _leave(2, f"Error: {error}")
        except click.Abort:
            _leave(128 + signal.SIGINT, "Interrupted.")
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except Ended as ended:
            _leave(int(ended.code or 0), "Terminated.")
        except SystemExit:
            if sys.stdout is output:
                raise
            # Click leaves so where the reader of a pipe went away: with another stream
            # in the place of the broken one.
            sys.stdout = output
            _leave_unwritten(BrokenPipeError())
        except OSError as error:
            _leave_unwritten(error)
        if isinstance(code, int) and code:
            sys.exit(code)


def _leave(code: int, sentence: str) -> NoReturn:
    with suppress(OSError):
        click.echo(sentence, err=True)
    sys.exit(code)


def _leave_unwritten(error: OSError) -> NoReturn:
    _forget_output()
    if isinstance(error, BrokenPipeError):
        sys.exit(128 + signal.SIGPIPE)
    what = error.filename or "standard output"
    _leave(1, f"Error: {what} cannot be used ({error.strerror}).")


def _forget_output() -> None:
    """What could not be written is not tried again when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _print_anything() -> None:
    """Signs that a terminal's encoding has not are shown as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if (
            isinstance(stream, io.TextIOWrapper)
            and "utf" not in stream.encoding.lower()
        ):
            stream.reconfigure(errors="replace")


@contextmanager
def _signals() -> Iterator[None]:
    """Signals end the command, also while a long computation lets no Python run.

    Behind it they end the process without a word: there is nothing left to be said.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        heard.set()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Ended(number)

    usual = (signal.SIG_DFL, signal.default_int_handler)
    # What the parent had ignored, as nohup does, stays ignored.
    ours = [n for n in ENDING if signal.getsignal(n) in usual]
    listen, tell = os.pipe()
    os.set_blocking(tell, False)
    threading.Thread(target=_watch, args=(listen, heard), daemon=True).start()
    wakeup = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(wakeup)
        os.close(tell)


def _watch(listen: int, heard: threading.Event) -> None:
    """End the process if a signal that ends it is not heard in time."""
    with os.fdopen(listen, "rb", buffering=0) as pipe:
        while number := pipe.read(1):
            if number[0] not in ENDING:
                continue
            if not heard.wait(GRACE):
                os.write(2, b"\nInterrupted while computing.\n")
                os._exit(128 + number[0])
            heard.clear()
