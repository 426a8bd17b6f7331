"""The part of a report that says what the evaluation of rewards found."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from volition.env import delivery
from volition.env.delivery import BOARD
from volition.policy import Tabular
from volition.report.document import (
    Board,
    Intervals,
    Listing,
    Part,
    Prose,
    Section,
    Table,
)
from volition.report.estimates import cell, estimate, with_interval
from volition.report.scorecard import IN_PART, MET, MISSED, Found
from volition.report.value_map import tile_words

TITLE = "Evaluation: how good is what was learned?"
# What the marks of the scorecard take, as it says itself.
NEAR = 0.1  # A4: STARC, and EPIC's spread over coverages
KNOWN = 1e-6  # A4: of an equivalent reward
GOOD_HERE, GOOD_THERE = 0.9, 0.8  # A5
MOST_LOWER = 0.1  # C6
MOST_TERMS = 8  # U1
STEADY = 0.9  # U4
TURNS = 0.95  # U6

Rewards = Mapping[str, Mapping[str, Any]]
MarkFn = Callable[[Mapping[str, Any]], Found | None]
BadnessFn = Callable[[Mapping[str, Any]], float]


def not_evaluated(command: str) -> Section:
    """What stands there instead: how to do it."""
    missing = f"Nothing was evaluated. To do it: {command}"
    return Section("evaluation", TITLE, (Prose(missing),))


def rewards_section(rewards: Rewards) -> Section:
    """What the evaluation of a study of answers says, group by group."""
    first = next(iter(rewards.values()))
    apart = estimate(first["distances"]["STARC"])
    draws = estimate(first["optimised"]["worst"])
    boards = estimate(first["other_boards"]["scaled_return"])
    chart = Intervals(
        "Distance to the true reward",
        "0 the same, 1 the opposite",
        ("STARC", "EPIC, spread"),
        tuple(
            (name, tuple(estimate(one["distances"][kind]) for kind in _DRAWN))
            for name, one in rewards.items()
        ),
    )
    distances = _by_group(
        "Distances to the true reward",
        "distance",
        rewards,
        lambda one: one["distances"],
        "EPIC and DARD over several coverages: 0 are rewards that ask for the same, "
        "whatever their scale and shaping; 1 is the opposite. Intervals: "
        f"{apart.interval} (n = {apart.n}).",
    )
    earned = _by_group(
        "Scaled return of what optimises it",
        "optimiser",
        rewards,
        _earned,
        "1 is the best by the true reward, 0 random actions. Intervals: "
        f"{draws.interval} (n = {draws.n}). Other boards have the same tiles in other "
        f"orders; {boards.interval} (n = {boards.n}).",
    )
    tau = estimate(first["order"]["kendall"])
    order = _by_group(
        "Order of policies, learned against true",
        "measure",
        rewards,
        lambda one: {"Kendall's tau": one["order"]["kendall"]},
        f"Of random, soft and best policies. Intervals: {tau.interval} (n = {tau.n}).",
    )
    intro = Prose(
        "Each group's mean reward beside the world's true one, which learning never "
        "saw, and what it comes down to."
    )
    parts = tuple(
        _explained(f"evaluated-{number}", name, one)
        for number, (name, one) in enumerate(rewards.items())
    )
    return Section(
        "evaluation", TITLE, (intro, (chart,), distances, earned, order), parts
    )


_DRAWN = ("STARC", "EPIC, spread")


def _by_group(caption, heading, rewards: Rewards, of_fn, note: str) -> Table:
    """A row for each measure, a column for each group."""
    each = {name: of_fn(one) for name, one in rewards.items()}
    measures = dict.fromkeys(key for one in each.values() for key in one)
    rows = tuple(
        (
            measure,
            *(cell(one[measure]) if measure in one else "—" for one in each.values()),
        )
        for measure in measures
    )
    digits = (0, *(3 for _ in each))
    return Table(caption, (heading, *each), rows, digits, note)


def _earned(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **one["optimised"]["by"],
        "the worst of these": one["optimised"]["worst"],
        "on other boards, on average": one["other_boards"]["scaled_return"],
    }


def _explained(name: str, title: str, one: Mapping[str, Any]) -> Section:
    blocks = [*short_blocks(one), *_rates(title, one), *_movers(title, one)]
    values = one.get("values")
    if values:
        world = delivery()
        taken = np.eye(world.n_actions)[values["action"]]
        words = tile_words(
            world, np.array(values["value"]), Tabular(jnp.asarray(taken))
        )
        says = (
            "The delivery world from above: what each tile is worth by the reward of "
            f"{title}, and an arrow for what is done there."
        )
        drawn = Board(f"Value of each tile, {title}", BOARD, tuple(words), says=says)
        blocks.append((drawn,))
    return Section(name, f"{title}: what it comes down to", tuple(blocks))


def short_blocks(one: Mapping[str, Any]) -> list[Part | tuple]:
    """The short form, and decisions with the smallest edit that turns them."""
    short, edits = one["short_form"], one["counterfactuals"]
    kept = f"Order of pairs kept: {with_interval(short['agreement'], 3)}"
    if short["optimised_agreement"] is not None:
        told = with_interval(short["optimised_agreement"], 3)
        kept += f"; of pairs of who optimises it: {told}"
    if short["scaled_return"] is not None:
        kept += f"; scaled return of optimising it: {short['scaled_return']:.3f}"
    n = short["agreement"]["n"]
    blocks: list[Any] = [
        Prose(f"In short: {short['reward']} ({short['message'].rstrip('.')}). {kept}."),
        Prose(f"The intervals are 95 % over {n} segments."),
    ]
    if edits["flipped"] is not None:
        n = edits["flipped"]["n"]
        told = with_interval(edits["flipped"])
        blocks += [
            Prose(
                f"Of {n} decisions between two segments, the smallest edit of the "
                f"worse one that should turn it does: {told}. The first of them:"
            ),
            Listing(tuple(edits["examples"])),
        ]
    return blocks


def _rates(title: str, one: Mapping[str, Any]) -> Iterable[Part]:
    found = one.get("rates")
    if found is None:
        return
    unit = found["unit_feature"]
    rows = tuple(
        (name, cell(found["rates"][name]) if name in found["rates"] else "—", note)
        for name in dict.fromkeys([*found["rates"], *found["notes"]])
        for note in (found["notes"].get(name, ""),)
    )
    yield Table(
        f"Exchange rates, {title}",
        ("one of", f"is worth so many {unit}" if unit else "is worth", "why not"),
        rows,
        (0, 2, 0),
        "Only where the answers tell both weights; "
        + _rate_interval(found["rates"].values()),
    )


def _rate_interval(rates: Iterable[Mapping[str, Any]]) -> str:
    for one in rates:
        return f"{one['interval']} (n = {one['n']})."
    return "here they tell none."


def _movers(title: str, one: Mapping[str, Any]) -> Iterable[Part]:
    moved = one.get("moved")
    if not moved:
        return
    rows = tuple(
        (
            name,
            *(
                f"answer {each['answer']} to question {each['question']}: "
                f"{each['by']:+.3f}"
                for each in most
            ),
        )
        for name, most in moved.items()
    )
    columns = ("weight", "most", "second", "third")[: 1 + len(rows[0][1:])]
    yield Table(
        f"Answers that moved each weight, {title}",
        columns,
        rows,
        note="By how much the mean is higher with the answer than it would be without "
        "it. Answers are numbered as study.db has those of the group, from 0.",
    )


def reward_marks(rewards: Rewards) -> dict[str, Found]:
    """What the evaluation of a study of answers says about the scorecard."""
    found = {mark: _worst(rewards, *how) for mark, how in _marks().items()}
    return {mark: one for mark, one in found.items() if one is not None}


def _marks() -> dict[str, tuple[MarkFn, BadnessFn]]:
    """How each mark is read off an evaluation, and which of two groups is worse."""
    earned = lambda one: -one["optimised"]["worst"]["value"]
    kept = lambda one: -one["short_form"]["agreement"]["value"]
    told = lambda one: -len(one["rates"]["rates"])
    turns = lambda one: -one["counterfactuals"]["flipped"]["value"]
    return {
        "A4": (_near, lambda one: one["distances"]["STARC"]["value"]),
        "A5": (_earns, earned),
        "C6": (_elsewhere, lambda one: one["other_boards"]["gap"]["value"]),
        "U1": (terms_mark, lambda one: len(one["short_form"]["weights"])),
        "U2": (short_mark, kept),
        "U3": (rates_mark, told),
        "U4": (steady_mark, lambda one: -one["stability"]["kendall"]["value"]),
        "U6": (turns_mark, turns),
    }


def _worst(rewards: Rewards, mark_fn: MarkFn, badness_fn: BadnessFn) -> Found | None:
    """The worst of the groups, and in how many it is as good as was asked for."""
    each = {name: mark_fn(one) for name, one in rewards.items()}
    known = {name: one for name, one in each.items() if one is not None}
    if not known:
        return None
    order = (MET, IN_PART, MISSED)
    name = max(
        known,
        key=lambda name: (order.index(known[name].status), badness_fn(rewards[name])),
    )
    words = known[name].words
    if len(known) > 1:
        n_met = sum(one.status == MET for one in known.values())
        words = f"worst of {len(known)} groups, {name}: {words}"
        if n_met or known[name].status == MISSED:
            words = f"met in {n_met}; {words}"
    return Found(known[name].status, words)


def _near(one: Mapping[str, Any]) -> Found:
    starc, spread = (one["distances"][kind] for kind in _DRAWN)
    known = one["known"]
    fine = known["equivalent"] < KNOWN and known["opposite"] > 1.0 - KNOWN
    near = starc["value"] <= NEAR and spread["value"] <= NEAR
    words = (
        f"STARC {with_interval(starc)}, EPIC differs by {with_interval(spread)}; "
        f"equivalents {known['equivalent']:.0e}, the opposite {known['opposite']:.3f}"
    )
    return Found(MET if fine and near else MISSED, words)


def _earns(one: Mapping[str, Any]) -> Found:
    here, there = one["optimised"]["worst"], one["other_boards"]["scaled_return"]
    fine = here["value"] >= GOOD_HERE and there["value"] >= GOOD_THERE
    words = (
        f"worst of {len(one['optimised']['by'])} optimisers {with_interval(here)}; on "
        f"{there['n']} other boards {with_interval(there)}"
    )
    return Found(MET if fine else MISSED, words)


def _elsewhere(one: Mapping[str, Any]) -> Found:
    gap = one["other_boards"]["gap"]
    words = f"{with_interval(gap)} lower on {gap['n']} other boards; no person left out"
    return Found(IN_PART if gap["value"] <= MOST_LOWER else MISSED, words)


def terms_mark(one: Mapping[str, Any]) -> Found:
    """U1: how many terms the reward has, or its faithful short form."""
    n, short = len(one["short_form"]["weights"]), one["short_form"]
    if n > MOST_TERMS and short["faithful"]:
        words = f"{n} terms; {len(short['terms'])} stand for them"
        return Found(MET, words)
    return Found(MET if n <= MOST_TERMS else MISSED, f"{n} terms")


def short_mark(one: Mapping[str, Any]) -> Found:
    """U2: whether a short form decides as the reward does."""
    short = one["short_form"]
    words = f"{len(short['terms'])} terms, {with_interval(short['agreement'])} of pairs"
    if short["optimised_agreement"] is not None:
        words += (
            f", {with_interval(short['optimised_agreement'])} where it is optimised"
        )
    if short["scaled_return"] is not None:
        words += f", scaled return {short['scaled_return']:.3f}"
        return Found(MET if short["faithful"] else MISSED, words)
    words += "; nobody optimised it"
    return Found(IN_PART if short["faithful"] else MISSED, words)


def rates_mark(one: Mapping[str, Any]) -> Found | None:
    """U3: exchange rates, only where they are identified."""
    found = one.get("rates")
    if found is None:
        return None
    n, rest = len(found["rates"]), len(found["notes"])
    if not n:
        return Found(IN_PART, "no rate is identified, and each says why")
    words = f"{n} with intervals, {rest} say why not"
    return Found(MET, words)


def steady_mark(one: Mapping[str, Any]) -> Found | None:
    """U4: whether terms keep their order and sign."""
    found = one.get("stability")
    if found is None:
        return None
    fine = found["kendall"]["value"] >= STEADY and not found["turned"]
    turned = ", ".join(found["turned"]) or "none"
    words = (
        f"tau {with_interval(found['kendall'])}, {found['kendall']['interval']}; of "
        f"the first five, change sign: {turned}"
    )
    return Found(MET if fine else MISSED, words)


def turns_mark(one: Mapping[str, Any]) -> Found | None:
    """U6: whether the smallest edits turn decisions."""
    flipped = one["counterfactuals"]["flipped"]
    if flipped is None:
        return None
    words = f"{with_interval(flipped)} of {flipped['n']} decisions"
    return Found(MET if flipped["value"] >= TURNS else MISSED, words)
