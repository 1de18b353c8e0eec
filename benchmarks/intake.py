"""Times intake: each layout alone, whole boroughs, and the checks, each in a process of its own.

``benchmarks/results/intake.json`` gets the median of three runs of each layout on about a million rows : reading, judging and linking every row. Then the verb
``riskmodel intake`` on the default borough and, with ``--large``, on more than ten million rows (one run), which also
writes checks and page; and the checks alone on the event log of each. Two of the checks are also written as DuckDB
queries, run in turn with ours, and must agree with them. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from riskmodel.files import digest_path, to_json, write_json
from riskmodel.intake.layout import Kind, Layout, Source

RESULTS = Path(__file__).parent / "results"
DEFAULT, LARGE, SEED_BOROUGH = 45_000, 120_000, 10_000
ROWS = 1_000_000
_SHIFT = 1_000_003  # between the subject numbers of copies


def main() -> int:
    """Run the cases and write the results, or run one case in this process and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of all but the largest (default: 3)")
    parser.add_argument("--large", action="store_true", help="also more than ten million rows: minutes")
    parser.add_argument("--only", help="only cases whose name begins so")
    parser.add_argument(
        "--folder", type=Path, help="where to write and delete (default: the temporary folder)"
    )
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(_measured(arguments.case, arguments.data)))
        return 0
    work = Path(tempfile.mkdtemp(prefix="riskmodel-bench-", dir=arguments.folder))
    try:
        for row in _rows(work, arguments):
            _write(row)  # at once: a run that is stopped keeps what it measured
    finally:
        shutil.rmtree(work)
    return 0


