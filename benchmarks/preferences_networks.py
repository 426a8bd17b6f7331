"""Networks learned from comparisons: `python -m benchmarks.preferences_networks`.

The same job for both: imitation's `BasicRewardNet`, 32-32 units over observation,
action, next observation and end, from 1,000 pairs of segments of 100 steps, batches of
32. A comparison counts once for each time that a network learns from it.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from benchmarks.measure import (
    Measurement,
    arguments,
    first_and_hot,
    measurement,
    prepare,
    ratio,
    report,
)
from benchmarks.peers import ask, environment
from volition import env, feedback, human, inference, policy, reward
from volition.study.preferences import Exploring

HERE = Path(__file__).parent
CASE = "reward networks"
# Ten epochs for both; of three ours is slower, as what is done once weighs more.
N_PAIRS, LENGTH, N_EPOCHS = 1000, 100, 10
NEEDS = ("imitation==1.0.1", "torch==2.13.0")
# peers.md: 1,000 pairs of 100 steps, 3 epochs, batches of 32; one core.
RECORDED = (1030.0, 1030.0, 1030.0, 1)


def problem() -> inference.Problem:
    """Pairs of Pendulum's segments, answered by its own reward, and a network."""
    world = env.Pendulum()
    pool = policy.rollout(
        jax.random.key(0),
        world,
        Exploring(None, world.action_space, 1.0),
        n_segments=2 * N_PAIRS,
        length=LENGTH,
        n_steps=200,
    )
    person = human.Boltzmann(choice=human.BradleyTerry())
    pairs = jax.tree.map(lambda leaf: leaf.reshape(N_PAIRS, 2, *leaf.shape[1:]), pool)
    keys = jax.random.split(jax.random.key(1), N_PAIRS)
    judge = person.judge(reward.pendulum())
    said = jax.jit(jax.vmap(judge.sample))(keys, jax.vmap(feedback.comparison)(pairs))
    numbers = jnp.arange(N_PAIRS, dtype=jnp.int32)
    said = eqx.tree_at(lambda answer: answer.question, said, numbers)
    network = reward.Network(reward.StepInputs(world), (32, 32))
    prior = inference.Normal(network.prior_scale())
    answers = feedback.Dataset.of(said, N_PAIRS)
    return inference.Problem(network, person, answers, prior)


def ours(repeats: int) -> tuple[float, list[float]]:
    """Comparisons a second of an ensemble: with compilation, and each time after."""
    asked = problem()
    batch = 32
    method = inference.Ensemble(n_steps=N_EPOCHS * N_PAIRS // batch, batch_size=batch)
    n = method.n_members * method.n_steps * batch
    work = lambda: method.run(jax.random.key(0), asked)[0]
    first, hot = first_and_hot({CASE: work}, repeats)
    return n / first[CASE], [n / taken for taken in hot[CASE]]


def theirs(repeats: int) -> list[float]:
    """imitation's comparisons a second."""
    python = environment("imitation", NEEDS)
    script = HERE / "preferences_imitation.py"
    told = ask(python, script, N_PAIRS, LENGTH, N_EPOCHS, repeats)
    return [told["comparisons"] / taken for taken in told["taken"]]


def measurements(peers: bool, repeats: int) -> list[Measurement]:
    """Ours and imitation's, measured now or recorded."""
    first, hot = ours(repeats)
    metric, unit = "comparisons", "1/s"
    lines = [
        measurement(CASE, "volition", metric, unit, hot),
        measurement(CASE, "volition", f"{metric}, compiling", unit, [first]),
    ]
    if peers:
        found = theirs(repeats)
        lines.append(measurement(CASE, "imitation", metric, unit, found))
        # Rates, so that the greater is in front.
        lines.append(ratio(CASE, "comparisons", found, hot))
    else:
        lines.append(
            Measurement(CASE, "imitation", metric, unit, *RECORDED, recorded=True)
        )
        times = [one / RECORDED[0] for one in hot]
        lines.append(measurement(CASE, "ratio", "comparisons", "times", times))
    return lines


def keys(lines: list[Measurement]) -> dict[str, float]:
    """The medians by name."""
    return {
        "comparisons_per_s": lines[0].median,
        "imitation_comparisons_per_s": lines[2].median,
    }


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    lines = measurements(options.peers, options.repeats)
    report(lines, options.json)
    print(keys(lines))


if __name__ == "__main__":
    main()
