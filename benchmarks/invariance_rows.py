"""What `benchmarks.invariance` compares: every verb, in a unit of reward or features.

A row takes the unit and returns its conclusion in a form that no unit should change:
numbers, a policy, or words.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import volition as vl
from volition import evaluation
from volition.env import FiniteMDP, Transition
from volition.feedback import Comparison, Dataset
from volition.inference import irl
from volition.policy import Segment, Tabular as TabularPolicy
from volition.reward import Linear, Scaled, safety_worlds
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    backward_induction,
    expected_reward,
    occupancy,
    worst_case,
)

KEY = 0
PROXY, TRUTH = np.array([-0.7, 10.3, -7.1]), np.array([-0.3, 4.0, -6.0])
DELIVERY = np.array([-1.0, 50.0, -50.0, 1.0, -1.0, -2.0])
PAYS_TO_DRIVE = np.array([1.0, 50.0, -50.0, 1.0, -1.0, -2.0])
BOARD = ("S....", ".X.X.", "...XG")
DRAWN = ("episode_return_distance",)  # of episodes drawn in the precision outside


@dataclasses.dataclass(frozen=True)
class Row:
    """A verb, and what it concludes in a unit.

    Args:
        name: of the verb, with what it is asked.
        of: what is in another unit: "reward" or "features".
        conclude: from the unit to the conclusion.
        rtol: by which numbers may differ, of the largest: 64 and 32 bits.
        own_precision: whether it draws numbers that another precision rounds
            otherwise, so that it is compared with the usual unit in its own.
    """

    name: str
    of: str
    conclude: Callable[[float], Any]
    rtol: tuple[float, float] = (1e-6, 2e-3)
    own_precision: bool = False


def world_in(world: FiniteMDP, unit: float) -> FiniteMDP:
    """The same world, its features in another unit."""
    features = jnp.asarray(np.asarray(world.features, dtype=float) * unit, dtype=float)
    return eqx.tree_at(lambda one: one.features, world, features)


def board(unit: float = 1.0, discount: float = 0.95) -> FiniteMDP:
    """Open ground with pits, a goal and a slippery floor."""
    made = vl.env.gridworld(list(BOARD), slip=0.1, discount=discount)
    return made if unit == 1.0 else world_in(made, unit)


def delivery(unit: float = 1.0) -> FiniteMDP:
    """The delivery world, its features in a unit."""
    return vl.env.delivery() if unit == 1.0 else world_in(vl.env.delivery(), unit)


def _linear(world: FiniteMDP, weights: np.ndarray, unit: float) -> Linear:
    return Linear(world.feature_names, weights * unit)


def _uniform(world: FiniteMDP) -> TabularPolicy:
    shape = (world.n_states, world.n_actions)
    return TabularPolicy(jnp.full(shape, 1.0 / world.n_actions))


# What is concluded of a world, a proxy, a truth, and the unit of their returns.
Verb = Callable[[FiniteMDP, Linear, Linear, float], Any]


def _planned(method: Callable[[float], Any]) -> Verb:
    def conclude(world, proxy, truth, unit):
        found = vl.plan(world, proxy, method(unit))
        value = np.asarray(found.value, dtype=float) / unit
        return [*value, *np.asarray(found.policy.probabilities, dtype=float).ravel()]

    return conclude


def _worst_case(world, proxy, truth, unit):
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), proxy, truth)
    found = worst_case(world, both, jnp.array([-1.0, 0.5]) * unit)
    return np.asarray(found.margin, dtype=float) / unit


def _hackability(world, proxy, truth, unit):
    drawn = evaluation.policy_set(jax.random.key(KEY), world, [proxy, truth], 12)
    found = evaluation.hackability(
        np.asarray(evaluation.policy_returns(world, proxy, drawn)),
        np.asarray(evaluation.policy_returns(world, truth, drawn)),
    )
    return [len(found.inversions), found.mass, found.lost, found.blind_mass]


def _ranks(world, proxy, truth, unit):
    drawn = evaluation.policy_set(jax.random.key(KEY), world, [proxy, truth])
    found = evaluation.rank_correlation(world, proxy, truth, drawn)
    return [found.kendall.value, found.pearson, found.spearman, found.pearson_canonical]


def _bound(world, proxy, truth, unit):
    best = vl.plan(world, proxy).policy
    found = evaluation.proxy_bound(world, proxy, truth, best, _uniform(world))
    return [found.correlation, found.chi_squared]


def _distances(world, proxy, truth, unit):
    found = evaluation.reward_distances(world, proxy, truth)
    return [found.starc, *found.epic.values(), *found.dard.values()]


def _episodes(world, proxy, truth, unit):
    seen = vl.rollout(
        jax.random.key(KEY), world, _uniform(world), n_segments=40, length=12
    )
    return [evaluation.episode_return_distance(proxy, truth, seen).value]


def _regret(world, proxy, truth, unit):
    key = jax.random.key(KEY)
    found = evaluation.scaled_regret(key, world, proxy, truth, n_q_steps=500)
    # Q-learning draws other numbers in 32 bits.
    return [one for name, one in found.by.items() if name != "Q-learning"]


def _score(world, proxy, truth, unit):
    found = evaluation.score_reward(world, proxy, truth)
    return [found.scaled_return, found.never_end, found.end_elsewhere]


SCORES: dict[str, Verb] = {
    "plan, policy iteration": _planned(lambda unit: PolicyIteration()),
    "plan, value iteration": _planned(lambda unit: ValueIteration()),
    "plan, soft value iteration": _planned(lambda unit: SoftValueIteration(0.3 * unit)),
    "backward_induction": lambda w, p, t, u: np.asarray(
        backward_induction(w, p, 9).policies
    ),
    "worst_case": _worst_case,
    "starc_distance": lambda w, p, t, u: [evaluation.starc_distance(w, p, t)],
    "reward_distances": _distances,
    "hackability": _hackability,
    "rank_correlation": _ranks,
    "proxy_bound": _bound,
    "scaled_regret": _regret,
    "episode_return_distance": _episodes,
    "scaled_return": lambda w, p, t, u: [
        evaluation.scaled_return(w, vl.plan(w, p).policy, t)
    ],
    "score_reward": _score,
    "worst_tie_break": lambda w, p, t, u: np.asarray(
        evaluation.worst_tie_break(w, p, t).probabilities
    ),
}


def _of_rewards(name: str, verb: Verb, of: str, world_fn=board) -> Row:
    def conclude(unit: float) -> Any:
        if of == "reward":
            world = world_fn()
            proxy, truth = (_linear(world, one, unit) for one in (PROXY, TRUTH))
            return verb(world, proxy, truth, unit)
        world = world_fn(unit)
        proxy, truth = (_linear(world, one, 1.0 / unit) for one in (PROXY, TRUTH))
        return verb(world, proxy, truth, 1.0)

    return Row(name, of, conclude, own_precision=name in DRAWN)


def _of_tables(name: str, distance: Callable) -> Row:
    rng = np.random.default_rng(3)
    proxy, truth = rng.normal(size=(2, 15, 4))

    def conclude(unit: float) -> Any:
        tables = (vl.reward.Tabular(one * unit) for one in (proxy, truth))
        return [distance(board(), *tables)]

    return Row(name, "reward", conclude)


def _samples(name: str) -> Row:
    rng = np.random.default_rng(1)
    gold = rng.normal(size=2000)
    proxy = gold + rng.standard_t(2.2, size=2000)

    def conclude(unit: float) -> Any:
        if name == "best_of_n":
            of = [
                evaluation.best_of_n(proxy * unit, gold * unit, n) for n in (1, 4, 64)
            ]
            return [one / unit for one in of]
        found = evaluation.over_optimisation(proxy * unit, gold * unit, n_resamples=50)
        return [str(found.peak is None)]

    return Row(name, "reward", conclude)


# Audits: verdict and what was found.


def _found(audited) -> list[str]:
    return [audited.verdict, *sorted(one.probe for one in audited.findings)]


def _bare(name: str) -> Row:
    def conclude(unit: float) -> list[str]:
        one = safety_worlds()[name]
        return _found(vl.audit(Scaled(one.visible, unit), one.env))

    return Row(f"audit, bare, {name}", "reward", conclude)


def _known(name: str) -> Row:
    def conclude(unit: float) -> list[str]:
        one = safety_worlds()[name]
        known = vl.probes.Known(
            truth=Scaled(one.hidden, unit), latent=Scaled(one.latent, unit)
        )
        return _found(vl.audit(Scaled(one.visible, unit), one.env, known=known))

    return Row(f"audit, truth known, {name}", "reward", conclude)


def _delivery_audit(name: str, weights: np.ndarray, of: str) -> Row:
    def conclude(unit: float) -> list[str]:
        world = delivery() if of == "reward" else delivery(unit)
        factor = unit if of == "reward" else 1.0 / unit
        return _found(vl.audit(_linear(world, weights, factor), world))

    return Row(f"audit, {name}", of, conclude)


# Inference from answers.


def _asked(unit: float, n: int = 120) -> tuple[Comparison, np.ndarray]:
    """Answers about one step each, and the features of the options."""
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(n, 2, 1, 3))
    gap = (seen[:, 1] - seen[:, 0])[:, 0] @ np.array([1.0, -0.7, 0.4])
    second = rng.random(n) < 1.0 / (1.0 + np.exp(-gap))
    features = jnp.asarray(seen * unit, dtype=float)
    still = jnp.zeros((n, 2, 1), dtype=jnp.int32)
    steps = Transition(None, still, None, features, jnp.zeros((n, 2, 1), bool))
    options = Segment(steps, jnp.ones((n, 2, 1)), jnp.ones((n, 2, 1), bool))
    number = jnp.arange(n, dtype=jnp.int32)
    chosen = jnp.asarray(second, dtype=jnp.int32)
    none = jnp.zeros(n, jnp.int32)
    answers = Comparison(
        options=options,
        choice=chosen,
        person=none,
        question=number,
        seconds=jnp.full(n, jnp.nan),
    )
    return answers, seen


def _weights(reward: Any) -> np.ndarray:
    """Of a linear reward, or of a scaled one."""
    return np.asarray(getattr(reward, "reward", reward).weights, dtype=float)


def _fit(name: str, method: Any, of: str) -> Row:
    names = ("f0", "f1", "f2")
    person = lambda: vl.human.Boltzmann(choice=vl.human.BradleyTerry())

    def conclude(unit: float) -> Any:
        answers, _ = _asked(unit if of == "features" else 1.0)
        form = Linear(names) if of == "features" else Scaled(Linear(names), unit)
        found = vl.fit(form, person(), Dataset.of(answers), method, throw=False)
        drawn = found.sample(jax.random.key(KEY), 2000)
        weights = _weights(drawn) * unit
        sure = "converged" if found.result.converged else "not converged"
        return sure, [*weights.mean(axis=0), *weights.std(axis=0)]

    # Of draws: their standard error is a twentieth of the spread.
    return Row(f"fit, {name}", of, conclude, rtol=(2e-2, 5e-2))


def _network(of: str) -> Row:
    def conclude(unit: float) -> Any:
        answers, _ = _asked(unit)
        form = vl.reward.Network(vl.reward.FeatureInputs(("f0", "f1", "f2")), (8,))
        method = vl.inference.Ensemble(2, n_steps=200)
        person = vl.human.Boltzmann(choice=vl.human.BradleyTerry())
        found = vl.fit(form, person, Dataset.of(answers), method, throw=False)
        judge = person.judge(found.mean)
        first = jax.tree.map(lambda leaf: leaf[:, 0], answers.options)
        second = jax.tree.map(lambda leaf: leaf[:, 1], answers.options)
        gap = np.asarray(jax.vmap(judge.worth)(second)) - np.asarray(
            jax.vmap(judge.worth)(first)
        )
        return "converged" if found.result.converged else "not converged", gap

    return Row("fit, ensemble of networks", of, conclude, rtol=(2e-2, 5e-2))


# Inference from behaviour.


def _acting(world: FiniteMDP) -> Segment:
    truth = Linear(world.feature_names, TRUTH)
    policy = SoftValueIteration().solve(world, expected_reward(world, truth)).policy
    return vl.episodes(jax.random.key(KEY), world, policy, n_episodes=60, time_limit=60)


def _irl(name: str, infer: Callable[[FiniteMDP, Segment, float], Any]) -> Row:
    def conclude(unit: float) -> Any:
        # What is done is drawn in the usual unit, and of 64 bits in both.
        with jax.enable_x64(True):
            told = jax.tree.map(np.asarray, _acting(board()))
        world = board(unit)
        narrow = lambda leaf: jnp.asarray(
            leaf, dtype=float if np.asarray(leaf).dtype.kind == "f" else None
        )
        told = jax.tree.map(narrow, told)
        told = eqx.tree_at(
            lambda one: one.transition.features, told, told.transition.features * unit
        )
        return infer(world, told, unit)

    return Row(f"irl.{name}", "features", conclude)


def _causal_entropy(world, told, unit):
    found = irl.max_causal_entropy(world, told, Linear(world.feature_names))
    sure = "converged" if found.converged else "not converged"
    return sure, np.asarray(found.policies)


def _penalised(world, told, unit):
    form = Linear(world.feature_names)
    found = irl.max_causal_entropy(world, told, form, penalty=0.1)
    return [*(_weights(found.reward) * unit)]


def _apprenticeship(world, told, unit):
    found = irl.apprenticeship(world, told, max_policies=4)
    return [*(_weights(found.reward) * unit), found.margin]


def _f_irl(world, told, unit):
    truth = Linear(world.feature_names, TRUTH / unit)
    policy = SoftValueIteration().solve(world, expected_reward(world, truth)).policy
    shares = np.asarray(occupancy(world, policy.probabilities)).sum(axis=1)
    form = Linear(world.feature_names)
    found = irl.f_irl(world, shares / shares.sum(), form, horizon=8, penalty=1e-2)
    return [*(_weights(found.reward) * unit)]


# Learners, each in its own precision: the draws of chance are rounded otherwise.


def _learner(kind: type) -> Row:
    def conclude(unit: float) -> Any:
        # The nearest power of two, which rounds nothing: a learner's next action hangs
        # on the last bit of a tie, and its whole table on its actions.
        by = 2.0 ** round(np.log2(unit))
        world, method = board(), kind(3000)
        if kind is vl.value.DynaQPlus:  # a bonus in reward units
            method = eqx.tree_at(
                lambda one: one.curiosity, method, by * method.curiosity
            )
        reward = _linear(world, PROXY, by)
        found = vl.learn(jax.random.key(KEY), world, reward, method)
        return np.asarray(found.q, dtype=float) / by

    return Row(
        f"learn, {kind.__name__}", "reward", conclude, (1e-6, 2e-3), own_precision=True
    )


LEARNERS = (
    "QLearning",
    "SARSA",
    "ExpectedSARSA",
    "DoubleQLearning",
    "MonteCarlo",
    "NStepSARSA",
    "TreeBackup",
    "SARSALambda",
    "WatkinsQ",
    "PengQ",
    "DynaQ",
    "DynaQPlus",
    "PrioritizedSweeping",
)


def rows() -> list[Row]:
    """All of them."""
    methods = {
        "MAP": vl.inference.MAP(),
        "Laplace": vl.inference.Laplace(),
        "NUTS": vl.inference.NUTS(n_draws=1000),
        "Sequential": vl.inference.Sequential(n_draws=1000),
    }
    both = ("reward", "features")
    return [
        *(_of_rewards(name, verb, of) for name, verb in SCORES.items() for of in both),
        _of_tables("epic_distance", evaluation.epic_distance),
        _of_tables("dard_distance", evaluation.dard_distance),
        _of_tables("starc_distance", evaluation.starc_distance),
        _samples("best_of_n"),
        _samples("over_optimisation"),
        *(_bare(name) for name in safety_worlds()),
        *(_known(name) for name in safety_worlds()),
        *(
            _delivery_audit(name, weights, of)
            for name, weights in (
                ("delivery's true reward", DELIVERY),
                ("driving pays", PAYS_TO_DRIVE),
            )
            for of in both
        ),
        *(_fit(name, method, of) for name, method in methods.items() for of in both),
        _network("features"),
        _irl("max_causal_entropy", _causal_entropy),
        _irl("max_causal_entropy, penalty", _penalised),
        _irl("apprenticeship", _apprenticeship),
        _irl("f_irl", _f_irl),
        *(_learner(getattr(vl.value, name)) for name in LEARNERS),
    ]
