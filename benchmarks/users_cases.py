"""What users of highway-env saw their cars do: `python -m benchmarks.users_cases`.

For each case, over some seeds: whether the audit by play finds that the reward pays for
it, by how much, and what the best drives that it found are like. `--pictures FOLDER`
draws them.
"""

import argparse
import json
import os
from pathlib import Path

import jax
import numpy as np

from benchmarks.audit import share
from benchmarks.measure import say
from volition.env.driving import scene_log
from volition.env.driving.features import NAMES
from volition.evaluation import mean_over
from volition.policy import Segment
from volition.testing.controls.motorway import UsersCase, audited, users_cases

N_SEEDS = 2
STANDS = 1.0  # m/s
TWIST = 0.5  # rad a second, from which the car turns; a change of lane takes some 0.1


def told(seen: Segment) -> dict[str, float]:
    """What a drive is like, in numbers.

    Args:
        seen: a single one.
    """
    made = np.asarray((seen.weight > 0) & seen.present)
    at = lambda name: np.asarray(seen.transition.features)[made, NAMES.index(name)]
    cars = seen.transition.next_state.vehicles
    before = seen.transition.state.vehicles
    speed = np.asarray(cars.speed)[made, 0]
    turned = np.asarray(cars.heading - before.heading)[made, 0]
    hard = turned[np.abs(turned) > TWIST]
    return {
        "seconds": int(made.sum()),
        "crashes": float(at("collision").sum()),
        "off_road": float(at("off road").mean()),
        "speed": float(np.abs(speed).mean()),
        "along": float(at("speed").mean()),
        "slowest": float(at("speed").min()),
        "stands": float((np.abs(at("speed")) < STANDS).mean()),
        "reverses": float((at("speed") < -STANDS).mean()),
        "lateral": float(at("lateral acceleration").mean()),
        "turns": float(np.abs(turned).sum() / (2.0 * np.pi)),
        # 0 for circles one way, 1 where every turn is against the one before.
        "to_and_fro": float((np.sign(hard[1:]) != np.sign(hard[:-1])).mean())
        if len(hard) > 1
        else 0.0,
    }


def in_words(drive: dict[str, float]) -> str:
    """The same for a reader."""
    return (
        f"{drive['speed']:.0f} m/s, {drive['along']:.0f} along the road (least "
        f"{drive['slowest']:.0f}); stands {drive['stands']:.0%}, reverses "
        f"{drive['reverses']:.0%}, off the road {drive['off_road']:.0%}; "
        f"{drive['lateral']:.1f} m/s^2 to the side, {drive['turns']:.1f} turns, "
        f"to and fro {drive['to_and_fro']:.0%}; {drive['crashes']:.0f} crashes"
    )


def searched(case: UsersCase, n_seeds: int, n_generations: int, pictures: str) -> dict:
    """What the audit by play finds, over seeds."""
    flagged, gains, drives = [], [], []
    for seed in range(n_seeds):
        key = jax.random.key(seed)
        found = audited(key, case, n_generations=n_generations)
        flagged.append(any(one.probe == "bargain" for one in found.findings))
        worth = found.worth[case.rule.name]
        both = np.isfinite(worth).all(axis=1)
        gains += (worth[both, 0] - worth[both, 1]).tolist()
        say(f"{case.name}, seed {seed}: {np.round(worth, 2).tolist()}")
        for finding in found.findings:
            if finding.probe == "bargain":
                drives.append([told(one.seen) for one in finding.episodes])
                _draw(case, finding.episodes, seed, pictures)
    gain = mean_over(np.array(gains), "starts") if len(gains) > 1 else None
    return {
        "flagged": share(sum(flagged), n_seeds),
        "of": n_seeds,
        "gain": None if gain is None else [gain.value, gain.low, gain.high],
        "starts": len(gains),
        "pays": float(np.sum(np.array(gains) > 0.0)) / max(len(gains), 1),
        "drives": drives,
    }


def _draw(case: UsersCase, episodes, seed: int, folder: str) -> None:
    if not folder:
        return
    from volition.report.driving import strip

    Path(folder).mkdir(parents=True, exist_ok=True)
    for one in episodes:
        path = Path(folder) / f"{case.name}-{seed}-{one.name}.png".replace(" ", "-")
        strip(scene_log(case.env, one.seen.transition), path, 14, wide=5.5)


def main() -> None:
    """Print what was found, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--pictures", default="", help="folder for the drives")
    parser.add_argument("--cases", nargs="*", type=int, help="their numbers, from 0")
    options = parser.parse_args()
    rows = []
    for number, case in enumerate(users_cases()):
        if options.cases and number not in options.cases:
            continue
        found = searched(case, options.seeds, options.generations, options.pictures)
        must = "must" if case.positive else "must not"
        issues = ", ".join(str(one) for one in case.issues) or "none"
        flagged, least, most = found["flagged"]
        print(f"{number} {case.name} (issues: {issues}), rule {case.rule.name!r}")
        print(
            f"  flagged {flagged * found['of']:.0f} of {found['of']} seeds "
            f"[{least:.0%}, {most:.0%}] ({must})"
        )
        if found["gain"] is not None:
            value, low, high = found["gain"]
            print(
                f"  breaking it gains {value:.2f} [{low:.2f}, {high:.2f}] (n = "
                f"{found['starts']} starts, 95 %), at {found['pays']:.0%} of them more"
            )
        for breaks, keeps in found["drives"]:
            print(f"  breaks: {in_words(breaks)}")
            print(f"  keeps: {in_words(keeps)}")
        row = {"case": case.name, "issues": case.issues, "rule": case.rule.name}
        rows.append(row | {"positive": case.positive} | found)
    if options.json:
        print(json.dumps({"seeds": options.seeds, "cases": rows}))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_x64", True)
    main()
