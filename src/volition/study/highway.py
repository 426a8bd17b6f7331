"""The textbook's reward for a car, and what people say of driving, both optimised."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition import record
from volition.env import Continuing, driving
from volition.evaluation import Estimate
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Laplace
from volition.policy import AbstractPolicy, episode
from volition.probes import Rule
from volition.query import InformationGain
from volition.reward import HighwayReward, Linear
from volition.store import InputError
from volition.study.config import begin_study
from volition.study.findings import Findings
from volition.study.highway_drives import (
    Rows,
    Score,
    drive,
    drive_for_real,
    joined,
    real_is_there,
    score,
)
from volition.study.highway_records import curve_record, in_words, weights_of
from volition.study.preferences import (
    Finder,
    LearnedFromAnswers,
    Rounds,
    answered_by,
    learn_from_answers,
    range_prior,
)
from volition.study.progress import Progress
from volition.value import AbstractLearned, Curve, learn
from volition.value.deep import PQN, Passes, RAdam, Rollout
from volition.value.schedule import Linear as Falling

# m/s that a certain collision costs for a second, and nothing else. The page of the
# textbook says speed - collision: 1.
PRICES = (1.0, 30.0, 300.0)
ENDING = "speed until a collision"  # no price, but the drive is over
TOP_SPEED = 30.0  # m/s
DISCOUNT = 0.95
N_REAL = 24  # episodes of each who drives: some 50 steps a second
PEOPLE = "answers of people"  # who drives by what they say
N_ROUNDS = 8  # of asking and learning; the first half ask
SEGMENT = 10  # s that people are shown
RULES = (  # where they are broken is worth asking about
    Rule("no collision", "collision", most=0.0),
    Rule("half a second ahead", "headway", least=0.5),
)
BASELINES = ("always braking", "always idle", "random")


class Blind(AbstractPolicy):
    """Actions by chance, whatever is seen.

    Args:
        share: probability of each action, `[action]`; one of them 1 for always.
    """

    share: Float[Array, "*driver action"]

    def __call__(self, key: PRNGKeyArray, observation: Any) -> Int[Array, ""]:
        """One of them."""
        del observation
        return jax.random.categorical(key, jnp.log(self.share)).astype(jnp.int32)


@dataclasses.dataclass(frozen=True)
class HighwayConfig:
    """What the study is to do.

    Args:
        n_seeds: how often each reward is learned.
        n_steps: of learning, each time.
        n_answers: of a simulated person for each seed, divisible by 4; 0 for none.
        seed: of everything that is random.
        n_episodes: of each seed on each road.
        n_real: episodes of each who drives in highway-env, if it is installed, divided
            among the seeds; 0 for none.
        findings: whether from the second round on people are asked about what the
            policy of the moment is found to do, see `Findings`.
    """

    n_seeds: int = 3
    n_steps: int = 200_704
    seed: int = 0
    n_episodes: int = 100
    n_real: int = N_REAL
    n_answers: int = 200
    findings: bool = False

    def __post_init__(self):
        if self.n_answers < 0 or self.n_answers % (N_ROUNDS // 2):
            raise InputError(
                f"n_answers = {self.n_answers} is not a multiple of {N_ROUNDS // 2}, "
                "the rounds in which people are asked."
            )


class HighwayResult(eqx.Module):
    """What came out.

    Args:
        scores: by who drives and where: train, held out, each held-out road, real.
        policies: by who drives: those of all seeds, leaves `[seed]`.
        rewards: what the answers said, for each seed, in words.
        weights: the same as numbers, by feature.
        curves: of learning each stated reward, each in its own units, leaves `[seed,
            stretch]`.
        lost: discounted speed that follows a step, m/s: what the end of a drive costs
            whoever drives for speed until a collision.
    """

    scores: dict[str, dict[str, Score]]
    policies: dict[str, AbstractPolicy]
    lost: float
    rewards: tuple[str, ...] = eqx.field(static=True)
    weights: tuple[dict[str, Estimate], ...]
    curves: dict[str, Curve]

    def bargain(self) -> str:
        """What the textbook's reward pays for a collision, in sentences."""
        first, *others = [self._often(label(price)) for price in PRICES]
        n = self.scores[ENDING]["train"].collisions.n
        dearer = [
            f"where it costs {price:g} m/s, {often}"
            for price, often in zip(PRICES[1:], others, strict=True)
        ]
        return (
            f"Under `{label(PRICES[0])}` a collision costs {PRICES[0]:g} m/s for a "
            f"second: {PRICES[0] / 10.0:g} seconds at 10 m/s more pay for it, and it "
            f"happens {first} times an hour; {'; '.join(dearer)}. Where it ends the "
            f"drive, all speed after it is lost, {self.lost:.0f} m/s added up at the "
            f"discount {DISCOUNT}, and it happens {self._often(ENDING)} times an hour "
            f"(n = {n}): a price that no formula states."
        )

    def _often(self, who: str) -> str:
        often = self.scores[who]["train"].collisions
        if not often.has_interval:
            return f"{often.value:.1f} (the same in all {often.n} runs)"
        return f"{often.value:.1f} [{often.low:.1f}, {often.high:.1f}]"

    def summary(self) -> dict:
        """As JSON values."""
        scores = {
            who: {where: score.record() for where, score in places.items()}
            for who, places in self.scores.items()
        }
        weights = [
            {name: weight.record() for name, weight in each.items()}
            for each in self.weights
        ]
        curves = {who: curve_record(curve) for who, curve in self.curves.items()}
        return {
            "scores": scores,
            "lost": self.lost,
            "rewards": list(self.rewards),
            "bargain": self.bargain(),
            "weights": weights,
            "curves": curves,
        }


