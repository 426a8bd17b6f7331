"""Learning to act by asking."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import CartPole, Pendulum, gridworld
from volition.human import Boltzmann, BradleyTerry
from volition.inference import MAP, Ensemble, Laplace, Normal, of_size_one
from volition.policy import Always, episode
from volition.query import InformationGain
from volition.reward import AbstractReward, FeatureInputs, Linear, Network
from volition.study import Rounds, answered_by, learn_from_answers
from volition.study.preferences import Exploring, _pool, _questions
from volition.value import learn
from volition.value.deep import DQN, PQN, Passes, Replay, Rollout

SEED = 4
TRACES = []
WORLD = gridworld(["S..G", "..X."], time_limit=12)
NAMES = WORLD.feature_names
TRUTH = Linear(NAMES, jnp.where(jnp.arange(len(NAMES)) == 0, 1.0, -0.7))
HUMAN = Boltzmann(choice=BradleyTerry())
PERSON = answered_by(HUMAN.judge(TRUTH))
ROUNDS = Rounds((30, 0, 10), 4)
QUICK = PQN(
    128, rollout=Rollout(8, 8), passes=Passes(1, 2), n_stretches=1, exploration=0.2
)


class Counted(AbstractReward):
    """Linear, and says when it is traced."""

    weights: jax.Array

    def __call__(self, transition):
        TRACES.append(0)
        return jnp.dot(transition.features, self.weights)

    @property
    def feature_names(self):
        return NAMES


def ask(seed=SEED, person=PERSON, learner=QUICK, rounds=ROUNDS, **arguments):
    arguments = {"method": MAP(), "prior": Normal(1.0)} | arguments
    form = arguments.pop("form", Linear(NAMES))
    return learn_from_answers(
        jax.random.key(seed),
        WORLD,
        form,
        HUMAN,
        person,
        learner=learner,
        rounds=rounds,
        **arguments,
    )


@pytest.fixture(scope="module")
def found():
    return ask()


def test_all_rounds_are_asked_and_learned(found):
    said = found.answers.answers()
    assert len(found.answers) == 40
    np.testing.assert_array_equal(np.sort(np.asarray(said.question)), np.arange(40))
    assert set(np.asarray(said.choice)) == {0, 1}
    assert len(found.results) == 2
    assert found.curve.step.tolist() == [128, 256, 384]


def test_the_same_key_gives_the_same_bits(found):
    again = ask()
    assert eqx.tree_equal(found.policy, again.policy)
    assert eqx.tree_equal(found.posterior.mean, again.posterior.mean)
    other = ask(SEED + 1)
    assert not eqx.tree_equal(found.posterior.mean, other.posterior.mean)


def test_nothing_is_learned_of_the_true_reward_but_by_answers(found):
    """Whoever answers the other way round gets the opposite reward."""

    def contrary(key, questions):
        said = PERSON(key, questions)
        return eqx.tree_at(lambda s: s.choice, said, 1 - said.choice)

    once = Rounds((60,), 4)
    one = np.asarray(ask(rounds=once).posterior.mean.weights)
    other = np.asarray(ask(rounds=once, person=contrary).posterior.mean.weights)
    np.testing.assert_allclose(one, -other, atol=1e-4)
    assert np.abs(one).max() > 0.2


def test_learning_goes_on_from_round_to_round():
    """As in one go, where the reward does not change."""
    told = []
    form = Linear(NAMES)
    rounds = Rounds((20, 0, 0), 4)
    found = ask(rounds=rounds, form=form, progress=lambda n, belief: told.append(n))
    assert told == [0, 1, 2]
    reward = of_size_one(found.posterior.mean, found.answers)
    _, learn_key = jax.random.split(jax.random.key(SEED))
    whole = PQN(
        384, rollout=Rollout(8, 8), passes=Passes(1, 2), n_stretches=3, exploration=0.2
    )
    alone = learn(learn_key, WORLD, reward, whole)
    assert eqx.tree_equal(alone.policy, found.policy)


def test_the_mean_reward_is_brought_to_size_one(found):
    scaled = of_size_one(found.posterior.mean, found.answers)
    options = found.answers.answers().options
    each = jax.jit(jax.vmap(jax.vmap(jax.vmap(scaled))))(options.transition)
    paid = np.asarray(each)[np.asarray(options.weight) > 0]
    assert np.sqrt(np.mean(paid**2)) == pytest.approx(1.0)
    nothing = of_size_one(Linear(NAMES), found.answers)
    assert float(nothing.factor) == 1.0


def test_a_network_and_replay_go_through_the_same_loop():
    seen = np.eye(len(NAMES))
    form = Network(FeatureInputs.over(NAMES, seen), (8,))
    method = Ensemble(2, n_steps=32, batch_size=8)
    learner = DQN(
        128,
        rollout=Rollout(8, 4),
        replay=Replay(256, 16, n_updates=1, warm_up=64),
        n_stretches=1,
    )
    found = ask(
        learner=learner, form=form, method=method, prior=Normal(form.prior_scale())
    )
    assert found.posterior.mean.members.layers[0].weight.shape[0] == 2
    assert found.answers.capacity == 40


def test_several_tasks_are_asked_about():
    worlds = (CartPole(), CartPole(gravity=5.0))
    key, rounds, policy = jax.random.key(0), Rounds((7,), 3), Always(1)
    pool = _pool(key, worlds, policy, rounds, 7, random=True)
    questions = _questions(pool, rounds, None, key, 5)
    assert questions.options.weight.shape == (7, 2, 3)
    assert questions.question.tolist() == list(range(5, 12))
    assert (np.asarray(questions.choice) == -1).all()


def test_a_rule_chooses_what_is_asked_once_there_are_answers():
    chosen, random = (
        ask(rounds=Rounds((10, 10), 5, rule=rule), method=Laplace()).answers.answers()
        for rule in (InformationGain(), None)
    )
    same = np.asarray(chosen.options.transition.features) == np.asarray(
        random.options.transition.features
    )
    assert same[:10].all()
    assert not same[10:].all()
    assert chosen.question.tolist() == list(range(20))
    assert (np.asarray(chosen.choice) >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_exploring_takes_any_action_as_often_as_said(share):
    space = WORLD.action_space
    keys = jax.random.split(jax.random.key(SEED), 4000)
    policy = Exploring(Always(2), space, jnp.asarray(share))
    drawn = np.asarray(jax.vmap(policy, (0, None))(keys, 0))
    # Any action is 2, too, once in four times.
    expected = 1.0 - share * 3 / 4
    error = np.sqrt(max(expected * (1 - expected), 1e-9) / 4000)
    assert abs(np.mean(drawn == 2) - expected) < 4 * error + 1e-9


def test_random_actions_may_be_real_numbers():
    world = Pendulum()
    seen = episode(
        jax.random.key(0), world, Exploring(None, world.action_space, 1.0), 5
    )
    assert np.abs(np.asarray(seen.transition.action)).max() <= 2.0


@pytest.mark.parametrize(
    "n_answers, arguments, what",
    [
        ((), {}, "at least one in the first"),
        ((0, 5), {}, "at least one in the first"),
        ((5, -1), {}, "none or more in the others"),
        ((5,), {"length": 0}, "at least one step"),
        ((5,), {"random": 1.5}, r"shares, in \[0, 1\]"),
        ((5,), {"exploration": -0.1}, r"shares, in \[0, 1\]"),
    ],
)
def test_rounds_that_cannot_be_are_refused(n_answers, arguments, what):
    with pytest.raises(ValueError, match=what):
        Rounds(n_answers, **arguments)


def test_further_rounds_compile_nothing():
    """A reward that counts its traces: none in the second and third round."""
    counts, form = [], Counted(jnp.zeros(len(NAMES)))
    watch = lambda number, belief: counts.append(len(TRACES))
    ask(rounds=Rounds((8, 8, 8), 4), form=form, progress=watch)
    assert counts[0] > 0
    assert counts[2] == counts[1]
