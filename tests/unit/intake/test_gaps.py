"""Gaps that the sender declares: nobody counts as observed by an agency that recorded nothing."""

from __future__ import annotations

import pytest

from riskmodel.errors import DataError
from riskmodel.intake.manifest import read_manifest

POLICE = ["nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"]


@pytest.fixture
def observed(folder, days_of):
    def take(*gaps: tuple[str, str, str], who: int = 1, agency: str = "POLICE") -> list[tuple[object, ...]]:
        said = [{"agency": name, "from": first, "to": after} for name, first, after in gaps]
        folder.manifest(extract_date="2021-08-31", first_date="2015-09-01", gaps=said)
        folder.csv("police/people.csv", POLICE)
        rows = days_of(
            folder.take_in().records.observation.table,
            "subject_id",
            "agency",
            "start",
            "end",
            "known_time",
            "superseded_time",
        )
        return [row[2:] for row in rows if row[:2] == (who, agency)]

    return take


def test_whoever_stands_before_a_gap_in_it_or_after_it_sees_what_could_be_known_then(observed) -> None:
    assert sorted(observed(("POLICE", "2018-01-01", "2018-07-01")), key=str) == [
        ("2015-09-01", "2018-01-01", "2018-01-01", None),
        ("2015-09-01", None, "2010-06-01", "2018-01-01"),
        ("2018-07-01", None, "2018-07-01", None),
    ]


def test_a_gap_that_lasts_has_no_end_in_the_data(observed) -> None:
    assert sorted(observed(("POLICE", "2021-01-01", "2022-01-01")), key=str) == [
        ("2015-09-01", "2021-01-01", "2021-01-01", None),
        ("2015-09-01", None, "2010-06-01", "2021-01-01"),
    ]


def test_a_gap_from_the_start(observed) -> None:
    assert observed(("POLICE", "2010-01-01", "2016-01-01")) == [("2016-01-01", None, "2016-01-01", None)]


def test_two_gaps(observed) -> None:
    rows = observed(("POLICE", "2018-01-01", "2018-07-01"), ("POLICE", "2019-01-01", "2019-02-01"))
    now = [row[:2] for row in rows if row[3] is None]
    assert now == [("2015-09-01", "2018-01-01"), ("2018-07-01", "2019-01-01"), ("2019-02-01", None)]


def test_a_stay_that_ended_is_cut_in_two(observed) -> None:
    rows = observed(("POLICE", "2019-01-01", "2019-02-01"), who=3)
    assert sorted(rows, key=str) == [
        ("2018-09-01", "2019-01-01", "2019-01-01", "2020-02-01"),
        ("2018-09-01", "2019-01-01", "2020-02-01", None),
        ("2018-09-01", None, "2018-09-10", "2019-01-01"),
        ("2019-02-01", "2020-01-15", "2020-02-01", None),
        ("2019-02-01", None, "2019-02-01", "2020-02-01"),
    ]


def test_a_gap_of_another_agency_or_of_another_time_changes_nothing(observed) -> None:
    untouched = [("2015-09-01", None, "2010-06-01", None)]
    assert observed(("HEALTH", "2018-01-01", "2018-07-01")) == untouched
    assert observed(("POLICE", "2010-01-01", "2015-09-01")) == untouched


def test_the_residents_index_may_be_called_by_its_folder(observed) -> None:
    assert len(observed(("HOUSING", "2018-01-01", "2018-07-01"), agency="HOME")) == 3


@pytest.mark.parametrize(
    "said",
    [
        {"gaps": "POLICE"},
        {"gaps": [{"agency": "NHS", "from": "2020-01-01", "to": "2020-02-01"}]},
        {"gaps": [{"agency": "POLICE", "from": "2020-02-01", "to": "2020-01-01"}]},
        {"gaps": [{"agency": "POLICE", "from": "2020-02-01"}]},
        {"release": 3},
        {"synthetic": "no"},
        {"declared_use": {"upn": None}},
    ],
)
def test_a_manifest_that_says_what_cannot_be(folder, said: dict[str, object]) -> None:
    folder.manifest(extract_date="2021-08-31", **said)
    with pytest.raises(DataError, match=r"manifest\.json: expected .*gaps.* found something else"):
        folder.take_in()


def test_everything_that_a_manifest_may_say(folder) -> None:
    folder.manifest(extract_date="2021-08-31", release="r1", declared_use={"upn": "invented"}, synthetic=True)
    manifest = read_manifest(folder.path)
    assert (manifest.release, dict(manifest.declared_use), manifest.synthetic) == (
        "r1",
        {"upn": "invented"},
        True,
    )
