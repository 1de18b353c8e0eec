import json

import numpy as np
import pytest

from riskmodel.errors import DataError, StudyError
from riskmodel.files import to_json
from riskmodel.models import SIMPLEST_FIRST, fit, from_state, smallest_group
from riskmodel.tables.features import FeatureMatrix

TOLERANCE = {"xgboost": 1e-5}


def refit(family, people, spec, **changes):
    arguments = {"outcome": people.outcome, "weight": people.weight, "person": people.person, **changes}
    features, seed = arguments.pop("features", people.features), arguments.pop("seed", 11)
    outcome, weight = arguments.pop("outcome"), arguments.pop("weight")
    return fit(family, features, outcome, weight, spec=spec, seed=seed, threads=1, **arguments)


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_contributions_and_base_add_up_to_the_raw_score(family, fitted, fresh):
    parts = fitted[family].contributions(fresh.features)
    raw = fitted[family].raw_score(fresh.features)
    assert np.abs(parts.base + parts.values.sum(axis=1) - raw).max() < TOLERANCE.get(family, 1e-6)
    assert parts.names == fitted[family].names
    assert set(parts.names) <= set(fresh.features.names)
    assert parts.unit == fitted[family].unit


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_a_model_read_back_from_json_scores_the_same_bit_by_bit(family, fitted, fresh):
    text = to_json(fitted[family].to_state())
    again = from_state(json.loads(text))
    assert to_json(again.to_state()) == text
    assert again.raw_score(fresh.features).tobytes() == fitted[family].raw_score(fresh.features).tobytes()
    ours, theirs = again.contributions(fresh.features), fitted[family].contributions(fresh.features)
    assert ours.values.tobytes() == theirs.values.tobytes()
    assert (ours.base, ours.unit, ours.names) == (theirs.base, theirs.unit, theirs.names)


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_the_same_seed_gives_the_same_bytes(family, fitted, people, spec):
    assert to_json(refit(family, people, spec).to_state()) == to_json(fitted[family].to_state())


def test_the_seed_matters_where_something_is_drawn(people, spec, fitted):
    assert to_json(refit("ebm", people, spec, seed=12).to_state()) != to_json(fitted["ebm"].to_state())


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_rows_of_weight_zero_teach_nothing(family, people, spec):
    censored = np.arange(len(people.outcome)) % 7 == 0
    weight = np.where(censored, 0.0, people.weight)
    outcome = np.where(censored, 1 - people.outcome, people.outcome).astype(np.int8)
    rest = people.take(~censored)
    with_them = refit(family, people, spec, weight=weight, outcome=outcome)
    assert to_json(with_them.to_state()) == to_json(refit(family, rest, spec).to_state())


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_a_record_without_any_value_gets_a_finite_score(family, fitted, fresh):
    empty = FeatureMatrix(np.full((2, len(fresh.features.names)), np.nan, np.float32), fresh.features.infos)
    parts = fitted[family].contributions(empty)
    assert np.isfinite(fitted[family].raw_score(empty)).all()
    assert np.isfinite(parts.values).all()


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_an_empty_matrix_gives_empty_answers(family, fitted, fresh):
    nobody = fresh.features.take(np.zeros(len(fresh.outcome), dtype=bool))
    assert fitted[family].raw_score(nobody).shape == (0,)
    assert fitted[family].contributions(nobody).values.shape == (0, len(fitted[family].names))
    assert len(fitted[family].parts(nobody)) == 0
    assert smallest_group(fitted[family], nobody, np.empty(0, dtype=np.int64)) is None


# What is lost against the true log-odds, measured once and given a little room.
@pytest.mark.parametrize(
    ("family", "loses_at_most"),
    [("prior", 0.22), ("count", 0.12), ("logistic", 0.035), ("ebm", 0.035), ("xgboost", 0.035)],
)
def test_what_is_learned_holds_for_new_people(family, loses_at_most, fitted, tools):
    many = tools.draw_people(20_000, seed=5)
    found = tools.auroc(fitted[family].raw_score(many.features), many.outcome)
    best = tools.auroc(many.log_odds, many.outcome)
    assert best - loses_at_most < found < best


