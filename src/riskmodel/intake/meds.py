"""MEDS datasets (medical-event-data-standard 0.4): writes one from an event log, and drafts a catalogue for another's codes.

``read_events`` reads them. Our own columns (known and superseded time, their basis, agency) are extension columns,
which the standard allows; what a MEDS tool knows nothing of (observation, residence, attributes, objections) lies
beside the ``data`` folder, so that the log read back is the log that was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from riskmodel.errors import DataError
from riskmodel.files import whole_folder, write_json
from riskmodel.provenance import code_version
from riskmodel.tables.catalogue import Catalogue
from riskmodel.tables.records import EventLog, Records

MEDS_VERSION = "0.4.1"
ROWS_A_SHARD = 1_000_000
CODES = Path("metadata", "codes.parquet")
DATASET = Path("metadata", "dataset.json")
_CORE = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
    ]
)
_OWN = pa.schema(
    [
        pa.field("known_time", pa.timestamp("us")),
        pa.field("superseded_time", pa.timestamp("us")),
        pa.field("known_basis", pa.string()),
        pa.field("agency", pa.string()),
    ]
)
_CODE_SCHEMA = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("parent_codes", pa.list_(pa.string())),
    ]
)
_UNDESCRIBED = "not yet described"


def write_meds(
    records: Records, folder: Path, *, catalogue: Catalogue, name: str, rows_a_shard: int = ROWS_A_SHARD
) -> int:
    """Write records as a MEDS dataset, whole or not at all.

    Parameters
    ----------
    records : Records
    folder : Path
        Is replaced if it is there.
    catalogue : Catalogue
        Describes the codes; a code that it does not know has no description.
    name : str
        Of the dataset.
    rows_a_shard : int
        A shard ends with the subject that reaches so many.

    Returns
    -------
    int
        How many shards there are.
    """
    with whole_folder(folder) as part:
        shards = 0
        for shards, shard in enumerate(_shards(records.events, rows_a_shard), start=1):
            place = part / "data" / f"{shards - 1}.parquet"
            place.parent.mkdir(exist_ok=True)
            pq.write_table(shard, place, compression="zstd", compression_level=1)
        _write_metadata(records.events, part, catalogue, name)
        for beside in (records.observation, records.residence, records.attributes):
            beside.save(part)
        if len(records.objections):
            records.objections.save(part)
        (part / "notes.txt").write_text("\n".join(records.notes), encoding="utf-8")
    return shards


def _shards(events: EventLog, rows_a_shard: int) -> Iterator[pa.Table]:
    """Give tables of whole subjects in the standard's order: by subject and time, facts without a time first."""
    schema = pa.schema([*_CORE, *_OWN])
    table = pa.table([events.table.column(field.name).cast(field.type) for field in schema], schema=schema)
    subject = table.column("subject_id").to_numpy()
    static = table.column("time").is_null().to_numpy()
    order = np.lexsort((~static, subject))  # stable: the dated events of a subject keep their order
    table = table.take(pa.array(order))
    start = 0
    while start < len(table) or start == 0:
        reach = min(start + rows_a_shard, len(table)) - 1
        end = int(np.searchsorted(subject, subject[reach], side="right")) if len(table) else 0
        yield table.slice(start, end - start)
        start = max(end, 1)


def _write_metadata(events: EventLog, folder: Path, catalogue: Catalogue, name: str) -> None:
    codes = sorted(pc.unique(events.table.column("code").cast(pa.string())).to_pylist())
    words = [catalogue.lookup(code).description if catalogue.knows(code) else None for code in codes]
    (folder / CODES).parent.mkdir()
    pq.write_table(
        pa.table([codes, words, pa.nulls(len(codes), pa.list_(pa.string()))], schema=_CODE_SCHEMA),
        folder / CODES,
    )
    facts = {
        "dataset_name": name,
        "etl_name": "riskmodel",
        "etl_version": code_version()["riskmodel"],
        "meds_version": MEDS_VERSION,
        "other_extension_columns": _OWN.names,
    }
    write_json(folder / DATASET, facts)


def draft_catalogue(folder: Path, catalogue: Catalogue) -> tuple[str, int]:
    """Draft a code catalogue for the codes of a MEDS dataset that the packaged one does not describe.

    Parameters
    ----------
    folder : Path
        With ``metadata/codes.parquet``, whose descriptions are taken over.
    catalogue : Catalogue

    Returns
    -------
    text : str
        YAML for ``features.catalogue``. Concept, unit, direction and lawful basis are for a person to write: nothing
        in a MEDS dataset says them.
    count : int
        How many codes are in it.

    Raises
    ------
    DataError
        If the dataset has no readable list of codes.
    """
    listed = _listed_codes(folder)
    unknown = {code: words for code, words in sorted(listed.items()) if not catalogue.knows(code)}
    agencies = sorted({_agency(code) for code in unknown})
    draft = {
        "agencies": {one: {"lawful_basis": _UNDESCRIBED, "retention_years": 0} for one in agencies},
        "codes": [_entry(code, words) for code, words in unknown.items()],
    }
    return yaml.safe_dump(draft, sort_keys=False, allow_unicode=True, width=110), len(unknown)


def _listed_codes(folder: Path) -> dict[str, str | None]:
    try:
        table = pq.read_table(folder / CODES, columns=["code", "description"])
        return dict(zip(*(table.column(i).cast(pa.string()).to_pylist() for i in range(2)), strict=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            expected="the list of codes of a MEDS dataset, with the columns code and description",
            found="none that can be read",
            where=str(CODES),
            next_step="Check that the folder is a MEDS dataset; its own tools write this file.",
        ) from error


def _agency(code: str) -> str:
    return code.split("//", maxsplit=1)[0]


def _entry(code: str, words: str | None) -> dict[str, Any]:
    described = words if words and len(words) > 2 else f"had the code {code}"
    return {
        "code": code,
        "agency": _agency(code),
        "description": described,
        "unit": "times",
        "concept": _UNDESCRIBED,
        "direction": 0,
        "safe_to_share": False,
    }
