"""Where acting never ends: which states have a value at a discount of 1, and which not.

With a discount below 1 every state has a value, and nothing here costs a step: all
loops stand still unless the discount is 1.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from volition.env import FiniteMDP

States = Bool[Array, " state"]
Actions = Bool[Array, "state action"]


class Endless(eqx.Module):
    """States without an end, at a discount of 1; everything is False below it.

    Args:
        idle: cannot end, nothing pays there, and one can stay for nothing: worth 0.
        costly: no policy is sure to end from here or to come to an idle state, and
            nothing pays on the way: worth minus infinity.
        unsettled: it may never end and be paid for it: no value is claimed.
        blocked: actions that may lead into one of the last two, `[state, action]`.
    """

    idle: States
    costly: States
    unsettled: States
    blocked: Actions

    @property
    def without_value(self) -> States:
        """States that have no finite value."""
        return self.costly | self.unsettled

    def reduced(
        self, mdp: FiniteMDP, reward: Float[Array, "state action"]
    ) -> tuple[FiniteMDP, Float[Array, "state action"]]:
        """The world of the other states, where a blocked action pays minus infinity."""
        ends = mdp.terminal | self.idle | self.without_value
        world = eqx.tree_at(lambda one: one.terminal, mdp, ends)
        paid = jnp.where(self.blocked, -jnp.inf, reward)
        return world, jnp.where(ends[:, None], 0.0, paid)

    def marked(self, value: Float[Array, "*entries"]) -> Float[Array, "*entries"]:
        """Values by state, those that are not finite put in their place."""
        column = (slice(None),) + (None,) * (value.ndim - 1)
        value = jnp.where(self.costly[column], -jnp.inf, value)
        return jnp.where(self.unsettled[column], jnp.nan, value)


def endless(
    mdp: FiniteMDP, reward: Float[Array, "state action"], *, soft: bool = False
) -> Endless:
    """Find the states that have no finite value, whatever is done.

    Args:
        mdp: the world.
        reward: as `expected_reward` gives it, `[state, action]`.
        soft: whether entropy is a bonus, so that staying is never for nothing.
    """
    going = jnp.asarray(mdp.discount >= 1.0)
    leads = lambda marks: _leads(mdp, marks)
    terminal = mdp.terminal
    acting = ~terminal
    nowhere = jnp.zeros_like(terminal)

    def reaching(target: States, allowed: Actions) -> States:
        """From where a target can be reached by allowed actions."""
        step = lambda found: found | (acting & jnp.any(allowed & leads(found), axis=1))
        return _settle(step, target, going)

    every = jnp.ones((mdp.n_states, mdp.n_actions), dtype=bool)
    stranded = going & ~reaching(terminal, every)
    pays = stranded if soft else stranded & jnp.any(reward > 0.0, axis=1)
    unsettled = going & reaching(pays, every)
    free = reward == 0.0
    idle = stranded & ~unsettled
    idle = _settle(
        lambda kept: kept & jnp.any(free & ~leads(~kept), axis=1), idle, going
    )

    def more(costly: States) -> States:
        allowed = ~leads(costly | unsettled)
        return going & ~(reaching(terminal | idle, allowed) | unsettled)

    costly = _settle(more, nowhere, going)
    # A loop among them that pays may be worth more than never ending costs.
    inner = _settle(
        lambda kept: kept & jnp.any(~leads(~kept), axis=1), costly & ~stranded, going
    )
    pays = inner & jnp.any(~leads(~inner) & (reward > 0.0), axis=1)
    unsettled = unsettled | (going & reaching(pays, every))
    costly, idle = costly & ~unsettled, idle & ~unsettled
    blocked = acting[:, None] & leads(costly | unsettled)
    return Endless(idle, costly, unsettled, blocked & going)


def never_ending(
    mdp: FiniteMDP,
    successor: Int[Array, "state branch"],
    weights: Float[Array, "state branch"],
    paid: Float[Array, " state"],
) -> tuple[States, States, States]:
    """How a policy never ends, at a discount of 1.

    Args:
        mdp: where states end and the discount come from.
        successor: where each state leads under the policy, `[state, branch]`.
        weights: with which probability, `[state, branch]`.
        paid: the policy's expected reward, `[state]`.

    Returns:
        Marks of states, in this order: those that stay for nothing for ever, worth 0;
        those that may never end and pay less than 0 for it; those that may never end
        and pay more. The last two have no finite value.
    """
    going = jnp.asarray(mdp.discount >= 1.0)
    acting = ~mdp.terminal
    leads = lambda marks: jnp.any((weights > 0.0) & marks[successor], axis=-1)

    def reaching(target: States) -> States:
        return _settle(lambda found: found | (acting & leads(found)), target, going)

    paid = jax.lax.stop_gradient(paid)
    idle = going & ~reaching(mdp.terminal)
    idle = _settle(lambda kept: kept & (paid == 0.0) & ~leads(~kept), idle, going)
    lost = going & ~reaching(mdp.terminal | idle)
    return idle, reaching(lost & (paid < 0.0)), reaching(lost & (paid > 0.0))


def visited_for_ever(
    mdp: FiniteMDP,
    successor: Int[Array, "state branch"],
    weights: Float[Array, "state branch"],
) -> States:
    """States that episodes come to and never end from, at a discount of 1.

    Args:
        mdp: where states end and begin, and the discount.
        successor: where each state leads under a policy, `[state, branch]`.
        weights: with which probability, `[state, branch]`.
    """
    going = jnp.asarray(mdp.discount >= 1.0)
    possible = (weights > 0.0) & ~mdp.terminal[:, None]

    def ending(found: States) -> States:
        return found | jnp.any(possible & found[successor], axis=-1)

    def coming(found: States) -> States:
        return found.at[successor].max(possible & found[:, None])

    ends = _settle(ending, mdp.terminal, going)
    return going & ~ends & _settle(coming, mdp.initial > 0.0, going)


def best_actions(
    mdp: FiniteMDP, q: Float[Array, "state action"], slack: Float[Array, ""]
) -> Int[Array, " state"]:
    """The first of the best actions; at a discount of 1, one that gets somewhere.

    Without a discount, waiting is worth as much as going on, and the first of equals
    may wait for ever. There, of actions that are equal, one is taken that leads towards
    an end, or to where one can stay for nothing.

    Args:
        mdp: the world.
        q: value of each action, `[state, action]`.
        slack: what may be missing to the best action for one that counts as equal.
    """
    best = jnp.max(q, axis=-1, keepdims=True)
    equal = q >= best - slack
    actions = jnp.argmax(equal, axis=-1).astype(jnp.int32)
    going = jnp.asarray(mdp.discount >= 1.0)
    rows = jnp.arange(mdp.n_states)
    goal = mdp.terminal | _at_rest(mdp, equal & (jnp.abs(best) <= slack), going)
    successor, chance = mdp.successor[rows, actions], mdp.probability[rows, actions]
    step = lambda found: found | jnp.any((chance > 0.0) & found[successor], axis=-1)
    done = _settle(step, goal, going)
    return towards(mdp, actions, equal, done)


def _at_rest(mdp: FiniteMDP, equal: Actions, going: Bool[Array, ""]) -> States:
    """States of value 0 in which equal actions can stay among such states."""
    start = going & ~mdp.terminal & jnp.any(equal, axis=-1)
    kept = lambda found: found & jnp.any(equal & ~_leads(mdp, ~found), axis=-1)
    return _settle(kept, start, going)


def towards(
    mdp: FiniteMDP, actions: Int[Array, " state"], allowed: Actions, done: States
) -> Int[Array, " state"]:
    """Actions, changed where they do not lead to states that are done, if others do."""
    going = jnp.asarray(mdp.discount >= 1.0)

    def unfinished(carry):
        return carry[2] & going

    def layer(carry):
        actions, done, _ = carry
        leads = allowed & _leads(mdp, done)
        new = ~done & jnp.any(leads, axis=-1)
        actions = jnp.where(new, jnp.argmax(leads, axis=-1).astype(jnp.int32), actions)
        return actions, done | new, jnp.any(new)

    start = (actions, done, jnp.ones((), dtype=bool))
    return jax.lax.while_loop(unfinished, layer, start)[0]


def _leads(mdp: FiniteMDP, marks: States) -> Actions:
    """Which actions may lead to a marked state."""
    possible = (mdp.probability > 0.0) & marks[mdp.successor]
    return jnp.any(possible, axis=-1)


def _settle(
    step: Callable[[States], States], start: States, going: Bool[Array, ""]
) -> States:
    """Repeat a step until it changes nothing; not at all unless `going`."""

    def unfinished(carry):
        return carry[1] & going

    def again(carry):
        after = step(carry[0])
        return after, jnp.any(after != carry[0])

    start_carry = (start, jnp.ones((), dtype=bool))
    return jax.lax.while_loop(unfinished, again, start_carry)[0]
