"""Ensembles: several rewards, each trained from its own draw of the prior."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.feedback import Batch
from volition.inference.map import AbstractMethod
from volition.inference.posterior import Members, Result
from volition.inference.problem import Free, Problem


class Ensemble(AbstractMethod):
    """Several rewards, each trained from its own draw of the prior and drawn to it.

    Member `m` climbs `log P(answers) + log prior(w) + w . a_m / scale^2` from `a_m`, a
    draw of the prior: for a Gaussian prior it is drawn to `a_m` in place of 0. So
    members differ where the answers say nothing by as much as the prior does, and
    without answers they are draws of it. Each also leaves one part of the answers out,
    by which training is stopped: at the step that predicts all of the parts best. There
    is no bootstrap beside that, as it would leave out a third of few answers.

    Adam with small batches, all members in one compiled program; the size of its steps,
    in units of the prior, falls to nothing along a cosine.

    Args:
        n_members: at least 2.
        n_steps: of the optimiser.
        batch_size: answers in each step.
        step_size: the first, in units of the prior's scale, above 0.

    Raises:
        ValueError: where one of them is out of range.

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

    n_looks: ClassVar[int] = 20  # times at which the left-out answers are looked at

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
        present = np.asarray(problem.answers.present)
        part = _parts(fold_key, np.asarray(problem.answers.question), self.n_members)
        seen, held_out, density = _train(
            train_key, problem, jnp.asarray(part, dtype=jnp.int32), self
        )
        held_out = np.asarray(held_out).sum(axis=1) / max(present.sum(), 1)
        look = int(np.argmax(np.nan_to_num(held_out, nan=-np.inf)))
        points, density = seen[look], np.asarray(density[look])
        best = int(np.argmax(np.nan_to_num(density, nan=-np.inf)))
        finite = bool(np.isfinite(np.asarray(points)).all())
        stopped = look * self.n_steps / self.n_looks
        message = (
            f"{self.n_members} members; stopped at step {stopped:.0f} of "
            f"{self.n_steps}, where answers left out have a log-likelihood of "
            f"{held_out[look]:.3f} nats each, {held_out[0]:.3f} at first."
        )
        diagnostics = {
            "step": stopped,
            "held_out": float(held_out[look]),
            "held_out_first": float(held_out[0]),
        }
        result = Result(finite, message, float(density[best]), diagnostics)
        return points[best], Members(points, jnp.int32(best)), result


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
    Float[Array, "look member"],
]:
    """Each member at each look, with what it says of the answers that it left out."""
    scale, n_reward = problem.prior_scale(), problem.n_reward
    n_steps = -(-settings.n_steps // settings.n_looks)
    adam = optax.adam(
        optax.cosine_decay_schedule(
            settings.step_size, max(n_steps * settings.n_looks, 1)
        )
    )

    def member(number: Int[Array, ""], key: PRNGKeyArray):
        anchor_key, train_key = jax.random.split(key)
        # Of the reward alone: the person's numbers begin where they are.
        of_reward = (jnp.arange(scale.shape[0]) < n_reward).astype(scale.dtype)
        anchor = jax.random.normal(anchor_key, scale.shape, scale.dtype) * of_reward
        middle = problem.start * (1.0 - of_reward)
        keep = part != number

        def at(white):
            return middle + white * scale

        def penalty(white):
            return problem.log_prior(at(white)) + jnp.sum(white * anchor)

        def loss(white, batch_key):
            said = _estimate(problem, at(white), keep, batch_key, settings.batch_size)
            return -(said + penalty(white).astype(said.dtype))

        def one_step(carry, batch_key):
            white, state = carry
            slope = jax.grad(loss)(white, batch_key)
            with jax.numpy_dtype_promotion("standard"):
                update, state = adam.update(slope, state, white)
            return (white + jnp.asarray(update).astype(white.dtype), state), None

        def look(carry, keys):
            white, _ = carry
            each = problem.each_log_likelihood(at(white))
            left_out = jnp.sum(jnp.where(keep, 0.0, each))
            density = jnp.sum(each) + problem.log_prior(at(white)).astype(each.dtype)
            seen = (at(white), left_out, density)
            carry, _ = jax.lax.scan(one_step, carry, keys)
            return carry, seen

        keys = jax.random.split(train_key, (settings.n_looks, n_steps))
        with jax.numpy_dtype_promotion("standard"):
            state = adam.init(anchor)
        carry, seen = jax.lax.scan(look, (anchor, state), keys)
        # And at the end.
        _, last = look(carry, keys[:1, 0])
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), seen, last)

    numbers = jnp.arange(settings.n_members, dtype=jnp.int32)
    keys = jax.random.split(key, settings.n_members)
    return jax.vmap(member, out_axes=1)(numbers, keys)


def _estimate(
    problem: Problem,
    free: Free,
    keep: Array,
    key: PRNGKeyArray,
    batch_size: int,
) -> Float[Array, ""]:
    """The log-likelihood of the answers kept, estimated by some of them."""
    reward, human = problem.unpack(free)
    judge = human.judge(reward)
    total, begin = jnp.zeros(()), 0
    for number, batch in enumerate(problem.answers.batches):
        share = batch.capacity / problem.answers.capacity
        size = max(1, min(round(batch_size * share), batch.capacity))
        kept = keep[begin : begin + batch.capacity] & batch.present
        begin += batch.capacity
        some, weight = _some(batch, kept, jax.random.fold_in(key, number), size)
        said = jax.vmap(judge.log_prob)(some)
        total += weight * jnp.sum(said)
    return total


def _some(batch: Batch, kept: Array, key: PRNGKeyArray, size: int):
    """Answers drawn with replacement from those kept, and how many each stands for."""
    n_kept = jnp.sum(kept, dtype=jnp.int32)
    # Those kept come first, in their order.
    order = jnp.argsort(~kept, stable=True)
    share = jax.random.uniform(key, (size,), jnp.float32)
    place = (share * n_kept.astype(jnp.float32)).astype(jnp.int32)
    rows = order[jnp.minimum(place, jnp.maximum(n_kept - 1, 0))]
    some = jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], batch.answers)
    return some, n_kept.astype(float) / size
