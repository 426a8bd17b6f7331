"""How commands end: by a sentence, by a signal, or where nobody reads them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from volition.cli.ending import run_command
from volition.cli.start import InputError

# Each waits for a signal in its own way, when it has said "ready".
WAITS = {
    "in Python": "time.sleep(60.0)",
    # Python hears no signal in it, as in a long computation of XLA's.
    "in a computation": "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)",
}
PROGRAM = """
import hashlib, sys, time
from pathlib import Path
import click
from volition.cli.ending import run_command

@click.command()
def command():
    try:
        click.echo("ready")
        sys.stdout.flush()
        {wait}
    finally:
        Path("cleaned").touch()

run_command(command)
"""


def start(folder: Path, program: str, **others) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **others,
    )


SIGNALS = [
    (signal.SIGINT, 130, "Interrupted."),
    (signal.SIGTERM, 143, "Terminated."),
    (signal.SIGHUP, 129, "Terminated."),
]


@pytest.mark.parametrize("number, code, sentence", SIGNALS)
@pytest.mark.parametrize("wait", WAITS)
def test_a_signal_ends_it_soon_and_in_a_line(tmp_path, wait, number, code, sentence):
    with start(tmp_path, PROGRAM.format(wait=WAITS[wait])) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.1)  # s, for the wait to begin
        began = time.monotonic()
        child.send_signal(number)
        _, err = child.communicate(timeout=60.0)
    assert child.returncode == code
    assert time.monotonic() - began < 20.0
    if wait == "in Python":
        assert err.strip() == sentence
        assert (tmp_path / "cleaned").exists()
    else:
        assert err.strip() == "Interrupted while computing."


def test_a_signal_behind_the_end_says_nothing(tmp_path):
    """All is written, and only Python itself is still ending."""
    wait = "atexit.register(lambda: (print('over', flush=True), time.sleep(60.0)))"
    program = "import atexit\n" + PROGRAM.format(wait=wait)
    with start(tmp_path, program) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == ["ready\n", "over\n"]
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60.0)
    assert (child.returncode, err) == (-signal.SIGINT, "")


def test_what_the_parent_ignores_stays_ignored(tmp_path):
    """As under nohup."""
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with start(tmp_path, ignore + PROGRAM.format(wait="time.sleep(1.0)")) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        _, err = child.communicate(timeout=60.0)
    assert (child.returncode, err) == (0, "")


def test_a_pipe_whose_reader_went_away(tmp_path):
    program = PROGRAM.format(wait="[click.echo('a line ' * 9) for _ in range(99999)]")
    with start(tmp_path, program) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdout.close()
        assert child.stderr is not None
        err = child.stderr.read()
    assert (child.returncode, err) == (141, "")
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("n_lines", [0, 99999])
def test_an_output_that_is_full(tmp_path, n_lines):
    wait = f"[click.echo('a line ' * 9) for _ in range({n_lines})]"
    program = PROGRAM.format(wait=wait).replace("sys.stdout.flush()", "pass")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: standard output cannot be used (No space")
    assert done.stderr.count("\n") == 1


def test_signs_that_an_encoding_has_not(tmp_path):
    program = PROGRAM.format(wait="print('a \\u00d7 b \\u2192 \\u2028')")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.stdout.startswith(b"ready\na ? b ?")
    assert done.stderr == b""


def raising(error: BaseException):
    @click.command()
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    "error, code, err",
    [
        (InputError("this is wrong: do that."), 2, "Error: this is wrong: do that.\n"),
        (KeyboardInterrupt(), 130, "\nInterrupted.\n"),
        (OSError(28, "No space left", "a.json"), 1, "Error: a.json cannot be used (No"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (SystemExit(7), 7, ""),
        (click.UsageError("no such thing."), 2, "Error: no such thing.\n"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_exit_codes(monkeypatch, capfd, error, code, err):
    monkeypatch.setattr("volition.cli.ending._forget_output", lambda: None)
    monkeypatch.setattr(sys, "argv", ["volition"])
    with pytest.raises(SystemExit) as caught:
        run_command(raising(error))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert caught.value.code == code
    assert err in capfd.readouterr().err


def test_a_fault_of_ours_is_not_hidden(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["volition"])
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()))
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_where_there_is_no_home(monkeypatch, tmp_path):
    """Compiled programs are not kept, and nothing else changes."""
    from volition.cli import start as beginning

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert beginning._cache_folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    assert beginning._cache_folder() == tmp_path / "new" / "volition" / "xla"
