import dataclasses
import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from lives_kit import YEAR, lives, record

from riskmodel.validate.leak_checks import (
    TrainingRecord,
    early_outcomes,
    last_event,
    look_for_leaks,
    permuted_outcome,
    shuffled_time,
)
from riskmodel.validate.probe import influence, separation, standard_error
from riskmodel.validate.spec import LeakSpec

SPEC = LeakSpec()
CHECKS = ("single_feature", "permuted_outcome", "shuffled_time", "last_event", "early_outcomes")


def hunt(one, **spec):
    return look_for_leaks(one, spec=LeakSpec(**spec), seed=1)


def verdicts(report):
    return {check.name: check.verdict for check in report.checks}


@pytest.fixture(scope="module")
def clean():
    return record(lives(4000, seed=3), days=(1, 2))


@pytest.fixture(scope="module")
def found(clean):
    return hunt(clean)


def test_an_honest_study_is_clear_and_says_what_it_saw(found):
    assert tuple(verdicts(found)) == CHECKS
    assert set(verdicts(found).values()) == {"clear"}
    assert found.run_warnings == ()
    evidence = {check.name: check.evidence for check in found.checks}
    assert evidence["permuted_outcome"]["auroc"] == pytest.approx(0.5, abs=0.02)
    assert evidence["permuted_outcome"]["auroc_of_real_outcome"] > 0.6
    everything = evidence["shuffled_time"]["all"]
    assert everything["after"] > everything["right"] + 0.1  # the date after has seen the harm
    assert everything["right"] == pytest.approx(everything["before"], abs=0.05)
    early, later = evidence["early_outcomes"]["auroc_early"], evidence["early_outcomes"]["auroc_later"]
    assert early == pytest.approx(later, abs=0.06)


