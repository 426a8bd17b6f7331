"""Rules: how good a question is, as samples of a posterior see it."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Seen(eqx.Module):
    """One candidate question, as rewards drawn from a posterior see it.

    Args:
        worth: of each option under each reward, reward units, `[option, sample]`.
        log_probs: of each answer under each reward, `[choice, sample]`.
        decisions: worth of what could be decided on, `[sample, decision]`.
        seconds: that an answer takes the person.
        chance: a random number in `[0, 1)`, another for each candidate.
    """

    worth: Float[Array, "option sample"]
    log_probs: Float[Array, "choice sample"]
    decisions: Float[Array, "sample decision"]
    seconds: Float[Array, ""]
    chance: Float[Array, ""]


class AbstractRule(eqx.Module):
    """What makes a question worth asking: the candidate of the highest score is asked.

    Whatever the rule, a question whose options are worth the same under every sample
    is asked only where there is no other.
    """

    @abc.abstractmethod
    def score(self, seen: Seen) -> Float[Array, ""]:
        """Of a single candidate; many are batched outside."""


def _probabilities(seen: Seen) -> list[Float[Array, " sample"]]:
    # One array for each answer: what is done to them makes vectorised loops, which
    # operations along a short axis do not.
    return [jnp.exp(each) for each in seen.log_probs]


def _mean(values: Float[Array, " sample"]) -> Float[Array, ""]:
    # Exact where all samples agree, so that nothing is learned from nothing.
    return values[0] + jnp.mean(values - values[0][None])


def _entropy_terms(p: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    return -p * jnp.log(jnp.where(p > 0, p, 1.0))


class Random(AbstractRule):
    """Any question.

    Example:
        >>> half = jnp.full((2, 3), 0.5)
        >>> seen = Seen(half, half, half.T, jnp.array(1.0), jnp.array(0.25))
        >>> float(Random().score(seen))
        0.25
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """The random number."""
        return seen.chance


class InformationGain(AbstractRule):
    """What the answer is expected to say about the reward, nats.

    `H(mean over samples of P) - mean over samples of H(P)`, the mutual information of
    answer and reward.

    Example:
        >>> sure = jnp.log(jnp.array([[0.999, 0.001], [0.001, 0.999]]))
        >>> worth = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> seen = Seen(worth, sure, worth.T, jnp.array(1.0), jnp.array(0.5))
        >>> round(float(InformationGain().score(seen)), 4)  # nearly log 2
        0.6852

    Source: E. Bıyık et al., "Asking easy questions", CoRL 2019, equation 5. Differs:
    nats for bits; the person's own parameters are taken at their mean, so that a
    question which tells of the person alone has no gain.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """The mutual information."""
        each = _probabilities(seen)
        # Impossible answers have no entropy, where 0 times -inf would be NaN.
        terms = zip(each, seen.log_probs, strict=True)
        known = -sum(jnp.where(p > 0, p * log_p, 0.0) for p, log_p in terms)
        first = jnp.asarray(known)[0]
        before = sum(_entropy_terms(_mean(p)) for p in each) - first
        # Both from the entropy under the first sample on: small differences count.
        return before - jnp.mean(jnp.asarray(known) - first[None])


class VolumeRemoval(AbstractRule):
    """The share of the samples that the answer rules out at least, whatever it is.

    `min over answers of E[1 - P(answer)]`

    Two like options remove the most of all, half, and say nothing: where the person is
    unsure, this rule asks what is hard to answer, not what tells. Prefer
    `InformationGain`.

    Example:
        >>> logs = jnp.log(jnp.array([[0.5, 0.5], [0.5, 0.5]]))
        >>> worth = jnp.zeros((2, 2))
        >>> seen = Seen(worth, logs, worth, jnp.array(1.0), jnp.array(0.5))
        >>> float(VolumeRemoval().score(seen))
        0.5

    Source: D. Sadigh et al., "Active preference-based learning of reward functions",
    RSS 2017, equation 13. Differs: the probability of the answer for its bound.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """Of the most probable answer."""
        likeliest = jnp.stack([_mean(p) for p in _probabilities(seen)])
        return 1.0 - jnp.max(likeliest)


