"""From answers to a verdict, with the library's own calls.

A simulated person compares short paths in the delivery world; a reward is inferred,
optimised, scored against what the person really wants, and audited.

Run it: python examples/answers_to_verdict.py
"""

import jax

import volition as vl


def main():
    """The whole loop, once."""
    jax.config.update("jax_enable_x64", True)
    k_pool, k_say = jax.random.split(jax.random.key(1))
    world = vl.env.delivery()
    truth = vl.reward.delivery_true()

    # Ask: pairs of random segments, answered by a person who knows the truth.
    random = vl.policy.Random(world.n_actions)
    pool = vl.rollout(k_pool, world, random, n_segments=600, length=3)
    person = vl.human.Boltzmann().judge(truth)
    pairs = jax.tree.map(lambda leaf: leaf.reshape(300, 2, *leaf.shape[1:]), pool)
    keys = jax.random.split(k_say, 300)
    questions = jax.vmap(vl.feedback.comparison)(pairs)
    answers = vl.feedback.Dataset.of(jax.vmap(person.sample)(keys, questions))

    # Infer, optimise, evaluate, audit.
    belief = vl.fit(
        vl.reward.Linear(world.feature_names),
        vl.human.Boltzmann(),
        answers,
        vl.inference.Laplace(),
        prior=vl.inference.Normal(10.0),
    )
    print("learned:", belief.mean)
    for direction in belief.unidentified():
        print("note:", direction.sentence)
    score = vl.evaluation.score_reward(world, belief.mean, truth)
    print(f"scaled return of optimising it: {score.scaled_return:.3f}")
    verdict = vl.audit(belief.mean, world)
    print("verdict:", verdict.verdict)
    for finding in verdict.findings:
        print("finding:", finding.sentence)
    return score


if __name__ == "__main__":
    main()
