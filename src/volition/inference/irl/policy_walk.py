"""PolicyWalk: rewards drawn from a posterior, by a walk from one to the next."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from volition.env import FiniteMDP
from volition.inference.expected import expect_behaviour
from volition.inference.irl.demonstrations import (
    check_demonstrations,
    transition_matrix,
)
from volition.inference.irl.units import parameter_units
from volition.inference.nuts import diagnose
from volition.inference.precision import in_64_bits
from volition.inference.prior import Normal
from volition.policy import Segment
from volition.reward import AbstractReward, Tabular
from volition.value import expected_reward

AGREE = 1.05  # R-hat of chains that agree
APART = 10.0  # R-hat above which its number says no more than that
N_EFFECTIVE = 40  # draws, by which a mean is known to a sixth of its deviation


class Walked(eqx.Module):
    """Rewards drawn from what demonstrations leave possible.

    Args:
        form: the form of the reward.
        draws: what is learned of it, reward units, `[chain, draw, parameter]`.
        accepted: share of the proposals that were.
        r_hat: of the worst parameter.
        n_effective: draws that are worth as many independent ones, of the worst.
        converged: whether the chains agree.
        message: how it went, in a sentence.
    """

    form: AbstractReward
    draws: Float[Array, "chain draw parameter"]
    accepted: float
    r_hat: float
    n_effective: float
    converged: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)

    @property
    def mean(self) -> AbstractReward:
        """The mean reward, whose best policy loses least on average."""
        return self._reward(jnp.mean(self.draws, axis=(0, 1)))

    def sample(self, key: PRNGKeyArray, n_samples: int) -> AbstractReward:
        """Rewards drawn again, with replacement: a batch, leaves `[sample, ...]`."""
        flat = self.draws.reshape(-1, self.draws.shape[-1])
        rows = jax.random.randint(key, (n_samples,), 0, flat.shape[0])
        return jax.vmap(self._reward)(flat[rows])

    def _reward(self, point: Float[Array, " parameter"]) -> AbstractReward:
        learned, fixed = eqx.partition(self.form, self.form.learned())
        return eqx.combine(ravel_pytree(learned)[1](point), fixed)


class _Walk(eqx.Module):
    """What is walked on.

    Args:
        env: the world.
        leads: `P(s'|s, a)`, 0 from states that end, `[state, action, next_state]`.
        counts: how often each action was done in each state, steps.
        form: of the reward.
        prior: over its parameters; None where every point of the grid is as likely.
        step: from one point to the next, in units of each parameter, `[parameter]`.
        rationality: nats per reward unit.
        n_levels: points to either side of 0.
    """

    env: FiniteMDP
    leads: Float[Array, "state action next_state"]
    counts: Float[Array, "state action"]
    form: AbstractReward
    prior: Normal | None
    step: Float[Array, " parameter"]
    rationality: Float[Array, ""]
    n_levels: int = eqx.field(static=True)

    def paid(self, point: Int[Array, " parameter"]) -> Float[Array, "state action"]:
        """Expected reward of each action."""
        learned, fixed = eqx.partition(self.form, self.form.learned())
        flat, unravel = ravel_pytree(learned)
        numbers = (point.astype(self.step.dtype) * self.step).astype(flat.dtype)
        return expected_reward(self.env, eqx.combine(unravel(numbers), fixed))

    def log_prior(self, point: Int[Array, " parameter"]) -> Float[Array, ""]:
        """0 where all are as likely."""
        if self.prior is None:
            return jnp.zeros((), dtype=self.step.dtype)
        return self.prior.log_density(point.astype(self.step.dtype) * self.step)

    def follow(
        self, paid: Float[Array, "state action"], policy: Int[Array, " state"]
    ) -> Float[Array, "state action"]:
        """What each action is worth to one who then goes on by a policy."""
        state = jnp.arange(policy.shape[0], dtype=jnp.int32)
        system = jnp.eye(policy.shape[0], dtype=paid.dtype)
        system = system - self.env.discount * self.leads[state, policy]
        value = jnp.linalg.solve(system, paid[state, policy])
        return paid + self.env.discount * self.leads @ value

    def improve(
        self, paid: Float[Array, "state action"], policy: Int[Array, " state"]
    ) -> tuple[Int[Array, " state"], Float[Array, "state action"]]:
        """The best policy, from one that was the best of a reward near by."""
        rounding = 64 * float(jnp.finfo(paid.dtype).eps)

        def gains(policy, q):
            own = jnp.take_along_axis(q, policy[:, None], axis=1)[:, 0]
            return jnp.max(q, axis=1) - own > rounding * jnp.max(jnp.abs(q))

        def better(carry):
            policy, q = carry
            best = jnp.argmax(q, axis=1).astype(jnp.int32)
            policy = jnp.where(gains(policy, q), best, policy)
            return policy, self.follow(paid, policy)

        unfinished = lambda carry: jnp.any(gains(*carry))
        start = (policy, self.follow(paid, policy))
        return jax.lax.while_loop(unfinished, better, start)

    def look(self, point: Int[Array, " parameter"], policy: Int[Array, " state"]):
        """The best policy at a point, and the log of its density."""
        policy, q = self.improve(self.paid(point), policy)
        told = jax.nn.log_softmax(self.rationality * q, axis=1)
        return policy, jnp.sum(self.counts * told) + self.log_prior(point)


@in_64_bits
def policy_walk(
    key: PRNGKeyArray,
    env: FiniteMDP,
    demonstrations: Segment,
    reward: AbstractReward | None = None,
    *,
    step: float = 0.1,
    largest: float = 1.0,
    rationality: float = 1.0,
    prior: Normal | None = None,
    n_draws: int = 1000,
    n_warmup: int = 200,
    n_chains: int = 4,
) -> Walked:
    """Rewards under which demonstrations are likely, drawn from their posterior.

    `P(r | D) ~ P(r) product over steps of exp(beta q*(s,a;r)) / sum_b exp(beta q*(s,b;
    r))`, on a grid of rewards. Each step of the walk proposes to change one parameter
    by one step of the grid; the policy that was best before is where policy iteration
    for the new reward begins, and mostly ends. A draw is kept after as many proposals
    as there are parameters.

    The same posterior off the grid is that of `fit` with
    `Boltzmann(acting=BoltzmannOptimal(env))` and `NUTS`, which follows the slope and
    needs fewer draws; the most probable reward, with `MAP`, is maximum likelihood IRL.
    The walk takes priors with bounds, and any kinks.

    Args:
        key: consumed.
        env: the finite world, its discount below 1.
        demonstrations: whole episodes, `[demonstration, time]`, see `policy.episodes`.
        reward: its form; `Tabular` of the state if left out.
        step: from one point of the grid to the next, reward units, above 0: what a
            parameter changes at the largest value of its feature, so that no unit of a
            feature counts.
        largest: every parameter is within this of 0, likewise, at least `step`.
        rationality: beta, nats per reward unit, above 0.
        prior: over the parameters, within those bounds; if left out all points are as
            likely.
        n_draws: that are kept of each chain, at least 10.
        n_warmup: that are not kept, before them.
        n_chains: chains, which begin anywhere, at least 2.

    Raises:
        ValueError: where a number is out of range, the world does not discount, or
            demonstrations cannot have happened or are windows.

    Example:
        >>> from volition import env, policy
        >>> world = env.gridworld(["S.."], discount=0.9)
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(3), n_episodes=5, time_limit=9
        ... )
        >>> found = policy_walk(
        ...     jax.random.key(1), world, made, step=0.5, n_draws=100, n_warmup=20
        ... )
        >>> int(jnp.argmax(found.mean.values))
        2

    Source: D. Ramachandran, E. Amir, "Bayesian inverse reinforcement learning", IJCAI
    2007, figure 3; a uniform prior is their section 3.1. Differs: several chains, which
    say whether they agree.
    """
    expect_behaviour(
        env, demonstrations, "policy_walk", finite=True, key=key, reward=reward
    )
    _check(env, step, largest, rationality, n_draws, n_warmup, n_chains)
    check_demonstrations(env, demonstrations)
    form = Tabular(jnp.zeros(env.n_states)) if reward is None else reward
    made = np.asarray(demonstrations.weight) > 0
    state = np.asarray(demonstrations.transition.state.index)[made]
    action = np.asarray(demonstrations.transition.action)[made]
    counts = np.zeros((env.n_states, env.n_actions))
    np.add.at(counts, (state, action), 1.0)
    leads = transition_matrix(env)
    leads[np.asarray(env.terminal)] = 0.0
    walk = _Walk(
        env,
        jnp.asarray(leads, dtype=float),
        jnp.asarray(counts, dtype=float),
        form,
        prior,
        jnp.asarray(step / parameter_units(env, form)),
        jnp.asarray(rationality, dtype=float),
        int(np.floor(largest / step + 1e-9)),
    )
    keys = jax.random.split(key, n_chains)
    draws, accepted = _chains(keys, walk, n_warmup, n_draws)
    each_r_hat, each_n_effective = diagnose(draws)
    r_hat, n_effective = float(np.max(each_r_hat)), float(np.min(each_n_effective))
    accepted = float(accepted)
    converged, message = _told(draws, r_hat, n_effective, accepted)
    return Walked(form, draws, accepted, r_hat, n_effective, converged, message)


def _told(
    draws: Float[Array, "chain draw parameter"],
    r_hat: float,
    n_effective: float,
    accepted: float,
) -> tuple[bool, str]:
    """Whether chains agree, and in words."""
    n = draws.shape[0] * draws.shape[1]
    still = np.asarray(draws).std(axis=1) == 0.0
    if still.any():
        chain, parameter = (int(number) for number in np.argwhere(still)[0])
        return False, (
            f"Chain {chain} never moved in parameter {parameter}, so that nothing says "
            f"whether the chains agree ({accepted:.0%} of steps accepted): take a "
            "smaller step, more draws, or a lower rationality."
        )
    if not (np.isfinite(r_hat) and np.isfinite(n_effective)) or r_hat > APART:
        return False, (
            f"The chains are apart (R-hat above {APART:.0f}, where at most {AGREE} "
            f"is agreement; {accepted:.0%} of steps accepted): take more draws, or a "
            "larger step."
        )
    converged = r_hat <= AGREE and n_effective >= N_EFFECTIVE
    message = (
        f"R-hat {r_hat:.3f} (up to {AGREE}), {n_effective:.0f} effective draws (at "
        f"least {N_EFFECTIVE}) of {n}, {accepted:.0%} accepted"
    )
    message += "." if converged else "; take more draws, or a larger step."
    return converged, message


@eqx.filter_jit
def _chains(
    keys: Key[Array, " chain"], walk: _Walk, n_warmup: int, n_draws: int
) -> tuple[Float[Array, "chain draw parameter"], Float[Array, ""]]:
    """The draws of each chain, and the share of proposals that were accepted."""
    learned = eqx.filter(walk.form, walk.form.learned())
    n_parameters = ravel_pytree(learned)[0].shape[0]
    n_levels, n_kept = walk.n_levels, n_warmup + n_draws
    shape = (n_kept, n_parameters)

    def one_step(carry, proposal):
        point, policy, density = carry
        place, up, coin = proposal
        there = point.at[place].add(jnp.where(up, 1, -1).astype(point.dtype))
        best, told = walk.look(there, policy)
        taken = (jnp.abs(there[place]) <= n_levels) & (jnp.log(coin) < told - density)
        after = jax.tree.map(
            lambda new, old: jnp.where(taken, new, old), (there, best, told), carry
        )
        return after, taken

    def one_draw(carry, proposals):
        carry, taken = jax.lax.scan(one_step, carry, proposals)
        return carry, (carry[0], jnp.mean(taken.astype(walk.step.dtype)))

    def chain(key):
        begin_key, place_key, up_key, coin_key = jax.random.split(key, 4)
        point = jax.random.randint(
            begin_key, (n_parameters,), -n_levels, n_levels + 1, dtype=jnp.int32
        )
        nowhere = jnp.zeros(walk.counts.shape[0], dtype=jnp.int32)
        policy, density = walk.look(point, nowhere)
        proposals = (
            jax.random.randint(place_key, shape, 0, n_parameters, dtype=jnp.int32),
            jax.random.bernoulli(up_key, shape=shape),
            jax.random.uniform(coin_key, shape, walk.step.dtype),
        )
        _, (points, taken) = jax.lax.scan(one_draw, (point, policy, density), proposals)
        kept = points[n_warmup:].astype(walk.step.dtype) * walk.step[None]
        return kept, jnp.mean(taken)

    draws, accepted = jax.vmap(chain)(keys)
    return draws, jnp.mean(accepted)


def _check(
    env: FiniteMDP,
    step: float,
    largest: float,
    rationality: float,
    n_draws: int,
    n_warmup: int,
    n_chains: int,
) -> None:
    if not float(env.discount) < 1.0:
        raise ValueError(
            f"the world's discount is {float(env.discount)}: the policies tried on the "
            "way need not end, so give it one below 1."
        )
    if not (0.0 < step <= largest < np.inf and 0.0 < rationality < np.inf):
        raise ValueError(
            f"step = {step} is above 0 and at most largest = {largest}, and "
            f"rationality = {rationality} above 0."
        )
    if n_draws < 10 or n_warmup < 0 or n_chains < 2:
        raise ValueError(
            f"n_draws = {n_draws} is at least 10, n_warmup = {n_warmup} at least 0, "
            f"n_chains = {n_chains} at least 2."
        )
