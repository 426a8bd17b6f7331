"""Asking people: nothing twice, nothing lost, and something learned."""

import equinox as eqx
import jax
import numpy as np
import pytest

from volition.feedback import Strength, strength
from volition.human import Boltzmann, Davidson, Fraction, Graded, Lapse, Positive
from volition.reward import Linear, delivery_true
from volition.store import CHOICES, Conflict, Evidence, InputError, Question, Said
from volition.study import simulated
from volition.study.clips import CLIPS, totals
from volition.study.label import (
    DEGREES,
    ENOUGH,
    Chosen,
    LabelConfig,
    Labelling,
    begin_label,
    learned,
    open_label,
    random_pair,
    read_label,
)

SEED = 5
CONFIG = LabelConfig(n_questions=30, seed=SEED)


@pytest.fixture
def folder(tmp_path):
    begin_label(tmp_path / "study", CONFIG)
    return tmp_path / "study"


def answer_all(labelling: Labelling, say, n: int = 1000) -> list:
    """Up to so many questions, as they were asked."""
    seen = []
    while len(seen) < n and (asked := labelling.ask()) is not None:
        showing = f"{labelling.person}-{asked.number}-{len(seen)}"
        labelling.answer(asked, showing, say(asked))
        seen.append(asked)
    return seen


def tie(asked) -> dict:
    del asked
    return {"choice": "tie"}


def test_every_person_is_asked_so_many_different_questions(tmp_path):
    begin_label(tmp_path / "study", LabelConfig(n_questions=8, seed=SEED))
    pairs = []
    for name in ("me", "you"):
        labelling = open_label(tmp_path / "study", name)
        with labelling.evidence:
            seen = answer_all(labelling, tie)
            pairs.append([frozenset(map(str, asked.options)) for asked in seen])
            assert len(labelling.evidence.standing()) == 8 * len(pairs)
        assert len(set(pairs[-1])) == len(seen) == 8
        assert all(len(pair) == 2 for pair in pairs[-1])
    assert pairs[0] != pairs[1]


def test_what_is_asked_is_the_same_after_every_stop(folder, tmp_path):
    """Each time another process opens it, and the open question is there again."""
    whole = tmp_path / "whole"
    begin_label(whole, CONFIG)
    labelling = open_label(whole, "me")
    with labelling.evidence:
        at_once = answer_all(labelling, tie, 9)
    bit_by_bit = []
    for n in (2, 0, 3, 4):
        labelling = open_label(folder, "me")
        with labelling.evidence:
            bit_by_bit += answer_all(labelling, tie, n)
            # Shown, and not answered.
            assert labelling.ask() == labelling.ask()
    assert bit_by_bit == at_once


def test_undo_opens_the_questions_again_in_their_order(folder):
    labelling = open_label(folder, "me")
    with labelling.evidence:
        seen = answer_all(labelling, tie, 4)
        ahead = labelling.ask()
        for number in (3, 2):
            undone = labelling.undo(f"undo {number}")
            assert undone is not None
            assert undone.answer.question == seen[number].number
            assert labelling.ask() == seen[number]
        assert answer_all(labelling, tie, 3) == [*seen[2:], ahead]
        assert len(labelling.standing()) == 5


def test_undo_with_nothing_to_take_back_or_of_another_person(folder):
    labelling, other = open_label(folder, "me"), open_label(folder, "you")
    with labelling.evidence, other.evidence:
        assert labelling.undo("a") is None
        answer_all(other, tie, 1)
        assert labelling.undo("b") is None
        assert len(other.standing()) == 1


def test_sides_are_drawn_by_chance(folder):
    """How often the clip of the lower number is left: a coin, within 4 errors."""
    labelling = open_label(folder, "me")
    with labelling.evidence:
        seen = answer_all(labelling, tie)
        place = {str(option): number for number, option in enumerate(labelling.clips)}
    ordered = [place[str(a.options[0])] < place[str(a.options[1])] for a in seen]
    assert abs(np.mean(ordered) - 0.5) < 4.0 * 0.5 / np.sqrt(len(seen))


