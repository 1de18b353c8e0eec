"""Made-up events for the feature benchmark, as sorted shards of Parquet with dictionary codes and days.

60 codes, ten of which carry values; ten years of events; one in five known late, by up to two years.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.features.shards import EVENT_SCHEMA, OBSERVATION_SCHEMA, ShardWriter
from riskmodel.files import whole_folder

CODES, WITH_VALUE = 60, 10
FIRST_DAY, SPAN = 16071, 3653  # ten years from 2014-01-01
SUBJECTS_A_SHARD = 2_500
EVENTS_A_SUBJECT = 100


def code_names() -> list[str]:
    """Return the codes; the first ten carry values."""
    return [f"BENCH//CODE//{i:02d}" for i in range(CODES)]


def write_case(folder: Path, *, events: int, subjects: int, dates: int) -> Path:
    """Write shards and ``rows.parquet`` (row, subject, index date) unless they are there; return the folder."""
    if folder.exists():
        return folder
    with whole_folder(folder) as part:
        (part / "shards").mkdir()
        writer = ShardWriter(part / "shards")
        for first in range(0, subjects, SUBJECTS_A_SHARD):
            last = min(first + SUBJECTS_A_SHARD, subjects)
            rng = np.random.default_rng([7, first])
            many = events * (last - first) // subjects
            writer.add(_events(rng, first, last, many), _nobody(), last=last - 1)
        writer.finish()
        pq.write_table(_rows(subjects, dates), part / "rows.parquet", row_group_size=200_000)
    return folder


def _events(rng: np.random.Generator, first: int, last: int, many: int) -> pa.Table:
    subject = rng.integers(first, last, many)
    day = (FIRST_DAY + rng.integers(0, SPAN, many)).astype(np.int32)
    weights = 1 / (np.arange(CODES) + 10.0)
    code = rng.choice(CODES, many, p=weights / weights.sum()).astype(np.int32)
    late = np.where(rng.random(many) < 0.2, rng.integers(1, 731, many), 0).astype(np.int32)
    value = np.where(code < WITH_VALUE, rng.integers(1, 200, many) / 8, np.nan).astype(np.float32)
    order = np.lexsort((value, code, day + late, day, subject))
    subject, day, code, late, value = subject[order], day[order], code[order], late[order], value[order]
    columns = [
        pa.array(subject),
        pa.array(day).view(pa.date32()),
        pa.array(day + late).view(pa.date32()),
        pa.nulls(many, pa.date32()),
        pa.DictionaryArray.from_arrays(pa.array(code), pa.array(code_names())),
        pa.array(value, from_pandas=True),
        pa.DictionaryArray.from_arrays(pa.array(np.zeros(many, np.int32)), pa.array(["BENCH"])),
    ]
    return pa.table(columns, schema=EVENT_SCHEMA)


def _nobody() -> pa.Table:
    return OBSERVATION_SCHEMA.empty_table()


def _rows(subjects: int, dates: int) -> pa.Table:
    """Return one random index date a subject in the last two years, or so many, 91 days apart."""
    rng = np.random.default_rng(11)
    last = FIRST_DAY + SPAN - 730 + rng.integers(0, 730, subjects)
    day = (last[:, None] - 91 * np.arange(dates)[::-1]).astype(np.int32).reshape(-1)
    subject = np.repeat(np.arange(subjects), dates)
    index = pa.array(day).view(pa.date32())
    return pa.table({"row": np.arange(len(day)), "subject_id": subject, "index_date": index})
