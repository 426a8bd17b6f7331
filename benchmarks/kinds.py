"""Each kind of answer, simulated and understood again: `python -m benchmarks.kinds`.

For each kind: a person who, like the reward, is drawn from the prior answers questions
about random paths of a random world; the reward is inferred, and compared with the
truth. The cosine is that of a fit to 500 answers, its mean over seeds; the coverage is
the share of true weights inside the middle 90 % of their posterior after 100 answers,
over many such truths (simulation-based calibration).
"""

import argparse
import json
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from scipy import stats

from benchmarks.measure import say
from volition.env import Feature, FiniteMDP
from volition.evaluation.estimate import mean_over
from volition.feedback import (
    AbstractAnswer,
    Dataset,
    Segment,
    approval,
    best_of,
    comparison,
    correction,
    demonstration,
    follow,
    ranking,
    rating,
    stop,
    strength,
    world_state,
)
from volition.human import (
    AbstractHuman,
    Boltzmann,
    Davidson,
    Graded,
    Positive,
    Real,
    SoftOptimal,
)
from volition.inference import (
    NUTS,
    AbstractMethod,
    Draws,
    Gaussian,
    Laplace,
    Normal,
    Problem,
    fit,
)
from volition.reward import Linear

N_STATES, N_ACTIONS, N_FEATURES = 12, 4, 3
LENGTH = 5
SCALE = 1.0  # of the prior: a step's features are standard normal

# How rationally somebody acts and what they want lie on a banana: a Gaussian around the
# most probable point covers .84 of the truths in place of .9.
METHODS: dict[str, AbstractMethod] = {"demonstration": NUTS()}

Ask = Callable[[PRNGKeyArray, FiniteMDP], AbstractAnswer]


def world(seed: int = 0, terminal: int = 0) -> FiniteMDP:
    """A deterministic world in which every step has features drawn at random."""
    generator = np.random.default_rng(seed)
    shape = (N_STATES, N_ACTIONS, 1)
    return FiniteMDP(
        generator.integers(0, N_STATES, shape),
        np.ones(shape),
        terminal=np.arange(N_STATES) < terminal,
        initial=np.full(N_STATES, 1.0 / N_STATES),
        features=generator.normal(size=(*shape, N_FEATURES)),
        feature_info=tuple(
            Feature(f"f{number}", "1", "drawn at random")
            for number in range(N_FEATURES)
        ),
        discount=0.8,
    )


def paths(key: PRNGKeyArray, env: FiniteMDP, n: int | None = None) -> Segment:
    """A random path, or several, `[option, time]`."""
    start_key, action_key = jax.random.split(key)
    shape = () if n is None else (n,)
    starts = jax.random.randint(start_key, shape, 0, env.n_states, dtype=jnp.int32)
    actions = jax.random.randint(
        action_key, (*shape, LENGTH), 0, env.n_actions, dtype=jnp.int32
    )
    made = follow if n is None else jax.vmap(follow, (None, 0, 0))
    return made(env, starts, actions)


def _beginning(key: PRNGKeyArray, env: FiniteMDP) -> Array:
    start = jax.random.randint(key, (), 0, env.n_states)
    return jax.nn.one_hot(start, env.n_states, dtype=float)


def _two(key: PRNGKeyArray, env: FiniteMDP) -> tuple[Segment, Segment]:
    both = paths(key, env, 2)
    first, second = (jax.tree.map(lambda leaf, n=n: leaf[n], both) for n in (0, 1))
    return first, second


# A single question of each kind, about random paths.
KINDS: dict[str, Ask] = {
    "comparison": lambda key, env: comparison(paths(key, env, 2)),
    "strength": lambda key, env: strength(paths(key, env, 2)),
    "strength without tie": lambda key, env: strength(paths(key, env, 2), n_degrees=4),
    "best of 4": lambda key, env: best_of(paths(key, env, 4)),
    "ranking of 4": lambda key, env: ranking(paths(key, env, 4)),
    "best 2 of 4": lambda key, env: ranking(paths(key, env, 4), n_places=2),
    "rating": lambda key, env: rating(paths(key, env)),
    "thumb": lambda key, env: rating(paths(key, env), n_levels=2),
    "approval": lambda key, env: approval(*_two(key, env), True),
    "correction": lambda key, env: correction(*_two(key, env)),
    "stop": lambda key, env: stop(paths(key, env)),
    "demonstration": lambda key, env: demonstration(paths(key, env), False),
    "state of the world": lambda key, env: world_state(_beginning(key, env), 4),
}


