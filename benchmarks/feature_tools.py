"""One tool builds the 330 columns of the feature benchmark once, in a process of its own, and prints what it took.

Each is written as somebody who knows the tool would: one pass over the events, long output (one line for each row and
code that has any event), conditional aggregates. A matrix is filled from the long output for the cases with one date;
the panel's long output goes to Parquet. Riskmodel writes its own compressed rows there, which say the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CODES, WITH_VALUE, LOOKBACKS = 60, 10, (90, 365, 730)
COLUMNS = 3 * CODES + 9 * WITH_VALUE + CODES
Matrix = npt.NDArray[np.float32]


def position(kind: str, code: npt.NDArray[Any] | int, lookback: int = 0) -> Any:
    """Return the column of a feature: counts, then sums, means and largest values, then days since the last event."""
    if kind == "count":
        return LOOKBACKS.index(lookback) * CODES + code
    if kind == "since":
        return 3 * CODES + 9 * WITH_VALUE + code
    which = ("sum", "mean", "max").index(kind)
    return 3 * CODES + (3 * which + LOOKBACKS.index(lookback)) * WITH_VALUE + code


def empty_matrix(rows: int) -> Matrix:
    """Return a matrix in which nothing happened: counts and sums 0, the rest missing."""
    out = np.zeros((rows, COLUMNS), dtype=np.float32)
    out[:, 3 * CODES + 3 * WITH_VALUE :] = np.nan
    return out


def from_long(long: dict[str, npt.NDArray[Any]], rows: int) -> Matrix:
    """Fill the matrix from one line for each row and code."""
    out = empty_matrix(rows)
    row, code = long["row"], long["code"]
    out[row, position("since", code)] = long["since"]
    valued = code < WITH_VALUE
    for days in LOOKBACKS:
        out[row, position("count", code, days)] = long[f"n{days}"]
        some = valued & (long[f"n{days}"] > 0)
        for kind, name in (("sum", "s"), ("mean", "m"), ("max", "x")):
            out[row[some], position(kind, code[some], days)] = long[f"{name}{days}"][some]
    return out


def checksum(out: Matrix, first: int = 0) -> tuple[float, int]:
    """Return a sum of all cells weighted by row and column, and how many are not missing."""
    total, known = 0.0, 0
    weights = 1.0 + np.arange(out.shape[1]) % 17
    for start in range(0, len(out), 20_000):
        part = out[start : start + 20_000].astype(np.float64)
        known += int((~np.isnan(part)).sum())
        row = 1.0 + (first + start + np.arange(len(part))) % 13
        total += float(row @ np.nan_to_num(part) @ weights)
    return total, known


def _codes(column: Any) -> npt.NDArray[np.int64]:
    """Return the numbers of codes from an Arrow column of their names."""
    import pyarrow as pa

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_encode()
    number = np.array([int(name[-2:]) for name in whole.dictionary.to_pylist()], dtype=np.int64)
    found: npt.NDArray[np.int64] = number[whole.indices.to_numpy()]
    return found


def _long(table: Any) -> dict[str, npt.NDArray[Any]]:
    out = {n: table.column(n).to_numpy(zero_copy_only=False) for n in table.column_names if n != "code"}
    return {**out, "code": _codes(table.column("code"))}


def _sql(folder: Path) -> str:
    parts = ", ".join(
        f"count(*) FILTER (e.time >= r.index_date - {d}) AS n{d}, "
        f"sum(e.numeric_value) FILTER (e.time >= r.index_date - {d})::FLOAT AS s{d}, "
        f"avg(e.numeric_value) FILTER (e.time >= r.index_date - {d})::FLOAT AS m{d}, "
        f"max(e.numeric_value) FILTER (e.time >= r.index_date - {d}) AS x{d}"
        for d in LOOKBACKS
    )
    return (  # nothing here comes from a person
        f"SELECT r.row, e.code, {parts}, any_value(r.index_date) - max(e.time) AS since "
        f"FROM '{folder}/shards/events-*.parquet' e JOIN '{folder}/rows.parquet' r USING (subject_id) "
        f"WHERE e.time < r.index_date AND e.known_time < r.index_date AND e.time >= r.index_date - {LOOKBACKS[-1]} "
        "GROUP BY r.row, e.code"
    )


def duckdb_single(folder: Path, rows: int) -> Matrix:
    """DuckDB, one pass with conditional aggregates."""
    import duckdb

    with duckdb.connect(config={"threads": os.cpu_count() or 1, "preserve_insertion_order": False}) as base:
        return from_long(_long(base.sql(_sql(folder)).to_arrow_table()), rows)


def duckdb_panel(folder: Path, out: Path) -> None:
    """DuckDB, the same query, long output to Parquet."""
    import duckdb

    with duckdb.connect(config={"threads": os.cpu_count() or 1, "preserve_insertion_order": False}) as base:
        base.execute(f"COPY ({_sql(folder)}) TO '{out}' (FORMAT parquet, COMPRESSION lz4)")


def _polars(folder: Path) -> Any:
    import polars as pl  # type: ignore[import-not-found]

    def within(days: int) -> Any:
        return pl.col("time") >= pl.col("index_date") - pl.duration(days=days)

    value = pl.col("numeric_value")
    parts = []
    for d in LOOKBACKS:
        inside = value.filter(pl.col(f"in{d}"))
        parts += [
            pl.col(f"in{d}").sum().alias(f"n{d}"),
            inside.sum().alias(f"s{d}"),
            inside.mean().alias(f"m{d}"),
            inside.max().alias(f"x{d}"),
        ]
    since = (pl.col("index_date").first() - pl.col("time").max()).dt.total_days().alias("since")
    columns = ["subject_id", "time", "known_time", "code", "numeric_value"]
    events = pl.scan_parquet(f"{folder}/shards/events-*.parquet").select(columns)
    return (
        events.join(pl.scan_parquet(f"{folder}/rows.parquet"), on="subject_id")
        .filter(pl.col("time") < pl.col("index_date"), pl.col("known_time") < pl.col("index_date"))
        .filter(within(LOOKBACKS[-1]))
        .with_columns(within(d).alias(f"in{d}") for d in LOOKBACKS)
        .group_by("row", "code")
        .agg(*parts, since)
    )


def polars_single(folder: Path, rows: int) -> Matrix:
    """Polars, lazy, on its streaming engine (faster here than the other)."""
    return from_long(_long(_polars(folder).collect(engine="streaming").to_arrow()), rows)


def polars_panel(folder: Path, out: Path) -> None:
    """Polars, lazy, straight to Parquet."""
    _polars(folder).sink_parquet(out, compression="lz4", engine="streaming")


def pandas_single(folder: Path, rows: int) -> Matrix:
    """pandas: read, join, group once for each lookback."""
    import pandas as pd
    import pyarrow.parquet as pq

    columns = ["subject_id", "time", "known_time", "code", "numeric_value"]
    table = pq.read_table(
        sorted((folder / "shards").glob("events-*.parquet")), columns=columns, read_dictionary=["code"]
    )
    table = table.set_column(3, "code", _as_array(_codes(table.column("code").unify_dictionaries())))
    for i in (1, 2):
        table = table.set_column(i, columns[i], table.column(i).cast("int32"))
    index = pq.read_table(f"{folder}/rows.parquet")
    index = index.set_column(2, "index_date", index.column(2).cast("int32")).to_pandas()
    seen = table.to_pandas().merge(index, on="subject_id")
    seen = seen[(seen["time"] < seen["index_date"]) & (seen["known_time"] < seen["index_date"])]
    seen["ago"] = seen["index_date"] - seen["time"]
    seen = seen[seen["ago"] <= LOOKBACKS[-1]]
    long = seen.groupby(["row", "code"], sort=False)["ago"].min().to_frame("since")
    for d in LOOKBACKS:
        groups = seen[seen["ago"] <= d].groupby(["row", "code"], sort=False)["numeric_value"]
        found = groups.agg(["size", "sum", "mean", "max"]).set_axis(
            [f"n{d}", f"s{d}", f"m{d}", f"x{d}"], axis=1
        )
        long = long.join(found)
        long[f"n{d}"] = long[f"n{d}"].fillna(0)
    flat = pd.DataFrame(long.reset_index())
    return from_long({str(name): flat[name].to_numpy() for name in flat}, rows)


def _as_array(values: npt.NDArray[Any]) -> Any:
    import pyarrow as pa

    return pa.array(values)


def timeseriesflattener_single(folder: Path, rows: int) -> Matrix:
    """timeseriesflattener: one predictor for each code and lookback; the window is closed by shifting a day."""
    import datetime as dt

    import polars as pl
    import timeseriesflattener as tsf  # type: ignore[import-not-found]

    index = pl.read_parquet(f"{folder}/rows.parquet").sort("row")
    events = pl.read_parquet(f"{folder}/shards/events-*.parquet").join(index, on="subject_id")
    events = events.filter(
        (pl.col("known_time") < pl.col("index_date")) & (pl.col("time") < pl.col("index_date"))
    )
    stamp = pl.col("index_date").cast(pl.Datetime("us"))
    times = tsf.PredictionTimeFrame(
        init_df=index.select(pl.col("subject_id").alias("entity_id"), stamp.alias("pred_time")),
        entity_id_col_name="entity_id",
        timestamp_col_name="pred_time",
    )
    specs = []
    for code in range(CODES):
        name = f"BENCH//CODE//{code:02d}"
        mine = events.filter(pl.col("code").cast(pl.String) == name).select(
            pl.col("subject_id").alias("entity_id"),
            pl.col("time").cast(pl.Datetime("us")).alias("timestamp"),
            pl.col("numeric_value").fill_null(1.0).alias(f"v{code}"),
        )
        frame = tsf.ValueFrame(
            init_df=mine, entity_id_col_name="entity_id", value_timestamp_col_name="timestamp"
        )
        kinds = [tsf.CountAggregator()]
        if code < WITH_VALUE:
            kinds += [tsf.SumAggregator(), tsf.MeanAggregator(), tsf.MaxAggregator()]
        lookbacks = [dt.timedelta(days=d) for d in LOOKBACKS]
        specs.append(tsf.PredictorSpec(frame, lookbacks, kinds, fallback=np.nan))
        when = mine.with_columns(
            ((pl.col("timestamp") - dt.datetime(1970, 1, 1)).dt.total_days())
            .cast(pl.Float64)
            .alias(f"t{code}")
        ).drop(f"v{code}")
        last = tsf.ValueFrame(
            init_df=when, entity_id_col_name="entity_id", value_timestamp_col_name="timestamp"
        )
        specs.append(tsf.PredictorSpec(last, lookbacks[-1:], [tsf.MaxAggregator()], fallback=np.nan))
    frame = tsf.Flattener(times).aggregate_timeseries(specs=specs).df.sort("entity_id", "pred_time")
    return _of_flattener(frame, index, rows)


def _of_flattener(frame: Any, index: Any, rows: int) -> Matrix:
    out = empty_matrix(rows)
    day = index["index_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    for name in frame.columns:
        if not name.startswith("pred_") or name == "pred_time":
            continue
        what, days = name.removeprefix("pred_").split("_within_")
        lookback = int(days.split("_")[2])
        kind = name.split("_")[-3]
        value, code = frame[name].to_numpy().astype(np.float64), int(what[1:])
        if what[0] == "t":
            out[:, position("since", code)] = day - value
        else:
            if kind in ("count", "sum"):
                value = np.nan_to_num(value)
            out[:, position(kind, code, lookback)] = value
    return out


def riskmodel_wanted(folder: Path, some: int | None = None) -> Any:
    """Return the benchmark's rows and columns as riskmodel's engine wants them; with ``some``, so many of the columns."""
    import pyarrow.parquet as pq

    from riskmodel.features.columns import Column
    from riskmodel.features.streaming import Wanted
    from riskmodel.features.windows import read_window
    from riskmodel.tables.catalogue import Catalogue, CodeInfo
    from riskmodel.tables.features import FeatureInfo

    def column(code: int, kind: str, days: int) -> Column:
        name = f"BENCH//CODE//{code:02d}"
        info = FeatureInfo(
            f"c{code:02d}__{kind}__{days}d", "x", "x", "BENCH", "x", 0, kind, f"{days}d", (name,)
        )
        return Column(
            aggregation=kind,
            window=read_window(f"{days}d"),
            events=(name,),
            start=(),
            end=(),
            denominator=(),
            recorded_by=(),
            value_least=None,
            value_below=None,
            complement=False,
            observed_by=(),
            min_observed=0.5,
            info=info,
        )

    wanted = [("count", code, days) for days in LOOKBACKS for code in range(CODES)]
    wanted += [(k, c, d) for k in ("sum", "mean", "max") for d in LOOKBACKS for c in range(WITH_VALUE)]
    wanted += [("days_since_last", code, LOOKBACKS[-1]) for code in range(CODES)]
    if some is not None:
        wanted = [wanted[i * len(wanted) // some] for i in range(some)]
    words = dict.fromkeys(("agency", "description", "unit", "concept", "lawful_basis"), "bench")
    facts = {"direction": 0, "enforcement_made": False, "police_recorded": False, "safe_to_share": True}
    family = CodeInfo(code="BENCH//CODE//*", retention_years=1, **words, **facts)  # type: ignore[arg-type]
    rows = pq.ParquetFile(f"{folder}/rows.parquet").read(columns=["subject_id", "index_date"])
    return Wanted(
        subject=rows.column(0).to_numpy(),
        index=rows.column(1).cast("int32").to_numpy(),
        columns=tuple(column(code, kind, days) for kind, code, days in wanted),
        catalogue=Catalogue({}, {"BENCH//CODE//*": family}),
    )


def riskmodel_single(folder: Path, rows: int) -> Matrix:
    """Riskmodel's engine, shard by shard into a matrix."""
    from riskmodel.features.shards import EventShards
    from riskmodel.features.streaming import stream_matrix

    found = stream_matrix(
        EventShards.open(folder / "shards"), riskmodel_wanted(folder), threads=os.cpu_count() or 1
    )
    assert len(found) == rows  # noqa: S101 - the benchmark is wrong otherwise
    return found


