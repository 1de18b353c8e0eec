"""A whole delivery: spine, manifest, reconciliation, saving, and the same bytes again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from riskmodel.errors import DataError, RiskModelError
from riskmodel.files import digest_path
from riskmodel.intake import DelaySpec, FileReport, Intake, IntakeReport, take_in

POLICE = "nominal,role,offence_class,incident_date,ethnicity_officer,recorded_date"
OC2 = "CHILD,DOB,SDQ_SCORE,SUBSTANCE_MISUSE"


def police(folder, *rows: str) -> None:
    folder.csv("police/people.csv", [POLICE, *rows])


def test_a_key_given_to_two_people_links_to_neither(folder) -> None:
    folder.csv(
        "spine.csv",
        [
            "agency,key,subject_id", "POLICE,p1,1", "POLICE,p1,2", "POLICE,p2,2", "POLICE,p2,2", "POLICE,p3,x",
            "NHS,p4,4", "POLICE,,5", "HOUSING,housing-ann,1",
        ],
    )  # fmt: skip
    police(folder, *(f"p{i},VICTIM,THEFT,2020-01-01,,2020-01-02" for i in (1, 2)))
    intake = folder.take_in()
    assert intake.report.files["spine.csv"].reasons == {
        "agency is not a known code": 1,
        "no value in key": 1,
        "one key of an agency is given to two people": 2,
        "repeats an earlier row": 1,
        "subject_id is not a whole number": 1,
    }
    assert intake.report.files["police/people.csv"].reasons == {"nobody in the spine has this key": 1}


def test_keys_of_agencies_do_not_mix(folder) -> None:
    police(folder, "health-ann,VICTIM,THEFT,2020-01-01,,2020-01-02")
    assert folder.take_in().report.files["police/people.csv"].rows_accepted == 0


def test_a_large_subject_id_is_kept_exactly(folder) -> None:
    big = 2**62 + 1
    folder.csv("spine.csv", ["agency,key,subject_id", f"HOUSING,housing-ann,{big}"])
    assert folder.take_in().records.residence.table.column("subject_id").to_pylist() == [big]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"extract_date": "soon"}', '{"extract_date": 5}', '{"extract_date": "2020-01-01", "first_date": 3}']
)  # fmt: skip
def test_a_manifest_that_cannot_be_used(folder, content: str) -> None:
    folder.raw("manifest.json", content.encode())
    with pytest.raises(DataError, match=r"manifest\.json: expected .* found something else"):
        folder.take_in()


def test_no_manifest_and_no_spine(folder) -> None:
    (folder.path / "spine.csv").unlink()
    with pytest.raises(DataError, match=r"spine\.csv: expected a file that can be read"):
        folder.take_in()
    (folder.path / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"manifest\.json: .* found no such file"):
        folder.take_in()


def test_a_manifest_needs_no_first_date(folder, days_of) -> None:
    folder.manifest(extract_date="2021-08-31")
    police(folder)
    rows = days_of(folder.take_in().records.observation.table, "subject_id", "agency", "start")
    assert (1, "POLICE", "2010-05-01") in rows


def test_a_sender_may_say_that_people_are_invented(folder) -> None:
    assert "The sender says that these people are invented." not in folder.take_in().report.notes
    folder.manifest(extract_date="2021-08-31", synthetic=True)
    assert "The sender says that these people are invented." in folder.take_in().report.notes


def test_counts_agree_with_an_independent_count_of_lines(folder) -> None:
    police(
        folder,
        "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02",
        "police-ann,VICTIM",
        "police-zed,VICTIM,THEFT,2020-01-01,,2020-01-02",
        "police-ann,VICTIM,THEFT,2020-01-01,,2019-01-02",
    )
    report = folder.take_in().report
    for name, file in report.files.items():
        with (folder.path / name).open(newline="") as stream:
            assert file.rows_in == sum(1 for _ in csv.reader(stream)) - 1
        assert file.rows_in == file.rows_accepted + file.rows_quarantined
        assert sum(file.reasons.values()) == file.rows_quarantined
    assert report.files["police/people.csv"].rows_quarantined == 3


def test_every_event_is_counted_under_the_file_it_came_from(folder) -> None:
    police(folder, "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02")
    folder.csv("ssda903/2020_header.csv", ["CHILD,SEX,DOB,ETHNIC", "cla-ann,2,20/06/2006,WBRI"])
    intake = folder.take_in()
    births = sum(code == "MEDS_BIRTH" for code in intake.records.events.table.column("code").to_pylist())
    assert births == 1
    assert sum(file.events_out for file in intake.report.files.values()) + births == intake.report.events
    assert intake.report.files["police/people.csv"].events_out == 1
    assert intake.report.subjects == 3


def test_files_without_rows_files_that_nobody_knows_and_files_that_are_not_there_are_said(folder) -> None:
    folder.csv("ssda903/2020_oc2.csv", [OC2])
    folder.csv("ssda903/2020_ad1.csv", ["CHILD,DOB", "1,2"])
    notes = folder.take_in().report.notes
    assert "ssda903/2020_oc2.csv: the file has no rows." in notes
    assert "Not read, as no layout describes them: ssda903/2020_ad1.csv." in notes
    assert "CLA sent no file of the kind care_episodes: what it would have told counts as zero." in notes
    assert "No files from EDU: nobody counts as observed by it." in notes


def test_a_yearly_return_that_is_missing_is_a_gap_in_observation(folder, days_of) -> None:
    for year in (2017, 2018, 2020):
        folder.csv(f"ssda903/{year}_oc2.csv", [OC2])
    rows = days_of(folder.take_in().records.observation.table, "subject_id", "agency", "start", "end")
    assert [row[2:] for row in rows if row[:2] == (1, "CLA") and row[3]] == [
        ("2016-04-01", "2018-04-01"),
        ("2019-04-01", "2020-04-01"),
    ]


def test_without_residents_nobody_is_observed_by_who_sees_residents(folder) -> None:
    for name in ("residence", "lsoa"):
        (folder.path / f"housing/{name}.csv").unlink()
    police(folder, "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02")
    intake = folder.take_in()
    assert len(intake.records.observation) == len(intake.records.residence) == 0
    assert "No files from HOME: nobody counts as observed by it." in intake.report.notes
    assert intake.report.events == 1


def test_saved_and_loaded_is_the_same(folder, tmp_path: Path) -> None:
    police(
        folder, "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02", "police-ann,VICTIM", "police-ann,VICTIM,,,,"
    )
    intake = folder.take_in(out=tmp_path / "out")
    loaded = Intake.load(tmp_path / "out")
    assert loaded.report == intake.report
    assert loaded.records.events.table.equals(intake.records.events.table)
    assert loaded.records.observation.table.equals(intake.records.observation.table)
    assert loaded.records.notes == intake.records.notes
    assert loaded.stops is None
    assert {name: rows.to_pylist() for name, rows in loaded.quarantine.items()} == {
        name: rows.to_pylist() for name, rows in intake.quarantine.items()
    }
    said = json.loads((tmp_path / "out" / "intake.json").read_text())
    assert said["files"]["police/people.csv"]["rows_quarantined"] == 2
    assert said["rows_in"] == said["rows_accepted"] + said["rows_quarantined"]
    assert (tmp_path / "out" / "quarantine" / "police" / "people.csv").exists()


def test_stops_are_saved_apart(folder, tmp_path: Path) -> None:
    header = (
        "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
        "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
        "Outcome linked to object of search,Removal of more than just outer clothing"
    )
    folder.csv(
        "stop_search/2020-02-x-stop-and-search.csv",
        [header, "Person search,2020-02-01T23:30:00+00:00" + "," * 13],
    )
    folder.take_in(out=tmp_path / "out")
    stops = Intake.load(tmp_path / "out").stops
    assert stops is not None
    assert stops.num_rows == 1


def test_two_runs_write_the_same_bytes(folder, tmp_path: Path) -> None:
    police(
        folder,
        *(
            f"police-{who},VICTIM,THEFT,2020-01-{day:02},,2020-02-01"
            for who in ("ann", "ben", "zed")
            for day in range(1, 29)
        ),
    )
    for out in ("a", "b"):
        take_in(folder.path, delays=DelaySpec(), out=tmp_path / out, threads=2)
    assert digest_path(tmp_path / "a") == digest_path(tmp_path / "b")


def test_the_order_of_rows_in_a_file_changes_no_record(folder) -> None:
    rows = [
        f"police-{who},VICTIM,THEFT,2020-01-{day:02},,2020-02-01"
        for who in ("ann", "ben")
        for day in range(1, 9)
    ]
    police(folder, *rows)
    first = folder.take_in()
    police(folder, *reversed(rows))
    second = folder.take_in()
    assert first.records.events.table.equals(second.records.events.table)
    assert first.report == second.report


def test_a_batch_may_hold_only_some_of_the_files(folder, monkeypatch: pytest.MonkeyPatch, events_of) -> None:
    for year in range(2016, 2021):
        folder.csv(f"ssda903/{year}_oc2.csv", [OC2, "cla-ann,,5,0", "cla-ben,,99,0"])
    whole = folder.take_in()
    monkeypatch.setattr("riskmodel.intake.extracts._BATCH_ROWS", 3)
    parts = folder.take_in()
    assert parts.report == whole.report
    assert events_of(parts, "CLA//SDQ") == events_of(whole, "CLA//SDQ")
    assert len(events_of(parts, "CLA//SDQ")) == 5


def test_the_summary_is_a_short_table(folder) -> None:
    police(folder, "police-ann,VICTIM,THEFT,2020-01-01,,2020-01-02", "police-ann,VICTIM")
    lines = folder.take_in().report.summary().splitlines()
    assert lines[0].split() == ["files", "rows", "in", "accepted", "set", "aside", "events"]
    assert ["police", "2", "1", "1", "1"] in [line.split() for line in lines]
    assert ["housing", "5", "5", "0", "3"] in [line.split() for line in lines]
    assert "4 events of 3 people." in lines


def test_a_report_that_does_not_add_up_is_a_defect() -> None:
    with pytest.raises(RiskModelError, match="please report this defect"):
        FileReport(rows_in=3, rows_accepted=1, rows_quarantined=1, reasons={"x": 1})
    with pytest.raises(RiskModelError, match="without a reason"):
        FileReport(rows_in=2, rows_accepted=1, rows_quarantined=1)


def test_a_report_survives_json() -> None:
    report = IntakeReport(
        files={"a.csv": FileReport(3, 2, 1, {"x": 1}, 5)},
        extract_date=None,
        agencies=("EDU",),
        events=5,
        subjects=2,
        notes=("Mind this.",),
    )
    assert IntakeReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_a_full_disk_leaves_no_half_result(folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("riskmodel.intake.report.to_json", fail)
    with pytest.raises(OSError, match="No space left"):
        folder.take_in(out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["extracts"]