def test_a_simulated_person_is_understood(tmp_path):
    """What is learned of the answers predicts further ones better than a coin."""
    begin_label(tmp_path / "study", LabelConfig(n_questions=100, seed=SEED))
    labelling = open_label(tmp_path / "study", "me")
    choice = Lapse(Graded(Davidson(), width=Positive(2.0)), Fraction(0.02))
    judge = Boltzmann(choice=choice).judge(delivery_true())
    place = {str(option): number for number, option in enumerate(labelling.clips)}
    keys = iter(jax.random.split(jax.random.key(SEED), 200))

    def pair(asked):
        rows = [place[str(option)] for option in asked.options]
        return jax.tree.map(lambda leaf: leaf[rows], labelling.segments)

    sample = eqx.filter_jit(judge.sample)

    def say(asked):
        degree = int(sample(next(keys), strength(pair(asked))).degree)
        word, strong = DEGREES[degree]
        return {"choice": word, "strength": strong} if strong else {"choice": word}

    with labelling.evidence:
        answer_all(labelling, say)
        questions = labelling.evidence.questions()
        predicted = {n: q.predicted for n, q in questions.items()}
        losses = []
        for stored in labelling.standing():
            assert stored.answer.said is not None
            each = predicted[stored.answer.question]
            if each is not None:
                losses.append(-np.log(each[CHOICES[stored.answer.said["choice"]]]))
        posterior = labelling.posterior()
    assert posterior is not None
    assert [number for number, each in predicted.items() if each is None] == [
        *range(1, ENOUGH + 1)
    ]
    for each in predicted.values():
        np.testing.assert_allclose(np.sum(each or 1.0), 1.0, atol=1e-12)
    mean, error = np.mean(losses), np.std(losses, ddof=1) / np.sqrt(len(losses))
    assert mean + 2.0 * error < np.log(3.0)
    assert len(posterior.problem.answers) == 100
    found = learned(posterior)
    assert list(found) == list(delivery_true().feature_names)
    # Three moves burn gas or go through mud: what they cost is known of each other.
    assert found["mud"].value < found["gas"].value
    assert all(each.low < each.value < each.high for each in found.values())


def test_the_choice_of_the_next_question_can_be_replaced(folder):
    told = []

    def first_pair(key, posterior, segments, pairs):
        del key
        told.append((posterior is not None, segments.weight.shape, len(pairs)))
        return Chosen(tuple(pairs[0].tolist()), "the first")

    labelling = open_label(folder, "me", choose_fn=first_pair)
    with labelling.evidence:
        seen = answer_all(labelling, tie, ENOUGH + 1)
        rules = {question.rule for question in labelling.evidence.questions().values()}
    assert rules == {"the first"}
    assert [known for known, _, _ in told] == [False] * ENOUGH + [True]
    n_pairs = [n for _, _, n in told]
    assert n_pairs == list(range(n_pairs[0], n_pairs[0] - len(seen), -1))
    assert told[0][1] == (len(labelling.clips), simulated.LENGTH)


def test_one_more_answer_compiles_nothing(folder, caplog):
    def compiled() -> int:
        return sum("Compiling" in each.getMessage() for each in caplog.records)

    labelling = open_label(folder, "me")
    with labelling.evidence:
        answer_all(labelling, tie, ENOUGH + 2)
        with jax.log_compiles():
            answer_all(labelling, tie, 3)
            assert compiled() == 0
            jax.jit(lambda x: 2 * x)(SEED)
            assert compiled() > 0


def test_pairs_that_cannot_differ_are_not_asked(folder):
    labelling = open_label(folder, "me")
    with labelling.evidence:
        total = totals(labelling.segments)
        pairs = np.array(labelling._pairs())
    n_clips = len(total)
    same = [
        (i, j)
        for i in range(n_clips)
        for j in range(i)
        if np.array_equal(total[i], total[j])
    ]
    assert len(pairs) == n_clips * (n_clips - 1) // 2 - len(same)
    assert same
    assert not set(map(tuple, pairs.tolist())) & {(j, i) for i, j in same}


def test_when_everything_was_asked_it_says_so(folder, monkeypatch):
    monkeypatch.setattr(Labelling, "_pairs", lambda self: [(0, 1)])
    labelling = open_label(folder, "me")
    with labelling.evidence:
        answer_all(labelling, tie, 1)
        with pytest.raises(InputError, match=r"all 1 pairs.*another --seed"):
            labelling.ask()


def test_the_clips_of_a_study_depend_on_its_seed_alone():
    clips = CLIPS["delivery"]
    quiet = lambda done, total: None
    one, same, other = (
        clips.make(jax.random.key(seed), quiet) for seed in (SEED, SEED, SEED + 1)
    )
    assert one == same != other
    assert len({str(option) for option, _ in one}) == len(one)


