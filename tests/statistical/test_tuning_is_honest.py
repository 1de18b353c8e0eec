"""Nested folds: no search looks at whom it will be judged by, and on noise a tuned family is no better than chance."""

from dataclasses import replace

import numpy as np
import pytest

from riskmodel import validate
from riskmodel.models import Search, Tuned, offers
from riskmodel.models.trying import BAND
from riskmodel.stages.fitting import crossfit_scores
from riskmodel.stages.front import Population
from riskmodel.stages.tuning import tune
from riskmodel.study import load_study
from riskmodel.tables.cohort import AuditedAttributes, Cohort, Labels, OutcomeTable
from riskmodel.tables.days import NEVER
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.sampling import SamplingDesign
from riskmodel.validate.spec import SplitSpec

SETTINGS = (
    "models.families=[xgboost]", "models.xgboost.patience=0", "models.xgboost.rounds=15", "models.folds=3", "models.tuning.trials=9",
    "models.prior.features=[]",
)  # fmt: skip


def study_of(*settings, seed=1):
    return load_study(None, settings=[*SETTINGS, f"seed={seed}", *settings])


def labels_of(happened):
    n = len(happened)
    return Labels(happened.astype(np.int8), np.full(n, NEVER, np.int32), np.zeros(n, bool), np.ones(n))


