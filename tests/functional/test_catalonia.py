"""The study of real records: what it may read, that its page is made from its results, and that nothing leaks."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from riskmodel.disclosure import Disclosure
from riskmodel.files import read_json
from riskmodel.models.spec import CapacitySpec
from riskmodel.policy import check_features
from riskmodel.study import load_study
from riskmodel.tables.cohort import Cohort
from riskmodel.validate.resample import Resamples

ROOT = Path(__file__).parents[2]
HERE = ROOT / "experiments" / "catalonia"
DATA = ROOT.parent / "shared" / "data" / "youth_justice_catalonia" / "reincidenciaJusticiaMenors.csv"
needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="needs ../shared/data/youth_justice_catalonia, which is not ours to pass on"
)

STUDIES = ("study_any.yaml", "study_violent.yaml")
OUTCOMES = {"any": "V132_REINCIDENCIA_2013", "violent": "V124_rein_fet_violencia_2013"}
# From the codebook: everything from V100 on happened after the programme; V54 to V99 are SAVRY; V53 may be later.
FIRST_SAVRY, FIRST_LATER = 54, 100
NEVER = {
    "nationality and sex": {1, 2, 3, 4},
    "place": {6, 7, 23},
    "dates": {10, 22, 30, 31},
    "perhaps decided later": {53},
}
MODULES = ("claims", "run", "checks", "compare", "measure", "page", "repeats", "sources")


@pytest.fixture(scope="module")
def experiment():
    """Give the modules of the experiment, and leave no trace of them."""
    assert not [name for name in MODULES if name in sys.modules], (
        "another test left a module of the same name behind"
    )
    sys.path.insert(0, str(HERE))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(HERE))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def quick(experiment, tmp_path_factory):
    """Give results and page of a quick run: one repeat, logistic regression."""
    out = tmp_path_factory.mktemp("catalonia")
    asked = ["--repeats", "1", "--families", "logistic", "--replicates", "100", "--out", str(out)]
    assert experiment.run.main(asked) == 0
    return read_json(out / "results.json"), (out / "README.md").read_text(encoding="utf-8")


def declared(file):
    return yaml.safe_load((HERE / file).read_text(encoding="utf-8"))


def number(column):
    return int(re.match(r"V(\d+)_", column)[1])


# --- without the data ---


@pytest.mark.parametrize("file", STUDIES)
def test_no_feature_is_an_outcome_or_known_later(file):
    columns = [one["column"] for one in declared(file)["data"]["features"].values()]
    assert len(columns) == 15
    assert max(map(number, columns)) < FIRST_SAVRY
    for reason, barred in NEVER.items():
        assert not {number(column) for column in columns} & barred, reason
    assert not set(columns) & set(OUTCOMES.values())


@pytest.mark.parametrize("file", STUDIES)
def test_outcomes_are_those_by_2013_and_made_by_justice(file):
    outcomes = declared(file)["data"]["outcomes"]
    assert {name: one["column"] for name, one in outcomes.items()} == OUTCOMES
    assert {one["kind"] for one in outcomes.values()} == {"justice"}


def test_savry_declares_the_total_the_rating_24_risks_and_6_strengths():
    columns = [one["column"] for one in declared("savry.yaml").values()]
    assert len(columns) == len(set(columns)) == 32
    assert all(FIRST_SAVRY <= number(column) < FIRST_LATER for column in columns)


@pytest.mark.parametrize("file", STUDIES)
def test_the_study_loads_and_says_why_it_uses_justice_records(file):
    study = load_study(HERE / file)
    assert study.policy.enforcement is not None
    assert study.policy.sex is None
    assert study.split.design == "cross_validation"
    assert study.split.reason is not None
    assert study.audit.attributes == ("sex", "foreign")
    assert study.audit.intersections == (("foreign", "sex"),)
    assert set(study.data.audited) == {"sex", "foreign"}


def test_the_two_studies_differ_only_in_what_they_ask():
    first, second = (declared(file) for file in STUDIES)
    for study in (first, second):
        del study["name"], study["purpose"], study["data"]["chosen"], study["capacity"], study["validation"]
        del study["card"]["past"], study["card"]["participle"]
    assert first == second


def test_the_kept_page_is_made_from_the_kept_results(experiment):
    results = read_json(HERE / "results.json")
    assert experiment.page.page(results) == (HERE / "README.md").read_text(encoding="utf-8")
    assert results["protocol"]["repeats"] >= 10
    assert results["protocol"]["families"] == ["count", "prior", "logistic", "ebm", "xgboost"]


def test_the_page_can_be_made_again_from_results(experiment, tmp_path):
    (tmp_path / "results.json").write_bytes((HERE / "results.json").read_bytes())
    assert experiment.run.main(["--page-only", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_bytes() == (HERE / "README.md").read_bytes()


def test_the_page_says_first_that_nobody_is_scored():
    page = (HERE / "README.md").read_text(encoding="utf-8")
    assert page.index("never to score anyone") < page.index("## ")


def test_the_kept_results_hold_no_small_count():
    assert_no_small_count(read_json(HERE / "results.json"))


def test_the_kept_results_passed_their_checks():
    for outcome in read_json(HERE / "results.json")["outcomes"].values():
        assert_checks_passed(outcome["checks"])


def test_people_alike_in_birth_date_sex_and_offence_date_are_kept_together(experiment, tmp_path):
    file = tmp_path / "f.csv"
    rows = [
        "id,V10_data_naixement,V1_sexe,V22_data_fet",
        "7,a,Home,x",
        "3,b,Dona,y",
        "5,a,Home,x",
        "9,a,Dona,x",
        "2,b,Dona,z",
    ]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    person = experiment.sources.same_person(file, np.array([2, 3, 5, 7, 9]))
    assert person.tolist() == [2, 3, 5, 5, 9]


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_reversed_copy_has_the_header_first_and_the_rows_backwards(experiment, tmp_path, ending):
    file = tmp_path / "f.csv"
    file.write_text("h\n1\n2\n3" + ending, encoding="utf-8")
    (tmp_path / "other").mkdir()
    assert (
        experiment.sources.reversed_copy(file, tmp_path / "other").read_text(encoding="utf-8")
        == "h\n3\n2\n1\n"
    )


def test_error_rates_by_hand(experiment):
    # Four without the outcome, of whom 1 and then 2 are offered; two with it, of whom one is missed each time.
    people = experiment.measure.People(np.array([0, 0, 0, 0, 1, 1], dtype=np.int8), np.ones(6))
    offered = np.array([[1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 0, 1]], dtype=np.float64)
    resamples = Resamples(np.arange(6), np.array([[1, 1, 1, 1, 1, 1], [2, 0, 1, 1, 2, 0]], dtype=np.uint8))
    wrong = experiment.measure.offered_share(offered, people, resamples, outcome=0)
    missed = experiment.measure.offered_share(1 - offered, people, resamples, outcome=1)
    assert wrong.by_repeat.tolist() == [0.25, 0.5]
    assert wrong.value == 0.375
    assert wrong.draws.tolist() == [0.375, 0.5]  # first person twice (offered both times), second not at all
    assert missed.by_repeat.tolist() == [0.5, 0.5]
    assert missed.draws.tolist() == [0.5, 0.5]
    assert wrong.minus(missed).by_repeat.tolist() == [-0.25, 0.0]
    nobody = experiment.measure.offered_share(
        offered, people.among(np.zeros(6, dtype=bool)), resamples, outcome=1
    )
    assert nobody.to_json(digits=2)["status"] == "undefined"


def population(experiment, sizes):
    """Return people in two groups: sizes[group] = (without outcome, with outcome)."""
    group = np.repeat(["a", "b"], [sum(one) for one in sizes])
    outcome = np.concatenate([np.repeat([0, 1], one) for one in sizes]).astype(np.int8)
    n = len(outcome)
    cohort = Cohort(
        np.arange(n), np.zeros(n, np.int32), np.arange(n), np.full(n, "x"), np.full(n, -1, np.int16)
    )
    return experiment.compare.Population(
        name="everyone",
        cohort=cohort,
        people=experiment.measure.People(outcome, np.ones(n)),
        groups={"side": {"a": group == "a", "b": group == "b"}},
        resamples=Resamples(np.arange(n), np.random.default_rng(1).poisson(1.0, (100, n)).astype(np.uint8)),
        capacity=CapacitySpec(share=0.5),
        disclosure=Disclosure(),
    )


def test_one_small_group_hides_its_whole_attribute(experiment):
    made = population(experiment, [(60, 60), (60, 9)])
    scores = {"m": np.random.default_rng(2).normal(size=(2, len(made.people.outcome)))}
    rows = experiment.compare.by_group(made, scores)
    assert len(rows) == 8  # AUROC and three rates, in two groups
    for row in rows:
        assert row["status"] == "suppressed"
        assert [row[name] for name in ("estimate", "lower", "upper", "n_subjects", "n_outcomes")] == [
            None
        ] * 5
    rates = [row for row in experiment.compare.base_rates(made) if row["attribute"] == "side"]
    assert [row["rate"] for row in rates] == [None, None]


def test_a_small_cell_hides_only_the_rate_that_rests_on_it(experiment):
    """In group b, 12 have the outcome and few of them are missed: misses are hidden, false alarms are not."""
    made = population(experiment, [(60, 60), (60, 12)])
    group_b = made.groups["side"]["b"]
    score = np.where(made.people.outcome == 1, 1.0, 0.0) + np.where(group_b, 0.5, 0.0)
    scores = {"m": (score + np.random.default_rng(2).normal(scale=0.7, size=len(score)))[None, :]}
    statuses = {(row["metric"], row["status"]) for row in experiment.compare.by_group(made, scores)}
    assert statuses == {
        ("auroc", "ok"), ("false_positive_rate", "ok"), ("false_negative_rate", "suppressed"), ("selection_rate", "suppressed"),
    }, "the misses would follow from a selection rate and the false alarms"  # fmt: skip
    pair = experiment.compare.Pair("side", "a", "b")
    gaps = {row["metric"]: row["status"] for row in experiment.compare.gaps(made, scores, pair)}
    assert gaps == {
        "false_positive_rate": "ok",
        "false_negative_rate": "suppressed",
        "selection_rate": "suppressed",
    }


def test_large_groups_are_shown_with_rounded_counts(experiment):
    made = population(experiment, [(62, 61), (63, 64)])
    perfect = made.people.outcome[None, :].astype(np.float64)
    rows = experiment.compare.by_group(made, {"m": perfect})
    aurocs = {row["group"]: row for row in rows if row["metric"] == "auroc"}
    assert {group: row["estimate"] for group, row in aurocs.items()} == {"a": 1.0, "b": 1.0}
    assert aurocs["a"]["n_subjects"] == 125
    assert aurocs["a"]["n_outcomes"] == 60
    advantage = experiment.compare.advantage(made, {"m": perfect, "none": 0 * perfect}, over="none")
    assert [(row["scorer"], row["estimate"], row["lower"]) for row in advantage] == [("m", 0.5, 0.5)]


def test_numbers_in_words(experiment):
    page = experiment.page
    assert [page.plain(x) for x in (0.725, -0.031, 1.0, 0.0, -0.001, None)] == [
        ".72",
        "−.03",
        "1.00",
        ".00",
        ".00",
        "–",
    ]
    record = {"status": "ok", "estimate": 0.5, "lower": -0.1, "upper": 1.0}
    assert page.interval(record) == ".50 (−.10 to 1.00)"
    assert page.interval({**record, "status": "suppressed"}) == "hidden"
    assert page.interval({**record, "status": "undefined"}) == "undefined"
    assert [page.listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["none", "a", "a, b and c"]


def test_findings_follow_from_intervals(experiment):
    def record(scorer, lower, upper, status="ok"):
        return {"metric": "x", "scorer": scorer, "lower": lower, "upper": upper, "status": status}

    records = [
        record("count", 0.1, 0.2),
        record("prior", 0.0, 0.2),
        record("ebm", -0.2, -0.1),
        record("xgboost", None, None, "suppressed"),
    ]
    found = experiment.page.finding(records, ("count", "prior", "ebm", "xgboost"), metric="x")
    assert {kind: len(names) for kind, names in found.items()} == {
        "more": 1,
        "less": 1,
        "unclear": 1,
        "hidden": 1,
    }
    assert experiment.page.holds(found) == "holds in part"
    assert experiment.page.holds({**found, "more": []}) == "is not shown, for some the reverse"
    assert experiment.page.holds({"more": ["a"], "less": [], "unclear": [], "hidden": []}) == "holds"
    assert experiment.page.holds({"more": [], "less": ["a"], "unclear": [], "hidden": []}) == "does not hold"
    assert experiment.page.holds({"more": [], "less": [], "unclear": ["a"], "hidden": []}) == "is not shown"


def interval(lower, upper, status="ok"):
    return {"lower": lower, "upper": upper, "status": status}


@pytest.mark.parametrize(
    ("less", "plus", "verdict"),
    [
        (interval(0.1, 0.2), interval(0.1, 0.3), "holds"),
        (interval(-0.2, -0.1), interval(-0.3, -0.1), "holds"),  # a larger gap the other way round
        (interval(-0.2, -0.1), interval(0.1, 0.3), "does not hold"),
        (interval(-0.1, 0.1), interval(0.1, 0.3), "cannot be told"),
        (interval(0.1, 0.2), interval(-0.1, 0.3), "cannot be told"),
        (interval(None, None, "suppressed"), interval(0.1, 0.3), "cannot be told"),
    ],
)
def test_which_gap_is_larger_in_size(experiment, less, plus, verdict):
    assert experiment.claims.larger(less, plus) == verdict


def test_claims_over_families(experiment):
    said = experiment.claims.overall
    assert said(["holds", "holds"]) == "holds"
    assert said(["holds", "cannot be told"]) == "holds in part"
    assert said(["does not hold", "does not hold"]) == "does not hold"
    assert said(["does not hold", "cannot be told"]) == "cannot be told"


def test_sizes_of_gaps_by_hand(experiment):
    """The model's gap is .4 - .6 = -.2, the other's .5 - .4 = .1: larger in size, though the difference is negative."""
    measured = experiment.measure.Measured
    model, other = (measured(np.full(3, g), np.full(200, g)) for g in (-0.2, 0.1))
    assert model.minus(other).value == pytest.approx(-0.3)
    assert model.plus(other).value == pytest.approx(-0.1)
    assert model.size().minus(other.size()).value == pytest.approx(0.1)


def test_a_run_without_a_learned_model_is_refused(experiment, tmp_path, capsys):
    assert experiment.run.main(["--families", "prior", "--out", str(tmp_path)]) == 2
    assert "logistic, ebm, xgboost" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- with the data ---


@needs_data
@pytest.mark.parametrize("file", STUDIES)
def test_the_policy_accepts_the_features_and_refuses_sex_and_nationality(experiment, file):
    study = load_study(HERE / file)
    table = experiment.sources.table_of(study.data)
    check_features(table.features.infos, study.policy)
    assert not {"V1_sexe", "V2_estranger"} & {
        column for info in table.features.infos for column in info.codes
    }
    assert len(set(table.cohort.household_id)) < len(table.cohort)  # a few rows may be one person


@needs_data
def test_a_quick_run_is_no_better_than_it_should_be(quick):
    results, _ = quick
    for name, (low, high) in {"any": (0.71, 0.78), "violent": (0.64, 0.73)}.items():
        (record,) = [
            row
            for row in results["outcomes"][name]["performance"]
            if (row["population"], row["scorer"]) == ("everyone", "logistic")
        ]
        assert low < record["lower"] < record["estimate"] < record["upper"] < high


@needs_data
def test_savry_alone_is_as_published(quick):
    results, _ = quick
    for name, value in {"any": 0.64, "violent": 0.58}.items():
        (record,) = [
            row for row in results["outcomes"][name]["performance"] if row["scorer"] == "savry_total"
        ]
        assert record["estimate"] == pytest.approx(value, abs=0.005)


@needs_data
def test_a_quick_run_passes_its_checks(quick):
    for outcome in quick[0]["outcomes"].values():
        assert_checks_passed(outcome["checks"])


@needs_data
def test_reversed_rows_would_be_noticed(experiment):
    """The check compares bytes of scores: a score that differs in the last bit fails it."""
    study = load_study(HERE / "study_any.yaml", settings=["models.families=[prior]"])
    fitting = experiment.repeats.Fitting(study.models, 1, study.seed, 1)
    question = experiment.repeats.Question.of(experiment.sources.table_of(study.data))
    scores = fitting.scores(question, ["prior"])["prior"][0]
    same = experiment.checks.reversed_rows(study.data, fitting, {"prior": scores})
    moved = experiment.checks.reversed_rows(study.data, fitting, {"prior": np.nextafter(scores, np.inf)})
    assert (same, moved) == ({"prior": True}, {"prior": False})


@needs_data
def test_the_numbers_on_the_page_are_those_of_the_results(quick):
    results, page = quick
    shown = [
        line.split("|")[2].strip()
        for line in page.splitlines()
        if line.startswith("| logistic regression | .")
    ]
    expected = [
        words(row)
        for name in ("any", "violent")
        for row in results["outcomes"][name]["performance"]
        if row["scorer"] == "logistic"
    ]
    assert set(expected) <= set(shown)
    assert len(expected) == 4


@needs_data
def test_a_quick_run_holds_no_small_count_and_no_person(quick):
    results, page = quick
    assert_no_small_count(results)
    assert not re.search(r"\d{2}-[A-Z][a-z]{2}-\d{4}", page)


def words(record):
    """Return an interval in words, written again here so that the page is not its own judge."""
    estimate, lower, upper = (f"{record[name]:.2f}"[1:] for name in ("estimate", "lower", "upper"))
    return f"{estimate} ({lower} to {upper})"


def assert_checks_passed(checks):
    assert checks["reversed_rows_same_bytes"]
    assert all(checks["reversed_rows_same_bytes"].values())
    assert all(0.45 <= auroc <= 0.55 for auroc in checks["permuted_outcome_auroc"].values())
    assert checks["suspected_leaks"] == []
    assert checks["planted_leak_is_named"] is True
    assert max(row["auroc"] for row in checks["single_features"]) < 0.70


def assert_no_small_count(value):
    if isinstance(value, dict):
        for name in ("n_subjects", "n_outcomes"):
            count = value.get(name)
            assert count is None or (count >= 10 and count % 5 == 0), value
        for inner in value.values():
            assert_no_small_count(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_no_small_count(inner)
