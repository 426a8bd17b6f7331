"""What damage does to our files: `python -m benchmarks.damage`.

Each kind of file is written once, damaged at random many times, and read as a command
reads it. Right is a refusal in one sentence, or exactly what was written. A traceback,
other content without a word (a silent alteration), or memory for more than the file
holds is a fault.

`forged` are records whose checksum was made to fit after the damage, as only somebody
who means it does: what they say is then theirs, but they must not bring down what reads
them. `xml alone` and `toml alone` have no checksum, and nobody can tell a changed digit
there: the share that is read otherwise is what a checksum is for.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import say

N_CASES = 1000
MEMORY_LIMIT = 12 * 2**30  # bytes of addresses: a fault does not take the machine
MOST_MEMORY = 256  # MB above baseline
REFUSED, SAME, OTHER = "refused", "same", "read otherwise"


class Kind(NamedTuple):
    """A kind of file.

    Args:
        write: the files of one, in a folder.
        read: what they say, as something that can be compared; ValueError refuses.
        damaged: endings of the names of the files that are damaged.
        seal: makes checksums fit again, of those who mean it; else None.
        checked: whether other content is a fault.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    damaged: tuple[str, ...]
    seal: Callable[[Path], None] | None = None
    checked: bool = True


def leaves(value: Any) -> list[Any]:
    """A pytree as values that can be compared, to the bit."""
    import jax
    import numpy as np

    flat, structure = jax.tree.flatten(value)
    arrays = [np.asarray(leaf) for leaf in flat]
    return [str(structure)] + [
        (each.dtype.str, each.shape, each.tobytes()) for each in arrays
    ]


def write_record(folder: Path) -> None:
    import jax.numpy as jnp

    from volition import record
    from volition.reward import Linear, Shaped, Tabular

    members = tuple(Linear(("speed", "collision"), [0.5 * n, -2.0]) for n in (1, 2))
    table = Shaped(Tabular(jnp.arange(12.0).reshape(4, 3)), jnp.ones(4), 0.9)
    kept = {"members": members, "table": table, "name": "µ", "seeds": (1, 2**40, True)}
    record.save(kept, folder / "reward.json")


def read_record(folder: Path) -> Any:
    from volition import record

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no checksum: what it says is looked at below
        return leaves(record.load(folder / "reward.json"))


def seal_record(folder: Path) -> None:
    from volition.record.arrays import digest, file_digest

    path = folder / "reward.json"
    if not path.is_file():
        return
    try:
        body = json.loads(path.read_text())
        body.pop("sha256", None)
        sums = file_digest(path.with_suffix(".safetensors"))
        path.write_text(json.dumps(body | {"sha256": digest(body, sums)}))
    except (ValueError, AttributeError, RecursionError, OSError):
        pass  # so much damage needs no checksum to be seen


def write_database(folder: Path) -> None:
    from volition.store import Evidence, Question, Said

    with Evidence(folder / "study.db", make=True) as evidence:
        people = [evidence.person(name) for name in ("me", "you")]
        evidence.add_clips(({"clip": n}, {"scene": [n, 0.5]}) for n in range(4))
        for number in range(12):
            pair = [{"clip": number % 4}, {"clip": (number + 1) % 4}]
            asked = evidence.ask(Question("us", number, "comparison", pair, rule="any"))
            for person in people:
                choice = {"choice": ("first", "second", "tie")[(number + person) % 3]}
                said = Said(f"{person}/{number}", asked, person, choice, seconds=1.5)
                evidence.add(said)


def read_database(folder: Path) -> Any:
    from volition.store import Evidence

    with Evidence(folder / "study.db") as evidence:
        scenes = [evidence.scene(clip) for clip in evidence.clips()]
        parts = (evidence.questions(), evidence.answers(), evidence.standing())
        return repr((parts, evidence.clips(), scenes))


def write_npz(folder: Path) -> None:
    import numpy as np

    pair = [[(5, 5), (-1, 0), (-1, 0), (-1, 0)], [(9, 8), (-1, 0), (0, 1), (0, 0)]]
    segments = np.array([pair, pair[::-1]] * 10, dtype=np.int8)
    labels = np.tile([1.0, 0.5], 10)
    np.savez(folder / "group.npz", segments=segments, prefers_second=labels)


def read_npz(folder: Path) -> Any:
    from volition.env import delivery
    from volition.store import delivery_groups, read_delivery

    (path,) = delivery_groups(folder).values()
    world = read_npz.__dict__.setdefault("world", delivery())
    return leaves(read_delivery(path, world))


def state(tag: str, step: int, x: float) -> str:
    values = {"orientation": 0.0, "time": step, "velocity": 15.0, "acceleration": 0.0}
    rest = "".join(f"<{n}><exact>{v}</exact></{n}>" for n, v in values.items())
    place = f"<position><point><x>{x}</x><y>0.0</y></point></position>"
    return f"<{tag}>{place}{rest}</{tag}>"


