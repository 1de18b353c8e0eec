import numpy as np
import pytest

from riskmodel.models import crossfit, fit

FAMILIES = ["count", "logistic", "xgboost"]


def folds(people, n=3):
    fold = people.person % n
    fold[people.person % 10 == 9] = -1
    return fold


@pytest.mark.parametrize("family", FAMILIES)
def test_each_fold_is_scored_by_a_model_of_the_others(family, people, spec):
    fold = folds(people)
    score = crossfit(
        family,
        people.features,
        people.outcome,
        people.weight,
        fold,
        spec=spec,
        seed=4,
        threads=1,
        person=people.person,
    )
    assert np.array_equal(np.isnan(score), fold == -1)
    learn = people.take((fold != 1) & (fold != -1))
    by_hand = fit(
        family,
        learn.features,
        learn.outcome,
        learn.weight,
        spec=spec,
        seed=4,
        threads=1,
        person=learn.person,
    )
    held_out = people.take(fold == 1)
    assert score[fold == 1].tobytes() == by_hand.raw_score(held_out.features).tobytes()


@pytest.mark.parametrize("family", ["logistic", "xgboost"])
def test_a_row_s_own_outcome_never_reaches_its_score(family, people, spec):
    fold = folds(people)
    turned = np.where(fold == 2, 1 - people.outcome, people.outcome).astype(np.int8)
    scores = [
        crossfit(family, people.features, y, people.weight, fold, spec=spec, seed=4, threads=1)
        for y in (people.outcome, turned)
    ]
    assert scores[0][fold == 2].tobytes() == scores[1][fold == 2].tobytes()
    assert scores[0][fold == 1].tobytes() != scores[1][fold == 1].tobytes()


def test_a_shuffled_outcome_cannot_be_predicted(people, spec, tools):
    shuffled = np.random.default_rng(0).permutation(people.outcome)
    score = crossfit(
        "ebm", people.features, shuffled, people.weight, people.person % 4, spec=spec, seed=4, threads=1
    )
    # About 430 outcomes: the standard error of AUROC is near 0.014.
    assert tools.auroc(score, shuffled) == pytest.approx(0.5, abs=0.045)
