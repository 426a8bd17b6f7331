"""What a policy is found to do, beside what it could have done: questions to ask."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.feedback import Segment
from volition.inference import Posterior
from volition.policy import AbstractPolicy, act_out, episode, window
from volition.probes import Rule, robustness
from volition.query import AbstractRule, InformationGain, Pairs, ask_several


class Forks(eqx.Module):
    """Episodes of a policy, each with the ways that part from it at one step.

    Of the ways the first is what the policy did; the others hold one action each. All
    windows of an episode begin in the same state, with the same turns of chance.

    Args:
        ways: `[episode, way, time]`.
        broken: whether a rule is broken in a window, `[episode, way]`.
    """

    ways: Segment
    broken: Bool[Array, "*batch way"]


class Findings(eqx.Module):
    """Asks about what the policy of the moment does, beside what else it could do.

    From the same state, with the same turns of chance, it is asked whether what the
    policy did is better than holding one of the actions. Where an episode breaks a rule
    the two part a few steps before that, else anywhere. Of all these pairs the ones
    that should tell most are asked, which is where rewards drawn from the belief
    disagree about what the policy does.

    Args:
        tasks: the worlds, of one shape, whose actions are numbered.
        rules: what no policy may do.
        length: steps of a segment, as in `Rounds`.
        n_steps: of an episode, at least `length`.
        n_episodes: that are looked at each round, at least one for each task.
        share: of the questions of a round, in `(0, 1]`.
        lead: steps before the first breach at which the two part.
        rule: by which the questions are chosen.

    Raises:
        ValueError: where episodes are shorter than segments, or nothing is looked at.

    Example:
        >>> from volition import env
        >>> gap = Rule("half a second ahead", "headway", least=0.5)
        >>> found = Findings((env.Highway(),), (gap,), length=10, n_steps=30)
        >>> found.n_episodes, found.share
        (48, 1.0)

    Source: ours.
    """

    tasks: tuple[AbstractEnvironment, ...]
    rules: tuple[Rule, ...] = ()
    length: int = eqx.field(static=True, default=10, kw_only=True)
    n_steps: int = eqx.field(static=True, default=40, kw_only=True)
    n_episodes: int = eqx.field(static=True, default=48, kw_only=True)
    share: float = eqx.field(static=True, default=1.0, kw_only=True)
    lead: int = eqx.field(static=True, default=3, kw_only=True)
    rule: AbstractRule = eqx.field(default_factory=InformationGain, kw_only=True)

    def __check_init__(self):
        if not 1 <= self.length <= self.n_steps:
            raise ValueError(
                f"episodes of {self.n_steps} steps hold no segment of {self.length}: "
                "let n_steps be at least length, and length at least 1."
            )
        if self.n_episodes < len(self.tasks) or not self.tasks:
            raise ValueError(
                f"{self.n_episodes} episodes of {len(self.tasks)} tasks: give at least "
                "one task, and one episode for each."
            )
        if not 0.0 < self.share <= 1.0 or self.lead < 0:
            raise ValueError(
                f"share = {self.share} must be in (0, 1], and lead = {self.lead} at "
                "least 0."
            )

    def __call__(
        self,
        key: PRNGKeyArray,
        belief: Posterior,
        policy: AbstractPolicy,
        n_questions: int,
    ) -> Segment:
        """The pairs to ask about, `[question, option, time]`, in random order.

        Args:
            key: consumed.
            belief: what is known of the reward.
            policy: what optimising it led to.
            n_questions: of the whole round, of which these are the share, rounded up.
        """
        choose_key, side_key, *keys = jax.random.split(key, 2 + len(self.tasks))
        n_each = self.n_episodes // len(self.tasks)
        seen = [
            forks(
                one,
                task,
                policy,
                self.rules,
                n_episodes=n_each,
                length=self.length,
                n_steps=self.n_steps,
                lead=self.lead,
            )
            for one, task in zip(keys, self.tasks, strict=True)
        ]
        candidates = _pairs(side_key, seen)
        n_found = min(-(-n_questions * self.share // 1), candidates.n_candidates)
        chosen = ask_several(
            choose_key, belief, candidates, self.rule, n_questions=int(n_found)
        )
        options = [one.options for one in chosen]  # pyright: ignore[reportAttributeAccessIssue]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *options)


@eqx.filter_jit
def forks(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    rules: tuple[Rule, ...],
    *,
    n_episodes: int,
    length: int,
    n_steps: int,
    lead: int,
) -> Forks:
    """What a policy does from some step on, and what holding each action would come to.

    Args:
        key: consumed.
        env: the world, whose actions are numbered.
        policy: who acts.
        rules: the step is `lead` steps before the first that breaks one; any step, of
            episodes that break none.
        n_episodes: how many.
        length: steps of each window.
        n_steps: of an episode.
        lead: steps.
    """
    n_actions = int(env.action_space.n)  # pyright: ignore[reportAttributeAccessIssue]
    names = env.feature_names

    def one(key: PRNGKeyArray) -> Forks:
        start_key, part_key = jax.random.split(key)
        seen = episode(start_key, env, policy, n_steps)
        part = _part(part_key, seen, rules, names, length, lead)
        done = jnp.asarray(seen.transition.action)

        def held(action: Int[Array, ""]) -> Segment:
            later = jnp.arange(n_steps, dtype=part.dtype) >= part
            actions = jnp.where(later, action.astype(done.dtype), done)
            return window(act_out(start_key, env, actions), part, length)

        own = window(seen, part, length)
        others = jax.vmap(held)(jnp.arange(n_actions, dtype=jnp.int32))
        ways = jax.tree.map(
            lambda a, b: jnp.concatenate([a[None], b.astype(a.dtype)]), own, others
        )
        margins = [robustness(rule, ways, names) for rule in rules]
        broken = jnp.zeros(n_actions + 1, dtype=bool)
        for margin in margins:
            broken = broken | (margin < 0.0)
        return Forks(ways, broken)

    return jax.vmap(one)(jax.random.split(key, n_episodes))


def _part(
    key: PRNGKeyArray,
    seen: Segment,
    rules: tuple[Rule, ...],
    names: tuple[str, ...],
    length: int,
    lead: int,
) -> Int[Array, ""]:
    """The step at which the ways part, so that whole windows lie behind it."""
    made = seen.weight > 0
    n_made = jnp.sum(made, dtype=jnp.int32)
    breach = jnp.zeros_like(made)
    alone = lambda leaf: leaf[:, None]
    # As segments of a step each, so that a rule is read as the audit reads it.
    steps = jax.tree.map(alone, seen)
    for rule in rules:
        breach = breach | (robustness(rule, steps, names) < 0.0)
    first = jnp.argmax(breach).astype(jnp.int32)
    anywhere = jax.random.randint(key, (), 0, jnp.maximum(n_made, 1), jnp.int32)
    part = jnp.where(jnp.any(breach), first - lead, anywhere)
    return jnp.clip(part, 0, seen.length - length)


def _pairs(key: PRNGKeyArray, seen: list[Forks]) -> Pairs:
    """What was done beside each other way, with sides drawn."""
    n_ways = seen[0].broken.shape[1]
    flat = lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:])
    # By NumPy, which compiles nothing.
    join = lambda *leaves: jnp.asarray(np.concatenate([flat(leaf) for leaf in leaves]))
    pool = jax.tree.map(join, *[one.ways for one in seen])
    firsts = np.arange(pool.weight.shape[0] // n_ways, dtype=np.int32) * n_ways
    done = np.repeat(firsts, n_ways - 1)
    other = (firsts[:, None] + np.arange(1, n_ways, dtype=np.int32)).reshape(-1)
    members = np.stack([done, other], axis=1)
    swapped = np.asarray(jax.random.bernoulli(key, shape=(len(members), 1)))
    members = np.where(swapped, members[:, ::-1], members)
    return Pairs(pool, jnp.asarray(members), jnp.ones((), dtype=float))