def write_xml(folder: Path) -> None:
    """Two vehicles, one behind the other, for two seconds."""
    bounds = "".join(
        f"<{side}>{''.join(f'<point><x>{x}</x><y>{y}</y></point>' for x in (-50, 400))}"
        f"</{side}>"
        for side, y in (("leftBound", 1.75), ("rightBound", -1.75))
    )
    vehicles = "".join(
        f'<dynamicObstacle id="{number}"><type>car</type><shape><rectangle><length>5.0'
        f"</length><width>2.0</width></rectangle></shape>"
        f"{state('initialState', 0, 40.0 * number)}<trajectory>"
        f"{''.join(state('state', n, 40.0 * number + 1.5 * n) for n in range(1, 21))}"
        "</trajectory></dynamicObstacle>"
        for number in (1, 2)
    )
    text = (
        '<?xml version="1.0"?><commonRoad commonRoadVersion="2020a" timeStepSize="0.1">'
        f'<lanelet id="1">{bounds}</lanelet>{vehicles}</commonRoad>'
    )
    (folder / "road.xml").write_text(text)


def write_xml_with_sums(folder: Path) -> None:
    import hashlib

    write_xml(folder)
    content = (folder / "road.xml").read_bytes()
    line = f"{hashlib.sha256(content).hexdigest()}  road.xml\n"
    (folder / "SHA256SUMS").write_text(line)


def read_xml(folder: Path) -> Any:
    import dataclasses

    import numpy as np

    from volition.store import InputError, read_recordings

    found = read_recordings(folder)
    skipped = [each for one in found for each in one.skipped]
    if skipped:  # which the command says
        raise InputError(f"{skipped[0].what} was left out: {skipped[0].reason}.")

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, tuple | list):
            return [plain(each) for each in value]
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if dataclasses.is_dataclass(value) or hasattr(value, "_fields"):
            names = [each.name for each in dataclasses.fields(value)]
            return {name: plain(getattr(value, name)) for name in names}
        return value

    return repr(plain(found))


def write_toml(folder: Path) -> None:
    from volition.study import Config

    config = Config("delivery", "plain", 7, ("one", "another", "ü"))
    (folder / "study.toml").write_text(config.to_toml())


def write_toml_by_hand(folder: Path) -> None:
    write_toml(folder)
    path = folder / "study.toml"
    path.write_text(path.read_text().partition("\n")[2])


def read_toml(folder: Path) -> Any:
    from volition.report.contents import study_config
    from volition.study import read_config

    return repr((study_config(folder), read_config(folder / "study.toml")))


KINDS = {
    "records": Kind(write_record, read_record, (".json", ".safetensors")),
    "forged": Kind(
        write_record, read_record, (".json", ".safetensors"), seal_record, False
    ),
    "databases": Kind(write_database, read_database, (".db",)),
    "npz": Kind(write_npz, read_npz, (".npz",)),
    "xml": Kind(write_xml_with_sums, read_xml, (".xml", "SUMS")),
    "xml alone": Kind(write_xml, read_xml, (".xml",), None, False),
    "toml": Kind(write_toml, read_toml, (".toml",)),
    "toml alone": Kind(write_toml_by_hand, read_toml, (".toml",), None, False),
}
NUMBERS = (b"1e999", b"-1", b"1000000000000", b"9" * 5000, b"NaN", b"null", b'"x"')
NESTED = ((b"[", b"]"), (b'{"tuple":[', b"]}"), (b"<a>", b"</a>"), (b"{a=", b"}"))


def damage(content: bytes, chance: random.Random) -> bytes:
    """Some changes: bits, digits, bytes, lengths, numbers and nesting."""
    changed = bytearray(content)
    if chance.random() < 0.5:  # as little as there can be
        return touch(changed, chance)
    for _ in range(chance.randint(1, 4)):
        size = len(changed)
        at, kind = chance.randrange(size or 1), chance.randrange(10)
        end = min(size, at + chance.choice((1, 4, 20, 200, 4096)))
        if kind < 3 and size:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 3 and size:
            changed[at:end] = chance.randbytes(end - at)
        elif kind == 4:
            del changed[at:end]
        elif kind == 5:
            changed[at:at] = changed[at:end] * chance.choice((1, 2, 1000))
        elif kind == 6 and size:
            changed[at:end] = bytes(end - at)
        elif kind == 7:
            del changed[at:]
        else:
            changed = insert(changed, chance)
    return bytes(changed)


