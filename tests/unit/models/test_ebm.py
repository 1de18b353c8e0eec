import numpy as np
import pytest

from riskmodel.models import ModelsSpec, fit
from riskmodel.models.additive import Curve
from riskmodel.models.bins import parts_of, people_by_part
from riskmodel.models.ebm import _usable, boost
from riskmodel.models.training import TrainingRows, keep_rows
from riskmodel.tables.features import FeatureMatrix


def rows_of(people):
    return TrainingRows.build(
        people.features, people.outcome, people.weight, person=people.person, where="test"
    )


def test_our_scorer_agrees_with_interprets_own(people, fresh, spec):
    rows = rows_of(people)
    usable = _usable(rows, spec.ebm)
    theirs = boost(rows.thinned(spec.ebm.rows_per_rare, seed=11), usable, spec=spec.ebm, seed=11)
    ours = fit(
        "ebm",
        people.features,
        people.outcome,
        people.weight,
        spec=spec,
        seed=11,
        threads=1,
        person=people.person,
    )
    columns = [b.column for b in usable]
    assert len(columns) == 11  # all but the one that is the same for everyone
    assert np.isnan(fresh.features.values[:, columns]).any()
    expected = theirs.decision_function(fresh.features.values[:, columns])
    assert np.abs(ours.raw_score(fresh.features) - expected).max() < 1e-9
    by_term = theirs.eval_terms(fresh.features.values[:, columns])
    shift = ours.contributions(fresh.features).values - by_term
    assert np.ptp(shift, axis=0).max() < 1e-9  # each curve is only moved up or down, to mean 0


def test_every_bin_holds_ten_people(people, fitted):
    for curve in fitted["ebm"].curves:
        part = parts_of(people.features.column(curve.name), curve.cuts)
        count = people_by_part(part, people.person, len(curve.scores))
        assert (count[1:] >= 10).all()


def test_a_missing_value_that_few_have_counts_as_average(tools, spec):
    people = tools.draw_people(2000, seed=8)
    values = people.features.values.copy()
    values[np.isnan(values)] = 0.9
    values[:9, 0] = np.nan  # nine people, all of whom came to harm
    outcome = people.outcome.copy()
    outcome[:9] = 1
    features = FeatureMatrix(values, people.features.infos)
    model = fit("ebm", features, outcome, people.weight, spec=spec, seed=0, threads=1)
    curve = next(c for c in model.curves if c.name == features.names[0])
    part = parts_of(values[:, 0], curve.cuts)
    average = np.bincount(part, minlength=len(curve.scores))[1:] @ curve.scores[1:] / (part > 0).sum()
    assert curve.scores[0] == pytest.approx(average, abs=1e-12)


def test_all_rare_outcomes_are_kept_and_both_kinds_keep_their_weight(people):
    rng = np.random.default_rng(0)
    rows = rows_of(people)
    rows = TrainingRows(rows.features, rows.outcome, rng.uniform(0.5, 2, len(rows)), rows.person)
    kept, weight = keep_rows(rows, 3, seed=5)
    cases = int(rows.outcome.sum())
    assert rows.outcome[kept].sum() == cases
    assert len(kept) == 4 * cases < len(rows)
    assert (np.diff(kept) > 0).all()
    for side in (0, 1):
        assert weight[rows.outcome[kept] == side].sum() == pytest.approx(
            rows.weight[rows.outcome == side].sum()
        )
    assert np.array_equal(kept, keep_rows(rows, 3, seed=5)[0])
    assert not np.array_equal(kept, keep_rows(rows, 3, seed=6)[0])


def test_a_common_outcome_is_thinned_from_the_other_side(people):
    rows = rows_of(people)
    turned = TrainingRows(rows.features, 1 - rows.outcome, rows.weight, rows.person)
    kept, _ = keep_rows(turned, 3, seed=5)
    assert np.array_equal(kept, keep_rows(rows, 3, seed=5)[0])


def test_few_rows_are_all_kept(people):
    rows = rows_of(people)
    kept, weight = keep_rows(rows, 100, seed=5)
    assert np.array_equal(kept, np.arange(len(rows)))
    assert weight is rows.weight


def test_thinned_rows_leave_the_score_calibrated(tools):
    many = tools.draw_people(30_000, seed=2, intercept=-5.0)
    new = tools.draw_people(60_000, seed=3, intercept=-5.0)
    spec = ModelsSpec.model_validate({"ebm": {"rows_per_rare": 5}})
    assert many.outcome.sum() * 6 < 0.2 * len(many.outcome)
    model = fit("ebm", many.features, many.outcome, many.weight, spec=spec, seed=0, threads=1)
    log_odds = model.raw_score(new.features)
    risk = 1 / (1 + np.exp(-log_odds))
    # 60,000 new people with about 1,000 outcomes: the standard error of the ratio is about 3%, plus 4% from training.
    assert new.outcome.sum() / risk.sum() == pytest.approx(1, abs=0.12)
    tenths = np.array_split(np.argsort(risk, kind="stable"), 4)
    for rows in tenths:
        error = np.sqrt(risk[rows].sum())
        assert abs(new.outcome[rows].sum() - risk[rows].sum()) < 4 * error + 0.15 * risk[rows].sum()


def test_a_curve_needs_a_score_for_every_part():
    with pytest.raises(ValueError, match="a score for missing and one for each bin"):
        Curve("a", (1.0,), (0.0, 0.0))
