"""Searches for settings: Optuna asked one by one, nested folds, a limit, and a search that was killed."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from riskmodel.errors import StudyError
from riskmodel.models import CapacitySpec, ModelsSpec, Search, Step, Trial, Trials, Tuned
from riskmodel.models.spec import SearchRange
from riskmodel.models.tuning import Judged, best, search
from riskmodel.tables.cohort import Cohort

SPACE = {"depth": SearchRange(1, 8), "rate": SearchRange(0.01, 1.0, log=True)}
START = {"depth": 7, "rate": 0.9}


def judged(utility, *, log_loss=0.5, excess=None, reached=None):
    reached = np.full(4, utility) if reached is None else np.asarray(reached, dtype=float)
    return Judged(utility, log_loss, excess, reached, np.ones(len(reached)))


def bump(settings, _go_on=None, *, excess=None):
    """A hill with its top at depth 3 and rate 0.1."""
    height = 1 - 0.1 * abs(settings["depth"] - 3) - 0.2 * abs(np.log10(settings["rate"]) + 1)
    return judged(height, excess=None if excess is None else excess(settings))


def searched(journal, evaluate=bump, **changes):
    asked = {"trials": 30, "seconds": None, "seed": 5, "journal": journal}
    return search(SPACE, START, evaluate, **{**asked, **changes})


def said(trials):
    return [
        (t.number, dict(t.settings), t.state, None if t.judged is None else t.judged.utility) for t in trials
    ]


def test_a_planted_optimum_is_found(tmp_path):
    trials = searched(tmp_path / "a.jsonl")
    assert trials[0].settings == START  # the study's own settings come first
    found = best(trials).settings
    assert found["depth"] == 3
    assert 0.05 < found["rate"] < 0.2
    later = np.mean([t.judged.utility for t in trials[15:]])
    assert later > np.mean([t.judged.utility for t in trials[1:8]]) + 0.05  # it learns where to look


@pytest.mark.parametrize("killed_at", [0, 1, 5, 13])
def test_a_search_that_was_killed_goes_on_to_the_same_answer(tmp_path, killed_at):
    def pruning(settings, go_on):
        found = bump(settings)
        return found if go_on(0, found.utility) else None

    calls = []

    def killed(settings, go_on):
        calls.append(settings)
        if len(calls) == killed_at + 1:
            go_on(0, 0.5)
            raise KeyboardInterrupt
        return pruning(settings, go_on)

    whole = searched(tmp_path / "whole.jsonl", pruning, trials=16)
    cut = tmp_path / "cut.jsonl"
    with pytest.raises(KeyboardInterrupt):
        searched(cut, killed, trials=16)
    cut.write_bytes(cut.read_bytes() + b'{"op_code":6,"wor')  # a line that the kill cut short
    (tmp_path / "cut.jsonl.lock").symlink_to(cut)  # and a lock that nobody holds
    heard = []
    resumed = searched(cut, pruning, trials=16, on_trial=heard.append)
    assert said(resumed) == said(whole)
    assert [t.resumed for t in resumed] == [True] * killed_at + [False] * (16 - killed_at)
    assert said(heard) == said(whole)
    assert {t.state for t in whole} == {"complete", "pruned"}


def test_a_finished_search_is_read_and_more_trials_go_on_from_it(tmp_path):
    journal = tmp_path / "a.jsonl"
    searched(journal, trials=6)

    def never(_settings, _go_on):
        raise AssertionError("nothing is left to try")

    assert len(searched(journal, never, trials=6)) == 6
    assert len(searched(journal, never, trials=4)) == 4
    assert said(searched(journal, trials=9)) == said(searched(tmp_path / "b.jsonl", trials=9))


def test_only_settings_that_fall_behind_are_given_up(tmp_path):
    def evaluate(settings, go_on):
        found = bump(settings)
        return found if go_on(0, found.utility) else None

    trials = searched(tmp_path / "a.jsonl", evaluate)
    given_up = [t for t in trials if t.state == "pruned"]
    assert given_up
    assert all(t.judged is None and not t.feasible for t in given_up)
    assert len(given_up) < len(trials) / 2
    kept = [t.judged.utility for t in trials if t.judged is not None]
    assert np.mean([bump(t.settings).utility for t in given_up]) < np.median(kept)
    assert given_up[0].number >= 4


def test_time_is_a_budget_and_one_trial_is_always_made(tmp_path):
    assert len(searched(tmp_path / "a.jsonl", seconds=0.0)) == 1
    assert len(searched(tmp_path / "a.jsonl", seconds=0.0)) == 1  # what was spent before counts
    assert len(searched(tmp_path / "b.jsonl", seconds=60.0, trials=3)) == 3


def test_settings_over_the_limit_cannot_be_chosen_and_the_search_moves_away(tmp_path):
    beyond = partial(bump, excess=lambda s: 5.0 - s["depth"])  # the top of the hill is not allowed
    trials = searched(tmp_path / "a.jsonl", beyond, trials=40)
    found = best(trials)
    assert found.settings["depth"] == 5
    assert found.feasible
    assert any(not t.feasible for t in trials)
    late, early = ([t.feasible for t in part] for part in (trials[20:], trials[1:8]))
    assert np.mean(late) > np.mean(early)
    assert best(searched(tmp_path / "b.jsonl", partial(bump, excess=lambda _: 0.1), trials=5)) is None


def test_a_limit_that_cannot_be_judged_bars_nothing():
    trials = (Trial(0, {}, 1.0, judged(0.4), resumed=False), Trial(1, {}, 1.0, judged(0.6), resumed=False))
    assert best(trials).number == 1


def test_ties_within_one_standard_error_are_broken_by_log_loss():
    rng = np.random.default_rng(0)
    base = rng.random(200)
    noise = rng.normal(0, 0.3, 200)
    noisy = base + noise - noise.mean() + 0.01  # its mean is a little higher, by less than one standard error
    clear = base - 0.05  # behind by the same for everybody: no error at all
    parts = [(base, 0.30), (noisy, 0.40), (clear, 0.10)]
    trials = tuple(
        Trial(i, {}, 1.0, judged(one.mean(), log_loss=loss, reached=one), resumed=False)
        for i, (one, loss) in enumerate(parts)
    )
    error = (noisy - base).std() / np.sqrt(200)
    assert 0 < noisy.mean() - base.mean() < error
    assert clear.mean() < noisy.mean() - (noisy - clear).std() / np.sqrt(200)
    assert best(trials).number == 0


def test_without_optuna_a_study_that_tunes_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("riskmodel.models.tuning.find_spec", lambda _name: None)
    with pytest.raises(StudyError, match=r"pip install 'riskmodel\[tune\]'"):
        searched(tmp_path / "a.jsonl")


def test_optuna_says_nothing(tmp_path, capfd):
    searched(tmp_path / "a.jsonl", trials=3)
    assert capfd.readouterr() == ("", "")


def test_the_journal_is_json_lines(tmp_path):
    searched(tmp_path / "a.jsonl", trials=3)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def cohort_of(n, dates=2):
    subject = np.tile(np.arange(n // dates), dates)
    day = np.repeat(np.arange(dates) * 365, n // dates).astype(np.int32)
    return Cohort(subject, day, subject // 2, np.full(n, "x"), np.full(n, 12, np.int16))


@pytest.fixture(scope="module")
def trials(tools):
    people = tools.draw_people(4000, seed=3)
    cohort = cohort_of(4000)
    late, odd = cohort.index_day > 0, cohort.household_id % 2 == 1
    steps = (Step(~late & odd, late & ~odd), Step(~late & ~odd, late & odd))
    return Trials(
        "logistic", people.features, people.outcome, people.weight, cohort, steps, CapacitySpec(), 7
    )


def test_utility_is_recall_over_a_band_by_models_that_saw_earlier_dates_of_other_households(trials):
    from riskmodel.models import fit, offers
    from riskmodel.models.trying import BAND

    spec = ModelsSpec()
    found = trials.judge(spec)
    late = trials.cohort.index_day > 0
    score = np.full(4000, np.nan)
    for step in trials.steps:
        model = fit(
            "logistic", trials.features.take(step.learn), trials.outcome[step.learn], trials.weight[step.learn],
            spec=spec, seed=7, threads=1, person=trials.cohort.subject_id[step.learn],
        )  # fmt: skip
        score[step.score] = model.raw_score(trials.features.take(step.score))
    assert np.array_equal(np.isfinite(score), late)
    happened, own = trials.outcome[late] == 1, trials.cohort.take(late)
    shares = [offers(score[late], own, CapacitySpec(share=0.05 * times))[happened].mean() for times in BAND]
    assert found.utility == pytest.approx(np.mean(shares))
    chance = 1 / (1 + np.exp(-score[late]))
    y = trials.outcome[late]
    assert found.log_loss == pytest.approx(-np.mean(y * np.log(chance) + (1 - y) * np.log(1 - chance)))
    assert found.reached.sum() / found.weight.sum() == pytest.approx(found.utility)


def test_settings_that_are_given_up_fit_no_further_model(trials):
    asked = []

    def stop(step, so_far):
        asked.append((step, so_far))
        return False

    assert trials.judge(ModelsSpec(), stop) is None
    assert [step for step, _ in asked] == [0]
    assert 0 < asked[0][1] < 1


def test_a_record_that_is_too_thin_counts_as_not_reached(trials):
    unread = np.random.default_rng(1).random(4000) < 0.3
    values = trials.features.values.copy()
    values[unread] = np.nan
    spotty = replace(trials, features=replace(trials.features, values=values))
    silent = unread[(trials.cohort.index_day > 0) & (trials.outcome == 1)]
    always = ModelsSpec.model_validate({"abstain": {"most_missing": None}})
    broad = replace(spotty, capacity=CapacitySpec(share=0.5))
    assert (broad.judge(ModelsSpec()).reached[silent] == 0).all()
    assert (broad.judge(always).reached[silent] > 0).any()


def test_the_limit_hears_offers_at_the_capacity_itself_and_only_at_the_end(trials):
    heard = []

    def limit(rows, offered):
        heard.append((rows, offered))
        return 0.25

    found = replace(trials, limit=limit).judge(ModelsSpec())
    assert found.excess == 0.25
    ((rows, offered),) = heard
    assert np.array_equal(rows, trials.cohort.index_day > 0)
    assert offered.sum() == pytest.approx(round(0.05 * 2000))


def one_search(family, held_out, settings, *, design="time_ordered"):
    trial = Trial(0, settings, 1.0, judged(0.5), resumed=False)
    return Search(family, held_out, {"depth": 3}, design, 60, (trial,))


def test_each_fold_gets_the_settings_that_were_found_without_it():
    spec = ModelsSpec.model_validate({"tuning": {"trials": 5}})
    tuned = Tuned(
        spec,
        tuple(one_search("xgboost", fold, {"depth": depth}) for fold, depth in ((0, 1), (1, 2), (None, 4))),
    )
    assert tuned.spec.xgboost.depth == 4
    assert {fold: one.xgboost.depth for fold, one in tuned.by_fold.items()} == {0: 1, 1: 2}
    assert tuned.spec.logistic == spec.logistic
    assert Tuned(spec).spec == spec
    assert Tuned(spec).by_fold == {}


def test_a_search_that_chose_nothing_says_why_and_keeps_the_studys_settings():
    none = Search("xgboost", 0, {"depth": 3}, None, 0)
    assert (none.status, none.chosen, none.place) == ("too_few_outcomes", {"depth": 3}, "xgboost-without-0")
    over = Search(
        "xgboost", None, {"depth": 3}, "all_dates", 60,
        (Trial(0, {"depth": 2}, 1.0, judged(0.5, excess=0.1), resumed=False), Trial(1, {"depth": 1}, 1.0, None, resumed=False)),
    )  # fmt: skip
    assert (over.status, over.chosen, over.place) == ("none_within_limit", {"depth": 3}, "xgboost-all")
    found = over.to_json()
    assert (found["complete"], found["pruned"], found["over_limit"], found["limit_judged"]) == (1, 1, 1, True)
    assert found["trials"][1] == {"settings": {"depth": 1}, "state": "pruned", "utility": None, "log_loss": None, "excess": None}  # fmt: skip


def test_what_a_study_may_say_about_tuning():
    assert ModelsSpec().tuned_families == ()
    spec = ModelsSpec.model_validate({"families": ["prior", "xgboost"], "tuning": {"trials": 3}})
    assert spec.tuned_families == ("xgboost",)
    for family in ("logistic", "ebm", "xgboost"):
        own = getattr(spec, family)
        for name, one in own.search.items():
            assert one.low <= getattr(own, name) <= one.high
            for end in (one.low, one.high):  # both ends are settings that a study could write
                type(own).model_validate({name: end})