def touch(changed: bytearray, chance: random.Random) -> bytes:
    """One bit, or one digit or letter for another."""
    plain = [n for n, each in enumerate(changed) if chr(each).isalnum()]
    if plain and chance.random() < 0.7:
        at = chance.choice(plain)
        others = b"0123456789" if chr(changed[at]).isdigit() else b"abcdefghij"
        changed[at] = chance.choice(others.replace(changed[at : at + 1], b""))
    else:
        at = chance.randrange(len(changed))
        changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def insert(changed: bytearray, chance: random.Random) -> bytearray:
    """Another number in the place of one, or nesting without end."""
    digits = [n for n, each in enumerate(changed) if each in b"0123456789"]
    at = chance.choice(digits) if digits else 0
    if chance.random() < 0.7:
        changed[at : at + 1] = chance.choice(NUMBERS)
        return changed
    opening, closing = chance.choice(NESTED)
    depth = chance.choice((30, 1000, 100_000))
    changed[at : at + 1] = opening * depth + b"1" + closing * depth
    return changed


def replace(path: Path, content: bytes, chance: random.Random) -> None:
    """Seldom something else in the place of a file; mostly a damaged one."""
    kind = chance.randrange(40)
    path.unlink()
    if kind == 0:
        path.symlink_to("/dev/zero")
    elif kind == 1:
        os.mkfifo(path)
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        path.symlink_to("/nowhere")
    elif kind == 4 and not path.name.endswith("SUMS"):
        pass  # lost
    else:
        path.write_bytes(damage(content, chance))


def memory() -> float:
    """The most memory that this process has had so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def scored(name: str, n_cases: int, seed: int) -> dict[str, Any]:
    """What came of so many damaged ones of a kind, in this process."""
    import jax

    jax.config.update("jax_enable_x64", True)
    kind, chance = KINDS[name], random.Random(f"{name}/{seed}")
    outcomes, faults = Counter(), Counter()
    with tempfile.TemporaryDirectory() as place:
        whole, broken = Path(place) / "whole", Path(place) / "broken"
        whole.mkdir()
        kind.write(whole)
        said = kind.read(whole)
        baseline = memory()
        for _ in range(n_cases):
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(whole, broken)
            there = sorted(broken.iterdir())
            files = [path for path in there if path.name.endswith(kind.damaged)]
            for path in chance.sample(files, chance.randint(1, len(files))):
                replace(path, path.read_bytes(), chance)
            if kind.seal is not None:
                kind.seal(broken)
            try:
                outcome = SAME if kind.read(broken) == said else OTHER
            except ValueError as error:
                outcome = REFUSED if "\n" not in str(error) else "several lines"
                if not is_sentence(error):
                    faults[f"{type(error).__name__}: {str(error)[:100]}"] += 1
                    outcome = "traceback"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                faults[f"{type(error).__name__}: {str(error)[:100]}"] += 1
                outcome = "traceback"
            outcomes[outcome] += 1
        above = memory() - baseline
    return {
        "kind": name,
        "n": n_cases,
        "outcomes": dict(outcomes.most_common()),
        "tracebacks": outcomes["traceback"] + outcomes["several lines"],
        "silent": outcomes[OTHER] if kind.checked else 0,
        "read_otherwise_without_checksum": 0 if kind.checked else outcomes[OTHER],
        "memory_mb": round(above, 1),
        "faults": dict(faults.most_common(5)),
    }


def is_sentence(error: ValueError) -> bool:
    """Whether it was raised by us, for people; not in a library, for programmers."""
    from volition.errors import InputError

    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    name = "" if where is None else where.tb_frame.f_globals.get("__name__", "")
    return isinstance(error, InputError) or name.startswith("volition.record")


def in_a_process(name: str, n_cases: int, seed: int) -> dict[str, Any]:
    """The same in a process of its own, whose memory is its own, too."""
    command = [sys.executable, "-m", "benchmarks.damage", "--kind", name, "--json"]
    command += ["--cases", str(n_cases), "--seed", str(seed)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["kinds"][0]


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="What damage does to our files.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--cases", type=int, default=N_CASES, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=list(KINDS), help="this one alone")
    options = parser.parse_args()
    if options.kind:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    found = []
    for name in [options.kind] if options.kind else KINDS:
        score = scored if options.kind else in_a_process
        if not options.kind:
            say(f"{options.cases} damaged {name}")
        found.append(score(name, options.cases, options.seed))
    together = {
        "tracebacks": sum(one["tracebacks"] for one in found),
        "silent": sum(one["silent"] for one in found),
        "memory_mb": max(one["memory_mb"] for one in found),
    }
    for one in found:
        counts = ", ".join(f"{name} {n}" for name, n in one["outcomes"].items())
        print(f"{one['kind']:10s} {counts}; {one['memory_mb']:.0f} MB above baseline")
        for fault, n in one["faults"].items():
            print(f"           {n} x {fault}")
    print(
        f"tracebacks {together['tracebacks']}, silent alterations "
        f"{together['silent']}, most memory {together['memory_mb']:.0f} MB (at most "
        f"{MOST_MEMORY})"
    )
    if options.json:
        print(json.dumps(together | {"cases": options.cases, "kinds": found}))


if __name__ == "__main__":
    main()
