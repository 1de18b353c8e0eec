"""Runs lose their tables of single people, stores lose what they kept of them; everything about groups stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rights_kit import ANN, BEN, CAT

from riskmodel.files import write_json, write_text
from riskmodel.intake.deliveries import bring_in
from riskmodel.rights.audit_log import read_audit_log
from riskmodel.rights.forget import forget
from riskmodel.rights.run_cuts import NOTE

PAGE = "<title>What the records show about one young person</title>"


def keep(store: Path, name: str, **columns: list[int]) -> Path:
    folder = store / name
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "table.parquet")
    return folder


def run(runs: Path, name: str, address: str, *, kind: str = "events") -> Path:
    folder = runs / name
    (folder / "pages").mkdir(parents=True)
    write_json(folder / "provenance.json", {"data_fingerprint": address * 64})
    write_text(folder / "study.resolved.yaml", f"data:\n  kind: {kind}\n")
    write_json(folder / "metrics.json", {"auroc": 0.7})
    write_text(folder / "card.html", "<title>Card</title>")
    write_text(folder / "pages" / "one.html", PAGE)
    for table in ("predictions", "contributions"):
        pq.write_table(pa.table({"row_id": [0, 1, 2]}), folder / f"{table}.parquet")
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Runs of three intakes: one that held BEN, one that did not, and one that is not kept any more."""
    folder = tmp_path / "runs"
    store = folder / ".store"
    for address, subject in (("a", BEN), ("b", ANN)):
        keep(store, f"intake-{address * 16}", subject_id=[subject, CAT])
        keep(store, f"population-{address * 16}", subject_id=[subject])
        keep(store, f"features-{address * 16}", edu=[1])
    for name, address in (("with", "a"), ("without", "b"), ("unknown", "c")):
        run(folder, name, address)
    run(folder, "made-up", "d", kind="simulated")
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_whose_data_held_them_loses_its_tables_of_people_and_says_so(runs: Path, ask) -> None:
    before = names(runs / "without")
    report = forget(ask(str(BEN)), [runs])
    kept = {"provenance.json", "study.resolved.yaml", "metrics.json", "card.html", NOTE}
    assert names(runs / "with") == kept
    assert names(runs / "unknown") == kept  # nobody can tell any more, so it counts as affected
    assert names(runs / "without") == names(runs / "made-up") == before
    assert report.runs == ("unknown", "with")
    assert "train" in (runs / "with" / NOTE).read_text()
    assert "to be trained again: unknown, with." in read_audit_log(runs).entries[0]["notes"][0]
    assert "to be trained again: unknown, with." in report.words()


def test_a_store_loses_what_holds_them_and_every_feature_matrix(runs: Path, ask) -> None:
    forget(ask(str(BEN)), [runs])
    kept = sorted(path.name for path in (runs / ".store").iterdir())
    assert kept == [f"intake-{'b' * 16}", f"population-{'b' * 16}"]


def test_a_second_run_changes_nothing(runs: Path, ask) -> None:
    forget(ask(str(BEN)), [runs])
    keep(runs / ".store", f"features-{'b' * 16}", edu=[1])
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    forget(ask(str(BEN)), [runs])
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before


def test_what_an_interrupted_removal_left_goes_with_the_next_erasure(runs: Path, ask) -> None:
    (runs / ".store" / f"population-{'b' * 16}").rename(runs / ".store" / f".forgotten-population-{'b' * 16}")
    forget(ask(str(BEN)), [runs])
    assert not list((runs / ".store").glob(".forgotten-*"))


def test_what_a_killed_intake_left_beside_an_event_log_goes_too(extracts: Path, tmp_path: Path, ask) -> None:
    events = tmp_path / "data" / "events"
    bring_in(extracts, events)
    shutil.copytree(events, events.with_name(".events.before"))
    shutil.copytree(events, events.with_name(".events.part-x"))
    report = forget(ask(str(BEN)), [tmp_path / "data"])
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"events", "audit.jsonl", "forgotten.csv"}
    assert report.found is not None
    assert report.found.left == ()


def test_a_delivery_after_an_erasure_does_not_bring_them_back(extracts: Path, tmp_path: Path, ask) -> None:
    events = tmp_path / "events"
    bring_in(extracts, events)
    again = tmp_path / "again"
    shutil.copytree(extracts, again)
    forget(ask(str(BEN)), [extracts, events])
    (again / "notes.txt").write_text("another fingerprint")
    for folder in (again, extracts):
        bring_in(folder, events)
        assert (events / "forgotten.csv").exists()
        for path in events.rglob("*.parquet"):
            table = pq.read_table(path)
            assert "subject_id" not in table.column_names or BEN not in table.column("subject_id").to_pylist()
        assert str(BEN) not in "".join(path.read_text() for path in events.rglob("*.csv"))
    assert ANN in pq.read_table(events / "events.parquet").column("subject_id").to_pylist()