def price_of(weight: float) -> Linear:
    """`speed - weight * collision likelihood`, of the step's end, scaled to about 1.

    A positive scale changes nothing of what is wanted; networks learn numbers of this
    size faster.
    """
    names = driving.Highway(1, 0).feature_names
    scale = max(TOP_SPEED, weight)
    weights = [0.0] * len(names)
    weights[names.index("speed")] = 1.0 / scale
    weights[names.index("collision likelihood")] = -weight / scale
    return Linear(names, jnp.asarray(weights, dtype=jnp.float32))


def label(price: float) -> str:
    """Who drives by that reward, for the table."""
    return f"speed - {price:g} collision" if price != 1.0 else "speed - collision"


def method(n_steps: int, n_rounds: int = 1) -> PQN:
    """How the study learns; one round of as many, its schedules over all of them."""
    return PQN(
        n_steps // n_rounds,
        rollout=Rollout(64, 16),
        passes=Passes(4, 8, 0.9),
        optimiser=RAdam(Falling(2e-3, 1e-4, n_steps)),
        exploration=Falling(1.0, 0.05, n_steps / 2),
        n_stretches=8 if n_rounds == 1 else 1,
    )


def run_highway(
    config: HighwayConfig, folder: Path, progress: Progress
) -> HighwayResult:
    """Learn each reward with several seeds, and drive: here, on held-out roads, there.

    Args:
        config: what to do.
        folder: made where it is missing; `study.toml` says what was done, `runs/` holds
            the policies.
        progress: is told of each step.

    Raises:
        InputError: where the folder holds another study or cannot be made.
    """
    begin_study("highway", config, folder)
    family = driving.Highway.family()
    key = jax.random.key(config.seed)
    learn_key, play_key = jax.random.split(key)
    # Without a part in the first two, which are what they were without people.
    answer_key = jax.random.fold_in(key, config.n_answers)
    policies, curves, weights = _learned(config, learn_key, answer_key, progress)
    always = jnp.eye(len(driving.ACTIONS), dtype=jnp.float32)
    anything = jnp.full_like(always[0], 1.0 / len(driving.ACTIONS))
    rows = [always[driving.SLOWER], always[driving.IDLE], anything]
    blind = Blind(jnp.stack(rows))
    # All who learned side by side, and all who did not, so that a road is compiled
    # for twice and no more.
    learned = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *policies.values())
    scores: dict[str, dict[str, Score]] = {who: {} for who in (*policies, *BASELINES)}
    names = [*(f"train {i}" for i in range(len(family.train))), *driving.HELD_OUT]
    roads = cast("tuple[driving.AbstractDriving, ...]", family.tasks)
    rows_of: dict[str, dict[str, Rows]] = {}
    n_episodes = config.n_episodes
    for where, road in zip(names, roads, strict=True):
        progress.step(f"driving on {where}")
        by_price = drive(
            learned, road, play_key, n_episodes, (len(policies), config.n_seeds)
        )
        by_nobody = drive(blind, road, play_key, n_episodes, (len(BASELINES),))
        for who, row in zip(scores, by_price + by_nobody, strict=True):
            rows_of.setdefault(who, {})[where] = row
    for who, rows in rows_of.items():
        trained = [row for where, row in rows.items() if where not in driving.HELD_OUT]
        others = {where: rows[where] for where in driving.HELD_OUT}
        scores[who]["train"] = score(joined(trained))
        scores[who]["held out"] = score(joined(list(others.values())))
        scores[who] |= {where: score(row) for where, row in others.items()}
    if config.n_real and real_is_there():
        drivers = {who: _each(policy) for who, policy in policies.items()}
        drivers |= dict(zip(BASELINES, [[one] for one in _each(blind)], strict=True))
        for who, each in drivers.items():
            progress.step(f"driving in highway-env: {who}")
            scores[who]["real"] = score(
                drive_for_real(each, config.n_real, config.seed)
            )
    for number, policy in enumerate(policies.values()):
        for seed, one in enumerate(_each(policy)):
            record.save(one, folder / "runs" / f"policy-{number}-{seed}.json")
    lost = scores[ENDING]["train"].speed.value / (1.0 - DISCOUNT)
    rewards = tuple(map(in_words, weights))
    return HighwayResult(scores, policies, lost, rewards, weights, curves)


