"""The no-U-turn sampler: draws from the posterior, whatever its shape."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from volition.inference.map import AbstractMethod, Laplace
from volition.inference.posterior import AbstractBelief, Draws, Result
from volition.inference.problem import Free, Problem

# Chains agree below 1.05 (A. Gelman et al., "Bayesian data analysis", 3rd ed., 11.4,
# asks for 1.1 at most), and with 100 draws a mean is known to a tenth of its posterior
# standard deviation. (Tail quantiles ask for more: 1.01 and 400, Vehtari et al. 2021.)
MOST_R_HAT = 1.05
ENOUGH = 100
MAX_DOUBLINGS = 6  # 63 steps of a trajectory: whitened targets turn long before that


class NUTS(AbstractMethod):
    """Draws by the no-U-turn sampler, from several chains around the maximum.

    Right where a Gaussian around the maximum is wrong: where the posterior has a long
    flat side (nobody ever chose the sheep, so it may be as bad as the prior allows).
    The target is whitened by the Laplace approximation, and each chain adapts its step
    and metric during the warm-up.

    Args:
        n_draws: draws that are kept, over all chains; divisible by `n_chains`.
        n_warmup: steps of each chain before that.
        n_chains: chains, at least 2.
        n_starts: starts of the search for the maximum.

    Source: M. D. Hoffman, A. Gelman, "The no-U-turn sampler", JMLR 2014; the sampler
    and its window adaptation are BlackJAX's. (A fixed step of 0.4 of the whitened
    target was tried: it halves the time, and fails where planning puts kinks into the
    likelihood.)
    """

    n_draws: int = eqx.field(static=True, default=800)
    n_warmup: int = eqx.field(static=True, default=100)
    n_chains: int = eqx.field(static=True, default=4)
    n_starts: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if self.n_chains < 2 or self.n_draws < 1 or self.n_draws % self.n_chains != 0:
            raise ValueError(
                f"n_draws = {self.n_draws} must be a positive multiple of n_chains "
                f"= {self.n_chains}, which must be at least 2."
            )

    def run(
        self, key: PRNGKeyArray, problem: Problem
    ) -> tuple[Free, AbstractBelief, Result]:
        """Maximise, then draw."""
        mode_key, draw_key = jax.random.split(key)
        mode, around, first = Laplace(self.n_starts).run(mode_key, problem)
        root = jnp.linalg.cholesky(around.covariance)
        keys = jax.random.split(draw_key, self.n_chains)
        n_each = self.n_draws // self.n_chains
        draws, accepted = chains(keys, problem, mode, root, self.n_warmup, n_each)
        result = _judge(draws, accepted, first)
        return mode, Draws(draws.reshape(-1, mode.shape[0])), result


@eqx.filter_jit
def chains(
    keys: Key[Array, " chain"],
    problem: Problem,
    mode: Free,
    root: Float[Array, "free free"],
    n_warmup: int,
    n_draws: int,
) -> tuple[Float[Array, "chain draw free"], Float[Array, ""]]:
    """The draws of each chain, and the mean acceptance rate."""

    blackjax = _blackjax()

    def log_density(white):
        return problem.log_density(mode + root @ white)

    def chain(key):
        begin_key, warm_key, walk_key = jax.random.split(key, 3)
        begin = 0.5 * jax.random.normal(begin_key, mode.shape, dtype=mode.dtype)
        warmup = blackjax.window_adaptation(
            blackjax.nuts,
            log_density,
            initial_step_size=0.5,
            max_num_doublings=MAX_DOUBLINGS,
        )
        adapted, _ = warmup.run(warm_key, begin, n_warmup)  # pyright: ignore[reportCallIssue]
        state, parameters = adapted
        kernel = blackjax.nuts(log_density, **parameters)

        def step(state, step_key):
            state, info = kernel.step(step_key, state)
            where, rate = state.position, info.acceptance_rate  # pyright: ignore[reportAttributeAccessIssue]
            return state, (mode + root @ where, rate)

        _, seen = jax.lax.scan(step, state, jax.random.split(walk_key, n_draws))
        return seen

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        # One chain after the other: in a batch all would wait for the longest
        # trajectory at every step.
        draws, accepted = jax.lax.map(chain, keys)
    return draws, jnp.mean(accepted)


@eqx.filter_jit
def diagnose(
    draws: Float[Array, "chain draw free"],
) -> tuple[Float[Array, " free"], Float[Array, " free"]]:
    """R-hat and the number of effective draws of each free parameter."""
    of = _blackjax().diagnostics
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return of.potential_scale_reduction(draws), of.effective_sample_size(draws)


def _blackjax() -> Any:
    """BlackJAX, imported when it is needed.

    To import it makes arrays and starts JAX's backend: importing this library must do
    neither, and a function that is being traced may only do so outside of its trace.
    """
    with jax.ensure_compile_time_eval():
        import blackjax
        import blackjax.diagnostics
    return blackjax


def _judge(
    draws: Float[Array, "chain draw free"],
    accepted: Float[Array, ""],
    first: Result,
) -> Result:
    n_all = draws.shape[0] * draws.shape[1]
    each_r_hat, each_n_effective = diagnose(draws)
    r_hat, n_effective = float(np.max(each_r_hat)), float(np.min(each_n_effective))
    converged = bool(r_hat <= MOST_R_HAT and n_effective >= ENOUGH)
    message = (
        f"R-hat {r_hat:.3f}, {n_effective:.0f} effective draws of "
        f"{n_all}, {float(accepted):.0%} accepted."
        if np.isfinite([r_hat, n_effective]).all()
        else f"The {draws.shape[0]} chains never moved, or their draws are not finite: "
        "R-hat is not defined."
    )
    if not converged and np.isfinite(r_hat):
        message += (
            f" R-hat is to be {MOST_R_HAT} at most, and effective draws {ENOUGH} at "
            "least."
        )
    # What is no number is not reported as one.
    r_hat = r_hat if np.isfinite(r_hat) else float("inf")
    n_effective = n_effective if np.isfinite(n_effective) else 0.0
    diagnostics = first.diagnostics | {
        "r_hat": r_hat,
        "n_effective": n_effective,
        "accepted": float(accepted),
    }
    return Result(converged, message, first.log_density, diagnostics)