def person(env: FiniteMDP) -> Boltzmann:
    """One who answers all of them."""
    choice = Graded(
        Davidson(Positive(0.5, spread=1.0)),
        centre=Real(0.0, spread=1.0),
        gap=Positive(1.0, spread=0.5),
        width=Positive(1.0, spread=0.5),
    )
    return Boltzmann(choice=choice, acting=SoftOptimal(env, Positive(1.0, spread=0.2)))


@eqx.filter_jit
def ask(
    key: PRNGKeyArray,
    kind: str,
    env: FiniteMDP,
    reward: Linear,
    human: AbstractHuman,
    n_answers: int,
) -> AbstractAnswer:
    """Answers of a kind by one who wants a reward, `[answer]`."""
    judge = human.judge(reward)

    def one(key: PRNGKeyArray, number: Array) -> AbstractAnswer:
        ask_key, say_key = jax.random.split(key)
        answer = judge.sample(say_key, KINDS[kind](ask_key, env))
        return eqx.tree_at(lambda made: made.question, answer, number)

    numbers = jnp.arange(n_answers, dtype=jnp.int32)
    return jax.vmap(one)(jax.random.split(key, n_answers), numbers)


def recovered(
    kind: str, seed: int, n_answers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth drawn from the prior, what is inferred of it, and the interval's ends.

    Returns:
        True weights, their posterior mean, and its middle 90 %, `[2, weight]`.
    """
    env, prior = world(seed % 4), Normal(SCALE)
    form, human = Linear(env.feature_names), person(env)
    truth_key, ask_key = jax.random.split(jax.random.key(seed))
    # The person, too, is drawn from the prior.
    nothing = Problem(form, human, Dataset.empty(), prior)
    start = nothing.start
    drawn = jax.random.normal(truth_key, start.shape, dtype=start.dtype)
    reward, somebody = nothing.unpack(start + nothing.prior_scale() * drawn)
    assert isinstance(reward, Linear)
    answers = Dataset.of(ask(ask_key, kind, env, reward, somebody, n_answers))
    truth = np.asarray(reward.weights)
    belief = fit(form, human, answers, METHODS.get(kind, Laplace()), prior=prior)
    if isinstance(belief.belief, Draws):
        draws = np.asarray(belief.belief.draws)[:, :N_FEATURES]
        return truth, draws.mean(axis=0), np.quantile(draws, [0.05, 0.95], axis=0)
    gaussian = belief.belief
    assert isinstance(gaussian, Gaussian)
    spread = np.sqrt(np.diag(gaussian.covariance)[:N_FEATURES])
    middle = np.asarray(gaussian.location[:N_FEATURES])
    reach = stats.norm.ppf(0.95)
    return truth, middle, np.stack([middle - reach * spread, middle + reach * spread])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="Each kind of answer, understood.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10, help="fits to 500 answers")
    parser.add_argument("--truths", type=int, default=200, help="for the coverage")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = {}
    for kind in asked.kinds:
        cosines = []
        for seed in range(asked.seeds):
            say(f"{kind}: 500 answers, seed {seed + 1} of {asked.seeds}")
            truth, mean, _ = recovered(kind, seed, 500)
            cosines.append(cosine(mean, truth))
        inside = []
        for seed in range(asked.truths):
            say(f"{kind}: coverage, truth {seed + 1} of {asked.truths}")
            truth, _, ends = recovered(kind, 1000 + seed, 100)
            inside += list((ends[0] <= truth) & (truth <= ends[1]))
        mean = mean_over(np.array(cosines), "seeds")
        share = stats.binomtest(int(np.sum(inside)), len(inside)).proportion_ci()
        found[kind] = {
            "cosine": mean.record(),
            "least_cosine": float(np.min(cosines)),
            "coverage": float(np.mean(inside)),
            "coverage_low": float(share.low),
            "coverage_high": float(share.high),
            "n": len(inside),
        }
        low, high, n = share.low, share.high, len(inside)
        print(
            f"{kind:20s} cosine {mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}] of "
            f"{asked.seeds}, least {np.min(cosines):.3f}; coverage "
            f"{np.mean(inside):.2f} [{low:.2f}, {high:.2f}] of {n}"
        )
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
