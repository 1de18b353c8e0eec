"""Columns of a flat table that become features by what they hold, each as a ``TableFeature`` that could have been declared.

The outcome is looked at for one thing only: a column that tells it without a single exception, for all or for very many, is
a copy of it or was written after it, and is left out. Where the file divides its rows, only those to learn from are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from riskmodel.disclosure import Disclosure
from riskmodel.errors import did_you_mean
from riskmodel.features.declared import infos_of_feature, read_number
from riskmodel.features.spec import Name, TableColumns, TableFeature, TableSpec
from riskmodel.features.texts import TextColumn, slugs
from riskmodel.policy import PolicySpec, breaches
from riskmodel.policy.inferred import may_stand_for, sounds_enforcement_made
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

_YES, _NO = {"yes", "y", "true", "t", "1", "1.0"}, {"no", "n", "false", "f", "0", "0.0"}
_NEARLY_ALL = 0.95
_MOSTLY = 0.5
_FEW_OTHERS = 5
"""A column is a number if nearly all of its texts are, or most of them and the others are of few kinds."""

_SETTLED = 100
"""A text that goes with one outcome only settles it if that many of the other were to be expected with it: an honest risk factor
would have to divide the risk by more than 30 to do so."""

_AT_LEAST = re.compile(
    r"(\d+(?:[.,]\d+)?) ?(?:\+|(?:or|and) (?:more|over|above|older|higher|greater|up))", re.IGNORECASE
)
"""The open end of a count, such as ``10 or more``, stands for its number."""

_DATE = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ].*)?")
_PADDED = re.compile(r"0\d+")
_COMMA, _POINT = re.compile(r"-?\d+,\d+"), re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class Inferred:
    """The features that columns became, and what must be told.

    Parameters
    ----------
    features : mapping of str to TableFeature
        In the order of the header.
    left_out : mapping of str to str
        Why a column became none.
    unread : mapping of str to int
        Of a number column, the rows to learn from whose text is none.
    """

    features: Mapping[Name, TableFeature]
    left_out: Mapping[str, str]
    unread: Mapping[str, int]

    def notes(self, door: Disclosure) -> Iterator[str]:
        """Yield sentences for the card: kinds, what was left out and why, and texts that became missing; never a value."""
        kinds = [one.kind for one in self.features.values()]
        yield (
            f"Columns that nobody declared were taken for what they hold: {kinds.count('number')} numbers, "
            f"{kinds.count('yes_no')} with yes or no, {kinds.count('category')} categories. "
            "Nobody has declared that each was known before the outcome."
        )
        for reason in dict.fromkeys(self.left_out.values()):
            names = ", ".join(column for column, why in self.left_out.items() if why == reason)
            yield f"Columns left out because {reason}: {names}."
        if self.unread:
            told = (f"{column} ({_rows(count, door)})" for column, count in self.unread.items())
            yield f"Some columns of numbers hold texts too; there, the number counts as not known: {', '.join(told)}."


def _rows(count: int, door: Disclosure) -> str:
    shown = door.count(count)
    return f"fewer than {door.threshold} rows" if shown is None else f"about {shown:,} rows"


@dataclass(frozen=True)
class Learnable:
    """The rows that may be looked at: which, whose they are, and what is known of their outcome (NaN: nothing)."""

    rows: BoolArray
    subject: IntArray
    outcome: FloatArray


def wanted_columns(spec: TableSpec, header: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that ``features_from`` takes, before anything is known of what they hold."""
    if spec.features_from is None:
        return ()
    declared = {one.column for one in spec.features.values()}
    chosen = (name for name in header if name and _matches(name, spec.features_from.columns))
    free = (name for name in chosen if name not in declared and name not in spec.roles)
    return tuple(dict.fromkeys(name for name in free if not _matches(name, spec.features_from.leave_out)))


def unmatched(spec: TableSpec, header: Sequence[str]) -> Iterator[str]:
    """Yield a fault for each name of ``features_from`` that no column of the file has."""
    if spec.features_from is None:
        return
    for part in ("columns", "leave_out"):
        for pattern in getattr(spec.features_from, part):
            if not any(_matches(name, (pattern,)) for name in header):
                yield f"'features_from.{part}': there is no column '{pattern}'; {did_you_mean(pattern, header)}"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) for pattern in patterns)


