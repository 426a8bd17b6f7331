"""Conclusions in other units and precisions: `python -m benchmarks.invariance`.

Every verb is asked the same in units from 1e-12 to 1e12 of the reward or of the
features, in 32 and in 64 bits, and compared with what it says in the usual unit in 64
bits: the same words and policies, numbers within a tolerance that is relative to the
largest. `--rows` takes a part of the names.
"""

import argparse
import json
import time
from typing import Any

import jax
import numpy as np

from benchmarks.invariance_rows import Row, rows
from benchmarks.measure import say

UNITS = (1e-12, 1e-6, 1e6, 1e12)
BITS = (64, 32)


def concluded(row: Row, unit: float, bits: int) -> Any:
    """What a verb says in a unit and a precision; an error is a conclusion, too."""
    try:
        with jax.enable_x64(bits == 64):
            return row.conclude(unit)
    except (ValueError, RuntimeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


def off(found: Any, usual: Any) -> float:
    """By how much two conclusions differ, of the largest number; infinite for words."""
    if isinstance(usual, str) or isinstance(found, str):
        return 0.0 if isinstance(found, str) and found == usual else np.inf
    if isinstance(usual, tuple):
        each = [off(one, other) for one, other in zip(found, usual, strict=True)]
        return max(each)
    if len(usual) and isinstance(usual[0], str):
        return 0.0 if list(found) == list(usual) else np.inf
    one, other = (np.asarray(each, dtype=float) for each in (found, usual))
    if one.shape != other.shape or not np.isfinite(one).all():
        return np.inf
    largest = np.abs(other).max(initial=0.0)
    return float(np.abs(one - other).max(initial=0.0) / (largest or 1.0))


def compared(row: Row) -> list[dict[str, Any]]:
    """Whether a verb agrees with itself, unit by unit and precision by precision."""
    usual = {bits: concluded(row, 1.0, bits) for bits in BITS}
    found = []
    for bits, rtol in zip(BITS, row.rtol, strict=True):
        reference = usual[bits if row.own_precision else 64]
        for unit in (*UNITS, *(() if bits == 64 else (1.0,))):
            said = usual[bits] if unit == 1.0 else concluded(row, unit, bits)
            by = off(said, reference)
            failed = isinstance(reference, str)  # an error where none should be
            found.append(
                {
                    "verb": row.name,
                    "of": row.of,
                    "unit": unit,
                    "bits": bits,
                    "agrees": bool(by <= rtol) and not failed,
                    "off": by if np.isfinite(by) else None,
                    "said": said if isinstance(said, str) else None,
                }
            )
    return found


def main() -> None:
    """Print a line for each verb, and one line of JSON, last."""
    parser = argparse.ArgumentParser(description="Other units, other precisions.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--rows", default="", help="only names that hold this")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    combinations: list[dict[str, Any]] = []
    chosen = [row for row in rows() if options.rows in row.name]
    for number, row in enumerate(chosen):
        say(f"{row.name} ({row.of}): {number + 1} of {len(chosen)}")
        began = time.perf_counter()
        here = compared(row)
        combinations += here
        agree = sum(one["agrees"] for one in here)
        largest = max((one["off"] or 0.0) for one in here)
        took = time.perf_counter() - began
        print(
            f"{agree:2d} of {len(here)}  {row.of:8s} {row.name}  (largest difference "
            f"{largest:.1g}, {took:.0f} s)",
            flush=True,
        )
        for one in here:
            if not one["agrees"]:
                print(f"      unit {one['unit']:g}, {one['bits']} bits: {one}")
    share = sum(one["agrees"] for one in combinations) / max(1, len(combinations))
    print(f"share that agrees {share:.4f} of {len(combinations)} combinations")
    if options.json:
        print(json.dumps({"share": share, "combinations": combinations}))


if __name__ == "__main__":
    main()
