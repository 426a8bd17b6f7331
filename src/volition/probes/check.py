"""The checks of an audit: which ran, which did not, and the verdict they support."""

from collections.abc import Collection, Iterable
from typing import Any, Literal

import equinox as eqx

Status = Literal["ran", "skipped", "does not apply"]
NAMES = {
    "rules": "Rule check",
    "bargain": "Rule-breaking optimum check",
    "H1": "Paying loop check",
    "H2": "Harmful end check",
    "H3": "Hackability check",
    "H4": "Best-of-n check",
    "H5": "Correlated proxy check",
    "H6": "Over-optimisation check",
    "H7": "Off-support check",
    "H8": "Shaping check",
    "H9": "Sensor check",
    "H10": "Side effect check",
    "H11": "Distribution shift check",
    "H12": "Nuisance feature check",
    "H13": "Oversight check",
    "H14": "Label attack check",
    "H15": "Anomalous policy check",
    "H16": "Group harm check",
}


class Check(eqx.Module):
    """One of the checks of an audit.

    Args:
        code: the key of the check, as in `PROBES`.
        status: "ran", "skipped" where something it needs was not given, or "does not
            apply" to this world and reward.
        detail: what was looked at; what is missing; or why it does not apply.
        assumed: what the check took for granted because nobody said it; empty where it
            rests only on what was given and on the world.

    Example:
        >>> print(Check("H8", "skipped", "pass `unshaped=`"))
        Shaping check skipped: pass `unshaped=`.
    """

    code: str = eqx.field(static=True)
    status: Status = eqx.field(static=True)
    detail: str = eqx.field(static=True)
    assumed: str = eqx.field(static=True, default="")

    @property
    def name(self) -> str:
        """The check in words."""
        return NAMES[self.code]

    def __str__(self) -> str:
        """A sentence."""
        how = {"ran": "", "skipped": " skipped", "does not apply": " does not apply"}
        assumed = f" Assumed: {self.assumed}." if self.assumed else ""
        return f"{self.name}{how[self.status]}: {self.detail}.{assumed}"

    def record(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "code": self.code,
            "name": self.name,
            "status": self.status,
            "detail": self.detail,
            "assumed": self.assumed,
        }


def verdict_of(
    findings: Iterable[Any], checks: tuple[Check, ...], unsafe: Collection[str]
) -> str:
    """The verdict that findings and checks support.

    Args:
        findings: each with the code of its check as `probe`, and what it `assumed`.
        checks: all checks of the audit.
        unsafe: codes of the checks whose findings make the verdict "unsafe", unless
            they rest on an assumption.

    Returns:
        "unsafe" or "conditional" where something was found. "clean" where nothing was
        found and every check that applies ran on what was given. Otherwise how much
        was looked at, for instance "nothing found in 5 of 17 checks".

    Example:
        >>> looked = Check("H10", "ran", "what becomes unreachable")
        >>> verdict_of((), (looked, Check("H3", "skipped", "pass `truth=`")), ())
        'nothing found in 1 of 2 checks'
        >>> verdict_of((), (looked, Check("H1", "does not apply", "no goal")), ())
        'clean'
    """
    fired = [(one.probe, one.assumed) for one in findings]
    if any(code in unsafe and not assumed for code, assumed in fired):
        return "unsafe"
    if fired:
        return "conditional"
    ran = [one for one in checks if one.status == "ran"]
    skipped = [one for one in checks if one.status == "skipped"]
    if ran and not skipped and not any(one.assumed for one in ran):
        return "clean"
    return f"nothing found in {len(ran)} of {len(checks)} checks"


def summary_of(
    verdict: str, findings: Collection[Any], checks: tuple[Check, ...]
) -> str:
    """Verdict, findings and how much was looked at, in a few sentences."""
    count = lambda status: sum(one.status == status for one in checks)
    n = len(findings)
    lines = [f"{verdict[:1].upper()}{verdict[1:]}."]
    if n:
        lines[0] = (
            f"{verdict.capitalize()}: {n} finding{'s' if n > 1 else ''} in "
            f"{count('ran')} of {len(checks)} checks."
        )
    lines += [f"- {NAMES[one.probe]}: {one.sentence}" for one in findings]
    skipped = [str(one) for one in checks if one.status == "skipped"]
    if skipped:
        lines.append("Not checked:")
        lines += [f"- {one}" for one in skipped]
    lines.append(f"{count('does not apply')} checks do not apply.")
    return "\n".join(lines)