def infer(
    spec: TableSpec,
    columns: Mapping[str, TextColumn],
    learnable: Learnable,
    *,
    policy: PolicySpec,
    faults: list[str],
) -> Inferred:
    """Find out what columns hold.

    Parameters
    ----------
    spec : TableSpec
        With ``features_from``.
    columns : mapping of str to TextColumn
        Those of ``wanted_columns``, all rows.
    learnable : Learnable
    policy : PolicySpec
        What it bars, or leaves off for want of a lawful basis, is left out.
    faults : list of str
        Columns that cannot be read as the study says are added.

    Returns
    -------
    Inferred
    """
    features: dict[str, TableFeature] = {}
    left_out: dict[str, str] = {}
    unread: dict[str, int] = {}
    for column, name in _names(columns, spec.features):
        seen = _Seen.of(spec, column, columns[column], learnable)
        found = seen.feature(faults)
        why = found if isinstance(found, str) else seen.barred(name, found, policy)
        if isinstance(found, str) or why is not None:
            left_out[column] = str(why)
            continue
        features[name] = found
        if found.kind == "number" and seen.unread():
            unread[column] = seen.unread()
    return Inferred(features, left_out, unread)


def _names(
    columns: Mapping[str, TextColumn], declared: Mapping[str, TableFeature]
) -> Iterator[tuple[str, str]]:
    """Yield each column with a name for its feature that is free, whatever signs its header has."""
    plain = [f"column_{name}" if not re.match("[A-Za-z]", name) else name for name in columns]
    named = dict(slugs([*declared, *plain]))
    yield from zip(columns, (named[one] for one in plain), strict=True)


