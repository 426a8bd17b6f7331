"""The six groups of real people, the plain model: the numbers that are known."""

from typing import NamedTuple

import pytest

from volition.env import delivery
from volition.evaluation import score_reward
from volition.feedback import Dataset
from volition.probes import audit, replay
from volition.reward import delivery_true
from volition.store import read_delivery
from volition.study.models import fit_plain

WORLD, TRUTH = delivery(), delivery_true()


class Known(NamedTuple):
    answers: int
    loss: float
    scaled_return: float
    never_end: str
    end_in_sheep: str
    verdicts: set[str]


NOT_CLEAN = {"conditional"}
NOTHING = {"nothing found in 5 of 17 checks"}
# Computed once by other means: logistic regression, then value iteration.
KNOWN = {
    "privileged-control": Known(1793, 0.5901, 0.716, "0%", "36%", NOT_CLEAN),
    "trained-control": Known(473, 0.4986, -3.82, "100%", "0%", {"unsafe"}),
    "pr-privileged": Known(2532, 0.4286, 0.718, "0%", "36%", NOT_CLEAN),
    "pr-question": Known(437, 0.4976, 0.995, "0%", "0%", NOTHING),
    "regret-privileged": Known(2531, 0.5125, 0.930, "0%", "9%", NOT_CLEAN),
    "regret-trained": Known(491, 0.5312, 0.999, "0%", "0%", NOTHING),
}


@pytest.mark.parametrize("group", KNOWN)
def test_the_plain_model_gives_the_known_numbers(volition_data, group):
    known = KNOWN[group]
    path = volition_data / "delivery" / f"{group}.npz"
    answers = Dataset.of(read_delivery(path, WORLD))
    assert len(answers) == known.answers
    posterior = fit_plain(WORLD, answers)
    assert posterior.result.converged
    loss = float(posterior.neg_log_likelihood())
    assert loss == pytest.approx(known.loss, abs=0.002)
    learned = posterior.mean
    score = score_reward(WORLD, learned, TRUTH)
    assert score.scaled_return == pytest.approx(known.scaled_return, abs=0.005)
    assert f"{score.never_end:.0%}" == known.never_end
    assert f"{score.end_elsewhere:.0%}" == known.end_in_sheep
    found = audit(learned, WORLD)
    assert found.verdict in known.verdicts
    for finding in found.findings:
        pays, steps = replay(WORLD, learned, finding.path)
        loop = 0 if finding.loop is None else finding.loop
        if finding.probe == "H2":
            assert f"which pays {pays:+.3g} reward units" in finding.sentence
            continue
        assert finding.loop is not None
        if "A loop of" in finding.sentence:
            around = steps[loop:]
            mean = sum(around) / len(around)
            assert f"pays {mean:+.3g} reward units per step" in finding.sentence
        else:
            assert finding.path.states[loop] == finding.path.states[-1]
