"""Ensembles: several rewards, each trained from its own draw of the prior."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env import Transition
from volition.feedback import AbstractAnswer, Segment
from volition.inference.map import AbstractMethod
from volition.inference.posterior import Members, Result
from volition.inference.problem import Free, Problem, parameters_of
from volition.reward import AbstractReward, Network


class Ensemble(AbstractMethod):
    """Several rewards, each trained from its own draw of the prior and drawn to it.

    Member `m` climbs `log P(answers) - sum ((w - a_m) / scale)^2 / 2` from `a_m`, a
    draw of the prior, where a single Gaussian prior would draw it to 0. So members
    differ where the answers say nothing by as much as the prior does, and without
    answers they are draws of it. (Where the answers say much they differ less
    than the posterior does, as the answers are the same for all.) Each also leaves one
    part of the answers out, by which training is stopped: at the step that predicts all
    of the parts best. There is no bootstrap beside that: it would leave out a third of
    what are few answers.

    Adam with small batches, all members in one compiled program; the size of its steps,
    in units of the prior, falls to nothing along a cosine.

    Args:
        n_members: at least 2.
        n_steps: of the optimiser.
        batch_size: answers in each step.
        step_size: the first, in units of the prior's scale, above 0.

    Raises:
        ValueError: where one of them is out of range; where it runs, for several
            answers that are all about one question.

    Source: I. Osband, J. Aslanides, A. Cassirer, "Randomized prior functions for deep
    reinforcement learning", NeurIPS 2018, section 3; T. Pearce et al., "Uncertainty in
    neural networks: approximately Bayesian ensembling", AISTATS 2020, arXiv 1810.05546,
    equation 9. Differs: the random prior is where a member is drawn to, not a network
    that is added, which for rewards linear in their parameters is the same.
    """

    n_members: int = eqx.field(static=True, default=5)
    n_steps: int = eqx.field(static=True, default=2000)
    batch_size: int = eqx.field(static=True, default=32)
    step_size: float = eqx.field(static=True, default=0.02)

    # Shares of the steps at which the left-out answers are looked at: what is learned
    # in a step falls about as one over their number.
    looks: ClassVar[tuple[float, ...]] = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)

    def __check_init__(self):
        if self.n_members < 2 or min(self.n_steps, self.batch_size) < 1:
            raise ValueError(
                "an ensemble has at least 2 members, 1 step and 1 answer in a batch, "
                f"not {self.n_members}, {self.n_steps} and {self.batch_size}."
            )
        if not self.step_size > 0.0:
            raise ValueError(f"step_size = {self.step_size} must be above 0.")

    def run(self, key: PRNGKeyArray, problem: Problem) -> tuple[Free, Members, Result]:
        """Train all, and stop where left-out answers are predicted best."""
        fold_key, train_key = jax.random.split(key)
        _check_questions(problem)
        part = _parts(fold_key, np.asarray(problem.answers.question), self.n_members)
        problem = _abridged(problem)
        seen, left_out, n_left_out = _train(
            train_key, problem, jnp.asarray(part, dtype=jnp.int32), self
        )
        n_looked_at = max(int(np.asarray(n_left_out).sum()), 1)
        held_out = np.asarray(left_out).sum(axis=1) / n_looked_at
        look = int(np.argmax(np.nan_to_num(held_out, nan=-np.inf)))
        points, stopped = seen[look], self._steps[look]
        # The one that predicts its own part best.
        each = np.asarray(left_out)[look] / np.maximum(np.asarray(n_left_out), 1)
        best = int(np.argmax(np.nan_to_num(each, nan=-np.inf)))
        density = _density(problem, points[best])
        finite = bool(np.isfinite(np.asarray(points)).all())
        message = (
            f"Trained {self.n_members} members; stopped at step {stopped} of "
            f"{self.n_steps}, where answers left out have a log-likelihood of "
            f"{held_out[look]:.3f} nats each, {held_out[0]:.3f} at first."
        )
        diagnostics = {
            "step": float(stopped),
            "held_out": float(held_out[look]),
            "held_out_first": float(held_out[0]),
        }
        result = Result(finite, message, float(density), diagnostics)
        return points[best], Members(points, jnp.int32(best)), result

    @property
    def _steps(self) -> tuple[int, ...]:
        """The steps before each look."""
        return tuple(round(share * self.n_steps) for share in self.looks)


def _check_questions(problem: Problem) -> None:
    there = np.asarray(problem.answers.present)
    numbers = np.unique(np.asarray(problem.answers.question)[there])
    if there.sum() > 1 and len(numbers) == 1:
        raise ValueError(
            f"all {there.sum()} answers are about question {numbers[0]}, so that none "
            "can be left out to stop training by: give each question a number of its "
            "own, or none (UNNUMBERED), so that the data set numbers them."
        )


@eqx.filter_jit
def _abridged(problem: Problem) -> Problem:
    return problem.abridged()


@eqx.filter_jit
def _density(problem: Problem, point: Free) -> Float[Array, ""]:
    """Log-density of answers and parameters, of a problem that is abridged."""
    total = problem.log_prior(point).astype(float)
    for batch in problem.answers.batches:
        said = _said(problem, point, batch.answers)
        total += jnp.sum(jnp.where(batch.present, said, 0.0))
    return total


def _parts(key: PRNGKeyArray, question: np.ndarray, n_parts: int) -> np.ndarray:
    """Which part each place belongs to; answers to one question in the same."""
    _, number = np.unique(question, return_inverse=True)
    # As many as places, so that another number of questions compiles nothing.
    order = np.asarray(jax.random.permutation(key, max(len(question), 1)))
    n_questions = number.max(initial=0) + 1
    rank = np.argsort(np.argsort(order[:n_questions]))
    return rank[number] % n_parts


@eqx.filter_jit
def _train(
    key: PRNGKeyArray,
    problem: Problem,
    part: Int[Array, " capacity"],
    settings: Ensemble,
) -> tuple[
    Float[Array, "look member free"],
    Float[Array, "look member"],
    Int[Array, " member"],
]:
    """Each member at each look, with what it says of the answers that it left out.

    Of a problem that is abridged.
    """
    import optax

    scale, n_reward = problem.prior_scale(), problem.n_reward
    steps = jnp.asarray(settings._steps, dtype=jnp.int32)
    adam = optax.adam(optax.cosine_decay_schedule(settings.step_size, settings.n_steps))

    def member(number: Int[Array, ""], key: PRNGKeyArray):
        anchor_key, train_key = jax.random.split(key)
        begins = problem.start
        drawn = problem.prior.sample(anchor_key, 1, begins[:n_reward])[0]
        anchor = begins.at[:n_reward].set(drawn)
        keep = part != number
        orders = _orders(problem, keep)
        others = _orders(problem, ~keep)

        def at(white):
            return anchor + white * scale

        def penalty(white):
            _, human = problem.unpack(at(white))
            person = [one.log_prior() for one in parameters_of(human)]
            away = -0.5 * jnp.sum(jnp.square(white[:n_reward]))
            return sum((one.astype(away.dtype) for one in person), away)

        def loss(white, batch_key):
            said = _estimate(problem, at(white), orders, batch_key, settings)
            return -(said + penalty(white).astype(said.dtype))

        nothing = jnp.zeros_like(scale)

        def one_step(step, carry):
            white, state = carry
            slope = jax.grad(loss)(white, jax.random.fold_in(train_key, step))
            with jax.numpy_dtype_promotion("standard"):
                update, state = adam.update(slope, state, white)
            return white + jnp.asarray(update).astype(white.dtype), state

        def look(carry, between):
            carry = jax.lax.fori_loop(between[0], between[1], one_step, carry)
            free = at(carry[0])
            return carry, (free, *_sum(problem, free, others, settings.n_members))

        with jax.numpy_dtype_promotion("standard"):
            state = adam.init(nothing)
        between = jnp.stack([jnp.append(steps[:1], steps[:-1]), steps], axis=1)
        _, (free, left_out, n) = jax.lax.scan(look, (nothing, state), between)
        return free, left_out, n[0]

    numbers = jnp.arange(settings.n_members, dtype=jnp.int32)
    keys = jax.random.split(key, settings.n_members)
    # One after the other: on a core a batch of small networks takes a third longer.
    points, left_out, n = jax.lax.map(lambda one: member(*one), (numbers, keys))
    return jnp.swapaxes(points, 0, 1), jnp.swapaxes(left_out, 0, 1), n


class Order(eqx.Module):
    """Where in a batch the answers are that are learned from.

    Args:
        rows: of all places; those learned from come first.
        n: how many these are.
    """

    rows: Int[Array, " capacity"]
    n: Int[Array, ""]

    def draw(self, key: PRNGKeyArray, size: int) -> Int[Array, " row"]:
        """Some of them, with replacement."""
        share = jax.random.uniform(key, (size,), jnp.float32)
        place = (share * self.n.astype(jnp.float32)).astype(jnp.int32)
        # Rounding must not reach one place further.
        return self.rows[jnp.minimum(place, jnp.maximum(self.n - 1, 0))]


def _orders(problem: Problem, keep: Array) -> list[Order]:
    """Of each batch."""
    orders, begin = [], 0
    for batch in problem.answers.batches:
        kept = keep[begin : begin + batch.capacity] & batch.present
        begin += batch.capacity
        rows = jnp.argsort(~kept, stable=True)
        orders.append(Order(rows, jnp.sum(kept, dtype=jnp.int32)))
    return orders


def _sum(
    problem: Problem, free: Free, orders: list[Order], n_parts: int
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """Log-likelihood of the answers of a part, and how many they are.

    No more than an equal share of the places: where many answers are about one
    question, the others of a part are not looked at.
    """
    total, n = jnp.zeros(()), jnp.int32(0)
    for batch, order in zip(problem.answers.batches, orders, strict=True):
        size = -(-batch.capacity // n_parts)
        here = jnp.arange(size, dtype=jnp.int32) < order.n
        rows = order.rows[:size]
        said = _said(problem, free, _taken(batch.answers, rows))
        total += jnp.sum(jnp.where(here, said, 0.0))
        n += jnp.sum(here, dtype=jnp.int32)
    return total, n


def _estimate(
    problem: Problem,
    free: Free,
    orders: list[Order],
    key: PRNGKeyArray,
    settings: Ensemble,
) -> Float[Array, ""]:
    """The log-likelihood of the answers learned from, estimated by some of them."""
    total, batches = jnp.zeros(()), problem.answers.batches
    for number, (batch, order) in enumerate(zip(batches, orders, strict=True)):
        share = batch.capacity / problem.answers.capacity
        size = max(1, min(round(settings.batch_size * share), batch.capacity))
        rows = order.draw(jax.random.fold_in(key, number), size)
        said = _said(problem, free, _taken(batch.answers, rows))
        total += order.n.astype(float) / size * jnp.sum(said)
    return total


def _said(
    problem: Problem, free: Free, answers: AbstractAnswer
) -> Float[Array, " answer"]:
    """Log-likelihood of each of some answers, of a problem that is abridged."""
    reward, human = problem.unpack(free)
    if isinstance(reward, Network):
        # All steps of all options at once: then their rewards are all that is needed.
        answers = _paid(reward, answers)
        reward = Paid()
    return jax.vmap(human.judge(reward).log_prob)(answers)


class Paid(AbstractReward):
    """The reward of a step that was worked out before, in place of its features."""

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """As it was found."""
        return jnp.asarray(transition.features)[0]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None of an environment's."""
        return ()


def _paid(reward: Network, answers: AbstractAnswer) -> AbstractAnswer:
    is_segment = lambda part: isinstance(part, Segment)

    def work(part):
        if not is_segment(part):
            return part
        found = reward.over(part.transition.features)[..., None]
        return eqx.tree_at(lambda one: one.transition.features, part, found)

    return jax.tree.map(work, answers, is_leaf=is_segment)


def _taken(answers: AbstractAnswer, rows: Int[Array, " row"]) -> AbstractAnswer:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], answers)
