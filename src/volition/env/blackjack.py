"""Blackjack against a dealer, from a deck that never runs out."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Int

from volition.env.environment import Feature
from volition.env.mdp import FiniteMDP

CARD = np.array([1.0] * 9 + [4.0]) / 13.0  # ace, 2, ..., 9, and 10 with the pictures
FEATURES = (
    Feature("win", "1", "1 for the step that wins the game"),
    Feature("loss", "1", "1 for the step that loses it"),
)
N_SUMS, N_CARDS = 10, 10  # sums of 12 to 21; the dealer shows ace to ten
N_HANDS = 2 * N_SUMS * N_CARDS
NATURAL = N_HANDS  # then, for each card of the dealer, an ace and a ten at once
WON, DRAWN, LOST = NATURAL + N_CARDS, NATURAL + N_CARDS + 1, NATURAL + N_CARDS + 2
N_STATES = LOST + 1


class Hand(eqx.Module):
    """What a player sees.

    Args:
        index: number of the state.
        total: sum of the player's cards, 12 to 21; 0 when the game is over.
        dealer: the card that the dealer shows, 1 (ace) to 10; 0 when it is over.
        usable_ace: whether an ace counts as 11.
        natural: whether it is an ace and a ten, dealt at once.
    """

    index: Int[ArrayLike, "*batch"]
    total: Int[ArrayLike, "*batch"]
    dealer: Int[ArrayLike, "*batch"]
    usable_ace: Bool[ArrayLike, "*batch"]
    natural: Bool[ArrayLike, "*batch"]

    def __str__(self) -> str:
        if self.total == 0:
            return {WON: "won", DRAWN: "drawn", LOST: "lost"}[
                np.asarray(self.index).item()
            ]
        ace = " with a usable ace" if self.usable_ace else ""
        dealt = ", a natural" if self.natural else ""
        return f"{self.total}{ace} against {self.dealer}{dealt}"


def blackjack(*, discount: float = 1.0) -> FiniteMDP:
    """Blackjack: stick or hit, until one is closer to 21 or has gone over it.

    The dealer sticks at 17 or more. An ace and a ten at once win, unless the dealer has
    the same; a hand below 12 takes cards without being asked. The book's reward is 1
    for `win`, -1 for `loss`.

    Args:
        discount: in `[0, 1]`, per step.

    Returns:
        The exact MDP of 213 states: 200 hands, 10 naturals, and how a game ends.

    Raises:
        ValueError: where the discount is not in `[0, 1]`.

    Example:
        >>> game = blackjack()
        >>> game.n_states, game.describe(0), game.describe(212)
        (213, '12 against 1', 'lost')

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 5.1.
    """
    stuck, natural = _dealer()
    probability = np.zeros((N_STATES, 2, N_STATES))
    for ace in (False, True):
        for total in range(12, 22):
            for shown in range(1, 11):
                here = hand_number(total, shown, ace)
                final = stuck[shown - 1]  # of the dealer: 17 .. 21, over
                below = final[:5][np.arange(17, 22) < total].sum() + final[5]
                same = final[:5][np.arange(17, 22) == total].sum()
                probability[here, 0, [WON, DRAWN, LOST]] = below, same, 1 - below - same
                for card, chance in enumerate(CARD, start=1):
                    after, soft = add_card(total, ace, card)
                    there = LOST if after > 21 else hand_number(after, shown, soft)
                    probability[here, 1, there] += chance
    for shown in range(1, 11):
        for action in range(2):  # there is nothing to decide
            probability[NATURAL + shown - 1, action, DRAWN] = natural[shown - 1]
            probability[NATURAL + shown - 1, action, WON] = 1 - natural[shown - 1]
    terminal = np.arange(N_STATES) >= WON
    probability[terminal, :, terminal] = 1.0
    successor, chance = _sparse(probability)
    features = np.stack([successor == WON, successor == LOST], axis=-1)
    features = features & ~terminal[:, None, None, None]
    return FiniteMDP(
        successor,
        chance,
        terminal=terminal,
        initial=_deal(),
        discount=discount,
        features=features,
        states=_hands(),
        feature_info=FEATURES,
        action_names=("stick", "hit"),
    )


def hand_number(total: int, dealer: int, usable_ace: bool) -> int:
    """The state of a hand of 12 to 21 that was not dealt as a natural."""
    return (int(usable_ace) * N_SUMS + total - 12) * N_CARDS + dealer - 1


def add_card(total: int, usable_ace: bool, card: int) -> tuple[int, bool]:
    """Sum and usable ace after one more card; an ace counts 11 where that fits."""
    total += card
    if card == 1 and total + 10 <= 21:
        total, usable_ace = total + 10, True
    if total > 21 and usable_ace:
        total, usable_ace = total - 10, False
    return total, usable_ace


def _dealer() -> tuple[np.ndarray, np.ndarray]:
    """For each card shown: chances of 17 .. 21 and over, and of a natural."""

    def finish(total: int, ace: bool) -> np.ndarray:
        if total >= 17:
            return np.eye(6)[min(total - 17, 5)]
        after = [finish(*add_card(total, ace, card)) for card in range(1, 11)]
        return CARD @ np.array(after)

    final = np.array([finish(*add_card(0, False, shown)) for shown in range(1, 11)])
    natural = np.zeros(10)
    natural[0], natural[9] = CARD[9], CARD[0]
    return final, natural


def _deal() -> np.ndarray:
    """How likely each state is when the player is first asked."""
    initial = np.zeros(N_STATES)

    def ask(total: int, ace: bool, n_cards: int, chance: float) -> None:
        if n_cards >= 2 and total >= 12:
            for shown, shows in enumerate(CARD, start=1):
                at = hand_number(total, shown, ace)
                if n_cards == 2 and total == 21:
                    at = NATURAL + shown - 1
                initial[at] += chance * shows
            return
        for card, draws in enumerate(CARD, start=1):
            ask(*add_card(total, ace, card), n_cards + 1, chance * draws)

    ask(0, False, 0, 1.0)
    return initial


def _sparse(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The successors that can happen ahead, and their probabilities."""
    n_branches = int((probability > 0).sum(axis=-1).max())
    order = np.argsort(-probability, axis=-1, kind="stable")[..., :n_branches]
    chance = np.take_along_axis(probability, order, axis=-1)
    # What pads a short list is its first successor again, at probability 0.
    return np.where(chance > 0, order, order[..., :1]), chance


def _hands() -> Hand:
    """What is seen in each state."""
    ace, total, shown = np.indices((2, N_SUMS, N_CARDS)).reshape(3, -1)
    cards, none, over = np.arange(N_CARDS), np.zeros(N_CARDS), np.zeros(3)
    return Hand(
        index=jnp.arange(N_STATES, dtype=jnp.int32),
        total=jnp.asarray(np.concatenate([total + 12, none + 21, over]), jnp.int32),
        dealer=jnp.asarray(np.concatenate([shown + 1, cards + 1, over]), jnp.int32),
        usable_ace=jnp.asarray(np.concatenate([ace == 1, none == 0, over == 1])),
        natural=jnp.asarray(np.concatenate([ace == 2, none == 0, over == 1])),
    )
