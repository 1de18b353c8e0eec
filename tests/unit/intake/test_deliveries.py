"""Deliveries into one event log: nothing twice, nothing half, nothing that rewrites the past."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from riskmodel.errors import DataError
from riskmodel.files import digest_path, read_json
from riskmodel.intake import BroughtIn, DelaySpec, EventsSpec, Intake, bring_in, read_events, shards_of
from riskmodel.intake.deliveries import put_back

POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
THEFT = "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02"
ROBBERY = "police-ann,VICTIM,ROBBERY,2020-01-01,,2020-01-02"
LATER = "police-ben,VICTIM,THEFT,2021-10-01,,2021-10-05"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def deliver(folder, log: Path, *police: str, day: str = "2021-08-31", **said: object) -> BroughtIn:
    folder.manifest(extract_date=day, first_date="2015-09-01", **said)
    folder.csv("police/people.csv", [POLICE, *police])
    return bring_in(folder.path, log, threads=1)


def rows(log: Path, prefix: str = "POLICE//") -> list[tuple[str, ...]]:
    columns = ("code", "time", "known_time", "superseded_time", "known_basis")
    table = Intake.load(log).records.events.table
    return [
        tuple(str(row[name]).removesuffix(" 00:00:00") for name in columns)
        for row in table.to_pylist() if row["code"].startswith(prefix)
    ]  # fmt: skip


def test_the_first_delivery_makes_the_log(folder, log: Path) -> None:
    made = deliver(folder, log, THEFT)
    assert (made.changed, [delivery.name for delivery in made.deliveries]) == (True, ["2021-08-31"])
    assert (
        read_json(log / "intake.json")
        == read_json(log / "deliveries/2021-08-31/intake.json")
        == made.report.to_json()
    )
    (listed,) = read_json(log / "deliveries.json")
    assert listed["covered"][0] == {"prefix": "POLICE//", "first": "2015-09-01", "after": None}
    assert [path.name for path in log.parent.iterdir() if path.name.startswith(".")] == []


def test_the_same_files_again_change_nothing(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    before = digest_path(log), (log / "events.parquet").stat().st_mtime_ns
    again = deliver(folder, log, THEFT)
    assert not again.changed
    assert (digest_path(log), (log / "events.parquet").stat().st_mtime_ns) == before
    assert again.report == Intake.load(log).report


def test_a_correction_supersedes_and_what_is_new_is_added(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    made = deliver(folder, log, ROBBERY, LATER, day="2021-12-31")
    assert [delivery.name for delivery in made.deliveries] == ["2021-08-31", "2021-12-31"]
    assert rows(log) == [
        ("POLICE//VICTIM//THEFT", "2020-01-01", "2020-01-02", "2021-12-31", "recorded"),
        ("POLICE//VICTIM//ROBBERY", "2020-01-01", "2021-12-31", "None", "extract"),
        ("POLICE//VICTIM//THEFT", "2021-10-01", "2021-10-05", "None", "recorded"),
    ]
    assert {path.name for path in (log / "deliveries").iterdir()} == {"2021-08-31", "2021-12-31"}


def test_a_file_that_is_no_longer_sent_takes_nothing_back(folder, log: Path) -> None:
    folder.csv(
        "health/camhs.csv",
        ["person_key,referral_date,accepted,recorded_date", "health-ann,2020-02-01,0,2020-02-03"],
    )
    folder.csv(
        "health/births.csv",
        ["person_key,birth_month,mother_under_20,smoking_in_pregnancy,low_birth_weight,recorded_date"],
    )
    deliver(folder, log, THEFT)
    (folder.path / "health/camhs.csv").unlink()
    deliver(folder, log, THEFT, day="2021-12-31")
    assert [row[0] for row in rows(log, "HEALTH//")] == ["HEALTH//CAMHS//REFERRAL"]
    assert rows(log, "HEALTH//")[0][3] == "None"


def test_a_year_that_is_not_in_the_delivery_is_not_replaced(folder, log: Path) -> None:
    for year in (2019, 2020):
        folder.csv(
            f"ssda903/{year}_reviews.csv",
            ["CHILD,DOB,REVIEW,REVIEW_CODE", f"cla-ann,01/05/2008,01/06/{year - 1},PN1"],
        )
    deliver(folder, log, THEFT)
    (folder.path / "ssda903/2019_reviews.csv").unlink()
    folder.csv(
        "ssda903/2020_reviews.csv", ["CHILD,DOB,REVIEW,REVIEW_CODE", "cla-ann,01/05/2008,01/06/2019,PN2"]
    )
    deliver(folder, log, THEFT, day="2021-12-31")
    assert [row[:4] for row in rows(log, "CLA//REVIEW")] == [
        ("CLA//REVIEW//PN1", "2018-06-01", "2018-06-15", "None"),
        ("CLA//REVIEW//PN1", "2019-06-01", "2019-06-15", "2021-12-31"),
        ("CLA//REVIEW//PN2", "2019-06-01", "2021-12-31", "None"),
    ]


def test_a_term_that_is_not_in_the_delivery_is_not_replaced(folder, log: Path) -> None:
    roll = "pupilonrolltableid,NativeId,dob,upn,sex,entrydate,termlysessionspossible,ethnicity,enrolstatus,senprovision"
    pupil = "r1,SCH1,2008-May-01 00:00:00,edu-ann,F,2018-Sep-03 00:00:00,{},WBRI,C,N"
    for name in ("2019_spring", "2019_summer"):
        folder.csv(f"school_census/{name}_pupilonroll.csv", [roll, pupil.format(120)])
    deliver(folder, log, THEFT)
    (folder.path / "school_census/2019_spring_pupilonroll.csv").unlink()
    folder.csv("school_census/2019_summer_pupilonroll.csv", [roll, pupil.format(110)])
    deliver(folder, log, THEFT, day="2021-12-31")
    assert [row[1:4] for row in rows(log, "EDU//SESSIONS")] == [
        ("2019-03-31", "2019-05-12", "None"),
        ("2019-07-20", "2019-08-31", "2021-12-31"),
        ("2019-07-20", "2021-12-31", "None"),
    ]


def test_an_agency_that_stops_sending_stops_observing(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    (folder.path / "police/people.csv").unlink()
    folder.manifest(extract_date="2021-12-31", first_date="2015-09-01")
    bring_in(folder.path, log, threads=1)
    table = Intake.load(log).records.observation.table.to_pylist()
    ends = {str(row["end"])[:10] for row in table if (row["subject_id"], row["agency"]) == (1, "POLICE")}
    assert ends == {"None", "2021-09-01"}
    assert rows(log)[0][3] == "None"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"day": "2021-08-30"}, "an older one"),
        ({"release": "2022"}, "another release"),
        ({"synthetic": True}, "the other kind"),
    ],
)
def test_what_cannot_be_joined_is_refused(folder, log: Path, said: dict, found: str) -> None:
    deliver(folder, log, THEFT)
    before = digest_path(log)
    with pytest.raises(DataError, match=found):
        deliver(folder, log, THEFT, **said)
    assert digest_path(log) == before


def test_two_deliveries_of_one_day_have_accounts_of_their_own(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    made = deliver(folder, log, ROBBERY)
    assert [delivery.name for delivery in made.deliveries] == ["2021-08-31", "2021-08-31-2"]
    assert [row[2:4] for row in rows(log)] == [("2020-01-02", "2021-08-31"), ("2021-08-31", "None")]


def test_other_declared_delays_are_another_delivery(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    assert bring_in(folder.path, log, delays=DelaySpec(cin_days=20), threads=1).changed


def test_a_folder_of_something_else_is_refused(folder, log: Path) -> None:
    log.mkdir()
    (log / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="a folder without a list that can be read"):
        deliver(folder, log, THEFT)
    assert [path.name for path in log.iterdir()] == ["notes.txt"]


def test_a_damaged_log_is_refused_in_words(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    (log / "events.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cut off or damaged"):
        deliver(folder, log, ROBBERY, day="2021-12-31")


def test_what_lies_beside_the_data_stays(folder, log: Path) -> None:
    deliver(folder, log, THEFT)
    (log / "audit.jsonl").write_text("{}\n")
    deliver(folder, log, ROBBERY, day="2021-12-31")
    assert (log / "audit.jsonl").read_text() == "{}\n"


def test_files_of_the_account_are_kept_for_each_delivery(folder, log: Path) -> None:
    for day in ("2021-08-31", "2021-12-31"):
        folder.manifest(extract_date=day)
        bring_in(
            folder.path, log, beside=lambda taken: {"page.html": str(taken.manifest.extract_date)}, threads=1
        )
    assert (log / "page.html").read_text() == "2021-12-31"
    assert (log / "deliveries/2021-08-31/page.html").read_text() == "2021-08-31"


class _Killed(BaseException):
    """Stands for a kill at some point of a run."""


KILLS = [
    "riskmodel.intake.deliveries.take_in_whole",
    "riskmodel.intake.deliveries.merge",
    "riskmodel.intake.report.to_json",
]


@pytest.mark.parametrize("where", KILLS)
def test_a_run_that_fails_leaves_the_log_as_it_was(
    folder, log: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    deliver(folder, log, THEFT)
    before = digest_path(log)
    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(where, _kill)
        deliver(folder, log, ROBBERY, day="2021-12-31")
    assert digest_path(log) == before
    assert deliver(folder, log, ROBBERY, day="2021-12-31").changed
    assert [path.name for path in log.parent.iterdir() if path.name.startswith(".")] == []


def _kill(*_args: object, **_options: object) -> None:
    raise _Killed


@pytest.mark.parametrize("killed", ["writing", "between the two renames", "clearing up"])
def test_a_run_that_was_killed_is_cleaned_up_by_the_next(folder, log: Path, killed: str) -> None:
    deliver(folder, log, THEFT)
    before = digest_path(log)
    aside, part = log.with_name(".log.before"), log.with_name(".log.part-x")
    shutil.copytree(log, part)
    (part / "events.parquet").unlink()
    if killed == "between the two renames":
        log.rename(aside)
    if killed == "clearing up":
        shutil.copytree(log, aside)
        (aside / "events.parquet").unlink()
    put_back(log)
    assert digest_path(log) == before
    assert sorted(path.name for path in log.parent.iterdir()) == ["extracts", "log"]


def test_a_study_can_read_the_log(folder, log: Path) -> None:
    deliver(folder, log, THEFT, synthetic=True)
    deliver(folder, log, ROBBERY, day="2021-12-31", synthetic=True)
    intake = read_events(EventsSpec(path=log), threads=1)
    assert intake.report.extract_date == "2021-12-31"
    assert intake.report.files["events.parquet"].rows_quarantined == 0
    assert intake.records.events.table.equals(Intake.load(log).records.events.table)
    assert intake.records.observation.table.equals(Intake.load(log).records.observation.table)
    assert "The sender says that these people are invented." in intake.records.notes


def test_a_study_can_read_a_log_of_shards(folder, log: Path) -> None:
    for name, row in (("shard-000", THEFT), ("shard-001", LATER)):
        deliver(folder, log / name, row, day="2021-12-31")
    intake = read_events(EventsSpec(path=log), threads=1)
    assert set(intake.report.files) == {"shard-000/events.parquet", "shard-001/events.parquet"}
    assert intake.report.extract_date == "2021-12-31"
    assert intake.report.events == sum(len(Intake.load(log / f"shard-00{n}").records.events) for n in (0, 1))


def test_shards_are_found_with_and_without_a_folder_of_extracts(tmp_path: Path) -> None:
    (tmp_path / "shard-001" / "extracts").mkdir(parents=True)
    (tmp_path / "shard-000").mkdir()
    (tmp_path / "truth").mkdir()
    assert shards_of(tmp_path) == {
        "shard-000": tmp_path / "shard-000",
        "shard-001": tmp_path / "shard-001" / "extracts",
    }
    assert shards_of(tmp_path / "truth") == {}


def test_delivery_dates_are_days(folder, log: Path) -> None:
    assert deliver(folder, log, THEFT).deliveries[0].extract_date == date(2021, 8, 31)
