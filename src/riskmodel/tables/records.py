"""What intake hands on: the event log, who was observed when, where people lived, and audited attributes.

Every row says when it could first have been known (``known_time``) and, if a correction replaced it, when
(``superseded_time``). A reader standing on an index date sees a row if it was known before that date and
not superseded before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskmodel.errors import DataError

_STAMP = pa.timestamp("us")
_WORDS = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class _TypedTable:
    """A frozen Arrow table with a fixed schema and a fixed order, checked once when built."""

    table: pa.Table
    schema: ClassVar[pa.Schema]
    required: ClassVar[tuple[str, ...]]
    order: ClassVar[tuple[str, ...]]
    file_name: ClassVar[str]

    @classmethod
    def build(cls, table: pa.Table) -> Self:
        """Cast to the schema, check that required columns hold no null, sort, and freeze.

        Raises
        ------
        DataError
            If a column is missing, has another type, or a required one holds a null.
        """
        typed = _cast(table, cls.schema, where=cls.file_name)
        for name in cls.required:
            nulls = typed.column(name).null_count
            if nulls:
                raise DataError(
                    expected=f"a value in every row of column '{name}'",
                    found=f"{nulls} empty of {typed.num_rows} rows",
                    where=cls.file_name,
                    next_step="Set these rows aside in intake and say why.",
                )
        keys = [(name, "ascending") for name in cls.order]
        typed = _canonical(typed)
        return cls(typed.take(pc.sort_indices(_sortable(typed, cls.order), sort_keys=keys)).combine_chunks())

    def save(self, folder: Path) -> None:
        """Write Parquet into a folder."""
        pq.write_table(self.table, folder / self.file_name, compression="zstd", compression_level=1)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        table = pq.read_table(folder / cls.file_name)
        return cls(_canonical(_cast(table, cls.schema, where=cls.file_name)))

    def __len__(self) -> int:
        return int(self.table.num_rows)


class EventLog(_TypedTable):
    """One row per event: a superset of the MEDS standard.

    Columns: ``subject_id`` int64; ``time`` (when it happened, null for a static fact); ``known_time``;
    ``superseded_time`` (null unless corrected); ``known_basis`` (recorded, declared_delay, extract); ``code``
    as ``AGENCY//WHAT//DETAIL``; ``numeric_value`` float32 or null; ``agency``.
    """

    schema = pa.schema(
        [
            ("subject_id", pa.int64()),
            ("time", _STAMP),
            ("known_time", _STAMP),
            ("superseded_time", _STAMP),
            ("known_basis", _WORDS),
            ("code", _WORDS),
            ("numeric_value", pa.float32()),
            ("agency", _WORDS),
        ]
    )
    required = ("subject_id", "known_time", "known_basis", "code", "agency")
    order = ("subject_id", "time", "known_time", "code", "numeric_value", "superseded_time")
    file_name = "events.parquet"


class Observation(_TypedTable):
    """When an agency would have recorded something about a subject: half-open ``[start, end)``.

    ``end`` is null while it lasts. An end that became known later supersedes the open row, so an old index date
    still sees the open one.
    """

    schema = pa.schema(
        [
            ("subject_id", pa.int64()),
            ("agency", _WORDS),
            ("start", _STAMP),
            ("end", _STAMP),
            ("known_time", _STAMP),
            ("superseded_time", _STAMP),
        ]
    )
    required = ("subject_id", "agency", "start", "known_time")
    order = ("subject_id", "agency", "start", "known_time")
    file_name = "observation.parquet"


class Residence(_TypedTable):
    """Where a subject lived: household and area (LSOA), half-open ``[start, end)``, with known times."""

    schema = pa.schema(
        [
            ("subject_id", pa.int64()),
            ("household_id", pa.int64()),
            ("area", _WORDS),
            ("start", _STAMP),
            ("end", _STAMP),
            ("known_time", _STAMP),
            ("superseded_time", _STAMP),
        ]
    )
    required = ("subject_id", "household_id", "area", "start", "known_time")
    order = ("subject_id", "start", "known_time", "household_id")
    file_name = "residence.parquet"


class Attributes(_TypedTable):
    """Facts that may be audited and never learned from: ``attribute`` (ethnicity, sex, ...) and ``value``."""

    schema = pa.schema(
        [
            ("subject_id", pa.int64()),
            ("attribute", _WORDS),
            ("value", _WORDS),
            ("known_time", _STAMP),
        ]
    )
    required = ("subject_id", "attribute", "value", "known_time")
    order = ("subject_id", "attribute", "known_time", "value")
    file_name = "attributes.parquet"


class Objections(_TypedTable):
    """Who asked to be left out (UK GDPR Article 21), and the day on which they did.

    An objection has no known time: it reaches back, so no cohort of any index date may hold the subject.
    """

    schema = pa.schema([("subject_id", pa.int64()), ("objected_on", pa.date32())])
    required = ("subject_id", "objected_on")
    order = ("subject_id", "objected_on")
    file_name = "objections.parquet"

    @classmethod
    def nobody(cls) -> Self:
        """Return the table of no objection."""
        return cls(cls.schema.empty_table())


@dataclass(frozen=True)
class Records:
    """Everything intake produced, and the facts about its making that documents must repeat.

    ``notes`` are sentences for the card, such as that a MEDS dataset had no known times. Nobody in ``objections`` may
    be in a cohort; its file is absent where nobody objected.
    """

    events: EventLog
    observation: Observation
    residence: Residence
    attributes: Attributes
    notes: tuple[str, ...] = ()
    objections: Objections = field(default_factory=Objections.nobody)

    def save(self, folder: Path) -> None:
        """Write the tables and the notes into a new folder."""
        for part in (self.events, self.observation, self.residence, self.attributes):
            part.save(folder)
        if len(self.objections):
            self.objections.save(folder)
        (folder / "notes.txt").write_text("\n".join(self.notes), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        notes = (folder / "notes.txt").read_text(encoding="utf-8")
        return cls(
            events=EventLog.load(folder),
            observation=Observation.load(folder),
            residence=Residence.load(folder),
            attributes=Attributes.load(folder),
            notes=tuple(notes.splitlines()),
            objections=_objections(folder),
        )


def _objections(folder: Path) -> Objections:
    present = (folder / Objections.file_name).exists()
    return Objections.load(folder) if present else Objections.nobody()


def _cast(table: pa.Table, schema: pa.Schema, *, where: str) -> pa.Table:
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise DataError(
            expected=f"columns {', '.join(schema.names)}",
            found=f"no column {', '.join(missing)}",
            where=where,
            next_step="Add the columns; leave them empty where a fact is not known.",
        )
    try:
        return pa.table([_as(table.column(f.name), f.type) for f in schema], schema=schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            expected="columns of the documented types",
            found="a column that cannot be read as its type",
            where=where,
            next_step="Compare the column types with docs/reference/event-log.md.",
        ) from error


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        return column.cast(pa.string()).dictionary_encode().cast(kind)
    return column.cast(kind)


def _sortable(table: pa.Table, order: tuple[str, ...]) -> pa.Table:
    # Dictionaries are sorted, so their indices sort as their words do.
    columns = {name: table.column(name) for name in order}
    return pa.table(
        {
            name: column.chunk(0).indices if pa.types.is_dictionary(column.type) else column
            for name, column in columns.items()
        }
    )


def _canonical(table: pa.Table) -> pa.Table:
    """One chunk a column, and each dictionary sorted and without unused words: equal rows are equal tables."""
    whole = table.unify_dictionaries().combine_chunks()
    return pa.table([_sorted_words(column) for column in whole.columns], schema=whole.schema)


def _sorted_words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return column
    if column.num_chunks == 0:
        empty = pa.array([], type=pa.string()).dictionary_encode().cast(column.type)
        return pa.chunked_array([empty])
    words = column.chunk(0)
    used = pc.drop_null(pc.unique(words.indices))
    chosen = words.dictionary.take(used)
    chosen = chosen.take(pc.array_sort_indices(chosen))
    lookup = pc.index_in(words.dictionary, value_set=chosen)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(lookup.take(words.indices), chosen)])