class Disagreement(AbstractRule):
    """How much the samples differ about the answer.

    `sum over answers of the variance over samples of P(answer)`

    Example:
        >>> logs = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]]))
        >>> worth = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> seen = Seen(worth, logs, worth, jnp.array(1.0), jnp.array(0.5))
        >>> round(float(Disagreement().score(seen)), 6)
        0.32

    Source: P. Christiano et al., "Deep reinforcement learning from human preferences",
    2017, section 2.2.4; theirs is of the first answer alone, half of this for two.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """The variances."""
        each = [p - p[0][None] for p in _probabilities(seen)]
        spread = [jnp.mean(jnp.square(p - jnp.mean(p)[None])) for p in each]
        return jnp.sum(jnp.stack(spread))


class Thompson(AbstractRule):
    """The options that two rewards, drawn from the posterior, want most.

    `max over options a, b of w_1(a) + w_2(b)`, the worth under the two; of a single
    option, its worth under the first. It asks about what may be best, not about what
    is only unclear.

    Example:
        >>> worth = jnp.array([[1.0, 0.0], [-2.0, 3.0]])
        >>> logs = jnp.log(jnp.full((2, 2), 0.5))
        >>> seen = Seen(worth, logs, worth, jnp.array(1.0), jnp.array(0.5))
        >>> float(Thompson().score(seen))  # first by the first, second by the second
        4.0

    Source: H. Wu, X. Liu, "Double Thompson sampling for dueling bandits", NeurIPS 2016.
    Differs: a single sum, so that both are other options where both rewards want the
    same one.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """Under the first two samples, which are drawn at random."""
        first = seen.worth[:, 0]
        if first.shape[0] == 1:
            return first[0]
        together = first[:, None] + seen.worth[:, -1][None, :]
        # Of no option twice.
        same = jnp.eye(first.shape[0], dtype=bool)
        return jnp.max(jnp.where(same, -jnp.inf, together))


class MaximumRegret(AbstractRule):
    """What could be lost at most by taking one option for another, reward units.

    `max over options a, b of max over samples [w(a) - w(b)] + max [w(b) - w(a)]`, where
    either is better under some sample; 0 otherwise, and for a single option.

    Example:
        >>> worth = jnp.array([[1.0, 0.0], [-2.0, 3.0]])
        >>> logs = jnp.log(jnp.full((2, 2), 0.5))
        >>> seen = Seen(worth, logs, worth, jnp.array(1.0), jnp.array(0.5))
        >>> float(MaximumRegret().score(seen))
        6.0

    Source: N. Wilde, D. Kulić, S. L. Smith, "Active preference learning using maximum
    regret", IROS 2020, equation 7. Differs: differences of worth for ratios, which need
    positive rewards; between any options, not only optima; samples are alike probable.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """Of the pair of options that differ most."""
        worth, most = seen.worth, jnp.zeros((), dtype=seen.worth.dtype)
        for one in range(worth.shape[0]):
            for other in range(one):
                ahead = worth[one] - worth[other]
                gain, loss = jnp.max(ahead), jnp.max(-ahead)
                either = (gain > 0) & (loss > 0)
                most = jnp.maximum(most, jnp.where(either, gain + loss, 0.0))
        return most


class ExpectedValueOfInformation(AbstractRule):
    """By how much a decision improves with the answer, reward units.

    `sum over answers of max over decisions of E[P(answer) w(decision)] - max over
    decisions of E[w(decision)]`. The decisions are the segments of the pool: the best
    way to behave is to be found among them. It may be 0 for every question, where no
    single answer changes what is decided.

    Example:
        >>> logs = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]]))
        >>> worth = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> seen = Seen(worth, logs, worth, jnp.array(1.0), jnp.array(0.5))
        >>> round(float(ExpectedValueOfInformation().score(seen)), 6)  # 0.9 for 0.5
        0.4

    Source: R. A. Howard, "Information value theory", 1966; for choice queries P.
    Viappiani, C. Boutilier, "Optimal Bayesian recommendation sets", NeurIPS 2010.
    """

    def score(self, seen: Seen) -> Float[Array, ""]:
        """Value with the answer, less that without it."""
        n_samples = seen.decisions.shape[0]
        # From the decision taken without an answer on: nothing gained is exactly 0.
        now = jnp.argmax(jnp.mean(seen.decisions, axis=0))
        better = seen.decisions - seen.decisions[:, now][:, None]
        after = jnp.exp(seen.log_probs) @ better / n_samples
        return jnp.sum(jnp.max(after, axis=1))


class PerSecond(AbstractRule):
    """Another rule's score for each second that the answer takes the person.

    Over candidates of several kinds it chooses the kind of question, too.

    Args:
        rule: one whose scores are gains, such as `InformationGain`.

    Example:
        >>> half = jnp.full((2, 3), 0.5)
        >>> seen = Seen(half, half, half.T, jnp.array(4.0), jnp.array(0.5))
        >>> float(PerSecond(Random()).score(seen))
        0.125

    Source: E. Bıyık et al., CoRL 2019, section 3.3, where a cost is subtracted; a rate
    asks the most in a given time.
    """

    rule: AbstractRule

    def score(self, seen: Seen) -> Float[Array, ""]:
        """Divided by the seconds."""
        return self.rule.score(seen) / seen.seconds
