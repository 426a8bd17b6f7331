"""How fast a reward is learned by asking well: `python -m benchmarks.active`.

The person's weights are uniform on the unit sphere of four features, the rationality is
5, and a question is whether a step with given features is better than one with none.
500 of them are drawn from a standard normal distribution. After each answer the
posterior is drawn by `Sequential` from a Gaussian prior with the length that is true on
average, `Normal(2.5)` of the weights times the rationality; its mean is compared with
the truth.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from benchmarks.measure import Measurement, arguments, prepare, report, say, seconds
from volition import feedback, human, inference, query, reward
from volition.env import Transition
from volition.inference.sequential import from_maximum
from volition.query.score import scores_of

N_FEATURES, RATIONALITY, N_CANDIDATES = 4, 5.0, 500
N_REPETITIONS, N_QUESTIONS = 100, 30
AFTER = (1, 5, 10, 20, 30)
N_DRAWS = 500  # of the posterior, from which also the questions are scored
RULES: dict[str, query.AbstractRule] = {
    "random": query.Random(),
    "volume removal": query.VolumeRemoval(),
    "information gain": query.InformationGain(),
}
# APReL (git 13a1e7f), four features and rationality 5 as here, but its candidates are
# the pairs of 20 trajectories: median of 3 seeds, so an orientation only.
RECORDED: dict[str, dict[int, float]] = {
    "random": {1: 0.23, 5: 0.86, 10: 0.97},
    "volume removal": {1: 0.02, 5: 0.77, 10: 0.73},
    "information gain": {1: 0.31, 5: 0.96, 10: 0.97},
}
NAMES = tuple(f"feature {number}" for number in range(N_FEATURES))


class Said(NamedTuple):
    """Answers so far: places that were not asked yet say nothing."""

    options: feedback.Segment
    choice: Array


def steps(features: Float[Array, "*batch feature"]) -> feedback.Segment:
    """Segments of one step with these features."""
    shape = (*features.shape[:-1], 1)
    step = Transition(None, None, None, features[..., None, :], jnp.zeros(shape, bool))
    return feedback.Segment(step, jnp.ones(shape), jnp.ones(shape, bool))


def problem(said: Said) -> inference.Problem:
    """What the answers leave to be inferred."""
    n_places = said.choice.shape[0]
    number = jnp.zeros(n_places, dtype=jnp.int32)
    answers = feedback.Comparison(
        said.options, said.choice, number - 1, number, jnp.zeros(n_places)
    )
    batch = feedback.Batch(answers, said.choice != feedback.UNANSWERED)
    # Without a tie, as the models that peers compare do.
    person = human.Boltzmann(choice=human.BradleyTerry())
    prior = inference.Normal(RATIONALITY / N_FEATURES**0.5)
    return inference.Problem(
        reward.Linear(NAMES), person, feedback.Dataset((batch,)), prior
    )


def cosine(a: Float[Array, " feature"], b: Float[Array, " feature"]):
    """Of the angle between two vectors."""
    return a @ b / (jnp.linalg.norm(a) * jnp.linalg.norm(b))


def interview(
    key: PRNGKeyArray, rule: query.AbstractRule, n_questions: int
) -> Float[Array, " question"]:
    """How alike mean and truth are after each answer to a single person's questions."""
    truth_key, pool_key, first_key, rest_key = jax.random.split(key, 4)
    truth = jax.random.normal(truth_key, (N_FEATURES,))
    truth = RATIONALITY * truth / jnp.linalg.norm(truth)
    pool = jax.random.normal(pool_key, (N_CANDIDATES, N_FEATURES))
    pool = jnp.concatenate([pool, jnp.zeros((1, N_FEATURES))])
    number = jnp.arange(N_CANDIDATES, dtype=jnp.int32)
    members = jnp.stack([number, jnp.full_like(number, N_CANDIDATES)], axis=1)
    candidates = query.Pairs(steps(pool), members, jnp.ones(()))
    person = human.Boltzmann(choice=human.BradleyTerry())
    judge = person.judge(reward.Linear(NAMES, truth))

    def believed(key, said):
        draw_key, move_key = jax.random.split(key)
        _, stand = from_maximum(draw_key, move_key, problem(said), N_DRAWS)
        return stand.cloud.place

    def one(carry, numbered):
        draws, said = carry
        key, row = numbered
        ask_key, say_key, draw_key = jax.random.split(key, 3)
        score, _ = scores_of(
            ask_key, draws @ pool.T, candidates, rule, judge, jnp.int32(0)
        )
        pair = jax.tree.map(
            lambda leaf: leaf[members[jnp.argmax(score)]], candidates.segments
        )
        answer = judge.sample(say_key, feedback.comparison(pair))
        new = Said(pair, jnp.asarray(answer.choice))
        said = jax.tree.map(lambda all, one: all.at[row].set(one), said, new)
        draws = believed(draw_key, said)
        return (draws, said), cosine(jnp.mean(draws, axis=0), truth)

    nothing = Said(
        steps(jnp.zeros((n_questions, 2, N_FEATURES))),
        jnp.full(n_questions, feedback.UNANSWERED, dtype=jnp.int32),
    )
    begin = (believed(first_key, nothing), nothing)
    numbered = (
        jax.random.split(rest_key, n_questions),
        jnp.arange(n_questions, dtype=jnp.int32),
    )
    return jax.lax.scan(one, begin, numbered)[1]


@eqx.filter_jit
def interviews(
    seed: int, rule: query.AbstractRule, n_repetitions: int, n_questions: int
) -> Float[Array, "repetition question"]:
    """Many people's, in one program; rules meet the same people."""
    keys = jax.random.split(jax.random.key(seed), n_repetitions)
    return jax.vmap(lambda key: interview(key, rule, n_questions))(keys)


def lines(rule: str, likeness: np.ndarray) -> list[Measurement]:
    """Mean cosines, from a standard error below to one above."""
    found = []
    for n_asked in AFTER:
        each = likeness[:, n_asked - 1]
        mean, error = each.mean(), each.std(ddof=1) / len(each) ** 0.5
        metric = f"cosine after {n_asked}"
        found.append(
            Measurement(
                "4 features",
                f"volition, {rule}",
                metric,
                "1",
                float(mean),
                float(mean - error),
                float(mean + error),
                len(each),
            )
        )
        theirs = RECORDED[rule].get(n_asked)
        if theirs is not None:
            found.append(
                Measurement(
                    "4 features",
                    f"APReL, {rule}",
                    metric,
                    "1",
                    theirs,
                    theirs,
                    theirs,
                    3,
                    recorded=True,
                )
            )
    return found


def main() -> None:
    """Run every rule and report."""
    options = arguments(__doc__ or "")
    prepare()
    if options.peers:
        say("APReL is not run: it is no package; its figures are recorded.")
    found: list[Measurement] = []
    for name, rule in RULES.items():
        result: list[np.ndarray] = []

        def work(rule=rule, result=result):
            run = interviews(0, rule, N_REPETITIONS, N_QUESTIONS)
            result.append(np.asarray(run))

        say(f"{name}: {seconds(work):.0f} s with compilation")
        found += lines(name, result[0])
    report(found, options.json)


if __name__ == "__main__":
    main()