def _learned(
    config: HighwayConfig,
    learn_key: PRNGKeyArray,
    answer_key: PRNGKeyArray,
    progress: Progress,
) -> tuple[
    dict[str, AbstractPolicy], dict[str, Curve], tuple[dict[str, Estimate], ...]
]:
    """The policies of all seeds by who drives, how they learned, what answers said."""
    family = driving.Highway.family()
    seeds = jax.random.split(learn_key, config.n_seeds)
    learner = method(config.n_steps)

    # What a collision costs is its price alone where the next drive goes on from it.
    going_on = tuple(map(Continuing, family.train))
    priced = {label(price): (price, going_on) for price in PRICES}
    stated = priced | {ENDING: (0.0, family.train)}

    def by_statement(who: str) -> AbstractLearned:
        def tell(step: int, curve: Any) -> None:
            progress.step(f"learning {who}, {step:,} of {config.n_steps:,} steps")

        price, roads = stated[who]
        return learn(seeds, roads, price_of(price), learner, progress=tell)

    # Two at a time, on two cores: a learner's operations are too small to be shared.
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(stated, pool.map(by_statement, stated), strict=True))
        policies = {who: one.policy for who, one in found.items()}
        curves = {who: one.curve for who, one in found.items()}
        if not config.n_answers:
            return policies, curves, ()
        finder = findings_of_driving() if config.findings else None
        asked = lambda one: by_answers(one, config, progress, finder)
        told = list(pool.map(asked, jax.random.split(answer_key, config.n_seeds)))
    stack = lambda *leaves: jnp.stack(leaves)
    policies[PEOPLE] = jax.tree.map(stack, *[one.policy for one in told])
    return policies, curves, tuple(weights_of(one.posterior) for one in told)


def by_answers(
    key: PRNGKeyArray,
    config: HighwayConfig,
    progress: Progress,
    finder_fn: Finder | None = None,
) -> LearnedFromAnswers:
    """Learn to drive from answers alone, in as many steps as from a stated reward.

    A simulated person, Boltzmann in highway-env's own reward, says which of two short
    drives is better; the reward that is learned is linear in the named features.

    Args:
        key: consumed.
        config: how many answers and steps.
        progress: is told of each round.
        finder_fn: turns what the policy does into questions, if given.
    """
    family = driving.Highway.family()
    person = Boltzmann(choice=BradleyTerry())
    half = N_ROUNDS // 2
    asked = (config.n_answers // half,) * half + (0,) * (N_ROUNDS - half)
    n_steps = int(cast("driving.Highway", family.train[0]).course.time_limit)
    return learn_from_answers(
        key,
        family.train,
        Linear(family.train[0].feature_names),
        person,
        answered_by(person.judge(HighwayReward())),
        learner=method(config.n_steps, N_ROUNDS),
        rounds=Rounds(
            asked, SEGMENT, n_steps=n_steps, random=0.2, rule=InformationGain()
        ),
        method=Laplace(),
        prior=range_prior(family.train[0], n_steps),
        finder_fn=finder_fn,
        progress=lambda number, belief: progress.step(
            f"asking and learning, round {number + 1} of {N_ROUNDS}"
        ),
    )


def findings_of_driving() -> Findings:
    """What is looked for in a policy that drives, to ask about."""
    roads = driving.Highway.family().train
    n_steps = int(cast("driving.Highway", roads[0]).course.time_limit)
    return Findings(roads, RULES, length=SEGMENT, n_steps=n_steps)


def an_episode(
    policy: AbstractPolicy, key: PRNGKeyArray, road: driving.AbstractDriving
) -> driving.SceneLog:
    """One episode, as pictures are drawn from it.

    Args:
        policy: of one seed.
        key: consumed.
        road: where.
    """
    n_steps = int(road.course.time_limit)
    seen = eqx.filter_jit(episode)(key, road, policy, n_steps)
    return driving.scene_log(road, seen.transition)


def highway_steps(config: HighwayConfig) -> int:
    """How many steps `run_highway` tells of."""
    learning = (len(PRICES) + 1) * method(config.n_steps).n_stretches
    roads = len(driving.Highway.family().tasks)
    real = len(PRICES) + 1 + len(BASELINES)
    if config.n_answers:
        learning += N_ROUNDS * config.n_seeds
        real += 1
    return learning + roads + (real if config.n_real and real_is_there() else 0)


def _each(policy: AbstractPolicy) -> list[AbstractPolicy]:
    """Those of an axis one by one."""
    n = jax.tree.leaves(policy)[0].shape[0]
    return [jax.tree.map(lambda leaf, i=i: leaf[i], policy) for i in range(n)]