@pytest.mark.parametrize("family", ["logistic", "ebm", "xgboost"])
def test_log_odds_are_calibrated_in_the_large_on_the_training_rows(family, fitted, people):
    risk = 1 / (1 + np.exp(-fitted[family].raw_score(people.features)))
    assert risk.mean() == pytest.approx(people.outcome.mean(), rel=0.03)


@pytest.mark.parametrize("family", SIMPLEST_FIRST)
def test_columns_that_mean_something_else_are_refused(family, fitted, fresh):
    fewer = fresh.features.select(fresh.features.names[:-1])
    for ask in (fitted[family].raw_score, fitted[family].contributions):
        with pytest.raises(DataError, match="differ in name, order or meaning"):
            ask(fewer)


@pytest.mark.parametrize("family", ["logistic", "ebm"])
def test_the_base_is_the_average_training_score(family, fitted, people):
    scores = fitted[family].raw_score(people.features)
    assert fitted[family].contributions(people.features).base == pytest.approx(scores.mean(), abs=1e-9)


def test_how_many_people_stand_behind_the_smallest_part(fitted, people):
    assert smallest_group(fitted["prior"], people.features, people.person) is None
    for family in ("logistic", "ebm"):
        assert smallest_group(fitted[family], people.features, people.person) >= 10
    assert smallest_group(fitted["xgboost"], people.features, people.person) >= 10
    shown = fitted["count"].parts(people.features)
    by_hand = min(
        len({p for p, s in zip(people.person.tolist(), shown[:, j].tolist(), strict=True) if s == side})
        for j in range(shown.shape[1])
        for side in set(shown[:, j].tolist())
    )
    assert smallest_group(fitted["count"], people.features, people.person) == by_hand


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcome": np.zeros(5000, np.int8)}, "same outcome in all 5000 rows"),
        ({"outcome": (np.arange(5000) < 9).astype(np.int8)}, "fewer than 10 of one kind among 5000"),
        ({"outcome": (np.arange(5000) >= 9).astype(np.int8)}, "fewer than 10 of one kind among 5000"),
        ({"outcome": np.full(5000, 2, np.int8)}, "5000 of 5000 rows with something else"),
        ({"outcome": np.zeros(4999, np.int8)}, "5000 rows of features, 4999 outcomes"),
        ({"weight": np.where(np.arange(5000) == 3, np.nan, 1.0)}, "1 of 5000 weights missing"),
        (
            {"weight": np.where(np.arange(5000) == 3, -1.0, 1.0)},
            "1 of 5000 weights missing, infinite or below 0",
        ),
        ({"weight": np.where(np.arange(5000) == 3, np.inf, 1.0)}, "1 of 5000 weights"),
        ({"weight": np.zeros(5000)}, "same outcome in all 0 rows"),
        ({"person": np.zeros(3, np.int64)}, "3 people"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(changes, message, people, spec):
    with pytest.raises(DataError, match=message):
        refit("logistic", people, spec, **changes)


def test_twenty_outcomes_are_enough(people, spec):
    refit("count", people, spec, outcome=(np.arange(5000) < 20).astype(np.int8))


def test_an_infinite_value_is_refused_by_the_name_of_its_column(people, spec):
    values = people.features.values.copy()
    values[7, 4] = np.inf
    broken = FeatureMatrix(values, people.features.infos)
    with pytest.raises(DataError, match="infinite values in column attendance__mean__365d"):
        refit("ebm", people, spec, features=broken)


def test_an_unknown_family_gets_the_nearest_name(people, spec):
    with pytest.raises(StudyError, match="did you mean logistic"):
        refit("logistics", people, spec)


def test_a_state_of_no_known_family_is_refused():
    with pytest.raises(DataError, match="family"):
        from_state({"family": "forest"})


def test_libraries_are_loaded_before_threads_meet_in_them():
    """In a fresh process: after this, fitting in threads imports no library for the first time."""
    import subprocess
    import sys

    code = (
        "import sys; from riskmodel.models import load_libraries; "
        "before = {'sklearn', 'interpret', 'xgboost'} & set(sys.modules); load_libraries(('prior', 'count')); "
        "light = {'sklearn', 'interpret', 'xgboost'} & set(sys.modules); "
        "load_libraries(('logistic', 'ebm', 'xgboost')); "
        "print(sorted(before), sorted(light), all(m in sys.modules for m in ('sklearn.linear_model', 'interpret.glassbox', 'xgboost')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] [] True"
