"""The models of people that a study compares, and the priors that it takes."""

import jax
from jaxtyping import PRNGKeyArray

from volition.env import FiniteMDP
from volition.evaluation import AnswerScore, cross_validate
from volition.feedback import Dataset
from volition.human import (
    AbstractHuman,
    Boltzmann,
    BradleyTerry,
    Davidson,
    Foresight,
    Lapse,
    PartialReturn,
    Regret,
)
from volition.inference import MAP, NUTS, Laplace, Normal, Posterior, fit
from volition.reward import Linear
from volition.study.progress import Progress

# Reward units, that is nats of preference. Wide enough to leave the scale to the
# answers: of two options that differ by 10, people choose the better one in all but 5
# of 100,000 cases; a prior much wider would let what nobody ever chose (a sheep, the
# goal) run away with the mean.
PRIOR_SCALE = 10.0
N_FOLDS = 10  # as in the study that the answers are from
N_STARTS = 8  # with planning in the likelihood there are local maxima


def candidates(world: FiniteMDP) -> dict[str, AbstractHuman]:
    """The models of people among which the default chooses, the simplest first."""
    choice = Lapse(Davidson())
    return {
        "partial return": Boltzmann(PartialReturn(), choice),
        "regret": Boltzmann(Regret(world), choice),
        "foresight": Boltzmann(Foresight(world), choice),
    }


def fit_plain(world: FiniteMDP, answers: Dataset) -> Posterior:
    """Bradley-Terry on partial returns, ties as half, a small penalty on the weights.

    The penalty is `1e-4 |w|^2` added to the mean loss: a Gaussian prior of variance
    `1 / (2e-4 n)`.
    """
    scale = (2e-4 * len(answers)) ** -0.5
    human = Boltzmann(PartialReturn(), BradleyTerry())
    reward = Linear(world.feature_names)
    return fit(reward, human, answers, Laplace(), prior=Normal(scale), throw=False)


def compare(
    world: FiniteMDP, answers: Dataset, key: PRNGKeyArray, progress: Progress
) -> tuple[dict[str, AnswerScore], dict[str, Posterior]]:
    """Predict the answers out of fold with each model of people.

    Returns:
        The score of each, and its fit to all answers (the mode alone), where each
        search of a fold begins.
    """
    scores, fits = {}, {}
    prior = Normal(PRIOR_SCALE)
    reward = Linear(world.feature_names)
    for name, human in candidates(world).items():
        progress.step(f"comparing models of people: {name}")
        n_starts = 1 if name == "partial return" else N_STARTS
        whole = fit(
            reward, human, answers, MAP(n_starts), prior=prior, key=key, throw=False
        )
        # The next model begins where this one ended.
        reward = whole.mean
        fits[name] = whole
        scores[name] = cross_validate(
            whole.mean,
            whole.human,
            answers,
            MAP(),
            prior=prior,
            n_folds=N_FOLDS,
            key=key,
        )
    return scores, fits


def fit_default(
    world: FiniteMDP, answers: Dataset, key: PRNGKeyArray, progress: Progress
) -> tuple[str, Posterior, dict[str, AnswerScore]]:
    """The model of people that predicts best out of fold, with its whole posterior.

    What is optimised afterwards is the posterior's mean: in the directions that the
    answers leave open (how bad is a sheep, which nobody ever chose?) the mode sits at
    the mild end of what is possible, the mean does not.
    """
    compare_key, draw_key = jax.random.split(key)
    scores, fits = compare(world, answers, compare_key, progress)
    name = min(scores, key=lambda name: scores[name].neg_log_likelihood.value)
    progress.step(f"drawing from the posterior: {name}")
    best, prior = fits[name], Normal(PRIOR_SCALE)
    posterior = fit(
        best.mean, best.human, answers, NUTS(), prior=prior, key=draw_key, throw=False
    )
    return name, posterior, scores
