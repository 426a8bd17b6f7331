"""The power fails at any moment: what was acknowledged is stored.

The system calls of a process that answers are recorded, and the files made again as a
disk would hold them that loses whatever was not synchronised: all of it, or parts.
"""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from volition.store import Evidence, Question

SECTOR = 512  # bytes that a disk writes whole
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from answer_and_die import add_some
add_some(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
"""
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(\d+<(.*?)>(?:, (.*))?\) += (-?\d+)")


class Call(NamedTuple):
    """A system call: its name, the file, and its arguments as strace writes them."""

    name: str
    path: str
    arguments: str


@pytest.fixture
def asked(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    with Evidence(folder / "study.db", make=True) as evidence:
        evidence.ask(Question("us", 0, "comparison", ["a", "b"], rule="by hand"))
        evidence.person("me")
    return folder


def calls_of(folder: Path, n_answers: int, synchronous: str) -> list[Call]:
    """What the answering process does to files, and when it acknowledges."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: it records what is synchronised.")
    log = folder.parent / "calls"
    program = PROGRAM.format(folder=str(Path(__file__).parent))
    names = "pwrite64,write,ftruncate,fsync,fdatasync"
    strace = ["strace", "-f", "-y", "-xx", "-s", "100000", "-e", f"trace={names}"]
    done = subprocess.run(
        [
            *(*strace, "-o", log, sys.executable, "-c", program),
            *(folder, str(n_answers), synchronous),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    if "PTRACE" in done.stderr:
        pytest.skip("this machine lets nobody be traced.")
    assert done.returncode == 0, done.stderr
    found = []
    for line in log.read_text().splitlines():
        match = CALL.match(line)
        if match and match[4] != "-1":
            path = bytes.fromhex(match[2].replace("\\x", "")).decode()
            found.append(Call(match[1], path, match[3] or ""))
    return [
        call
        for call in found
        if call.path.startswith(str(folder)) or call.path.startswith("pipe:")
    ]


def content(arguments: str) -> tuple[bytes, list[int]]:
    """What is written, and the numbers behind it."""
    text, _, rest = arguments.partition('", ')
    written = bytes.fromhex(text.strip('"').replace("\\x", ""))
    return written, [int(number) for number in rest.split(", ")]


class Disk:
    """Files as they are for sure, and what was written since."""

    def __init__(self, folder: Path):
        self.safe = {str(p): p.read_bytes() for p in folder.iterdir()}
        self.unsafe: dict[str, list[tuple[int, bytes]]] = {}
        self.heard: list[str] = []

    def do(self, call: Call) -> None:
        if call.name == "write":
            self.heard += content(call.arguments)[0].decode().split("\n")[:-1]
        elif call.name == "pwrite64":
            written, (n_bytes, offset) = content(call.arguments)
            assert n_bytes == len(written)
            self.unsafe.setdefault(call.path, []).append((offset, written))
        elif call.name == "ftruncate":
            size = int(call.arguments)
            if call.path.endswith(".db"):
                known = self.safe.get(call.path, b"")
                assert size >= len(known), "not imitated here"
            if call.path.endswith("-wal"):
                self.safe[call.path] = self.safe.get(call.path, b"")[:size]
                self.unsafe.pop(call.path, None)
        else:
            for offset, written in self.unsafe.pop(call.path, []):
                self.safe[call.path] = laid(self.safe, call.path, offset, written)

    def cut(self, to: Path, chance: random.Random | None) -> None:
        """The files after a loss of power, in another folder."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        files = dict(self.safe)
        for path, writes in self.unsafe.items() if chance else ():
            assert chance is not None
            for offset, written in writes:
                for first in range(0, len(written), SECTOR):
                    if chance.random() < 0.5:
                        part = written[first : first + SECTOR]
                        files[path] = laid(files, path, offset + first, part)
        for path, held in files.items():
            if not path.endswith("-shm"):
                (to / Path(path).name).write_bytes(held)


def laid(files: dict[str, bytes], path: str, offset: int, written: bytes) -> bytes:
    before = files.get(path, b"").ljust(offset, b"\0")
    return before[:offset] + written + before[offset + len(written) :]


def cuts(folder: Path, n_answers: int, synchronous: str) -> tuple[int, int, list[str]]:
    """How many cuts there were, after how many something was lost, what was heard."""
    disk = Disk(folder)
    calls = calls_of(folder, n_answers, synchronous)
    chance, to, n_cuts, n_lost = random.Random(1), folder.parent / "cut", 0, 0
    for call in calls:
        disk.do(call)
        for luck in (None, chance):
            disk.cut(to, luck)
            with closing(sqlite3.connect(to / "study.db")) as connection:
                intact = connection.execute("PRAGMA integrity_check").fetchall()
                rows = connection.execute("SELECT showing FROM answer").fetchall()
            assert intact == [("ok",)]
            n_cuts += 1
            n_lost += not set(disk.heard) <= {showing for (showing,) in rows}
    return n_cuts, n_lost, disk.heard


@pytest.mark.parametrize("n_answers", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_no_acknowledged_answer_is_lost(asked, n_answers):
    n_cuts, n_lost, heard = cuts(asked, n_answers, "")
    assert heard == [f"showing {number}" for number in range(n_answers)]
    # At least a write, its synchronisation and the acknowledgement of each.
    assert n_cuts >= 2 * 3 * n_answers
    assert n_lost == 0


def test_the_test_notices_commits_that_are_not_synchronised(asked):
    n_cuts, n_lost, heard = cuts(asked, 20, "OFF")
    assert len(heard) == 20
    assert n_lost > n_cuts / 4


def test_the_name_of_the_log_is_on_the_disk_before_the_first_answer(asked):
    """A file whose folder was not synchronised may be missing after a loss of power."""
    calls = calls_of(asked, 1, "")
    heard = next(n for n, call in enumerate(calls) if call.name == "write")
    synchronised = {each.path for each in calls[:heard] if each.name.endswith("sync")}
    assert synchronised >= {str(asked), str(asked / "study.db-wal")}
