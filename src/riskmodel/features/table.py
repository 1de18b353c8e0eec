"""A flat file with one row for each subject, as cohort, outcomes, features, audited attributes and sampling design."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.disclosure import Disclosure
from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.cohort import LEFT_OUT, Attrition
from riskmodel.features.declared import (
    faults_of_feature,
    infos_of_feature,
    read_number,
    values_of_feature,
)
from riskmodel.features.infer import Inferred, Learnable, infer, unmatched, wanted_columns
from riskmodel.features.spec import TableAttribute, TableFeature, TableOutcome, TableSpec
from riskmodel.features.texts import TextColumn, by_content, linked, read_header, read_texts
from riskmodel.intake.left_out import FORGOTTEN, OBJECTIONS, Tombstones, objections_in, subject_text
from riskmodel.intake.refusal import refuse_identifiers_in_csv
from riskmodel.policy import PolicySpec, check_features
from riskmodel.tables.cohort import (
    UNKNOWN,
    AuditedAttributes,
    BoolArray,
    Cohort,
    FloatArray,
    IntArray,
    Labels,
    OutcomeTable,
    TextArray,
)
from riskmodel.tables.days import NEVER, DayArray, to_day
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.sampling import TEST, TRAIN, UNDIVIDED, SamplingDesign

_NO_BASIS = PolicySpec()
_DOOR = Disclosure()


@dataclass(frozen=True)
class TableData:
    """Everything a flat file gives; rows are sorted by index date and subject, whatever their order in the file.

    ``notes`` are sentences for the card. Labels for training and for the test are the same: a flat file does not say
    when its outcomes became known. ``inferred`` are the features that nobody declared, as a study would declare them.
    """

    cohort: Cohort
    outcomes: OutcomeTable
    features: FeatureMatrix
    audited: AuditedAttributes
    sampling: SamplingDesign
    attrition: Attrition
    notes: tuple[str, ...]
    inferred: Mapping[str, Any] = field(default_factory=dict)


def read_table(
    spec: TableSpec, *, policy: PolicySpec = _NO_BASIS, disclosure: Disclosure = _DOOR
) -> TableData:
    """Read a flat file as declared.

    Without an index date column every index day is 0 and no age is known; without a household column everybody is a
    household of their own, or one with everybody of their cluster. Who objected according to ``objections.csv`` beside
    the file, or was erased according to ``forgotten.csv``, is left out.

    Parameters
    ----------
    spec : TableSpec
    policy : PolicySpec
        What may not become a feature without being declared.
    disclosure : Disclosure
        Through which counts of rows go into the notes.

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
    file, cohort, sampling = _people(file)
    weight = _weights(file)
    labels = {name: _labels(file, name, one, cohort, weight) for name, one in spec.outcomes.items()}
    inferred = _infer(file, labels[spec.chosen], cohort, sampling, policy)
    features = _features(file, {**spec.features, **inferred.features})
    audited = {name: _attribute(file, name, one) for name, one in spec.audited.items()}
    if file.faults or features is None:
        raise StudyError(file.faults, where=file.where)
    return TableData(
        cohort=cohort,
        outcomes=OutcomeTable(chosen=spec.chosen, test=labels, training=labels),
        features=features,
        audited=AuditedAttributes(audited),
        sampling=sampling,
        attrition=_attrition(len(cohort), file.objected),
        notes=(*_notes(spec, labels, weight), *file.notes, *_told(spec, inferred, disclosure)),
        inferred={
            name: one.model_dump(mode="json", exclude_defaults=True)
            for name, one in inferred.features.items()
        },
    )


def describe_table(spec: TableSpec) -> tuple[FeatureInfo, ...]:
    """Return what every declared feature means, without reading the file."""
    return tuple(info for name, feature in spec.features.items() for info in infos_of_feature(name, feature))


