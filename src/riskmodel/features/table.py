"""A flat file with one row for each subject, as cohort, outcomes, features and audited attributes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.cohort import LEFT_OUT, Attrition
from riskmodel.features.spec import TableAttribute, TableFeature, TableOutcome, TableSpec
from riskmodel.intake.left_out import OBJECTIONS, Tombstones, objections_in, subject_text
from riskmodel.intake.refusal import refuse_identifiers_in_csv
from riskmodel.tables.cohort import (
    UNKNOWN,
    AuditedAttributes,
    BoolArray,
    Cohort,
    IntArray,
    Labels,
    OutcomeTable,
    TextArray,
)
from riskmodel.tables.days import NEVER, DayArray, to_day
from riskmodel.tables.features import FeatureInfo, FeatureMatrix, Float32Array
from riskmodel.tables.sampling import SamplingDesign

DECLARED = "declared"


@dataclass(frozen=True)
class TableData:
    """Everything a flat file gives; rows are sorted by index date and subject, whatever their order in the file.

    ``notes`` are sentences for the card. Labels for training and for the test are the same: a flat file does not say
    when its outcomes became known.
    """

    cohort: Cohort
    outcomes: OutcomeTable
    features: FeatureMatrix
    audited: AuditedAttributes
    sampling: SamplingDesign
    attrition: Attrition
    notes: tuple[str, ...]


def read_table(spec: TableSpec) -> TableData:
    """Read a flat file as declared.

    Without an index date column every index day is 0 and no age is known; without a household column everybody is a
    household of their own. Who objected according to ``objections.csv`` beside the file, or was erased according to
    ``forgotten.csv``, is left out.

    Raises
    ------
    StudyError
        With every fault of the file: columns that are absent, rows that stand twice, texts that the study does not
        declare. Counts of rows are given, never a value.
    PolicyError
        If the file looks as if it held direct identifiers.
    """
    file = _File.read(spec)
    file.check_columns()
    refuse_identifiers_in_csv(
        spec.path, declared=spec.declared_use, delimiter=spec.delimiter, encoding=spec.encoding
    )
    cohort, order = _cohort(file)
    columns = [made for name, one in spec.features.items() for made in _feature(file, name, one)]
    labels = {name: _labels(file, name, one, cohort, order) for name, one in spec.outcomes.items()}
    audited = {name: _attribute(file, name, one)[order] for name, one in spec.audited.items()}
    if file.faults:
        raise StudyError(file.faults, where=file.where)
    values = np.column_stack([value[order] for value, _ in columns]).astype(np.float32)
    return TableData(
        cohort=cohort,
        outcomes=OutcomeTable(chosen=spec.chosen, test=labels, training=labels),
        features=FeatureMatrix(np.ascontiguousarray(values), tuple(info for _, info in columns)),
        audited=AuditedAttributes(audited),
        sampling=SamplingDesign.of_people(cohort),
        attrition=_attrition(len(cohort), file.objected),
        notes=_notes(spec, labels),
    )


def describe_table(spec: TableSpec) -> tuple[FeatureInfo, ...]:
    """Return what every declared feature means, without reading the file."""
    return tuple(info for name, feature in spec.features.items() for info in _infos(name, feature))


@dataclass(frozen=True)
class _File:
    """The columns that a study reads, as text without surrounding blanks, and the faults found so far.

    ``objected`` counts the rows that an objection left out.
    """

    spec: TableSpec
    header: tuple[str, ...]
    columns: Mapping[str, TextArray]
    objected: int
    faults: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """What a fault names: the file, without its folder."""
        return f"the table '{self.spec.path.name}'"

    @classmethod
    def read(cls, spec: TableSpec) -> _File:
        """Read the declared columns that the file has."""
        header = _header(spec)
        wanted = [name for name in dict.fromkeys(_wanted(spec)) if name in header]
        columns = _text_columns(spec, header, wanted)
        if spec.subject not in columns:
            return cls(spec, header, columns, 0)
        erased, objected = _left_out(spec, columns[spec.subject])
        kept = {name: column[~(erased | objected)] for name, column in columns.items()}
        return cls(spec, header, kept, int((objected & ~erased).sum()))

    def check_columns(self) -> None:
        """Raise with every column that is not there, and every one that stands twice."""
        wanted = list(dict.fromkeys(_wanted(self.spec)))
        faults = [
            f"there is no column '{name}'; {did_you_mean(name, self.header)}"
            for name in wanted
            if name not in self.header
        ]
        twice = Counter(self.header)
        faults += [
            f"column '{name}' stands {twice[name]} times in the header" for name in wanted if twice[name] > 1
        ]
        if not faults and not len(self.columns[self.spec.subject]):
            faults = ["expected at least one row below the header; found none"]
        if faults:
            raise StudyError(faults, where=self.where)

    def missing(self, column: str, extra: Sequence[str] = ()) -> BoolArray:
        """Return which rows say "not known"."""
        return np.isin(self.columns[column], ["", *self.spec.missing, *extra])

    def fault(self, rows: BoolArray, column: str, expected: str) -> None:
        """Note a fault if any row has it."""
        count = int(rows.sum())
        if count:
            self.faults.append(
                f"column '{column}': expected {expected}; found something else in {count} of {len(rows)} rows"
            )


def _left_out(spec: TableSpec, subject: TextArray) -> tuple[BoolArray, BoolArray]:
    """Return which rows are of people who were erased, and which of people who objected."""
    folder = spec.path.parent
    tombstones = Tombstones.read(folder)
    everybody = np.unique(subject)
    gone = [text for text in everybody if tombstones.holds(subject_text(str(text)))]
    objected = [text for text, _ in objections_in(folder / OBJECTIONS)]
    return np.isin(subject, gone), np.isin(subject, objected)


def _attrition(left: int, objected: int) -> Attrition:
    first = ("rows in the file", left + objected, 0)
    return Attrition((first, (LEFT_OUT, left, objected)) if objected else (first,), ())


def _wanted(spec: TableSpec) -> Iterator[str]:
    yield spec.subject
    yield from (name for name in (spec.index_date, spec.household) if name is not None)
    for group in (spec.outcomes, spec.features, spec.audited):
        yield from (one.column for one in group.values())


def _header(spec: TableSpec) -> tuple[str, ...]:
    encoding = "utf-8-sig" if spec.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else spec.encoding
    where = f"the table '{spec.path.name}'"
    try:
        with spec.path.open(encoding=encoding, newline="") as stream:
            first = stream.readline()
    except (OSError, UnicodeDecodeError, LookupError) as error:
        raise StudyError(
            [f"cannot be read as '{spec.encoding}' text ({type(error).__name__})"], where=where
        ) from None
    if not first.strip():
        raise StudyError(["expected a header in the first line; found an empty file"], where=where)
    return tuple(name.strip() for name in next(csv.reader([first], delimiter=spec.delimiter)))


def _text_columns(spec: TableSpec, header: tuple[str, ...], wanted: list[str]) -> dict[str, TextArray]:
    # Columns are numbered, so that a header that stands twice does not stop the reading: it is a fault told with the rest.
    numbered = [str(i) for i in range(len(header))]
    chosen = [str(header.index(name)) for name in wanted]
    try:
        table = pacsv.read_csv(
            spec.path,
            read_options=pacsv.ReadOptions(column_names=numbered, skip_rows=1, encoding=spec.encoding),
            parse_options=pacsv.ParseOptions(delimiter=spec.delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(numbered, pa.string()),
                strings_can_be_null=False,
                include_columns=chosen,
            ),
        )
    except pa.ArrowInvalid as error:
        fault = "a row with more or fewer fields than the header, or text in another encoding"
        raise StudyError(
            [f"expected {len(header)} fields in every row; found {fault}"],
            where=f"the table '{spec.path.name}'",
        ) from error
    found = {name: table.column(number).to_pylist() for name, number in zip(wanted, chosen, strict=True)}
    return {name: np.char.strip(np.array(texts, dtype=np.str_)) for name, texts in found.items()}


def _cohort(file: _File) -> tuple[Cohort, IntArray]:
    spec = file.spec
    file.fault(file.missing(spec.subject), spec.subject, "a subject in every row")
    subject = _numbered(file.columns[spec.subject])
    index = _index_days(file)
    household = subject if spec.household is None else _numbered(file.columns[spec.household])
    if spec.household is not None:
        file.fault(file.missing(spec.household), spec.household, "a household in every row")
    order = np.lexsort((subject, index))
    twice = len(subject) - len(np.unique(np.column_stack([subject, index]), axis=0))
    if twice:
        what = "subject" if spec.index_date is None else "subject and index date"
        raise StudyError(
            [*file.faults, f"expected one row for each {what}; found {twice} rows too many"], where=file.where
        )
    n = len(subject)
    rows = Cohort(
        subject[order], index[order], household[order], np.full(n, "unknown"), np.full(n, -1, dtype=np.int16)
    )
    return rows, order


def _numbered(texts: TextArray) -> IntArray:
    """Return whole numbers as they are; other names by their place in alphabetical order, so file order does not matter."""
    if all(re.fullmatch(r"0|[1-9]\d{0,17}", text) for text in np.unique(texts)):
        return texts.astype(np.int64)
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def _index_days(file: _File) -> DayArray:
    name = file.spec.index_date
    if name is None:
        return np.zeros(len(file.columns[file.spec.subject]), dtype=np.int32)
    texts, place = np.unique(file.columns[name], return_inverse=True)
    read = [_iso_day(text) for text in texts]
    file.fault(np.array([day is None for day in read])[place], name, "a date written YYYY-MM-DD in every row")
    return np.array([day or 0 for day in read], dtype=np.int32)[place]


def _iso_day(text: str) -> int | None:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        return None


def _labels(file: _File, name: str, spec: TableOutcome, cohort: Cohort, order: IntArray) -> Labels:
    text, missing = file.columns[spec.column], file.missing(spec.column, spec.missing)
    yes, no = np.isin(text, spec.yes), np.isin(text, spec.no)
    file.fault(
        ~(yes ^ no) & ~missing, spec.column, f"a text that outcome '{name}' declares as yes, no or missing"
    )
    yes, missing = yes[order], missing[order]
    return Labels(
        outcome=(yes & ~missing).astype(np.int8),
        first_day=np.where(yes & ~missing, cohort.index_day, NEVER).astype(np.int32),
        censored=missing,
        weight=np.where(missing, 0.0, 1.0),
    )


def _attribute(file: _File, name: str, spec: TableAttribute) -> TextArray:
    text, missing = file.columns[spec.column], file.missing(spec.column, spec.missing)
    file.fault(
        ~np.isin(text, list(spec.values)) & ~missing,
        spec.column,
        f"a text that audited attribute '{name}' declares",
    )
    groups = [spec.values[value] for value in spec.values]
    return np.select([(text == value) & ~missing for value in spec.values], groups, default=UNKNOWN)


def _feature(file: _File, name: str, spec: TableFeature) -> Iterator[tuple[Float32Array, FeatureInfo]]:
    text, missing = file.columns[spec.column], file.missing(spec.column, spec.missing)
    if spec.kind == "number":
        yield _numbers(file, name, spec, text, missing), _info(name, spec)
    elif spec.kind == "yes_no":
        yes, no = np.isin(text, spec.yes), np.isin(text, spec.no)
        file.fault(
            ~(yes ^ no) & ~missing,
            spec.column,
            f"a text that feature '{name}' declares as yes, no or missing",
        )
        yield _where(yes, missing), _info(name, spec)
    else:
        file.fault(
            ~np.isin(text, list(spec.values)) & ~missing,
            spec.column,
            f"a text that feature '{name}' declares",
        )
        # Two texts with the same words are one group.
        for words in dict.fromkeys(spec.values.values()):
            members = [value for value, said in spec.values.items() if said == words]
            yield _where(np.isin(text, members), missing), _info(name, spec, words=words)


def _where(yes: BoolArray, missing: BoolArray) -> Float32Array:
    return np.where(missing, np.nan, yes.astype(np.float32)).astype(np.float32)


def _numbers(file: _File, name: str, spec: TableFeature, text: TextArray, missing: BoolArray) -> Float32Array:
    texts, place = np.unique(text, return_inverse=True)
    read = [_number(value, spec.levels) for value in texts]
    wrong = np.array([value is None for value in read])[place] & ~missing
    file.fault(
        wrong, spec.column, f"a number, or a text that feature '{name}' declares as a level or missing"
    )
    values = np.array([np.nan if value is None else value for value in read], dtype=np.float32)[place]
    return np.where(missing, np.float32(np.nan), values).astype(np.float32)


def _number(text: str, levels: Mapping[str, float]) -> float | None:
    if text in levels:
        return levels[text]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _infos(name: str, spec: TableFeature) -> Iterator[FeatureInfo]:
    if spec.kind == "category":
        # Two texts with the same words are one group.
        yield from (_info(name, spec, words=words) for words in dict.fromkeys(spec.values.values()))
    else:
        yield _info(name, spec)


def _info(name: str, spec: TableFeature, *, words: str | None = None) -> FeatureInfo:
    yes_no = spec.kind != "number"
    slug = "" if words is None else "__" + re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    description = spec.description if words is None else f"{spec.description}: {words}"
    return FeatureInfo(
        name=f"{name}{slug}",
        description=f"whether {description}" if yes_no and words is None else description,
        concept=spec.concept,
        agency=spec.agency,
        unit="yes or no" if yes_no else spec.unit,
        direction=spec.direction if words is None else 0,
        aggregation=DECLARED,
        window=DECLARED,
        codes=(spec.column,),
        enforcement_made=spec.enforcement_made,
        police_recorded=spec.police_recorded,
        safe_to_share=spec.safe_to_share,
    )


def _notes(spec: TableSpec, labels: Mapping[str, Labels]) -> tuple[str, ...]:
    notes = [
        "The data are one flat table. It does not say when each fact became known; that features were known before the outcome is declared, not checked."
    ]
    if spec.index_date is None:
        notes.append("The table has no index dates, so nothing can be tested on a later time.")
    notes += [
        f"Outcome '{name}' is not known for some young people; they are left out."
        for name, one in labels.items()
        if one.censored.any()
    ]
    return tuple(notes)
