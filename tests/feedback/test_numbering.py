"""Questions are numbered, and answers that there cannot be are refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, pairs
from volition.feedback import (
    UNNUMBERED,
    Dataset,
    OneOf,
    Ranking,
    Rating,
    Stop,
    Strength,
    WorldState,
    best_of,
    comparison,
    demonstration,
)

SEED = 3
WORLD = featured_world(SEED)
OPTIONS = pairs(SEED, WORLD, 6, 3)
FIRST = jax.tree.map(lambda leaf: leaf[0], OPTIONS)


def numbers(data: Dataset) -> list[int]:
    return np.asarray(data.question)[np.asarray(data.present)].tolist()


def pair(row: int):
    return jax.tree.map(lambda leaf: leaf[row], OPTIONS)


def test_a_batch_by_vmap_gets_a_number_for_each():
    made = jax.vmap(comparison)(OPTIONS)
    assert set(np.asarray(made.question).tolist()) == {UNNUMBERED}
    assert numbers(Dataset.of(made)) == [0, 1, 2, 3, 4, 5]


def test_the_same_question_keeps_its_number():
    data = Dataset.of([comparison(pair(0), 0, person=n) for n in range(3)])
    assert numbers(data) == [0, 0, 0]
    data = data.append(comparison(pair(1), 1)).append(comparison(pair(0), 1))
    assert numbers(data) == [0, 0, 0, 1, 0]
    swapped = jax.tree.map(lambda leaf: leaf[::-1], pair(0))
    assert numbers(data.append(comparison(swapped, 1)))[-1] == 2


def test_numbers_that_are_given_are_kept_and_never_given_again():
    data = Dataset.of(comparison(pair(0), 0, question=7))
    data = data.append([comparison(pair(1), 0), comparison(pair(0), 1)])
    assert numbers(data) == [7, 8, 7]
    mixed = Dataset.of([comparison(pair(2), 0), comparison(pair(3), 0, question=3)])
    assert numbers(mixed) == [4, 3]
    # Of another kind, and so in another batch.
    assert (
        numbers(mixed.append(demonstration(jax.tree.map(lambda x: x[0], FIRST))))[-1]
        == 5
    )


def test_a_list_may_hold_several_kinds_and_batches():
    batch = jax.vmap(lambda one: comparison(one, 1))(OPTIONS)
    three = jax.tree.map(lambda leaf: leaf[:3, 0], OPTIONS)
    data = Dataset.of([comparison(pair(0), 0), best_of(three, 2), batch])
    assert [type(each.answers).__name__ for each in data.batches] == [
        "Comparison",
        "OneOf",
    ]
    assert len(data) == 8
    assert Dataset.of(data) is data
    assert len(Dataset.of([])) == 0


head = {
    "person": jnp.array([0]),
    "question": jnp.array([0]),
    "seconds": jnp.array([1.0]),
}
BATCH = jax.tree.map(lambda leaf: leaf[None], FIRST)
SINGLE = jax.tree.map(lambda leaf: leaf[:1, 0], OPTIONS)
WRONG = {
    "comparison": (lambda n: best_comparison(n), 4),
    "one of": (lambda n: OneOf(BATCH, jnp.array([n]), **head), 2),
    "ranking": (lambda n: Ranking(BATCH, jnp.array([[n]]), **head), 2),
    "rating": (lambda n: Rating(SINGLE, jnp.array([n]), **head, n_levels=5), 5),
    "strength": (lambda n: Strength(BATCH, jnp.array([n]), **head, n_degrees=3), 3),
    "stop": (lambda n: Stop(SINGLE, jnp.array([n]), **head), 4),
    "state": (
        lambda n: WorldState(
            jnp.array([n]), jnp.full((1, 8), 0.125), **head, n_steps=2
        ),
        8,
    ),
}


def best_comparison(n):
    return eqx.tree_at(
        lambda one: one.choice,
        jax.tree.map(lambda leaf: leaf[None], comparison(FIRST, 0, question=0)),
        jnp.array([n]),
    )


@pytest.mark.parametrize("make, n_choices", WRONG.values(), ids=WRONG)
def test_what_cannot_be_said_is_refused(make, n_choices):
    for n in (UNNUMBERED, 0, n_choices - 1):
        assert len(Dataset.of(make(n))) == 1
    for n in (n_choices, -2, 1000):
        with pytest.raises(ValueError, match=f"= {n} of answer 0 .* is out of range"):
            Dataset.of(make(n))
        with pytest.raises(ValueError, match="is out of range"):
            Dataset.empty().append(make(n))


def test_other_numbers_that_cannot_be_are_refused():
    good = comparison(FIRST, 0)
    for where, wrong, match in (
        (lambda one: one.person, jnp.int32(-2), "person = -2"),
        (lambda one: one.question, jnp.int32(-2), "question = -2"),
        (lambda one: one.seconds, jnp.asarray(-1.0), "seconds = -1.0"),
        (lambda one: one.seconds, jnp.asarray(jnp.inf), "seconds = inf"),
        (lambda one: one.choice, jnp.asarray(0.5), "give whole numbers"),
    ):
        with pytest.raises(ValueError, match=match):
            Dataset.of(eqx.tree_at(where, good, wrong))
    twice = Ranking(BATCH, jnp.array([[1, 1]]), **head)
    with pytest.raises(ValueError, match="names an option twice"):
        Dataset.of(twice)
    two = eqx.tree_at(lambda one: one.choice, best_comparison(0), jnp.array([0, 1]))
    with pytest.raises(ValueError, match=r"batch of 1 answers .* shape \(2,\)"):
        Dataset.of(two)
