"""A policy straight from answers, without a reward between: a baseline."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Discrete
from volition.feedback import Answers, Batch, Dataset, Segment
from volition.feedback.check import check_answers
from volition.human import AbstractChoice, Davidson, Judge
from volition.policy import AbstractPolicy
from volition.value.deep.network import MLP, AbstractInputs, Network, inputs


class LogitNetwork(AbstractPolicy):
    """The action that a network gives most probability.

    Args:
        inputs: how the network takes an observation.
        network: a row of one number for each action: its logit.
    """

    inputs: AbstractInputs
    network: Network

    def log_probs(self, observation: PyTree) -> Float[Array, " action"]:
        """Log-probability of each action."""
        return jax.nn.log_softmax(self.network(self.inputs(observation))[:, 0])

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """The most probable one."""
        del key
        return jnp.argmax(self.log_probs(observation)).astype(jnp.int32)


class Contrastive(eqx.Module):
    """Contrastive preference learning: people choose what a good policy would do.

    A person who compares by regret sees, at each step, the advantage of what was done;
    that of a maximum-entropy policy is `temperature log pi(a|s)`. So a segment is worth
    `sum over t of temperature log pi(a_t|s_t)`, a policy is all that there is to fit,
    and neither a reward nor a simulator is needed. What it cannot do is to act well
    where nobody was shown anything, or in another world.

    Args:
        temperature: reward units per nat.
        network: its shape.
        n_steps: of Adam.
        n_answers: in each step, drawn with replacement.
        step_size: of Adam.
        decay: of the weights, in each step, as a share of the step size.

    Source: J. Hejna et al., "Contrastive preference learning", ICLR 2024, equation 5.
    Differs: any choice model, so that ties count; no discount within a segment; weight
    decay in place of a bias against what was not chosen.
    """

    temperature: float = 1.0
    network: MLP = eqx.field(default_factory=lambda: MLP((64, 64)))
    n_steps: int = eqx.field(static=True, default=2000)
    n_answers: int = eqx.field(static=True, default=64)
    step_size: float = 1e-3
    decay: float = 1e-2

    def learn(
        self,
        key: PRNGKeyArray,
        env: AbstractEnvironment,
        answers: Dataset | Answers,
        choice: AbstractChoice | None = None,
    ) -> tuple[LogitNetwork, Float[Array, " step"]]:
        """Fit a policy to answers.

        Args:
            key: consumed.
            env: the world that the segments are from, with a finite number of actions;
                for its `observe` alone.
            answers: about segments of it, of one kind.
            choice: how worth becomes an answer; `Davidson()` if left out.

        Returns:
            The policy, and the mean negative log-likelihood of the answers in each
            step, nats.

        Raises:
            ValueError: where there is no answer, more than one kind, actions that are
                not numbered, or a choice out of range.
            RuntimeError: where the loss is not finite.

        Example:
            >>> from volition import env, feedback, human, policy, reward
            >>> world = env.delivery()
            >>> pair = policy.rollout(
            ...     jax.random.key(1), world, policy.Random(4), n_segments=2, length=3
            ... )
            >>> person = human.Boltzmann().judge(reward.delivery_true())
            >>> said = person.sample(jax.random.key(2), feedback.comparison(pair))
            >>> answers = feedback.Dataset.empty().append(said)
            >>> learned, losses = Contrastive(n_steps=5).learn(
            ...     jax.random.key(3), world, answers
            ... )
            >>> losses.shape
            (5,)
        """
        if not isinstance(env.action_space, Discrete):
            raise ValueError(
                "a policy is fitted to answers where actions are numbered, not in a "
                f"space {env.action_space}."
            )
        answers = Dataset.of(answers)
        if len(answers.batches) != 1 or len(answers) == 0:
            raise ValueError(
                f"a policy is fitted to answers of one kind, not of "
                f"{len(answers.batches)}: ask first, or take a subset."
            )
        check_answers(answers.batches[0].answers)
        choice = Davidson() if choice is None else choice
        policy, losses = _learn(key, self, env, answers.batches[0], choice)
        if not np.isfinite(np.asarray(losses)).all():
            step = int(np.argmin(np.isfinite(np.asarray(losses))))
            raise RuntimeError(
                f"the loss is {float(losses[step])} at step {step} of {self.n_steps}: "
                "an observation in the answers is not finite, or step_size = "
                f"{float(self.step_size)} is too large."
            )
        return policy, losses


def _advantage(
    policy: LogitNetwork,
    env: AbstractEnvironment,
    temperature: float,
    segment: Segment,
) -> Float[Array, ""]:
    """What a single segment is worth to one who would do as the policy does."""

    def one(state: PyTree, action: Array) -> Float[Array, ""]:
        return policy.log_probs(env.observe(state))[action]

    logs = jax.vmap(one)(segment.transition.state, segment.transition.action)
    weight = segment.weight.astype(logs.dtype)
    total = jnp.sum(jnp.where(weight > 0, weight * logs, 0.0))
    return temperature * total.astype(float)


@eqx.filter_jit
def _learn(
    key: PRNGKeyArray,
    method: Contrastive,
    env: AbstractEnvironment,
    batch: Batch,
    choice: AbstractChoice,
):
    import optax

    begin_key, steps_key = jax.random.split(key)
    taken = inputs(env.observation_space)
    assert isinstance(env.action_space, Discrete)
    network = method.network.begin(begin_key, taken.size, env.action_space.n)
    learned, fixed = eqx.partition(network, eqx.is_inexact_array)
    optimiser = optax.adamw(method.step_size, weight_decay=method.decay)
    n_present = jnp.sum(batch.present, dtype=jnp.int32)

    def loss(learned, rows):
        policy = LogitNetwork(taken, eqx.combine(learned, fixed))
        worth = jax.tree_util.Partial(_advantage, policy, env, method.temperature)
        answers = jax.tree.map(lambda leaf: leaf[rows], batch.answers)
        return -jnp.mean(jax.vmap(Judge(worth, choice).log_prob)(answers))

    def step(carry, step_key):
        learned, state = carry
        rows = jax.random.randint(step_key, (method.n_answers,), 0, n_present)
        value, slope = jax.value_and_grad(loss)(learned, rows)
        with jax.numpy_dtype_promotion("standard"):
            update, state = optimiser.update(slope, state, learned)
        # By hand, as optax adds arrays of any precision to another.
        moved = jax.tree.map(lambda leaf, change: leaf + change, learned, update)
        return (moved, state), value

    keys = jax.random.split(steps_key, method.n_steps)
    start = (learned, optimiser.init(learned))
    (learned, _), losses = jax.lax.scan(step, start, keys)
    return LogitNetwork(taken, eqx.combine(learned, fixed)), losses