@pytest.mark.slow
def test_clips_of_driving_come_back_from_what_is_stored(tmp_path):
    begin_label(tmp_path / "study", LabelConfig("highway", 8, SEED))
    labelling = open_label(tmp_path / "study", "me")
    with labelling.evidence:
        segments, first = labelling.segments, labelling.clips[0]
        n_steps = int(np.asarray(segments.weight)[0].sum())
        scene = labelling.evidence.scene(first)
        answer_all(labelling, tie)
        posterior = labelling.posterior()
    assert scene is not None
    assert posterior is not None
    features = np.asarray(segments.transition.features)
    ended = np.asarray(segments.transition.terminated)[:, -1]
    speeds = scene["fields"]["decisions"]["fields"]["speed"]["array"]
    names = [each.name for each in CLIPS["highway"].feature_info]
    found = features[0, :, names.index("speed")]
    np.testing.assert_array_equal(
        found[:n_steps].astype(np.float32), np.array(speeds[1:], dtype=np.float32)
    )
    crashed = features[..., names.index("collision")].sum(axis=1)
    assert set(crashed.tolist()) == {0.0, 1.0}
    assert np.array_equal(crashed > 0, ended)
    assert isinstance(posterior.mean, Linear)
    assert list(learned(posterior)) == names


def test_one_person_in_two_windows(folder):
    """One answer stands, the same questions are asked, and none is asked twice."""
    one = open_label(folder, "me", choose_fn=random_pair)
    two = open_label(folder, "me", choose_fn=random_pair)
    with one.evidence, two.evidence:
        for number in range(6):
            here, there = one.ask(), two.ask()
            assert here is not None
            assert here == there
            first, second = (one, two) if number % 2 else (two, one)
            first.answer(here, f"{number} here", {"choice": "first"})
            with pytest.raises(Conflict, match="perhaps in another window"):
                second.answer(there, f"{number} there", {"choice": "second"})
        assert one.standing() == two.standing()
        assert len(one.answers()) == len(one.standing()) == 6


def test_a_question_is_asked_once_where_two_windows_ask_at_once(folder):
    """The second chooses the same, and finds it asked when it comes to write."""
    other = open_label(folder, "me", choose_fn=random_pair)
    asked = []

    def late(*arguments):
        asked.append(other.ask())
        return random_pair(*arguments)

    one = open_label(folder, "me", choose_fn=late)
    with one.evidence, other.evidence:
        assert one.ask() == asked[0]
        assert len(one.evidence.questions()) == 1


BAD_CLIPS = {
    "no dict": "a",
    "no start": {"actions": [0, 0, 0]},
    "a start out of range": {"start": 10**9, "actions": [0, 0, 0]},
    "a start below 0": {"start": -1, "actions": [0, 0, 0]},
    "a start that is true": {"start": True, "actions": [0, 0, 0]},
    "a start that is no whole number": {"start": 1.5, "actions": [0, 0, 0]},
    "an action out of range": {"start": 0, "actions": [0, 99, 0]},
    "a word for actions": {"start": 0, "actions": "abc"},
    "no action": {"start": 0, "actions": []},
    "another length": {"start": 0, "actions": [0, 0, 0, 0]},
    "deep": {"start": 0, "actions": [[[[0]]]]},
}


@pytest.mark.parametrize("kind", BAD_CLIPS)
def test_clips_of_something_else_are_a_sentence(folder, kind):
    with Evidence(folder / "study.db") as evidence:
        evidence.add_clips([({"start": 0, "actions": [0, 0, 0]}, None)])
        evidence.add_clips([(BAD_CLIPS[kind], None)])
    with pytest.raises(InputError, match=r"study\.db: clip 2 (is|has)"):
        open_label(folder, "me")


@pytest.mark.parametrize("env, n_steps", [("highway", 5)])
def test_clips_of_driving_of_something_else_are_a_sentence(env, n_steps):
    clips = CLIPS[env]
    steps = [0.0] * n_steps
    right = {
        "actions": [0] * n_steps,
        "weight": steps,
        "terminated": [False] * n_steps,
        "features": [[0.0] * len(clips.feature_info)] * n_steps,
    }
    assert clips.segments([right]).weight.shape == (1, n_steps)
    for name, bad in (
        ("features", [steps]),
        ("features", "many"),
        ("weight", [float("nan")] * n_steps),
        ("weight", [[0.0], [0.0, 1.0]]),
        ("actions", [0.5] * n_steps),
        ("actions", [2**70] * n_steps),
        ("terminated", steps),
        ("terminated", None),
    ):
        with pytest.raises(InputError, match=f"clip 2 has no {name} of a drive"):
            clips.segments([right, right | {name: bad}])


