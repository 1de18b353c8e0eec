"""From a simulated borough to a run and back: two young people object, two are erased, and nothing of these is left."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from running import command

from riskmodel.simulate import SimulateSpec, simulate

DEFAULT = Path(__file__).parents[2] / "src" / "riskmodel" / "default_study.yaml"
QUICK = (
    "data.path={}", "models.families=[prior, count]", "validation.replicates=100", "tracking.enabled=false",
    "audit.attributes=[sex]", "audit.intersections=[]", "threads=1",
)  # fmt: skip


def riskmodel(*arguments: str | Path, code: int = 0) -> dict[str, object]:
    done = command(*map(str, arguments), "--json", "--quiet", module="riskmodel")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def study(folder: Path, name: str, kind: str, path: Path) -> Path:
    settings = yaml.safe_load(DEFAULT.read_text()) | {"name": name, "data": {"kind": kind, "path": str(path)}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    return folder / f"{name}.yaml"


def train(folder: Path, name: str, events: Path, *more: str) -> dict[str, object]:
    settings = [part for one in QUICK[1:] for part in ("--set", one)]
    path = study(folder, name, "events", events)
    return riskmodel("train", path, *settings, "--out", folder / "runs", *more)


def table_rows(folder: Path) -> dict[str, list[dict[str, object]]]:
    return {
        path.relative_to(folder).as_posix(): pq.read_table(path).to_pylist()
        for path in sorted(folder.rglob("*.parquet"))
    }


def lines(folder: Path) -> dict[str, list[str]]:
    return {
        path.relative_to(folder).as_posix(): path.read_text().splitlines()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".parquet"
    }


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A borough, its events and a run on them."""
    folder = tmp_path_factory.mktemp("council")
    spec = SimulateSpec(size=2000, prevalence=0.05)  # enough harm that every family learns something
    simulate(spec, seed=3, out=folder / "borough")
    riskmodel("intake", folder / "borough" / "extracts", "--out", folder / "events")
    train(folder, "first", folder / "events")
    return folder


def spine(council: Path) -> list[list[str]]:
    return [line.split(",") for line in (council / "borough/extracts/spine.csv").read_text().split()[1:]]


def in_a_cohort(council: Path) -> list[int]:
    (cohort,) = (council / "runs" / ".store").glob("population-*/cohort.parquet")
    return sorted(set(pq.read_table(cohort).column("subject_id").to_pylist()))


def test_objection_then_erasure(council: Path) -> None:
    borough, events, runs = council / "borough", council / "events", council / "runs"
    everybody = in_a_cohort(council)
    objecting, erased = (
        everybody[:2],
        [everybody[5], next(int(s) for a, _, s in spine(council) if a == "CLA")],
    )
    assert len({*objecting, *erased}) == 4
    keys = [key for _, key, subject in spine(council) if int(subject) in erased]
    (council / "objecting.csv").write_text("subject_id\n" + "\n".join(map(str, objecting)))
    (council / "erase.csv").write_text("subject_id\n" + "\n".join(map(str, erased)))

    # An objection leaves them out of every cohort, and the attrition says so.
    said = riskmodel("object", "--keys", council / "objecting.csv", "--in", borough, events)
    assert (said["people"], said["changed"], said["unknown"]) == (2, 2, 0)
    steps = train(council, "second", events, "--dry-run")["attrition"]["steps"]
    step = next(one for one in steps if "Article 21" in one["rule"])
    assert step["removed"] >= 2
    cohorts = sorted((runs / ".store").glob("population-*/cohort.parquet"), key=lambda p: p.stat().st_mtime)
    now = set(pq.read_table(cohorts[-1]).column("subject_id").to_pylist())
    assert set(everybody) - now == set(objecting)

    # The audit log alone does not run a kept stage again.
    def intakes() -> list[str]:
        return sorted(path.name for path in (runs / ".store").glob("intake-*"))

    before, log = intakes(), (events / "audit.jsonl").read_text()
    (events / "audit.jsonl").write_text(log + "one line more\n")
    train(council, "second", events, "--dry-run")
    (events / "audit.jsonl").write_text(log)
    assert intakes() == before

    # Erasure: what would go, then what went.
    tables, texts = table_rows(events) | table_rows(borough), lines(borough / "extracts")
    planned = riskmodel("forget", "--keys", council / "erase.csv", "--in", borough, events, runs, "--dry-run")
    done = riskmodel("forget", "--keys", council / "erase.csv", "--in", borough, events, runs)
    assert planned["folders"] == done["folders"]
    assert planned["runs_to_train_again"] == done["runs_to_train_again"] != []
    assert done["left"] == []
    for folder in (borough, events, runs):
        assert nothing_of(erased, keys, folder)

    # Everybody else's rows are as they were, in their order.
    after = table_rows(events) | table_rows(borough)
    assert after == {
        name: [row for row in rows if row.get("subject_id") not in erased] for name, rows in tables.items()
    }
    for name, rows in lines(borough / "extracts").items():
        if name in texts:
            rest = iter(texts[name])
            assert all(row in rest for row in rows), name  # in the same order
            assert len(texts[name]) - len(rows) < 200, name
    run = runs / str(done["runs_to_train_again"][0])
    assert not list(run.rglob("*.parquet"))
    assert json.loads((run / "metrics.json").read_text())["selected"]
    assert (run / "card.html").exists()

    # Nobody comes back, and a second erasure changes nothing.
    riskmodel("intake", borough / "extracts", "--out", council / "again")
    riskmodel("intake", borough / "extracts", "--out", events)
    for folder in (council / "again", events):
        assert nothing_of(erased, keys, folder)
    content = {path: path.read_bytes() for path in events.rglob("*") if path.is_file()}
    riskmodel("forget", "--keys", council / "erase.csv", "--in", borough, events, runs)
    assert {path: path.read_bytes() for path in events.rglob("*") if path.is_file()} == content
    for folder in (borough, events, runs):
        log = riskmodel("audit-log", folder, "--verify")
        assert log["whole"]
        assert not any(str(mark) in json.dumps(log) for mark in (*erased, *objecting, *keys))
    text = (borough / "audit.jsonl").read_text()
    (borough / "audit.jsonl").write_text(text.replace('"forget"', '"object"'))
    assert not riskmodel("audit-log", borough, "--verify", code=5)["whole"]


def nothing_of(subjects: list[int], keys: list[str], folder: Path) -> bool:
    """Look at every file by other means than the package does: Parquet as Python values, the rest as text."""
    marks = [*map(str, subjects), *keys]
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            values = {str(value) for row in pq.read_table(path).to_pylist() for value in row.values()}
            found = values.intersection(marks)
        else:
            found = path.is_file() and {mark for mark in marks if mark.encode() in path.read_bytes()}
        assert not found, path
    return True


def test_a_list_of_nobody_is_bad_data(council: Path) -> None:
    (council / "nobody.csv").write_text("subject_id\n1\n")
    done = command(
        "forget", "--keys", str(council / "nobody.csv"), "--in", str(council / "events"), module="riskmodel"
    )
    assert done.returncode == 5
    assert "none of 1" in done.stderr
    done = command("object", "--keys", "x", "--in", str(council / "nowhere"), module="riskmodel")
    assert done.returncode == 2
    for day in ("2999-01-01", "soon"):
        done = command("object", "--keys", "x", "--in", str(council), "--on", day, module="riskmodel")
        assert (done.returncode, "--on" in done.stderr) == (2, True)
    assert command("audit-log", str(council / "nowhere"), module="riskmodel").returncode == 2