@dataclass(frozen=True)
class _File:
    """The columns that a study reads, and the faults and notes found so far.

    ``objected`` counts the rows that an objection left out.
    """

    spec: TableSpec
    header: tuple[str, ...]
    columns: Mapping[str, TextColumn]
    objected: int
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """What a fault names: the file, without its folder."""
        return f"the table '{self.spec.path.name}'"

    @classmethod
    def read(cls, spec: TableSpec) -> _File:
        """Read the columns that the study names and the file has."""
        how = {"delimiter": spec.delimiter, "encoding": spec.encoding}
        header = read_header(spec.path, **how)
        wanted = [name for name in _wanted(spec, header) if name in header]
        columns = read_texts(spec.path, header, wanted, **how)
        if spec.subject is None:
            _refuse_lists(spec)
        if spec.subject not in columns:
            return cls(spec, header, columns, 0)
        erased, objected = _left_out(spec, columns[spec.subject])
        kept = cls(spec, header, columns, int((objected & ~erased).sum()))
        return kept.take(~(erased | objected)) if (erased | objected).any() else kept

    def take(self, rows: npt.NDArray[np.integer] | BoolArray) -> _File:
        """Return the chosen rows, in the order given."""
        return replace(self, columns={name: column.take(rows) for name, column in self.columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def check_columns(self) -> None:
        """Raise with every column that is not there, and every one that stands twice."""
        wanted = _wanted(self.spec, self.header)
        faults = [
            f"there is no column '{name}'; {did_you_mean(name, self.header)}"
            for name in wanted
            if name not in self.header
        ]
        twice = Counter(self.header)
        faults += [
            f"column '{name}' stands {twice[name]} times in the header" for name in wanted if twice[name] > 1
        ]
        faults += unmatched(self.spec, self.header)
        if not faults and not len(self):
            faults = ["expected at least one row below the header; found none"]
        if faults:
            raise StudyError(faults, where=self.where)

    def missing(self, column: str, extra: Sequence[str] = ()) -> BoolArray:
        """Return which rows say "not known"."""
        return self.columns[column].isin(("", *self.spec.missing, *extra))

    def fault(self, rows: BoolArray, column: str, expected: str) -> None:
        """Note a fault if any row has it."""
        count = int(rows.sum())
        if count:
            self.faults.append(
                f"column '{column}': expected {expected}; found something else in {count} of {len(rows)} rows"
            )

    def ids(self, column: str | None, what: str) -> IntArray | None:
        """Return a number for each text of a column, None without one; a text that is missing is a fault."""
        if column is None:
            return None
        self.fault(self.missing(column), column, f"{what} in every row")
        return self.columns[column].ids()


def _refuse_lists(spec: TableSpec) -> None:
    """Refuse a table without subjects beside a list of people who must not be in it."""
    found = [name for name in (OBJECTIONS, FORGOTTEN) if (spec.path.parent / name).exists()]
    if found:
        raise StudyError(
            [
                f"'data.subject' is missing, but {' and '.join(found)} beside the table says who must be left out of it"
            ],
            where=f"the table '{spec.path.name}'",
        )


def _left_out(spec: TableSpec, subject: TextColumn) -> tuple[BoolArray, BoolArray]:
    """Return which rows are of people who were erased, and which of people who objected."""
    folder = spec.path.parent
    tombstones = Tombstones.read(folder)
    objected = {text for text, _ in objections_in(folder / OBJECTIONS)}
    return subject.where(lambda text: tombstones.holds(subject_text(text))), subject.isin(objected)


def _attrition(left: int, objected: int) -> Attrition:
    first = ("rows in the file", left + objected, 0)
    return Attrition((first, (LEFT_OUT, left, objected)) if objected else (first,), ())


def _wanted(spec: TableSpec, header: Sequence[str]) -> tuple[str, ...]:
    declared = (one.column for one in spec.features.values())
    return tuple(dict.fromkeys((*spec.roles, *declared, *wanted_columns(spec, header))))


def _people(file: _File) -> tuple[_File, Cohort, SamplingDesign]:
    """Return the file in the order of the cohort, the cohort, and how its rows were drawn and divided."""
    spec = file.spec
    named = file.ids(spec.subject, "a subject")
    subject = by_content(list(file.columns.values())) if named is None else named
    index = _index_days(file)
    twice = len(subject) - len(np.unique(np.column_stack([subject, index]), axis=0))
    if twice:
        what = "subject" if spec.index_date is None else "subject and index date"
        raise StudyError(
            [*file.faults, f"expected one row for each {what}; found {twice} rows too many"], where=file.where
        )
    order = np.lexsort((subject, index))
    ordered = file.take(order)
    subject, index = subject[order], index[order]
    stratum = ordered.ids(spec.stratum, "a stratum")
    unit = _units(ordered, stratum, subject)
    area = np.full(len(subject), "unknown") if spec.area is None else _areas(ordered, spec.area)
    sides = _sides(ordered)
    household = _households(ordered, unit, subject, sides)
    cohort = Cohort(subject, index, household, area, np.full(len(subject), -1, dtype=np.int16))
    return ordered, cohort, SamplingDesign(unit, _from_zero(stratum, len(subject)), sides)


def _units(file: _File, stratum: IntArray | None, subject: IntArray) -> IntArray:
    """Return what was drawn: people, or clusters, whose names count within their stratum."""
    cluster = file.ids(file.spec.cluster, "a cluster")
    if cluster is None:
        return subject
    if stratum is None:
        return _from_zero(cluster, len(cluster))
    unit = _pairs(stratum, cluster)
    if len(np.unique(unit)) > len(np.unique(cluster)):
        file.notes.append(
            "Some clusters have the same name in several strata. They were taken for different clusters, as surveys number them within strata."
        )
    return unit


def _households(file: _File, unit: IntArray, subject: IntArray, side: TextArray) -> IntArray:
    """Return what folds and splits keep together: households, clusters, or whatever hangs together by both.

    A cluster that the file itself divides into training and test rows is kept together within each of them only.
    """
    household = file.ids(file.spec.household, "a household")
    together = subject if household is None else household
    if file.spec.cluster is None:
        return together
    parts = np.unique(side, return_inverse=True)[1]
    part = _pairs(unit, parts)
    if len(np.unique(part)) > len(np.unique(unit)):
        file.notes.append(
            "Some clusters have rows both to learn from and to be judged on. The file's own division was followed."
        )
    return linked(together, part)


def _pairs(one: IntArray, other: npt.NDArray[np.integer]) -> IntArray:
    """Return a number from 0 for each pair of values."""
    found = np.unique(np.column_stack([one, other]), axis=0, return_inverse=True)[1]
    return found.reshape(-1).astype(np.int64)


def _areas(file: _File, column: str) -> TextArray:
    return np.where(file.missing(column), "unknown", file.columns[column].said())


def _sides(file: _File) -> TextArray:
    side = file.spec.side
    if side is None:
        return np.full(len(file), UNDIVIDED)
    text = file.columns[side.column]
    train, test = text.isin(side.train), text.isin(side.test)
    file.fault(~(train | test), side.column, "a text that 'side' declares as train or test")
    for rows, name in ((train, TRAIN), (test, TEST)):
        if not rows.any():
            file.faults.append(f"column '{side.column}': expected some rows to be '{name}'; found none")
    return np.where(train, TRAIN, TEST)


def _from_zero(ids: IntArray | None, n: int) -> IntArray:
    if ids is None:
        return np.zeros(n, dtype=np.int64)
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _index_days(file: _File) -> DayArray:
    name = file.spec.index_date
    if name is None:
        return np.zeros(len(file), dtype=np.int32)
    column = file.columns[name]
    days = column.numbers(_iso_day)
    file.fault(np.isnan(days), name, "a date written YYYY-MM-DD in every row")
    return np.nan_to_num(days).astype(np.int32)


def _iso_day(text: str) -> float | None:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        return None


def _weights(file: _File) -> FloatArray:
    """Return each row's survey weight, with a mean of 1 over the rows that count; 1 where none is declared."""
    name = file.spec.weight
    if name is None:
        return np.ones(len(file))
    weight = file.columns[name].numbers(lambda text: read_number(text, file.spec.decimal))
    wrong = file.missing(name) | ~(weight >= 0)
    file.fault(wrong, name, "a weight of 0 or more in every row")
    counts = ~wrong & (weight > 0)
    if not counts.any():
        file.faults.append(f"column '{name}': expected some weight above 0; found none")
        return np.ones(len(file))
    return np.where(wrong, 0.0, weight / weight[counts].mean())


def _labels(file: _File, name: str, spec: TableOutcome, cohort: Cohort, weight: FloatArray) -> Labels:
    text, missing = file.columns[spec.column], file.missing(spec.column, spec.missing)
    yes, no = text.isin(spec.yes), text.isin(spec.no)
    file.fault(
        ~(yes ^ no) & ~missing, spec.column, f"a text that outcome '{name}' declares as yes, no or missing"
    )
    happened = yes & ~missing
    return Labels(
        outcome=happened.astype(np.int8),
        first_day=np.where(happened, cohort.index_day, NEVER).astype(np.int32),
        censored=missing,
        weight=np.where(missing, 0.0, weight),
    )


def _attribute(file: _File, name: str, spec: TableAttribute) -> TextArray:
    text, missing = file.columns[spec.column], file.missing(spec.column, spec.missing)
    file.fault(
        ~text.isin(spec.values) & ~missing, spec.column, f"a text that audited attribute '{name}' declares"
    )
    groups = np.array([spec.values.get(one, UNKNOWN) for one in text.texts], dtype=np.str_)
    return np.where(missing, UNKNOWN, groups[text.code])


def _infer(
    file: _File, labels: Labels, cohort: Cohort, sampling: SamplingDesign, policy: PolicySpec
) -> Inferred:
    """Return the features that nobody declared; none of them may break the policy."""
    names = wanted_columns(file.spec, file.header)
    if not names:
        return Inferred({}, {}, {})
    outcome = np.where(labels.censored, np.nan, labels.outcome)
    learnable = Learnable(sampling.side != TEST, cohort.subject_id, outcome)
    columns = {name: file.columns[name] for name in names}
    found = infer(file.spec, columns, learnable, policy=policy, faults=file.faults)
    check_features(
        [info for name, one in found.features.items() for info in infos_of_feature(name, one)], policy
    )
    return found


def _features(file: _File, specs: Mapping[str, TableFeature]) -> FeatureMatrix | None:
    """Return the matrix, or None where a fault stands in its way."""
    infos = [info for name, one in specs.items() for info in infos_of_feature(name, one)]
    for name, count in Counter(info.name for info in infos).items():
        if count > 1:
            file.faults.append(
                f"'{name}' is the name of {count} feature columns: give one of the features another name"
            )
    if not infos:
        file.faults.append("expected at least one column that can be a feature; every one was left out")
    for name, one in specs.items():
        text, missing = file.columns[one.column], file.missing(one.column, one.missing)
        for wrong, expected in faults_of_feature(name, one, text, missing, file.spec.decimal):
            file.fault(wrong, one.column, expected)
    if file.faults:
        return None
    values = np.empty((len(file), len(infos)), dtype=np.float32)
    for j, column in enumerate(_values(file, specs.values())):
        values[:, j] = column
    return FeatureMatrix(values, tuple(infos))


def _values(file: _File, specs: Iterable[TableFeature]) -> Iterator[npt.NDArray[np.float32]]:
    for one in specs:
        text, missing = file.columns[one.column], file.missing(one.column, one.missing)
        yield from values_of_feature(one, text, missing, file.spec.decimal)


def _notes(spec: TableSpec, labels: Mapping[str, Labels], weight: FloatArray) -> Iterator[str]:
    yield (
        "The data are one flat table. It does not say when each fact became known; that features were known before the outcome is declared, not checked."
    )
    if spec.index_date is None:
        yield "The table has no index dates, so nothing can be tested on a later time."
    for name, one in labels.items():
        if one.censored.any():
            yield f"Outcome '{name}' is not known for some young people; they are left out."
    if spec.weight is not None:
        effective = weight.sum() ** 2 / (weight @ weight) / (weight > 0).sum()
        yield (
            "The rows carry survey weights, which enter fitting and metrics. By their spread, 100 of these young people tell "
            f"as much as {100 * effective:.0f} of equal weight would (Kish 1965)."
        )


def _told(spec: TableSpec, inferred: Inferred, door: Disclosure) -> Iterator[str]:
    if spec.features_from is not None:
        yield from inferred.notes(door)
