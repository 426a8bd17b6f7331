"""A learner that is paid by a discriminator, which learns beside it."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, PyTree

from volition.inference.irl.discriminator import (
    AbstractDiscriminator,
    Disentangled,
    Layout,
    Occupancy,
)
from volition.value.deep import MLP, Adam, Replay, Rollout, SoftNetwork
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.optimiser import AbstractOptimiser
from volition.value.deep.replay import Ring
from volition.value.deep.world import Spaces, Step


class Contest(eqx.Module):
    """How the discriminator learns.

    Args:
        network: the shape of its networks.
        n_updates: steps of its optimiser behind each rollout of the learner.
        batch_size: steps of the expert, and as many of the policy, in each.
        n_rollouts: of the policy that it sees, the last one and those before. With more
            than one it does not forget what was wrong with earlier policies, which
            learning anew from the reward alone meets again; as long as the policy still
            changes it is then told apart from those before, too.
        penalty: weight of the gradient penalty, at least 0.
        optimiser: how it follows its gradients.

    Raises:
        ValueError: where one is no such number.
    """

    network: MLP = eqx.field(default_factory=lambda: MLP((32, 32), layer_norm=False))
    n_updates: int = eqx.field(static=True, default=4, kw_only=True)
    batch_size: int = eqx.field(static=True, default=256, kw_only=True)
    n_rollouts: int = eqx.field(static=True, default=1, kw_only=True)
    penalty: ArrayLike = eqx.field(default=1.0, kw_only=True)
    optimiser: AbstractOptimiser = eqx.field(
        default_factory=lambda: Adam(1e-3), kw_only=True
    )

    def __check_init__(self):
        if min(self.n_updates, self.batch_size, self.n_rollouts) < 1:
            raise ValueError(
                "n_updates, batch_size and n_rollouts of a contest are at least 1."
            )


class Expert(eqx.Module):
    """What was demonstrated, as the contest takes it.

    Args:
        observation: what was seen before each step, leaves `[step, ...]`.
        action: what was done.
        rows: each step as numbers.
        n_ended: how many of the steps ended an episode.
    """

    observation: PyTree
    action: Int[Array, " step"]
    rows: Float[Array, "step number"]
    n_ended: Float[Array, ""]


class Memory(eqx.Module):
    """What is remembered.

    Args:
        learner: by the learner.
        discriminator: as it stands.
        optimiser: its optimiser's arrays.
        loss: its mean loss behind the last rollout, nats; `2 log 2` where it cannot
            tell who made a step.
        ring: the policy's last rollouts.
    """

    learner: PyTree
    discriminator: AbstractDiscriminator
    optimiser: tuple[Array, ...]
    loss: Float[Array, ""]
    ring: Ring


class Adversary(AbstractDeepLearner):
    """A soft learner whose reward is a discriminator that learns beside it.

    Behind each rollout of the policy the discriminator learns from it; the rollout, and
    what a learner with replay remembers, is paid anew; then the learner learns.

    Args:
        learner: with a backup that is soft.
        temperature: of its policy, reward units per nat.
        expert: what was demonstrated.
        layout: how a step becomes a row.
        contest: how the discriminator learns.
        takes_action: None for `Occupancy`, else whether the reward of `Disentangled`
            is one of the action, too.
        discount: the world's, below 1.
    """

    learner: AbstractDeepLearner
    temperature: Float[Array, ""]
    expert: Expert
    layout: Layout
    contest: Contest
    takes_action: bool | None = eqx.field(static=True)
    discount: float = eqx.field(static=True)

    @property
    def n_steps(self) -> int:
        """The learner's."""
        return self.learner.n_steps

    @property
    def rollout(self) -> Rollout:
        """The learner's."""
        return self.learner.rollout

    @property
    def n_stretches(self) -> int:
        """The learner's."""
        return self.learner.n_stretches

    @property
    def rest(self) -> float:
        """Discounted steps in the absorbing state behind an end."""
        return self.discount / (1.0 - self.discount)

    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> Memory:
        """A learner and a discriminator at random."""
        of_learner, of_networks = jax.random.split(key)
        memory = self.learner.begin(of_learner, spaces, example)
        contest = self.contest
        n_outputs = self.layout.n_actions if self.takes_action is not False else 1
        n_outputs += self.takes_action is not None  # the potential
        network = contest.network.begin(of_networks, self.layout.n_state, n_outputs)
        if self.takes_action is None:
            drawn = Occupancy(network)
        else:
            drawn = Disentangled(network, self.discount)
        row, _ = ravel_pytree(drawn)
        ring = Replay(contest.n_rollouts * self.rollout.n_steps, warm_up=0)
        ring = ring.begin(example, self.rollout)
        optimiser = contest.optimiser.begin(row)
        return Memory(memory, drawn, optimiser, jnp.float32(0.0), ring)

    def policy(self, memory: Memory) -> SoftNetwork:
        """Soft in the learner's values."""
        greedy: Any = self.learner.policy(memory.learner)
        return SoftNetwork(greedy.inputs, greedy.network, self.temperature)

    def act(
        self, key: PRNGKeyArray, memory: Memory, observations: PyTree, step: Array
    ) -> Array:
        """By the soft policy, which explores by itself."""
        del step
        told = jax.vmap(self.policy(memory).log_probabilities)(observations)
        return jax.random.categorical(key, told, axis=-1).astype(jnp.int32)

    def update(
        self, key: PRNGKeyArray, memory: Memory, seen: Step, step: Array
    ) -> Memory:
        """Tell apart, pay anew, learn."""
        of_contest, of_learner = jax.random.split(key)
        ring = memory.ring.add(seen)
        memory = eqx.tree_at(lambda memory: memory.ring, memory, ring)
        drawn, optimiser, loss = self.tell_apart(of_contest, memory, step)
        pay = lambda node: self.pay(drawn, node) if isinstance(node, Step) else node
        is_step = lambda node: isinstance(node, Step)
        learner, seen = jax.tree.map(pay, (memory.learner, seen), is_leaf=is_step)
        learner = self.learner.update(of_learner, learner, seen, step)
        return Memory(learner, drawn, optimiser, loss, ring)

    def rows(self, seen: Step) -> Float[Array, "*batch number"]:
        """Steps as numbers."""
        each = self.layout.row
        for _ in range(seen.over.ndim):
            each = jax.vmap(each)
        return each(
            seen.observation,
            seen.transition.action,
            seen.next_observation,
            seen.terminated,
        )

    def pay(self, drawn: AbstractDiscriminator, seen: Step) -> Step:
        """Steps, paid by a discriminator.

        What it pays in the absorbing state is taken from every step, so that nothing is
        left to be paid behind an end. Where time goes on for ever this is the same for
        every policy; and a learner's first guess, nothing, is right there at once.
        """
        each = drawn.paid
        for _ in range(seen.over.ndim):
            each = jax.vmap(each)
        paid = each(self.rows(seen)) - drawn.paid(self.layout.absorbing)
        scale = self.temperature if drawn.by_policy else jnp.float32(1.0)
        return eqx.tree_at(lambda step: step.reward, seen, scale * paid)

    def tell_apart(
        self, key: PRNGKeyArray, memory: Memory, step: Array
    ) -> tuple[AbstractDiscriminator, tuple[Array, ...], Float[Array, ""]]:
        """The discriminator after some steps, its optimiser, and the mean loss."""
        contest, policy = self.contest, self.policy(memory)
        shape = (contest.n_updates, contest.batch_size)
        share = jax.random.uniform(key, (5, *shape), jnp.float32)
        expert, ring = self.expert, memory.ring
        n = jnp.int32(expert.action.shape[0])
        chosen = _chosen(share[0], n)
        pick = lambda leaf: leaf[chosen]
        shown = jax.tree.map(pick, expert.observation), pick(expert.action)
        shown = (*shown, pick(expert.rows))
        experts = self._drawn(share[1], expert.n_ended, n, *shown, policy)
        n = ring.filled * ring.seen.over.shape[1]
        chosen = _chosen(share[2], n)
        pick = lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[chosen]
        made = jax.tree.map(pick, ring.seen)
        n_ended = jnp.sum(ring.seen.terminated, dtype=jnp.float32)
        made = (made.observation, made.transition.action, self.rows(made))
        policys = self._drawn(share[3], n_ended, n, *made, policy)
        row, unravel = ravel_pytree(memory.discriminator)
        weight = jnp.asarray(contest.penalty, dtype=jnp.float32)

        def one(carry, batch):
            row, optimiser = carry
            loss_and_slope = jax.value_and_grad(contest_loss, has_aux=True)
            (_, loss), slope = loss_and_slope(row, unravel, *batch, weight)
            return contest.optimiser.step(row, slope, optimiser, step), loss

        batches = (experts, policys, share[4])
        (row, optimiser), loss = jax.lax.scan(one, (row, memory.optimiser), batches)
        return unravel(row), optimiser, jnp.mean(loss)

    def _drawn(
        self,
        absorbed: Float[Array, "update batch"],
        n_ended: Float[Array, ""],
        n: Int[Array, ""],
        observation: PyTree,
        action: Int[Array, "update batch"],
        rows: Float[Array, "update batch number"],
        policy: SoftNetwork,
    ) -> tuple[Array, Array]:
        """Steps, with those behind ends among them, and `log pi` of each."""
        n_behind = n_ended * self.rest
        behind = absorbed < n_behind / (n_behind + n.astype(jnp.float32))
        rows = jnp.where(behind[..., None], self.layout.absorbing[None, None, :], rows)
        told = jax.vmap(jax.vmap(policy.log_probabilities))(observation)
        here = jax.nn.one_hot(action, told.shape[-1], dtype=told.dtype)
        log_pi = jnp.sum(told * here, axis=-1)
        # In the absorbing state there is nothing to choose.
        return rows, jnp.where(behind, 0.0, log_pi)


