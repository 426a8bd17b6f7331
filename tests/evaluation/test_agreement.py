"""Agreement: the published example, limits, and where it is not defined."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs
from volition.evaluation import agreement, comparison_agreement
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE

# Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section E: four
# observers, twelve units; alpha is .743 by names and .815 in order.
TABLE = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
        [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
    ]
)


def listed(table):
    person, question = np.indices(table.shape)
    return table.ravel(), person.ravel(), question.ravel()


@pytest.mark.parametrize("ordered, expected", [(False, 0.743), (True, 0.815)])
def test_the_published_example(ordered, expected):
    found = agreement(*listed(TABLE), ordered=ordered)
    assert found.value == pytest.approx(expected, abs=5e-4)
    assert found.n == 11  # the last unit has but one value
    assert found.low < found.value < found.high <= 1.0


@pytest.mark.parametrize("seed", [3])
def test_chance_is_0_and_full_agreement_1(seed):
    generator = np.random.default_rng(seed)
    random = generator.integers(0, 3, (4, 300)).astype(float)
    found = agreement(*listed(random))
    assert abs(found.value) < 0.1
    assert found.low < 0.0 < found.high
    same = np.tile(generator.integers(0, 3, 40).astype(float), (3, 1))
    assert agreement(*listed(same)).value == 1.0
    # Neither the order of answers nor the names of people count.
    order = generator.permutation(random.size)
    values, person, question = (part[order] for part in listed(random))
    moved = agreement(values, 7 - person, question)
    assert moved.value == pytest.approx(found.value, abs=1e-12)


@pytest.mark.parametrize(
    "table, why",
    [
        ([[1.0, np.nan], [np.nan, 2.0]], "no question was answered by two people"),
        ([[1.0, 1.0], [1.0, 1.0]], "all answers are the same"),
    ],
)
def test_what_is_not_defined_says_why(table, why):
    found = agreement(*listed(np.array(table)))
    assert np.isnan(found.value)
    assert why in found.interval


def test_of_comparisons_a_tie_lies_between():
    questions = pairs(1, featured_world(1), 6, 2)
    answers = answered(questions, [FIRST, FIRST, SECOND, TIE, CANNOT_TELL, FIRST])
    person = jnp.array([0, 1, 0, 1, 0, 1], dtype=jnp.int32)
    question = jnp.array([0, 0, 1, 1, 2, 2], dtype=jnp.int32)
    where = lambda made: (made.person, made.question)
    batch = eqx.tree_at(where, answers, (person, question))
    found = comparison_agreement(batch)
    assert found.n == 2  # the last has one answer that tells something
    expected = agreement(
        np.array([-1.0, -1.0, 1.0, 0.0]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    )
    assert found.value == expected.value
