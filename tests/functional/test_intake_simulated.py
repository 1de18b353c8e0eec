"""The simulated extracts go in whole: rows reconcile, codes are catalogued, and no past changes when more is sent."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from riskmodel.files import digest_path
from riskmodel.intake import Intake, bring_in, take_in
from riskmodel.intake.extracts import take_in_whole
from riskmodel.simulate import SimulateReport, SimulateSpec, simulate
from riskmodel.tables.catalogue import load_catalogue
from riskmodel.tables.records import Records


@pytest.fixture(scope="module")
def borough(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulateReport]:
    folder = tmp_path_factory.mktemp("borough")
    return folder, simulate(SimulateSpec(size=500), seed=7, out=folder)


@pytest.fixture(scope="module")
def intake(borough: tuple[Path, SimulateReport]) -> Intake:
    return take_in(borough[0] / "extracts", threads=1)


def test_rows_in_are_the_rows_that_were_written(borough: tuple[Path, SimulateReport], intake: Intake) -> None:
    written = {name: rows for name, rows in borough[1].extracts.items() if name.endswith(".csv")}
    read = {name: file.rows_in for name, file in intake.report.files.items() if "#" not in name}
    assert read == written
    children = {
        name.partition("#")[0]: file.rows_in
        for name, file in intake.report.files.items()
        if name.endswith("#Child")
    }
    for name, rows in children.items():
        assert rows == len(re.findall(r"<Child>", (borough[0] / "extracts" / name).read_text()))


def test_a_few_rows_were_spoilt_and_nearly_all_are_accepted(intake: Intake) -> None:
    report = intake.report.to_json()
    assert 0 < report["rows_quarantined"] < 0.02 * report["rows_in"]


def test_every_code_is_in_the_catalogue(intake: Intake) -> None:
    catalogue = load_catalogue(None)
    for code in intake.records.events.table.column("code").unique().to_pylist():
        catalogue.lookup(code)  # raises when nobody described it


def test_every_code_is_told_by_a_file_that_came(borough: tuple[Path, SimulateReport]) -> None:
    """Only what a delivery covers can be replaced by it: a code that no layout tells would never be."""
    taken = take_in_whole(borough[0] / "extracts", threads=1)
    codes = set(taken.intake.records.events.table.column("code").unique().to_pylist()) - {"MEDS_BIRTH"}
    prefixes = {cover.prefix for cover in taken.covered}
    assert not [code for code in codes if not any(code.startswith(prefix) for prefix in prefixes)]


def test_every_agency_is_there_and_nothing_was_left_unread(intake: Intake) -> None:
    assert intake.report.agencies == ("EDU", "CSC", "CLA", "YJ", "HEALTH", "POLICE", "SUPPORT", "HOME")
    assert set(intake.records.observation.table.column("agency").unique().to_pylist()) == set(
        intake.report.agencies
    )
    assert not [note for note in intake.report.notes if note.startswith("Not read")]


def test_events_happen_before_they_are_known_and_before_the_extract(intake: Intake) -> None:
    events = intake.records.events.table
    assert pc.all(pc.greater_equal(events.column("known_time"), events.column("time"))).as_py()
    assert pc.max(events.column("time")).as_py() <= datetime(2025, 8, 31)  # noqa: DTZ001 - local days


def test_two_runs_write_the_same_bytes(borough: tuple[Path, SimulateReport], tmp_path: Path) -> None:
    for name, threads in (("a", 1), ("b", 2)):
        take_in(borough[0] / "extracts", out=tmp_path / name, threads=threads)
    assert digest_path(tmp_path / "a") == digest_path(tmp_path / "b")


def visible(records: Records, day: date) -> dict[str, pa.Table]:
    """Return what a reader on a day sees of each table: known before it, and not superseded before it."""
    at = pa.scalar(datetime(day.year, day.month, day.day), pa.timestamp("us"))  # noqa: DTZ001
    seen = {}
    for name in ("events", "observation", "residence", "attributes"):
        table = getattr(records, name).table
        keep = pc.less(table.column("known_time"), at)
        if "superseded_time" in table.column_names:
            column = table.column("superseded_time")
            keep = pc.and_(keep, pc.fill_null(pc.greater_equal(column, at), fill_value=True))
            table = table.drop_columns("superseded_time")
        seen[name] = table.filter(keep).to_pylist()
    return seen


def test_what_is_sent_later_changes_nothing_that_could_be_seen_before(
    borough: tuple[Path, SimulateReport], intake: Intake, tmp_path: Path
) -> None:
    """Leave out every file about what happened after March 2024: a reader in that month sees the same."""
    earlier = tmp_path / "extracts"
    shutil.copytree(borough[0] / "extracts", earlier)
    for path in sorted(earlier.rglob("*")):
        late_term = (
            re.match(r"(2024_(summer|autumn)|2025)", path.name) and path.parent.name == "school_census"
        )
        late_year = re.match(r"(cin_)?202[56]", path.name) and path.parent.name in ("cin_census", "ssda903")
        if late_term or late_year:
            path.unlink()
    day = date(2024, 3, 20)
    before = visible(take_in(earlier, threads=1).records, day)
    now = visible(intake.records, day)
    # A birth counts as known with the first record about a person, though a later file may tell it: see add_births.
    for seen in (before, now):
        seen["events"] = [row for row in seen["events"] if row["code"] != "MEDS_BIRTH"]
    for name, rows in before.items():
        assert rows == now[name], name
    assert len(before["events"]) > 10_000


P = date(2024, 3, 31)


@pytest.fixture(scope="module")
def merged(
    borough: tuple[Path, SimulateReport], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Records, Records]:
    """Return the records of what had come by P, and of that and everything that came later."""
    log = tmp_path_factory.mktemp("deliveries") / "log"
    earlier = log.parent / "earlier"
    shutil.copytree(borough[0] / "extracts", earlier)
    for path in sorted(earlier.rglob("*")):
        late_term = (
            re.match(r"(2024_(summer|autumn)|2025)", path.name) and path.parent.name == "school_census"
        )
        late_year = re.match(r"(cin_)?202[56]", path.name) and path.parent.name in ("cin_census", "ssda903")
        if late_term or late_year:
            path.unlink()
    said = json.loads((earlier / "manifest.json").read_text())
    (earlier / "manifest.json").write_text(json.dumps({**said, "extract_date": P.isoformat()}))
    bring_in(earlier, log, threads=1)
    before = Intake.load(log).records
    assert bring_in(borough[0] / "extracts", log, threads=1).changed
    return before, Intake.load(log).records


def test_two_deliveries_change_no_view_up_to_the_first(merged: tuple[Records, Records]) -> None:
    for day in (date(2019, 1, 1), date(2022, 7, 15), P, P + timedelta(days=1)):
        before, after = (visible(records, day) for records in merged)
        for name, rows in before.items():
            assert rows == after[name], (name, day)
    assert len(before["events"]) > 10_000


def test_two_deliveries_end_up_where_the_second_alone_would(
    merged: tuple[Records, Records], intake: Intake
) -> None:
    day = date(2025, 9, 1)
    alone, together = visible(intake.records, day), visible(merged[1], day)

    def said(rows: list[dict[str, object]]) -> set[tuple[object, ...]]:
        """Return rows without the days on which they became known, which may differ."""
        return {
            tuple(value for name, value in row.items() if name not in ("known_time", "known_basis"))
            for row in rows
        }

    for name in ("events", "residence", "observation"):
        assert said(together[name]) == said(alone[name]), name
        assert len(together[name]) == len(alone[name]), name