def _chosen(
    share: Float[Array, "update batch"], n: Int[Array, ""]
) -> Int[Array, "update batch"]:
    """Numbers below `n`, all alike; rounding must not reach one further."""
    return jnp.minimum((share * n.astype(share.dtype)).astype(jnp.int32), n - 1)


def contest_loss(
    parameters: Array,
    unravel,
    expert: tuple[Array, Array],
    policy: tuple[Array, Array],
    mix: Array,
    weight: Array,
) -> tuple[Array, Array]:
    """What a discriminator minimises, with the penalty and without, nats.

    `mean over expert of -log D + mean over policy of -log(1 - D)`. The penalty, that of
    slopes other than 1 between steps of the two, is of the score alone: the policy is
    not learned here.

    Args:
        parameters: of the discriminator, in one row.
        unravel: makes it of them.
        expert: rows of steps, `[step, number]`, and `log pi` of each by the policy.
        policy: the same of the policy's steps.
        mix: uniform in `[0, 1)`, `[step]`: where between the two the slope is taken.
        weight: of the penalty.
    """
    drawn = unravel(parameters)

    n = mix.shape[0]
    logit = jax.vmap(drawn.score)(jnp.concatenate([expert[0], policy[0]]))
    if drawn.by_policy:
        logit = logit - jnp.concatenate([expert[1], policy[1]])
    told = jnp.concatenate([-logit[:n], logit[n:]])
    loss = 2.0 * jnp.mean(jax.nn.softplus(told))
    between = mix[:, None] * expert[0] + (1.0 - mix[:, None]) * policy[0]
    slopes = jax.vmap(jax.grad(drawn.score))(between)
    norm = jnp.sqrt(jnp.sum(slopes**2, axis=-1) + 1e-12)
    return loss + weight * jnp.mean((norm - 1.0) ** 2), loss