@pytest.mark.parametrize(
    "said",
    [{}, {"choice": "maybe"}, {"choice": ["first"]}, {"choice": "tie", "strength": 9}],
)
def test_answers_of_something_else_are_a_sentence(folder, said):
    labelling = open_label(folder, "me", choose_fn=random_pair)
    with labelling.evidence:
        asked = labelling.ask()
        assert asked is not None
        labelling.answer(asked, "one", said)
        with pytest.raises(
            InputError, match=r"study\.db has answer 1, .* says neither"
        ):
            labelling.answers()


@pytest.mark.parametrize("options", [[], [{"start": 1}, {"start": 2}], None])
def test_questions_about_something_else_are_a_sentence(folder, options):
    labelling = open_label(folder, "me", choose_fn=random_pair)
    with labelling.evidence as evidence:
        options = options if options is not None else [labelling.clips[0]] * 3
        question = Question("delivery", 0, "comparison", options, person=1, rule="x")
        number = evidence.ask(question)
        with pytest.raises(InputError, match="question 1, which is not about two of"):
            labelling.ask()
        evidence.add(Said("one", number, 1, {"choice": "first"}))
        with pytest.raises(InputError, match="question 1, which is not about two of"):
            labelling.answers()


BAD_TOML = {
    "no TOML": ("study = ", "not a study's configuration"),
    "another kind": ('study = "highway"', "of another kind, 'highway'"),
    "no kind": ('env = "delivery"', "of another kind, None"),
    "another world": ('study = "label"\nenv = "moon"', "the world is one of"),
    "no question": ('study = "label"\nn_questions = 0', "from 1 to"),
    "an endless study": (
        f'study = "label"\nn_questions = {10**18}',
        "from 1 to 10000",
    ),
    "a word for a seed": ('study = "label"\nseed = "x"', "study.toml"),
    "a seed below 0": ('study = "label"\nseed = -1', "seed = -1"),
    "true for a number": ('study = "label"\nseed = true', "seed = True"),
    "a list of worlds": ('study = "label"\nenv = ["x"]', "study.toml"),
    "deep": ("a = " + "[" * 5000 + "]" * 5000, "not a study's configuration"),
    "long": ("# " + "a" * 100_000, "at most"),
    "no text": ('study = "\udcff"', "is not text"),
    "a further field": ('study = "label"\nmood = 1', "mood"),
    "a word for a number": ('study = "label"\nn_questions = "ten"', "study.toml"),
}


@pytest.mark.parametrize("kind", BAD_TOML)
def test_another_configuration_is_refused(tmp_path, kind):
    text, said = BAD_TOML[kind]
    (tmp_path / "study.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as caught:
        read_label(tmp_path)
    assert said in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["study.toml"]


@pytest.mark.parametrize("target", ["/dev/zero", "/nonexistent", "."])
def test_a_configuration_that_is_no_file_is_refused(tmp_path, target):
    (tmp_path / "study.toml").symlink_to(target)
    with pytest.raises(InputError, match=r"study\.toml is a"):
        read_label(tmp_path)


def test_a_configuration_comes_back(folder):
    assert read_label(folder) == CONFIG


def test_a_folder_that_is_there_is_not_taken(folder):
    before = (folder / "study.toml").read_bytes()
    with pytest.raises(InputError, match="cannot be made"):
        begin_label(folder, LabelConfig())
    assert (folder / "study.toml").read_bytes() == before
    assert [each.name for each in folder.parent.iterdir()] == ["study"]


def test_how_strongly_something_is_preferred_counts(folder):
    """Of the same questions: strongly and plainly, and what nobody could tell."""
    said = {"plain": 1, "strong": 2}
    found = {}
    for name, strong in said.items():
        labelling = open_label(folder, name)
        with labelling.evidence:
            for number in range(6):
                asked = labelling.ask()
                assert asked is not None
                told = {"choice": "first", "strength": strong}
                last = number == 5
                told = {"choice": "cannot tell"} if last else told
                labelling.answer(asked, f"{name} {number}", told)
            batch = labelling.answers().answers(Strength)
        found[name] = np.asarray(batch.degree).tolist()
    assert found == {"plain": [1] * 5 + [-1], "strong": [0] * 5 + [-1]}
