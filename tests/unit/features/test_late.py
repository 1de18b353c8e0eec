"""An agency a year late: against features at an index date that its records had not reached."""

import numpy as np
from records_kit import CATALOGUE, cohort, records

from riskmodel.features import FeatureSpec, FeaturesSpec, build_features, late_features
from riskmodel.features.late import later_known

SPEC = FeaturesSpec(
    libraries=(),
    own=(
        FeatureSpec(stem="edu_suspension", words="suspended", events=("EDU//SUSPENSION//*",), windows=("365d", "1095d"), aggregations=("count",)),
        FeatureSpec(stem="health_assault", words="hurt", events=("HEALTH//ED//ASSAULT",), windows=("1095d",), aggregations=("count",)),
    ),
)  # fmt: skip
LOG = [
    {"code": "MEDS_BIRTH", "time": "2010-01-01"},
    {"code": "EDU//SUSPENSION//DB", "time": "2022-07-01"},
    {"code": "EDU//SUSPENSION//DB", "time": "2024-03-01"},
    {"code": "HEALTH//ED//ASSAULT", "time": "2024-04-01"},
]


OBSERVED = [{"agency": agency, "start": "2010-01-01"} for agency in ("EDU", "HEALTH")]
ROWS = cohort([(1, "2024-09-01"), (1, "2025-06-01")])


def made(rows=LOG):
    return records(events_rows=rows, observation_rows=OBSERVED)


def values(log, matrix=None):
    matrix = build_features(log, ROWS, SPEC, CATALOGUE) if matrix is None else matrix
    return dict(zip(matrix.names, matrix.values.T.tolist(), strict=True))


def test_what_a_late_agency_recorded_in_the_last_year_looks_as_if_it_had_not_happened():
    assert values(made())["edu_suspension__count__1095d"] == [2.0, 2.0]
    late = {agency: values(None, matrix) for agency, matrix in late_features(made(), ROWS, SPEC, CATALOGUE)}
    assert set(late) == {"EDU", "HEALTH"}
    assert late["EDU"]["edu_suspension__count__1095d"] == [1.0, 2.0]
    assert late["EDU"]["edu_suspension__count__365d"] == [0.0, 0.0]  # by then it is older than a year
    assert late["EDU"]["health_assault__count__1095d"] == [1.0, 1.0]
    assert late["HEALTH"]["health_assault__count__1095d"] == [0.0, 1.0]
    assert late["HEALTH"]["edu_suspension__count__1095d"] == [2.0, 2.0]


def test_it_is_the_same_as_leaving_out_what_was_not_known_a_year_before():
    """At one date: an event known less than a year before it is as good as not there."""
    late = dict(late_features(made(), ROWS, SPEC, CATALOGUE))["EDU"].values[0]
    without = made([row for row in LOG if row["code"] != "EDU//SUSPENSION//DB" or row["time"] < "2023-09-01"])
    assert np.array_equal(late, build_features(without, ROWS, SPEC, CATALOGUE).values[0])


def test_a_correction_comes_late_as_well_and_nobody_else_is_touched():
    row = {"code": "EDU//SUSPENSION//DB", "time": "2022-03-01", "superseded_time": "2022-06-01"}
    log = made([*LOG, row]).events
    moved = later_known(log, "EDU", 365)
    assert len(moved) == len(log)
    days = {}
    for one in moved.table.to_pylist():
        days.setdefault(one["agency"], []).append((one["known_time"] - one["time"]).days)
    assert (set(days["EDU"]), set(days["HEALTH"]), set(days["PERSON"])) == ({365}, {0}, {0})
    superseded = [one for one in moved.table.column("superseded_time").to_pylist() if one is not None]
    assert [str(one.date()) for one in superseded] == ["2023-06-01"]


def test_an_agency_without_a_record_is_passed_over():
    only = made([row for row in LOG if not row["code"].startswith("HEALTH")])
    assert [agency for agency, _ in late_features(only, ROWS, SPEC, CATALOGUE)] == ["EDU"]