def riskmodel_panel(folder: Path, out: Path, some: int | None = None) -> None:
    """Riskmodel's engine, shard by shard into Parquet parts."""
    from riskmodel.features.shards import EventShards
    from riskmodel.features.streaming import write_features

    write_features(
        EventShards.open(folder / "shards"), riskmodel_wanted(folder, some), out, threads=os.cpu_count() or 1
    )


def read_single(folder: Path, rows: int) -> Matrix:
    """Nothing but reading the columns that are needed, codes as dictionary: how fast anything could be."""
    import pyarrow.parquet as pq

    columns = ["subject_id", "time", "known_time", "code", "numeric_value"]
    pq.read_table(
        sorted((folder / "shards").glob("events-*.parquet")), columns=columns, read_dictionary=["code"]
    )
    return np.zeros((rows, 0), dtype=np.float32)


def _of_panel(tool: str, out: Path) -> tuple[float, int]:
    """Return the checksum of a panel's output, read back."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    total, known, at = 0.0, 0, 0
    if tool == "riskmodel":
        from riskmodel.features.streaming import read_part

        for part in sorted(out.glob("*.parquet")):
            values = read_part(part)[2]
            more = checksum(values, at)
            at += len(values)
            total, known = total + more[0], known + more[1]
        return total, known
    table = pq.read_table(out, read_dictionary=["code"])
    order = pa.compute.sort_indices(table.column("row"))
    long = _long(table.take(order).unify_dictionaries())
    rows = int(pq.read_metadata(out.with_name("rows.parquet")).num_rows)
    for start in range(0, rows, 100_000):
        stop = min(start + 100_000, rows)
        a, b = np.searchsorted(long["row"], [start, stop])
        some = {name: one[a:b] for name, one in long.items()}
        more = checksum(from_long({**some, "row": some["row"] - start}, stop - start), start)
        total, known = total + more[0], known + more[1]
    return total, known


def _version(tool: str) -> str:
    from importlib import metadata

    return metadata.version("pyarrow" if tool == "read" else tool)


def main() -> int:
    """Run one tool once on one case and print what it took as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--panel", type=Path, help="where to write: Parquet to Parquet")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--columns", type=int, help="so many of the columns; only riskmodel")
    arguments = parser.parse_args()
    loading = time.perf_counter()
    _warm(arguments.tool)
    start = time.perf_counter() - loading
    started, cpu = time.perf_counter(), time.process_time()
    if arguments.panel is None:
        single: Callable[[Path, int], Matrix] = globals()[f"{arguments.tool}_single"]
        out = single(arguments.folder, arguments.rows)
    else:
        some = {} if arguments.columns is None else {"some": arguments.columns}
        globals()[f"{arguments.tool}_panel"](arguments.folder, arguments.panel, **some)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.panel is not None:
        total, known = _of_panel(arguments.tool, arguments.panel)
    else:
        total, known = checksum(out) if out.shape[1] else (0.0, 0)
    found = {
        "tool": arguments.tool,
        "version": _version(arguments.tool),
        "wall_s": round(wall, 3),
        "cpu_s": round(cpu, 3),
        "start_s": round(start, 3),
        "peak_mb": round(peak),
        "checksum": f"{total:.6e} {known}",
    }
    print(json.dumps(found))
    return 0


def _warm(tool: str) -> None:
    """Import the tool: libraries are loaded before the clock starts, of every tool alike."""
    import importlib

    libraries = {
        "riskmodel": ["riskmodel.features.streaming", "riskmodel.features.walking"],
        "timeseriesflattener": ["polars", "timeseriesflattener"],
        "read": [],
    }
    # pyarrow imports pandas when a column becomes an array, whichever tool asks.
    for name in ["pyarrow.parquet", "pandas", *libraries.get(tool, [tool])]:
        importlib.import_module(name)
    if tool == "riskmodel":
        from riskmodel.features.streaming import load_kernel

        load_kernel()


if __name__ == "__main__":
    sys.exit(main())
