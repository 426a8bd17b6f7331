"""Families and their splits."""

import jax
import pytest

from volition.env import Family, delivery, gridworld, random_mdp, split

TASKS = tuple(gridworld(["." * n + "G"]) for n in range(2, 9))


def places(part) -> list[int]:
    return [next(i for i, task in enumerate(TASKS) if task is mine) for mine in part]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "fraction, n_held_out", [(0.2, 1), (0.5, 4), (0.01, 1), (0.99, 6)]
)
def test_a_split_is_a_partition_in_order(seed, fraction, n_held_out):
    family = split(jax.random.key(seed), TASKS, fraction)
    train, held_out = places(family.train), places(family.held_out)
    assert len(held_out) == n_held_out
    assert sorted(train + held_out) == list(range(len(TASKS)))
    assert train == sorted(train)
    assert held_out == sorted(held_out)
    assert family.tasks == family.train + family.held_out


def test_the_key_decides_which():
    splits = [places(split(jax.random.key(seed), TASKS).held_out) for seed in range(8)]
    again = [places(split(jax.random.key(seed), TASKS).held_out) for seed in range(8)]
    assert splits == again
    assert len({tuple(held_out) for held_out in splits}) > 1


def test_a_family_is_a_pytree_of_its_tasks():
    family = Family(train=TASKS[:2], held_out=TASKS[2:3])
    assert len(jax.tree.leaves(family)) == sum(
        len(jax.tree.leaves(task)) for task in TASKS[:3]
    )


@pytest.mark.parametrize(
    "train, held_out, sentence",
    [
        ((), TASKS[:1], "train is empty"),
        (TASKS[:1], (), "held_out is empty"),
        (TASKS[:3], (TASKS[4], TASKS[1]), "held-out task 1 is also training task 1"),
        (TASKS[:3], (gridworld(["...G"]),), "held-out task 0 is also training task 1"),
        (TASKS[:1], (delivery(),), r"task 1 has the features \('gas'"),
        (
            (random_mdp(jax.random.key(0), 3, 2, 1),),
            (random_mdp(jax.random.key(0), 3, 4, 1),),
            r"task 1 has the actions Discrete\(n=4\)",
        ),
    ],
)
def test_a_bad_family_is_refused(train, held_out, sentence):
    with pytest.raises(ValueError, match=sentence):
        Family(train=train, held_out=held_out)


def test_a_task_that_differs_in_its_discount_alone_is_another():
    family = Family(train=(TASKS[0],), held_out=(gridworld(["..G"], discount=0.5),))
    assert len(family.tasks) == 2


@pytest.mark.parametrize(
    "tasks, fraction, sentence",
    [
        (TASKS[:1], 0.5, "at least two tasks, not 1"),
        (TASKS, 0.0, "held_out_fraction = 0.0 must be between 0 and 1"),
        (TASKS, 1.0, "held_out_fraction = 1.0 must be between"),
    ],
)
def test_a_bad_split_is_refused(tasks, fraction, sentence):
    with pytest.raises(ValueError, match=sentence):
        split(jax.random.key(0), tasks, fraction)
