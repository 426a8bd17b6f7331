"""Data sets: however they were put together, they hold the same answers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, one, pairs, rows
from volition.env import delivery
from volition.feedback import (
    CANNOT_TELL,
    FIRST,
    NOBODY,
    SECOND,
    TIE,
    Dataset,
    Ranking,
    Rating,
    comparison,
    ranking,
)
from volition.feedback.dataset import SMALLEST
from volition.human import Boltzmann
from volition.inference import Normal, Problem
from volition.reward import Linear

SEED = 4
WORLD = featured_world(SEED, terminal=(3,))
N = 150
QUESTIONS = pairs(SEED, WORLD, N, 3)
CHOICES = np.random.default_rng(SEED).integers(0, 4, N)
ANSWERS = answered(QUESTIONS, CHOICES)
ALL = Dataset.of(ANSWERS)


def same(batch, other) -> None:
    assert jax.tree.structure(batch) == jax.tree.structure(other)
    for leaf, there in zip(jax.tree.leaves(batch), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, there)


def test_the_empty_one_holds_nothing():
    empty = Dataset.empty()
    assert (len(empty), empty.capacity) == (0, 0)
    with pytest.raises(ValueError, match="no answers yet: ask first"):
        empty.answers()


def test_a_batch_of_none_is_the_empty_one():
    assert Dataset.of(rows(ANSWERS, slice(0, 0))).batches == ()


def test_one_at_a_time_is_all_at_once():
    grown = Dataset.empty()
    for row in range(SMALLEST + 2):
        grown = grown.append(one(ANSWERS, row))
    together = Dataset.of(rows(ANSWERS, slice(SMALLEST + 2)))
    same(grown, together)
    assert len(grown) == SMALLEST + 2


def test_one_more_answer_compiles_nothing(caplog):
    def compiled(n_answers) -> list[str]:
        held = Dataset.of(rows(ANSWERS, slice(n_answers)))
        caplog.clear()
        with jax.log_compiles():
            held.append(one(ANSWERS, n_answers))
            held.answers()
        return [told.getMessage() for told in caplog.records]

    # Numbers that no other test makes here, as what is compiled is kept.
    compiled(110)
    assert [told for n in (111, 112, 123) for told in compiled(n)] == []
    with jax.log_compiles():
        jax.jit(lambda x: 3.0 * x)(jnp.ones(77))
    assert any("compil" in told.getMessage() for told in caplog.records)


@pytest.mark.parametrize(
    "n_answers, capacity", [(1, 64), (64, 64), (65, 128), (128, 128), (129, 256)]
)
def test_the_capacity_doubles_when_it_is_reached(n_answers, capacity):
    made = Dataset.of(rows(ANSWERS, slice(n_answers)))
    assert (len(made), made.capacity) == (n_answers, capacity)
    grown = Dataset.of(rows(ANSWERS, slice(n_answers - 1))).append(one(ANSWERS, 0))
    assert (len(grown), grown.capacity) == (n_answers, capacity)


@pytest.mark.parametrize("capacity", [1, 5, 1000])
def test_the_room_asked_for_is_the_least(capacity):
    made = Dataset.of(rows(ANSWERS, slice(9)), capacity)
    assert len(made) == 9
    assert 9 <= made.capacity < max(18, capacity + 1)


@pytest.mark.parametrize("capacity", [0, -3])
def test_no_room_at_all_is_refused(capacity):
    with pytest.raises(ValueError, match=f"capacity = {capacity}"):
        Dataset.of(ANSWERS, capacity)


def test_the_answers_come_back_without_padding():
    same(ALL.answers(), ANSWERS)


def test_a_larger_data_set_never_shrinks():
    roomy = Dataset.of(rows(ANSWERS, slice(3)), 512)
    assert roomy.append(one(ANSWERS, 3)).capacity == 512


def test_a_subset_keeps_the_marked_and_the_capacity():
    keep = np.zeros(ALL.capacity, dtype=bool)
    keep[[3, 70, 149]] = True
    kept = ALL.subset(jnp.asarray(keep))
    assert (len(kept), kept.capacity) == (3, ALL.capacity)
    same(kept.answers(), rows(ANSWERS, np.array([3, 70, 149])))
    # Padding cannot be marked back in.
    assert len(ALL.subset(jnp.ones(ALL.capacity, dtype=bool))) == N
    # And what is appended fills no hole.
    more = kept.append(one(ANSWERS, 0))
    same(more.answers(), rows(ANSWERS, np.array([3, 70, 149, 0])))


def test_a_subset_of_none_takes_further_answers():
    nothing = ALL.subset(jnp.zeros(ALL.capacity, dtype=bool))
    assert len(nothing) == 0
    same(nothing.append(one(ANSWERS, 5)).answers(), rows(ANSWERS, slice(5, 6)))


@pytest.mark.parametrize(
    "other",
    [
        answered(pairs(SEED, featured_world(SEED, n_features=5), 2, 3), [FIRST, TIE]),
        answered(pairs(SEED, delivery(), 2, 3), [FIRST, TIE]),
    ],
    ids=["other features", "other states"],
)
def test_another_environment_is_refused(other):
    with pytest.raises(ValueError, match="takes one environment") as told:
        ALL.concatenate(other)
    message = str(told.value)
    assert "\n" not in message
    assert message.endswith(".")


class OnlyOne(eqx.Module):
    """A state that can say what it is only where it is a single one."""

    index: jax.Array

    def __str__(self) -> str:
        return f"state {int(self.index)}"


def test_states_need_no_words_for_many_of_them():
    states = lambda one: (
        one.options.transition.state,
        one.options.transition.next_state,
    )
    several = rows(ANSWERS, slice(3))
    mute = eqx.tree_at(
        states, several, tuple(OnlyOne(each.index) for each in states(several))
    )
    assert len(Dataset.of(mute).concatenate(mute)) == 6


def test_other_kinds_and_lengths_are_batches_of_their_own():
    longer = answered(pairs(SEED, WORLD, 2, 4), [FIRST, SECOND])
    three = jax.tree.map(lambda leaf: leaf[:3, 0], QUESTIONS)
    mixed = (
        ALL.subset(jnp.arange(ALL.capacity) < 3)
        .append(ranking(three, [2, 0]))
        .concatenate(longer)
        .append(ranking(three, [1, 2], question=7))
        .append(one(ANSWERS, 9))
    )
    assert [len(Dataset((batch,))) for batch in mixed.batches] == [4, 2, 2]
    assert len(mixed) == 8
    assert mixed.capacity == mixed.present.shape[0] == ALL.capacity + 2 * SMALLEST
    told = mixed.answers(Ranking)
    assert told.order.tolist() == [[2, 0], [1, 2]]
    assert mixed.question[mixed.present].tolist() == [0, 1, 2, 9, 3, 7, 0, 1]
    with pytest.raises(ValueError, match="2 batches of the kind Comparison"):
        mixed.answers()
    with pytest.raises(ValueError, match="no answers of the kind Rating"):
        mixed.answers(Rating)
    # A subset marks the places of all batches in a row.
    keep = np.zeros(mixed.capacity, dtype=bool)
    keep[[1, ALL.capacity + 1]] = True
    kept = mixed.subset(jnp.asarray(keep))
    assert kept.question[kept.present].tolist() == [1, 7]
    free = jnp.array([0.4, -1.2, 0.3, -0.5])
    parts = [total(Dataset((batch,)), free) for batch in mixed.batches]
    assert total(mixed, free) == pytest.approx(sum(parts), abs=1e-10)


@eqx.filter_jit
def log_likelihoods(problem, free):
    return problem.each_log_likelihood(free)


def total(dataset: Dataset, free) -> float:
    problem = Problem(Linear(WORLD.feature_names), Boltzmann(), dataset, Normal())
    each = log_likelihoods(problem, free)
    assert each.shape == (dataset.capacity,)
    return float(each.sum())


@pytest.mark.parametrize("n_first", [1, 60, 149])
def test_log_likelihoods_of_parts_add_up(n_first):
    free = jnp.array([0.4, -1.2, 0.3, -0.5])
    parts = [rows(ANSWERS, slice(n_first)), rows(ANSWERS, slice(n_first, None))]
    whole = total(ALL, free)
    assert whole < -50
    assert sum(total(Dataset.of(part), free) for part in parts) == pytest.approx(
        whole, abs=1e-10
    )
    marked = jnp.arange(ALL.capacity) < n_first
    split = total(ALL.subset(marked), free) + total(ALL.subset(~marked), free)
    assert split == pytest.approx(whole, abs=1e-10)
    joined = Dataset.of(parts[0]).concatenate(parts[1])
    assert total(joined, free) == pytest.approx(whole, abs=1e-10)


@pytest.mark.parametrize("n_first", [1, 33])
def test_padding_counts_for_nothing(n_first):
    free = jnp.array([0.4, -1.2, 0.3, -0.5])
    part = rows(ANSWERS, slice(n_first))
    assert total(Dataset.of(part, 16), free) == pytest.approx(
        total(Dataset.of(part, 256), free), abs=1e-11
    )


def test_a_comparison_is_a_row_of_a_batch():
    made = comparison(one(QUESTIONS, 3), int(CHOICES[3]), question=3)
    same(made, one(ANSWERS, 3))
    assert int(made.person) == NOBODY


@pytest.mark.parametrize("choice", [-2, 4, CANNOT_TELL + 2])
def test_an_unknown_choice_is_refused(choice):
    with pytest.raises(ValueError, match=f"3 \\(cannot tell\\), not {choice}"):
        comparison(one(QUESTIONS, 0), choice)


@pytest.mark.parametrize("options", [QUESTIONS, rows(QUESTIONS, (0, 1))])
def test_two_options_are_asked_for(options):
    with pytest.raises(ValueError, match="two options"):
        comparison(options, FIRST)