@dataclass(frozen=True)
class _Seen:
    """What one column holds in the rows to learn from.

    ``people`` counts the young people who have each text, the most frequent first; ``everywhere`` are the texts of all rows.
    """

    spec: TableSpec
    rules: TableColumns
    column: str
    everywhere: frozenset[str]
    texts: TextColumn
    subject: IntArray
    outcome: FloatArray
    known: BoolArray
    people: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TableSpec, column: str, whole: TextColumn, learnable: Learnable) -> _Seen:
        """Look at the rows to learn from."""
        rules = spec.features_from or TableColumns()
        gone = {"", *spec.missing, *rules.missing}
        texts, subject = whole.take(learnable.rows), learnable.subject[learnable.rows]
        known = ~texts.isin(gone)
        return cls(
            spec,
            rules,
            column,
            frozenset(whole.texts) - gone,
            texts,
            subject,
            learnable.outcome[learnable.rows],
            known,
            _people(texts, subject, known),
        )

    def feature(self, faults: list[str]) -> TableFeature | str:
        """Return the feature, or why there is none."""
        if not self.people:
            return "nothing is known in any row"
        if len(self.people) == 1 and self.known.all():
            return "they say the same in every row"
        if self._share(lambda text: _DATE.fullmatch(text) is not None) >= _NEARLY_ALL:
            return "they hold dates, which may tell how long somebody was followed"
        copied = self._tells_outcome()
        if copied is not None:
            return copied
        if self._is_number():
            return self._number()
        if self._wrong_decimal():
            other = "," if self.spec.decimal == "." else "."
            faults.append(
                f"column '{self.column}': the numbers look as if written with '{other}' before the decimals; say data.decimal: '{other}'"
            )
        return self._yes_no() or self._category()

    def barred(self, name: str, feature: TableFeature, policy: PolicySpec) -> str | None:
        """Return why the policy does not let a column that nobody declared be a feature; None where it does."""
        total = sum(self.people.values())
        shares = {text: count / total for text, count in self._common().items()}
        attribute = may_stand_for(self.column, shares)
        if attribute is not None and not (attribute == "sex" and policy.sex):
            return f"they may stand for {attribute} (declare a column under 'features' if it does not)"
        broken = [breach for info in infos_of_feature(name, feature) for breach in breaches(info, policy)]
        return f"of the policy: {broken[0].split(': ', 1)[1]}" if broken else None

    def unread(self) -> int:
        """Return the rows whose text is no number."""
        return int((self.known & self.texts.where(lambda text: self._read(text) is None)).sum())

    def _read(self, text: str) -> float | None:
        """Return a text as a number, ``10 or more`` as 10; None where it is none."""
        open_end = _AT_LEAST.fullmatch(text)
        return read_number(open_end[1] if open_end else text, self.spec.decimal)

    def _share(self, rule: object) -> float:
        kept = self.texts.where(rule) & self.known  # type: ignore[arg-type]
        return float(kept.sum() / self.known.sum())

    def _is_number(self) -> bool:
        if {text.lower() for text in self.people} <= _YES | _NO:
            return False
        if self._share(lambda text: _PADDED.fullmatch(text) is not None) > 1 - _NEARLY_ALL:
            return False  # codes such as 007
        others = [text for text in self.people if self._read(text) is None]
        share = self._share(lambda text: self._read(text) is not None)
        return share >= _NEARLY_ALL or (share >= _MOSTLY and len(others) <= _FEW_OTHERS)

    def _number(self) -> TableFeature | str:
        values = self.texts.numbers(self._read)
        read = values[self.known & np.isfinite(values)]
        if (
            len(read) > 1
            and len(np.unique(read)) == len(read) == len(values)
            and (read == np.round(read)).all()
        ):
            return "they number the rows: whole numbers, all different"
        levels = {text: self._read(text) for text in sorted(self.everywhere) if _AT_LEAST.fullmatch(text)}
        others = [text for text in self._common() if self._read(text) is None]
        unlisted = any(self._read(text) is None for text in self.everywhere - set(others))
        return self._made("number", levels=levels, values={text: text for text in others}, other=unlisted)

    def _yes_no(self) -> TableFeature | None:
        """Return a feature of two texts: yes and no, or one text (the rarer) and the other."""
        if len(self.people) != 2:
            return None
        common, rare = self.people
        yes, no = (common, rare) if common.lower() in _YES else (rare, common)
        spelled = yes.lower() in _YES and no.lower() in _NO
        if not spelled:
            yes, no = rare, common
        if self.people[yes] < self.rules.min_people and not spelled:
            return None
        words = self._words() if spelled else f"{self._words()}: {yes}"
        return self._made(
            "yes_no", yes=(yes,), no=(no,), other=bool(self.everywhere - {yes, no}), description=words
        )

    def _category(self) -> TableFeature | str:
        common = tuple(self._common())
        if not common:
            return "none of their texts is common enough to be a column of its own"
        rest = bool(self.everywhere - set(common))
        return self._made("category", values={text: text for text in common}, other=rest)

    def _common(self) -> dict[str, int]:
        """Return the most frequent texts that enough young people have."""
        enough = {text: count for text, count in self.people.items() if count >= self.rules.min_people}
        return dict(list(enough.items())[: self.rules.most_levels])

    def _made(self, kind: str, *, description: str = "", **parts: object) -> TableFeature:
        gone = sorted(set(self.rules.missing) & set(self.texts.texts))
        return TableFeature.model_validate(
            {
                "column": self.column,
                "description": description or self._words(),
                "concept": self._words(),
                "kind": kind,
                "missing": gone,
                "enforcement_made": sounds_enforcement_made(self.column),
                **parts,
            }
        )

    def _words(self) -> str:
        words = re.sub(r"[\W_]+", " ", self.column).strip().lower()
        return words if len(words) >= 3 else f"column {words}"

    def _wrong_decimal(self) -> bool:
        sign = _COMMA if self.spec.decimal == "." else _POINT
        whole = re.compile(r"-?\d+")
        fits = self._share(lambda text: bool(sign.fullmatch(text) or whole.fullmatch(text)))
        return fits >= _NEARLY_ALL and self._share(lambda text: sign.fullmatch(text) is not None) > 0

    def _tells_outcome(self) -> str | None:
        """Return why a column looks as if it was made from the outcome or after it; None where it does not.

        Whether anything is known is looked at as well as what: a date of the next arrest is empty where there was none.
        """
        judged = np.isfinite(self.outcome)
        happened = self.outcome[judged] == 1
        if happened.all() or not happened.any():
            return None
        known = self.known[judged]
        said = np.where(known, self.texts.code[judged] + 1, 0)
        for groups in (known.astype(np.int64), said):
            if len(np.unique(groups)) <= self.rules.most_levels + 1 and _without_exception(groups, happened):
                return "they tell the outcome without exception, as a copy of it would"
        if _settled(said, happened):
            return (
                "one of their texts settles the outcome for many young people without exception, as what became known later would "
                "(declare a column under 'features' if it was known before)"
            )
        return None


def _without_exception(groups: IntArray, happened: BoolArray) -> bool:
    rows, cases = np.bincount(groups), np.bincount(groups, weights=happened)
    return bool(((cases == 0) | (cases == rows)).all())


def _settled(groups: IntArray, happened: BoolArray) -> bool:
    """Return whether a group is all of one kind, though as many as ``_SETTLED`` of the other were to be expected in it."""
    rows, cases = np.bincount(groups), np.bincount(groups, weights=happened)
    rate = happened.mean()
    never = (cases == 0) & (rows * rate >= _SETTLED)
    always = (cases == rows) & (rows * (1 - rate) >= _SETTLED)
    return bool((never | always).any())


def _people(texts: TextColumn, subject: IntArray, known: BoolArray) -> dict[str, int]:
    """Return how many young people have each known text, most first, then by alphabet."""
    pairs = np.unique(np.column_stack([texts.code[known], subject[known]]), axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(texts.texts))
    order = np.argsort(-counts, kind="stable")
    return {texts.texts[i]: int(counts[i]) for i in order if counts[i]}
