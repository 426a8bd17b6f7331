"""Several kinds of questions against each alone: `python -m benchmarks.mix`.

A simulated person is asked for a minute, the next question always the one that should
tell most of the reward in a second of their time: of one kind alone, or of all kinds.
What a step is worth whatever it does (being alive) shows in no comparison of paths of
equal length; of the rest, comparisons tell more in a second than ratings.
"""

import argparse
import json
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.kinds import N_ACTIONS, N_STATES, cosine, paths
from benchmarks.measure import say
from volition.env import Feature, FiniteMDP
from volition.evaluation.estimate import mean_over
from volition.feedback import Dataset, Segment
from volition.human import Boltzmann, Davidson, Graded, Positive, Real
from volition.inference import Laplace, Normal, fit
from volition.query import (
    AbstractCandidates,
    InformationGain,
    PerSecond,
    ask,
    choices,
    pairs,
    ratings,
    strengths,
)
from volition.reward import Linear

NAMES = ("f0", "f1", "f2", "alive")
POOL = 30  # segments, of which every kind asks
N = 200  # candidates of each kind
MINUTE = 60.0
# Seconds of an answer. Christiano et al. 2017 report 3 to 5 for two clips; the others
# in proportion to what is to be looked at, which is ours.
KINDS: dict[str, Callable[..., AbstractCandidates]] = {
    "comparison": lambda pool, key: pairs(pool, n_pairs=N, key=key, seconds=4.0),
    "strength": lambda pool, key: strengths(pool, n_pairs=N, key=key, seconds=5.0),
    "best of 4": lambda pool, key: choices(
        pool, n_options=4, n_choices=N, key=key, seconds=8.0
    ),
    "rating": lambda pool, key: ratings(pool, seconds=2.5),
}


def world(seed: int) -> FiniteMDP:
    """A deterministic world of random features, in which every step is alive."""
    generator = np.random.default_rng(seed)
    shape = (N_STATES, N_ACTIONS, 1)
    features = generator.normal(size=(*shape, len(NAMES)))
    features[..., -1] = 1.0
    return FiniteMDP(
        generator.integers(0, N_STATES, shape),
        np.ones(shape),
        terminal=np.zeros(N_STATES, dtype=bool),
        initial=np.full(N_STATES, 1.0 / N_STATES),
        features=features,
        feature_info=tuple(Feature(name, "1", "at random") for name in NAMES),
        discount=0.8,
    )


def person() -> Boltzmann:
    """One who answers all kinds, and what is known of them."""
    choice = Graded(
        Davidson(Positive(0.5, spread=0.2)),
        centre=Real(0.0, spread=0.5),
        gap=Positive(1.5, spread=0.2),
        width=Positive(1.5, spread=0.2),
    )
    return Boltzmann(choice=choice)


def asked_for_a_minute(seed: int, kinds: tuple[str, ...]) -> tuple[float, int]:
    """Cosine of the mean reward with the truth, and how many questions there were."""
    env, human, form = world(seed), person(), Linear(NAMES)
    key, truth_key, pool_key, *kind_keys = jax.random.split(
        jax.random.key(seed), 3 + len(KINDS)
    )
    truth = jax.random.normal(truth_key, (len(NAMES),), dtype=float)
    pool: Segment = _pool(pool_key, env)
    made = dict(zip(KINDS, kind_keys, strict=True))
    candidates = [KINDS[kind](pool, made[kind]) for kind in kinds]
    judge = human.judge(Linear(NAMES, truth))
    answers, spent, n_asked = Dataset.empty(), 0.0, 0
    cheapest = min(float(one.seconds) for one in candidates)
    while spent + cheapest <= MINUTE:
        key, ask_key, say_key = jax.random.split(key, 3)
        belief = fit(form, human, answers, Laplace(), prior=Normal(1.0), throw=False)
        left = [one for one in candidates if spent + float(one.seconds) <= MINUTE]
        question = ask(ask_key, belief, left, PerSecond(InformationGain()))
        spent += _seconds(question, left)
        answers = answers.append(judge.sample(say_key, question))
        n_asked += 1
    belief = fit(form, human, answers, Laplace(), prior=Normal(1.0), throw=False)
    mean = belief.mean
    assert isinstance(mean, Linear)
    return cosine(np.asarray(mean.weights), np.asarray(truth)), n_asked


@eqx.filter_jit
def _pool(key, env: FiniteMDP) -> Segment:
    return jax.vmap(lambda one: paths(one, env))(jax.random.split(key, POOL))


def _seconds(question, candidates: list[AbstractCandidates]) -> float:
    """What the question costs: that of the candidates of its kind and shape."""
    shape = jax.tree.map(jnp.shape, question)
    for one in candidates:
        if jax.tree.map(jnp.shape, one.at(0)) == shape:
            return float(one.seconds)
    raise AssertionError("a question comes from the candidates.")


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="Several kinds against each alone.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=30)
    asked = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    cases = {kind: (kind,) for kind in KINDS} | {"all kinds": tuple(KINDS)}
    cosines: dict[str, np.ndarray] = {}
    found = {}
    for name, kinds in cases.items():
        each = []
        for seed in range(asked.seeds):
            say(f"{name}: seed {seed + 1} of {asked.seeds}")
            each.append(asked_for_a_minute(seed, kinds))
        cosines[name] = np.array([one for one, _ in each])
        mean = mean_over(cosines[name], "people")
        n_asked = float(np.mean([n for _, n in each]))
        found[name] = {"cosine": mean.record(), "n_asked": n_asked}
        print(f"{name:12s} cosine {mean}; {n_asked:.1f} questions")
    for name in KINDS:
        gain = mean_over(cosines["all kinds"] - cosines[name], "people")
        found[name]["mix_gain"] = gain.record()
        print(f"all kinds over {name:12s} {gain}")
    if asked.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