def place(*, people=800, dates=2, signal=0.0, seed=0, design="temporal"):
    """Young people at some yearly dates, six features, and outcomes that one feature tells by ``signal``."""
    rng = np.random.default_rng(seed)
    n = people * dates
    subject, day = np.tile(np.arange(people), dates), np.repeat(np.arange(dates) * 365, people)
    cohort = Cohort(subject, day.astype(np.int32), subject // 2, np.full(n, "x"), np.full(n, 12, np.int16))
    values = rng.normal(size=(n, 6)).astype(np.float32)
    happened = rng.random(n) < 1 / (1 + np.exp(2.2 - signal * values[:, 0]))
    infos = tuple(
        FeatureInfo(
            name=f"f{i}", description="made up", concept="c", agency="X", unit="times", direction=0,
            aggregation="last", window="365d", codes=("X",),
        )
        for i in range(6)
    )  # fmt: skip
    labels = labels_of(happened)
    known = dict.fromkeys(np.unique(day).tolist(), labels)
    population = Population(
        cohort=cohort,
        outcomes=OutcomeTable("harm", {"harm": labels}, {"harm": labels}, known),
        audited=AuditedAttributes({"sex": np.where(values[:, 0] > 0, "f", "m")}),
        sampling=SamplingDesign.of_people(cohort),
        attrition={},
        referred=None,
        notes=(),
    )
    last = (dates - 1) * 365
    split = validate.split(
        cohort,
        SplitSpec(design=design, second_arm_share=0.1),
        train_days=np.unique(day).tolist() if design != "temporal" else np.unique(day)[:-1].tolist(),
        test_days=[] if design != "temporal" else [last],
        folds=3,
        seed=seed,
        horizon_days=365,
    )
    return {"population": population, "features": FeatureMatrix(values, infos), "split": split}


def tuned_on(inputs, folder, study):
    return tune(study, inputs, folder / "tuning", on_trial=lambda _search, _trial: None)


def said(search):
    return [(t.settings, t.judged and (t.judged.utility, t.judged.log_loss)) for t in search.trials]


@pytest.mark.parametrize("design", ["temporal", "rolling_origin"])
def test_no_search_looks_at_anybody_but_those_its_model_learns_from(tmp_path, design):
    inputs = place(dates=3, signal=1.0, design=design)
    study = study_of("models.tuning.trials=4")
    found = tuned_on(inputs, tmp_path, study)
    folds = {fold: rows for one in inputs["split"].rounds for fold, rows in one.learning.items()}
    assert [one.held_out for one in found.searches] == [*folds, None]
    assert set(found.by_fold) == set(folds)
    rng = np.random.default_rng(5)
    for fold, learning in folds.items():
        values, happened = inputs["features"].values.copy(), rng.random(len(learning)) < 0.5
        values[~learning] = rng.normal(size=values[~learning].shape)  # everybody else becomes somebody else
        population = inputs["population"]
        happened[learning] = population.outcomes.as_known(None).outcome[learning] == 1
        labels = labels_of(happened)
        outcomes = replace(
            population.outcomes, training={"harm": labels}, origins=dict.fromkeys(population.outcomes.origins, labels)
        )  # fmt: skip
        others = {
            **inputs,
            "population": replace(population, outcomes=outcomes),
            "features": replace(inputs["features"], values=values),
        }
        again = tuned_on(others, tmp_path, study)
        (own,), (same,) = ([one for one in each.searches if one.held_out == fold] for each in (found, again))
        assert said(own) == said(same)
        if design == "temporal":
            assert said(found.searches[-1]) != said(again.searches[-1])
    assert len(list(tmp_path.glob("tuning-*"))) == 1 + len(folds)  # other data, other journals


def test_the_limit_is_kept_by_what_is_chosen_and_the_attribute_is_no_feature(tmp_path):
    inputs = place(dates=3, people=2000, signal=1.0)

    def within(tolerance):
        limit = f"{{attributes: [sex], metric: selection_rate, tolerance: {tolerance}}}"
        return tuned_on(inputs, tmp_path, study_of(f"models.tuning.fairness={limit}"))

    plain, free = tuned_on(inputs, tmp_path, study_of()), within(0.9)
    gaps = [t.judged.excess + 0.9 for one in free.searches for t in one.trials if t.judged is not None]
    limited = within(np.median(gaps))
    trials = [trial for one in limited.searches for trial in one.trials]
    assert {trial.feasible for trial in trials if trial.judged is not None} == {True, False}
    for one in limited.searches:
        if one.status == "tuned":
            (chosen,) = [trial for trial in one.trials if trial.settings == one.chosen]
            assert chosen.judged.excess <= 0
        else:
            assert one.status == "none_within_limit"
            assert one.chosen == one.start
    first = [[one.trials[0].judged for one in each.searches] for each in (plain, limited)]
    assert [one.utility for one in first[0]] == [one.utility for one in first[1]]  # the same models
    assert all(one.excess is None for one in first[0])


def test_each_fold_is_scored_with_the_settings_that_were_chosen_without_it():
    inputs, study = place(dates=3, signal=1.0), study_of()
    split = inputs["split"]
    deep = {"depth": 4, "learning_rate": 0.3}
    tuned = Tuned(study.models, (Search("xgboost", 1, deep, None, 0),))
    mixed, plain, all_deep = (
        crossfit_scores(study, inputs, "xgboost", one, split.rounds)
        for one in (tuned, Tuned(study.models), Tuned(study.models.with_settings("xgboost", deep)))
    )
    own = split.fold == 1
    assert mixed[split.judged & own].tobytes() == all_deep[split.judged & own].tobytes()
    assert mixed[split.judged & ~own].tobytes() == plain[split.judged & ~own].tobytes()
    assert plain[split.judged & own].tobytes() != all_deep[split.judged & own].tobytes()


def test_threads_and_an_interruption_change_nothing(tmp_path):
    inputs = place(dates=3)
    heard = []

    def stop(search, trial):
        heard.append((search.place, trial.number))
        if len(heard) == 7:
            raise KeyboardInterrupt

    whole = tuned_on(inputs, tmp_path / "a", study_of("threads=1"))
    with pytest.raises(KeyboardInterrupt):
        tune(study_of("threads=2"), inputs, tmp_path / "b" / "tuning", on_trial=stop)
    resumed = tuned_on(inputs, tmp_path / "b", study_of("threads=2"))
    assert [said(one) for one in resumed.searches] == [said(one) for one in whole.searches]
    assert any(trial.resumed for one in resumed.searches for trial in one.trials)


def test_a_budget_in_minutes_is_shared_and_every_search_tries_the_studys_own_settings(tmp_path):
    found = tuned_on(place(dates=3), tmp_path, study_of("models.tuning.minutes=0.0001"))
    assert [len(one.trials) for one in found.searches] == [1] * 4
    assert all(one.chosen == one.start for one in found.searches)
    assert found.to_json()["budget"] == {"trials": 9, "minutes": 0.0001, "searches": 4}


def test_with_too_few_outcomes_the_studys_own_settings_stay_and_nothing_is_written(tmp_path):
    found = tuned_on(place(dates=3, people=100), tmp_path, study_of())
    assert {one.status for one in found.searches} == {"too_few_outcomes"}
    assert found.spec.xgboost == study_of().models.xgboost
    assert not list(tmp_path.glob("tuning-*"))
    assert tuned_on(place(), tmp_path, study_of("models.tuning.trials=0")).searches == ()


def test_a_failure_stops_the_searches_beside_it_after_their_trial(tmp_path):
    inputs, heard = place(dates=3), []

    def fail(search, _trial):
        heard.append(search.place)
        if len(heard) > 1 and search.held_out == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(study_of("threads=2", "models.tuning.trials=1000"), inputs, tmp_path / "tuning", on_trial=fail)
    assert len(heard) < 20


@pytest.mark.slow
def test_on_noise_a_tuned_family_finds_as_many_as_chance_although_its_search_looks_better(tmp_path):
    nested, inside = [], []
    for seed in range(12):
        inputs, study = place(dates=3, seed=seed), study_of(seed=seed)
        tuned = tuned_on(inputs, tmp_path, study)
        raw = crossfit_scores(study, inputs, "xgboost", tuned, inputs["split"].rounds)
        judged = inputs["split"].judged
        cohort = inputs["population"].cohort.take(judged)
        happened = inputs["population"].outcomes.as_known(None).outcome[judged] == 1
        capacity = [study.capacity.model_copy(update={"share": t * study.capacity.share}) for t in BAND]
        nested.append(np.mean([offers(raw[judged], cohort, one)[happened].mean() for one in capacity]))
        inside.append(
            np.mean([max(t.judged.utility for t in one.trials if t.judged) for one in tuned.searches])
        )
    chance = study.capacity.share * np.mean(BAND)
    error = np.std(nested, ddof=1) / np.sqrt(len(nested))
    assert abs(np.mean(nested) - chance) < 3 * error
    assert np.mean(inside) > chance + 3 * np.std(inside, ddof=1) / np.sqrt(len(inside))
    assert error < chance / 4  # or the test could not fail