def _rows(work: Path, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    wanted = arguments.only or ""
    if "layout".startswith(wanted[:6]) or not wanted:
        extracts = _simulated(work, SEED_BOROUGH)
        for name, source, layouts in _layouts():
            if f"layout-{name}".startswith(wanted):
                folder = work / name
                _multiply(extracts, folder, source, layouts)
                yield _row([_child(f"layout-{name}", folder) for _ in range(arguments.repeats)])
                shutil.rmtree(folder)
    sizes = {DEFAULT: arguments.repeats} | ({LARGE: 1} if arguments.large else {})
    for size, repeats in sizes.items():
        if f"whole-{size}".startswith(wanted) or wanted.startswith(("checks", "duckdb")):
            yield from _whole(work, size, repeats)


def _whole(work: Path, size: int, repeats: int) -> Iterator[dict[str, Any]]:
    extracts = _simulated(work, size)
    yield _row([_intake(extracts, work / f"events-{size}", size) for _ in range(repeats)])
    shutil.rmtree(extracts.parent)
    cases = [f"checks-{size}", f"months-delays-{size}", f"duckdb-months-delays-{size}"]
    runs: dict[str, list[dict[str, Any]]] = {case: [] for case in cases}
    for _ in range(3):
        for case in cases:
            runs[case].append(_child(case, work / f"events-{size}"))
    ours, theirs = (runs[case][0]["checksum"] for case in cases[1:])
    if ours != theirs:
        raise SystemExit("our months and delays are not those of the DuckDB queries")
    yield from (_row(mine) for mine in runs.values())


def _layouts() -> Iterator[tuple[str, Source, tuple[Layout, ...]]]:
    """Yield what is timed together: a layout, or the layouts that one file holds."""
    from riskmodel.intake.extracts import SOURCES, SPINE
    from riskmodel.intake.layouts import stop_search

    for source in (Source("SPINE", (SPINE,)), *SOURCES, stop_search.SOURCE):
        if source.read_elements is not None:
            yield source.layouts[0].pattern.split("/")[0], source, source.layouts
        else:
            for layout in source.layouts:
                yield layout.name, source, (layout,)


def _parents(source: Source, layouts: tuple[Layout, ...]) -> tuple[Layout, ...]:
    needed = {layout.link.parent for layout in layouts if layout.link} - {layout.name for layout in layouts}
    return tuple(layout for layout in source.layouts if layout.name in needed)


# ---- files of a million rows, made of a simulated borough by giving every key copies of its own


def _simulated(work: Path, size: int) -> Path:
    out = work / f"borough-{size}"
    if not out.exists():
        _verb("simulate", "--size", str(size), "--seed", "1", "--out", str(out))
    return out / "extracts"


def _multiply(extracts: Path, out: Path, source: Source, layouts: tuple[Layout, ...]) -> None:
    from riskmodel.intake.extracts import SPINE

    out.mkdir()
    shutil.copy(extracts / "manifest.json", out)
    files = {path: layout for layout in layouts for path in _files(extracts, layout)}
    copies = -(-ROWS // max(1, sum(_count(path) for path in files)))
    people: list[pa.Array] = []  # keys of the agency: the spine needs no others
    for path, layout in files.items():
        target = out / path.relative_to(extracts)
        target.parent.mkdir(exist_ok=True)
        if path.suffix == ".xml":
            _copy_xml(path, target, copies)
            continue
        child = _read(path)
        tables = [(path, layout, child)]
        for parent in _parents(source, layouts):
            place = _of_term(_files(extracts, parent), path)
            tables.append((place, parent, _linked(_read(place), child, layout)))
        for origin, one, table in tables:
            if one is not SPINE:
                _write_csv(table, out / origin.relative_to(extracts), one, copies)
            people += [table.column(one.link.key).combine_chunks()] if one.link and one.link.key else []
    agency = next((one.link.agency for one in source.layouts if one.link and one.link.agency), "")
    _copy_spine(extracts / "spine.csv", out / "spine.csv", agency=agency, people=people, copies=copies)


def _of_term(files: list[Path], child: Path) -> Path:
    return next(path for path in files if path.name.rpartition("_")[0] == child.name.rpartition("_")[0])


def _linked(parents: pa.Table, rows: pa.Table, layout: Layout) -> pa.Table:
    """Return the rows of a parent that some row links through, and no others."""
    key = next(name for name in layout.link.on if name in rows.column_names) if layout.link else ""
    return parents.filter(pc.is_in(parents.column(key), value_set=rows.column(key).combine_chunks()))


def _files(extracts: Path, layout: Layout) -> list[Path]:
    pattern = layout.pattern.rpartition("#")[0] or layout.pattern
    paths = sorted(path for path in extracts.rglob("*") if path.is_file())
    return [path for path in paths if re.fullmatch(pattern, path.relative_to(extracts).as_posix())]


def _count(path: Path) -> int:
    if path.suffix == ".xml":
        return len(
            re.findall(
                r"<(?:Child|CINdetails|AssessmentFactors|Section47|ChildProtectionPlans)>", path.read_text()
            )
        )
    with path.open("rb") as stream:
        return sum(1 for _ in stream) - 1


def _read(path: Path) -> pa.Table:
    """Read a file with everything as text."""
    with path.open(encoding="utf-8") as stream:
        names = next(stream).strip().split(",")
    text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(path, convert_options=text)


def _write_csv(rows: pa.Table, target: Path, layout: Layout, copies: int) -> None:
    keys = [one.column for one in layout.fields if one.kind is Kind.KEY and one.column in rows.column_names]
    csv.write_csv(_copied(rows, keys, copies), target)


def _copied(rows: pa.Table, keys: list[str], copies: int) -> pa.Table:
    """Repeat rows, with a copy's number in the keys of each copy but the first."""
    import numpy as np

    many = rows.take(pa.array(np.tile(np.arange(rows.num_rows), copies)))
    words = pa.array(["", *(f"x{number:x}" for number in range(1, copies))])
    mark = words.take(pa.array(np.repeat(np.arange(copies), rows.num_rows)))
    for key in keys:
        place = many.schema.get_field_index(key)
        many = many.set_column(place, key, pc.binary_join_element_wise(many.column(key), mark, ""))
    return many


def _copy_spine(path: Path, target: Path, *, agency: str, people: list[pa.Array], copies: int) -> None:
    import numpy as np

    spine = csv.read_csv(path)
    if agency:
        spine = spine.filter(pc.equal(spine.column("agency"), agency))
    if people:
        spine = spine.filter(pc.is_in(spine.column("key"), value_set=pa.concat_arrays(people)))
    many = _copied(spine, ["key"], copies)
    shift = pa.array(np.repeat(np.arange(copies) * _SHIFT, spine.num_rows))
    subject = pc.add(many.column("subject_id"), shift)
    csv.write_csv(many.set_column(many.schema.get_field_index("subject_id"), "subject_id", subject), target)


def _copy_xml(path: Path, target: Path, copies: int) -> None:
    text = path.read_text(encoding="utf-8")
    start, end = text.index("<Child>"), text.rindex("</Child>") + len("</Child>")
    with target.open("w", encoding="utf-8") as stream:
        stream.write(text[:start])
        for number in range(copies):
            body = text[start:end]
            stream.write(body.replace("</LAchildID>", f"x{number:x}</LAchildID>") if number else body)
        stream.write(text[end:])


# ---- one case in one process


def _measured(case: str, data: Path) -> dict[str, Any]:
    kind, _, name = case.partition("-")
    jobs: dict[str, Callable[[], dict[str, Any]]] = {
        "layout": lambda: _time_layout(name, data),
        "checks": lambda: _time_checks(data),
        "months": lambda: _time_ours(data),
        "duckdb": lambda: _time_duckdb(data),
    }
    found = jobs[kind]()
    tool = "duckdb" if kind == "duckdb" else "riskmodel"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"case": case.removeprefix("duckdb-"), "tool": tool, "version": metadata.version(tool),
            "peak_mb": round(peak, 1), **found}  # fmt: skip


def _timed(job: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = job()
    return result, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def _time_layout(name: str, folder: Path) -> dict[str, Any]:
    from riskmodel.intake.database import Database
    from riskmodel.intake.extracts import SPINE, _Delivery
    from riskmodel.intake.left_out import ErasedRows, Tombstones
    from riskmodel.intake.manifest import read_manifest
    from riskmodel.intake.spec import DelaySpec

    _, source, layouts = next(one for one in _layouts() if one[0] == name)
    manifest = read_manifest(folder)
    alone = replace(source, facts=lambda _delays: ())
    with closing(Database(extract_day=manifest.extract_date)) as database:
        erased = ErasedRows(Tombstones.read(folder), folder)
        delivery = _Delivery(folder, manifest, DelaySpec(), database, erased)
        if layouts != (SPINE,):
            delivery._read(Source("SPINE", (SPINE,)))  # noqa: SLF001 - one step of intake is timed
            if parents := _parents(source, layouts):
                delivery._read(replace(alone, layouts=parents))  # noqa: SLF001
        before = set(delivery._reports)  # noqa: SLF001
        _, spent = _timed(lambda: delivery._read(replace(alone, layouts=layouts)))  # noqa: SLF001
        reports = {n: r for n, r in delivery._reports.items() if n not in before}  # noqa: SLF001
    account = {name: report.to_json() for name, report in reports.items()}
    rows = sum(report.rows_in for report in reports.values())
    return {**spent, "rows": rows, "checksum": _digest(to_json(account))}


def _time_checks(folder: Path) -> dict[str, Any]:
    from riskmodel.files import read_json
    from riskmodel.intake.checks import check_intake
    from riskmodel.intake.report import IntakeReport
    from riskmodel.tables.records import Records

    records = Records.load(folder)
    report = IntakeReport.from_json(read_json(folder / "intake.json"))
    checks, spent = _timed(lambda: check_intake(records, report))
    return {**spent, "rows": len(records.events), "checksum": _digest(to_json(checks.to_json()))}


def _time_ours(folder: Path) -> dict[str, Any]:
    import numpy as np

    from riskmodel.intake.checks.views import EventView, months
    from riskmodel.tables.days import ALWAYS
    from riskmodel.tables.records import EventLog

    log = EventLog.load(folder)

    def job() -> list[tuple[Any, ...]]:
        """Return events by agency and month, and by agency and days of delay."""
        events = EventView.of(log)
        dated = events.day != ALWAYS
        agency = events.agency[dated].astype(np.int64)
        by_month = np.unique(agency * 100_000 + months(events.day[dated]), return_counts=True)
        delay = events.known[dated].astype(np.int64) - events.day[dated]
        by_delay = np.unique(agency * 100_000 + delay, return_counts=True)
        return [
            (number, events.agencies[key // 100_000], key % 100_000, count)
            for number, (keys, counts) in enumerate((by_month, by_delay))
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True)
        ]

    rows, spent = _timed(job)
    return {**spent, "rows": len(log), "checksum": _digest(repr(sorted(rows)))}


def _time_duckdb(folder: Path) -> dict[str, Any]:
    import duckdb

    from riskmodel.tables.records import EventLog

    log = EventLog.load(folder)
    connection = duckdb.connect()
    connection.register("log", log.table)

    def job() -> list[tuple[Any, ...]]:
        """Return the same by two queries."""
        return connection.execute("""
            SELECT 0, agency::VARCHAR, year(time) * 12 + month(time) - 1, count(*) FROM log
            WHERE superseded_time IS NULL AND time IS NOT NULL GROUP BY ALL
            UNION ALL
            SELECT 1, agency::VARCHAR, known_time::DATE - time::DATE, count(*) FROM log
            WHERE superseded_time IS NULL AND time IS NOT NULL GROUP BY ALL""").fetchall()

    rows, spent = _timed(job)
    return {**spent, "rows": len(log), "checksum": _digest(repr(sorted(rows)))}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- processes and results


def _child(case: str, data: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--case", case, "--data", str(data)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _verb(*words: str) -> dict[str, Any]:
    """Run a verb of the command line; its memory is the most that its one process held."""
    command = [sys.executable, "-m", "riskmodel.cli", *words, "--quiet", "--json"]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"riskmodel {words[0]} failed")
        printed.seek(0)
        value: dict[str, Any] = json.loads(printed.read())
    spent = {"wall_s": time.perf_counter() - started, "cpu_s": used.ru_utime + used.ru_stime}
    return {**value, **spent, "peak_mb": round(used.ru_maxrss / 1024, 1)}


def _intake(extracts: Path, out: Path, size: int) -> dict[str, Any]:
    if out.exists():
        shutil.rmtree(out)
    made = _verb("intake", str(extracts), "--out", str(out))
    kept = {name: made[name] for name in ("wall_s", "cpu_s", "peak_mb")}
    return {"case": f"whole-{size}", "tool": "riskmodel", "version": metadata.version("riskmodel"), **kept,
            "rows": made["rows_in"], "events": made["events"], "checksum": digest_path(out)}  # fmt: skip


def _row(runs: list[dict[str, Any]]) -> dict[str, Any]:
    wall = statistics.median(run["wall_s"] for run in runs)
    row = {
        **runs[0],
        "wall_s": round(wall, 3),
        "cpu_s": round(statistics.median(run["cpu_s"] for run in runs), 3),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "rows_per_s": round(runs[0]["rows"] / wall),
        "runs": len(runs),
    }
    if len({run["checksum"] for run in runs}) > 1:
        raise SystemExit(f"{row['case']}: runs differ in what they made")
    print(f"{row['case']:<36}{row['tool']:<12}{row['rows']:>12,} rows {row['wall_s']:>9.2f} s "
          f"{row['rows_per_s']:>12,} rows/s {row['peak_mb']:>9,.0f} MB", flush=True)  # fmt: skip
    return row


def _write(row: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / "intake.json"
    before = json.loads(place.read_text(encoding="utf-8"))["rows"] if place.exists() else []
    kept = [
        one for one in before if (one["case"], one["tool"]) != (row["case"], row["tool"])
    ]  # measured earlier
    rows = sorted([*kept, row], key=lambda one: (one["case"], one["tool"]))
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "kind": platform.machine(),
    }
    write_json(place, {"machine": machine, "rows": rows})


if __name__ == "__main__":
    sys.exit(main())