def test_what_is_written_follows_the_schema(found):
    text = resources.files("riskmodel").joinpath("publish/schemas/leaks.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(json.loads(json.dumps(found.to_json())))


def test_the_same_record_gives_the_same_answer(clean, found):
    assert hunt(clean).to_json() == found.to_json()


@pytest.mark.parametrize("seed", range(3))
def test_the_outcome_with_three_in_ten_flipped_is_named(seed):
    rng = np.random.default_rng(seed)

    def planted(of, at):
        happened = of.first(at) < at + YEAR
        return np.where(rng.random(of.n) < 0.3, ~happened, happened)

    report = hunt(record(lives(4000, seed=seed), {"planted": planted}))
    assert report.suspects == ("planted",)
    found = verdicts(report)
    assert found["single_feature"] == found["shuffled_time"] == "suspect"
    assert {one.code for one in report.run_warnings} == {"leak_feature", "leak_check"}
    shuffled = next(check for check in report.checks if check.name == "shuffled_time")
    assert "planted" in {one["of"] for one in shuffled.evidence["named"]}


@pytest.mark.parametrize("seed", range(3))
def test_a_count_that_reads_30_days_past_the_index_date_is_caught_by_its_early_outcomes(seed):
    ahead = {"kind_0": lambda of, at: of.count(0, at, ahead=30)}
    report = hunt(record(lives(6000, seed=seed), ahead))
    check = report.checks[CHECKS.index("early_outcomes")]
    assert check.verdict == "suspect"
    assert check.evidence["feature"] == "kind_0"
    assert check.evidence["auroc_early"] > 0.9
    assert check.words in [one.words for one in report.run_warnings]


def test_days_since_the_last_event_that_read_past_the_index_date_crowd_in_the_last_week():
    of = lives(8000, seed=1)
    report = hunt(record(of, {"since_0": lambda one, at: one.days_since_last(0, at, ahead=60)}))
    assert verdicts(report)["last_event"] == "suspect"


def test_an_event_after_the_index_date_is_named(clean):
    values = clean.features.values.copy()
    values[0, clean.features.names.index("since_1")] = -3
    late = dataclasses.replace(clean, features=dataclasses.replace(clean.features, values=values))
    check = last_event(late, spec=SPEC)
    assert check.verdict == "suspect"
    assert check.evidence == {"after_the_index_date": ["since_1"]}


def test_a_status_that_is_known_for_the_whole_horizon_is_caught_by_the_dates():
    # A count of harm joined without its date: what is true a year later stands at the date before.
    report = hunt(record(lives(4000, seed=5), {"kind_0": lambda of, at: of.count(0, at + YEAR)}))
    check = report.checks[CHECKS.index("shuffled_time")]
    assert check.verdict == "suspect"
    assert check.evidence["named"][0]["right"] > 0.9


def alike(n_people, *, seed):
    """A study in which everybody keeps their features and their outcome from date to date."""
    rng = np.random.default_rng(seed)
    one = record(lives(n_people, seed=seed))
    values = np.tile(rng.normal(size=(n_people, 60)), (3, 1)).astype(np.float32)
    infos = tuple(dataclasses.replace(one.features.infos[0], name=f"x{j}") for j in range(60))
    outcome = np.tile(rng.random(n_people) < 0.2, 3).astype(np.int8)
    fold = np.repeat([0, 1, 2], n_people)
    return TrainingRecord(
        type(one.features)(values, infos), dataclasses.replace(one.labels, outcome=outcome), one.cohort, fold
    )


def test_somebody_in_two_folds_is_told():
    one = alike(600, seed=0)
    check = permuted_outcome(one, spec=SPEC, seed=0)
    assert check.verdict == "suspect"
    assert check.evidence["people_in_two_folds"] == 600
    assert check.evidence["auroc"] > 0.6  # outcomes dealt out at random are found again, in the other folds
    apart = dataclasses.replace(one, fold=one.cohort.subject_id % 3)
    check = permuted_outcome(apart, spec=SPEC, seed=0)
    assert check.verdict == "clear"
    assert check.evidence["auroc"] == pytest.approx(0.5, abs=0.03)


def test_people_judged_by_a_model_that_learned_from_them_are_told():
    one = alike(600, seed=0)
    apart = dataclasses.replace(one, fold=one.cohort.subject_id % 3, judged_by_their_own=7)
    check = permuted_outcome(apart.take(np.arange(len(one.fold))), spec=SPEC, seed=0)
    assert check.verdict == "suspect"
    assert check.evidence["people_in_two_folds"] == 7


def test_too_few_people_in_two_folds_are_told_as_well():
    few = alike(60, seed=0)
    assert permuted_outcome(few, spec=SPEC, seed=0).verdict == "suspect"
    assert "auroc" not in permuted_outcome(few, spec=SPEC, seed=0).evidence


def test_folds_that_are_not_apart_show_by_the_outcomes_dealt_out(monkeypatch):
    monkeypatch.setattr("riskmodel.validate.leak_checks._people_in_two_folds", lambda _record: 0)
    check = permuted_outcome(alike(600, seed=0), spec=SPEC, seed=0)
    assert check.verdict == "suspect"
    assert "not apart" in check.words


@pytest.mark.parametrize("seed", range(5))
def test_who_has_which_dates_is_no_leak(seed):
    # People with one date are much more often harmed, and a feature says how many dates they have.
    rng = np.random.default_rng(seed)
    one = record(lives(6000, seed=seed))
    once = np.tile(rng.random(6000) < 0.5, 3)
    outcome = np.where(once, rng.random(18_000) < 0.3, rng.random(18_000) < 0.02).astype(np.int8)
    values = np.column_stack([one.features.values[:, :3], once]).astype(np.float32)
    whole = dataclasses.replace(
        one,
        features=type(one.features)(values, one.features.infos[:4]),
        labels=dataclasses.replace(one.labels, outcome=outcome),
    )
    check = permuted_outcome(
        whole.take(np.flatnonzero(~once | (np.arange(18_000) < 6000))), spec=SPEC, seed=seed
    )
    assert check.verdict == "clear"
    assert check.evidence["auroc"] == pytest.approx(0.5, abs=0.02)


def test_too_few_people_are_not_judged():
    report = hunt(record(lives(150, seed=0), days=(1,)))
    assert set(verdicts(report).values()) == {"insufficient"}


def test_a_table_without_dates_is_not_asked_about_time(clean):
    flat = clean.take(np.arange(4000))
    labels = dataclasses.replace(
        flat.labels,
        first_day=np.where(flat.labels.outcome == 1, flat.cohort.index_day, flat.labels.first_day).astype(
            np.int32
        ),
    )
    flat = dataclasses.replace(
        flat, labels=labels, features=flat.features.select(("kind_0", "kind_1", "kind_2"))
    )
    found = verdicts(hunt(flat))
    assert {name for name, one in found.items() if one == "not_applicable"} == {
        "shuffled_time",
        "last_event",
        "early_outcomes",
    }
    assert found["permuted_outcome"] == "clear"


def test_rows_that_do_not_count_change_nothing(clean):
    n = len(clean.cohort)
    gone = np.arange(n) % 4 == 0
    weight = np.where(gone, 0.0, 1.0)
    labels = dataclasses.replace(clean.labels, weight=weight)
    garbage = dataclasses.replace(labels, outcome=np.where(gone, 1, labels.outcome).astype(np.int8))
    for check in (early_outcomes, last_event, shuffled_time):
        assert check(dataclasses.replace(clean, labels=labels), spec=SPEC) == check(
            dataclasses.replace(clean, labels=garbage), spec=SPEC
        )


def test_too_few_people_with_a_date_before_or_after_are_not_judged():
    few = lives(300, seed=1, rate=0.02)
    assert shuffled_time(record(few), spec=SPEC).verdict == "insufficient"
    assert early_outcomes(record(few), spec=SPEC).verdict == "insufficient"


def test_influence_is_the_auroc_and_delongs_standard_error():
    rng = np.random.default_rng(0)
    inside = rng.random(400) < 0.3
    score = np.round(rng.normal(size=400) + inside, 1)
    auroc, moved = influence(score, inside, ~inside)
    assert auroc == pytest.approx(separation(score, inside), abs=1e-12)
    # DeLong's variance by a plain loop over pairs.
    wins = np.array([[(a > b) + 0.5 * (a == b) for b in score[~inside]] for a in score[inside]])
    cases, others = wins.mean(axis=1), wins.mean(axis=0)
    variance = cases.var() / len(cases) + others.var() / len(others)
    assert standard_error(moved, np.arange(400)) == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_the_standard_error_of_two_rows_a_person_is_that_of_the_bootstrap_over_people():
    rng = np.random.default_rng(1)
    risk = rng.normal(size=300)
    inside = np.tile(rng.random(300) < 1 / (1 + np.exp(1 - risk)), 2)  # both rows of a person are the same
    score, person = np.tile(risk, 2), np.tile(np.arange(300), 2)
    error = standard_error(influence(score, inside, ~inside)[1], person)
    draws = []
    for _ in range(800):
        rows = np.concatenate([(picked := rng.integers(0, 300, 300)), picked + 300])
        draws.append(separation(score[rows], inside[rows]))
    assert error == pytest.approx(np.std(draws), rel=0.1)
