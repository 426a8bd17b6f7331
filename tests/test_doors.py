"""Everyday mistakes at the Python boundary end in a sentence with the remedy.

They are made in a process of their own: under the tests' hook the types of arguments
are checked before a verb begins.
"""

import json
import subprocess
import sys

import pytest

SETTING = """
import json
import gymnasium, jax, numpy as np
import volition as vl

world, road, cart = vl.env.delivery(), vl.env.Highway(), vl.env.CartPole()
host = vl.env.host_env("CartPole-v1", 2)
key, keys = jax.random.key(0), jax.random.split(jax.random.key(0), 2)
walk, truth = vl.policy.Random(4), vl.reward.delivery_true()
human, form = vl.human.Boltzmann(), vl.reward.Linear(world.feature_names)
none = vl.feedback.Dataset.empty()
posterior = vl.fit(form, human, none)
planned = vl.plan(world, truth)
pool = vl.rollout(key, world, walk, n_segments=4, length=3)
irl, imitation = vl.inference.irl, vl.inference.imitation
size = {"n_segments": 4, "length": 3}
"""
FUNCTION = "plain function: wrap it, vl.reward.Function(fn)."
# The call, and what its error says.
MISTAKES = {
    "vl.fit(human, form, none)": "is a Boltzmann: the reward comes first",
    "vl.fit(vl.reward.Linear, human, none)": "the class Linear itself: give one",
    "vl.fit(lambda s, a: 1.0, human, none)": FUNCTION,
    "vl.fit(form, None, none)": "the human is None: give one, such as vl.human",
    "vl.fit(form, human, none, vl.inference.MAP)": "the class MAP itself",
    "vl.fit(form, human, none, prior=3.0)": "the prior is the float 3.0: give one",
    "vl.fit(form, human, none, key=3)": "give a key, such as jax.random.key(3)",
    "vl.plan(world, lambda s, a: 1.0)": FUNCTION,
    "vl.plan(truth, world)": "the environment is a Linear: give an environment",
    "vl.plan(road, vl.reward.HighwayReward())": "is a Highway: learn a policy there",
    "vl.plan(host, truth)": "is a HostEnv: learn a policy there with vl.learn",
    "vl.plan(gymnasium.make('CartPole-v1'), truth)": "vl.env.host_env(lambda: env, 1)",
    "vl.plan('delivery', truth)": "is the str 'delivery': give an environment",
    "vl.plan(vl.env.delivery, truth)": "is a plain function: give an environment",
    "vl.plan((world, world), truth)": "is a tuple: give its tasks one by one",
    "vl.plan(world, posterior)": "is a Posterior: give the mean reward, its `mean`",
    "vl.plan(world, truth, 'exact')": "the method is the str 'exact': give one",
    "vl.plan(world, vl.reward.Linear(('speed',)))": "'speed', which the environment",
    "vl.learn(0, world, truth, vl.value.QLearning(100))": "such as jax.random.key(0)",
    "vl.learn(jax.random.PRNGKey(0), world, truth, vl.value.QLearning(100))": "a key,",
    "vl.learn(key, truth, world, vl.value.QLearning(100))": "is a Linear: give a world",
    "vl.learn(key, world, truth, vl.value.QLearning)": "class QLearning itself: give",
    "vl.learn(key, world, lambda s, a: 0.0, vl.value.QLearning(100))": FUNCTION,
    "vl.rollout(0, world, walk, **size)": "the key is the int 0: give a key",
    "vl.rollout(keys, world, walk, **size)": "an array of keys, (2,): give one",
    "vl.rollout(key, walk, world, **size)": "the policy is a FiniteMDP: give a policy",
    "vl.rollout(key, world, planned, **size)": "is a Plan: give the policy in it",
    "vl.rollout(key, host, walk, **size)": "played by vl.policy.host_episodes",
    "vl.rollout(key, (), walk, **size)": "give at least one task",
    "vl.policy.episode(0, world, walk, 3)": "the key is the int 0",
    "vl.policy.episode(key, world, lambda seen: 0, 3)": "is a plain function: give a",
    "vl.ask(0, posterior, vl.query.pairs(pool))": "the key is the int 0",
    "vl.ask(key, truth, vl.query.pairs(pool))": "the posterior that vl.fit returned",
    "vl.ask(key, posterior, pool)": "such as vl.query.pairs(segments)",
    "vl.ask(key, posterior, vl.query.pairs(pool), 'best')": "the rule is the str",
    "vl.cross_validate(human, form, none, vl.inference.MAP(), "
    "prior=vl.inference.Normal(1.0))": "the reward comes first",
    "vl.evaluation.score_reward(host, truth, truth)": "a HostEnv: use vl.evaluate",
    "vl.evaluation.play(key, host, walk, truth, n_episodes=2, n_steps=5)": "vl.eval",
    "vl.probes.audit_by_play(key, host, truth, {'it': walk}, n_steps=5)": "a HostEnv:",
    "irl.max_causal_entropy(host, pool)": "a HostEnv: elsewhere use",
    "irl.max_causal_entropy(world, planned)": "is a Plan: give segments",
    "irl.airl(key, host, pool)": "airl takes a functional world",
    "imitation.behaviour_cloning(0, world, pool)": "the key is the int 0",
    "imitation.behaviour_cloning(key, pool, world)": "the environment is a Segment",
    "imitation.dagger(key, world, planned)": "the expert is a Plan: give the policy",
    "vl.evaluate(planned, world, truth)": "is a Plan: give the policy in it",
    "vl.evaluate(walk, world)": "give the true reward",
    "vl.evaluate(walk, host, truth)": "leave the truth out",
    "vl.evaluate(vl.reward.cartpole(), cart, truth)": "learn a policy with vl.learn",
    "vl.evaluate(walk, world, lambda s, a: 1.0)": FUNCTION,
    "vl.env.host_env(gymnasium.make('CartPole-v1'), 2)": "such as lambda: MyEnv()",
}


@pytest.fixture(scope="module")
def said():
    program = f"""{SETTING}
said = {{}}
for call in {list(MISTAKES)!r}:
    try:
        eval(call)
    except Exception as error:
        said[call] = [type(error).__name__, str(error)]
    else:
        said[call] = ["nothing", ""]
print(json.dumps(said))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", MISTAKES)
def test_a_mistake_ends_in_a_sentence_with_the_remedy(said, call):
    kind, sentence = said[call]
    assert kind in ("TypeError", "ValueError"), (kind, sentence)
    assert MISTAKES[call] in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
