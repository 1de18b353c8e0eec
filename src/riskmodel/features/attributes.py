"""Groups that a study audits, each as it was known on the index date. They never stand beside features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np

from riskmodel.errors import StudyError, did_you_mean
from riskmodel.features.columns import Column, columns_of
from riskmodel.features.matrix import build_columns
from riskmodel.features.spec import FeatureSpec, FeaturesSpec
from riskmodel.features.visible import last_of_each
from riskmodel.tables.catalogue import load_catalogue
from riskmodel.tables.cohort import UNKNOWN, AuditedAttributes, Cohort, TextArray
from riskmodel.tables.days import NEVER, day_column
from riskmodel.tables.features import Float32Array
from riskmodel.tables.records import Attributes, Records
from riskmodel.tables.words import indices, words

CROSS = " x "
SCHOOL = "school"
AGE_BANDS = (
    (0, 9, "under 10"),
    (10, 11, "10-11"),
    (12, 13, "12-13"),
    (14, 15, "14-15"),
    (16, 17, "16-17"),
    (18, 200, "18 or over"),
)
FIFTHS = ("1 most deprived", "2", "3", "4", "5 least deprived")

_LASTING = "Audit only: a group somebody belongs to, as known on the index date; never a feature."
_FACTS = FeaturesSpec(
    libraries=(),
    own=(
        FeatureSpec(stem="ehcp", words="on an education, health and care plan", start="EDU//EHCP//START", end="EDU//EHCP//END", aggregations="in_spell"),
        FeatureSpec(stem="support", words="on special educational needs support", start="EDU//SEN_SUPPORT//START", end="EDU//SEN_SUPPORT//END", aggregations="in_spell"),
        FeatureSpec(stem="care", words="looked after", events="CLA//CARE//START", aggregations="any", windows="ever", ever_reason=_LASTING, ever_expires="never"),
        FeatureSpec(stem="area", words="deprivation of the area", events="AREA//IMD_DECILE", aggregations="last", windows="ever", ever_reason=_LASTING, ever_expires="never"),
    ),
)  # fmt: skip


def audited_attributes(
    records: Records, cohort: Cohort, names: Sequence[str], intersections: Sequence[Sequence[str]] = ()
) -> AuditedAttributes:
    """Return the group of every cohort row, for every attribute and every intersection of attributes.

    Parameters
    ----------
    records : Records
    cohort : Cohort
    names : sequence of str
        ``age_band``, ``sen``, ``care``, ``deprivation_fifth``, or any attribute of the records (``ethnicity``, ``sex``).
    intersections : sequence of sequences of str
        Attributes to cross. The column of ("ethnicity", "sex") is ``ethnicity x sex``; its group is ``Unknown`` where
        any part of it is.

    Raises
    ------
    StudyError
        Naming every attribute that does not exist, with the nearest that do.
    """
    stored = sorted({"ethnicity", "sex", *words(records.attributes.table.column("attribute"))})
    wanted = dict.fromkeys([(name,) for name in names] + [tuple(some) for some in intersections])
    parts = dict.fromkeys(part for some in wanted for part in some)
    faults = [
        f"there is no attribute '{p}'; {did_you_mean(p, (*_DERIVED, *stored))}"
        for p in parts
        if p not in (*_DERIVED, *stored)
    ]
    if faults:
        raise StudyError(faults, where="the audit")
    facts = _facts(records, cohort) if set(parts) & set(_DERIVED) else {}
    single = {
        p: _DERIVED[p](cohort, facts) if p in _DERIVED else _stored(records.attributes, cohort, p)
        for p in parts
    }
    return AuditedAttributes({CROSS.join(some): _crossed([single[part] for part in some]) for some in wanted})


def schools(records: Records, cohort: Cohort) -> TextArray | None:
    """Return the school of every cohort row as known on its index date; None where nobody's school was known.

    It is the school on the latest roll that could have been read: somebody who has left school keeps the last one.
    """
    found = _stored(records.attributes, cohort, SCHOOL)
    return None if (found == UNKNOWN).all() else found


Facts = Mapping[str, Float32Array]


def _facts(records: Records, cohort: Cohort) -> Facts:
    catalogue = load_catalogue()
    columns: tuple[Column, ...] = columns_of(_FACTS, catalogue)
    values = build_columns(records, cohort, columns, catalogue)
    return {column.info.name.split("__")[0]: values[:, i] for i, column in enumerate(columns)}


def _age_band(cohort: Cohort, _facts: Facts) -> TextArray:
    bands = [(cohort.age >= low) & (cohort.age <= high) for low, high, _ in AGE_BANDS]
    return np.select(bands, [name for _, _, name in AGE_BANDS], default=UNKNOWN)


def _sen(_cohort: Cohort, facts: Facts) -> TextArray:
    plan, support = facts["ehcp"], facts["support"]
    return np.select(
        [plan == 1, support == 1, (plan == 0) & (support == 0)],
        ["EHCP", "SEN support", "No SEN"],
        default=UNKNOWN,
    )


def _care(_cohort: Cohort, facts: Facts) -> TextArray:
    return np.select(
        [facts["care"] == 1, facts["care"] == 0],
        ["looked after now or before", "never looked after"],
        default=UNKNOWN,
    )


def _deprivation_fifth(_cohort: Cohort, facts: Facts) -> TextArray:
    decile = facts["area"]
    fifths = [(decile > 2 * i) & (decile <= 2 * i + 2) for i in range(5)]
    return np.select(fifths, FIFTHS, default=UNKNOWN)


_DERIVED: Mapping[str, Callable[[Cohort, Facts], TextArray]] = {
    "age_band": _age_band,
    "sen": _sen,
    "care": _care,
    "deprivation_fifth": _deprivation_fifth,
}


def _stored(attributes: Attributes, cohort: Cohort, name: str) -> TextArray:
    """Return the value known last before each index date."""
    table = attributes.table
    kind = words(table.column("attribute"))
    mine = indices(table.column("attribute")) == (kind.index(name) if name in kind else -1)
    subject = table.column("subject_id").to_numpy()[mine]
    known = day_column(table.column("known_time"), null=NEVER)[mine]
    text = np.array([*words(table.column("value")), UNKNOWN], dtype=np.str_)
    value = np.append(indices(table.column("value"))[mine], len(text) - 1)
    group = np.full(len(cohort), len(text) - 1)
    for index in np.unique(cohort.index_day).tolist():
        rows = np.flatnonzero(cohort.index_day == index)
        seen = np.flatnonzero(known < index)
        last = last_of_each(subject[seen], cohort.subject_id[rows])
        found = last >= 0
        group[rows[found]] = value[seen[last[found]]]
    groups: TextArray = text[group]
    return groups


def _crossed(parts: Sequence[TextArray]) -> TextArray:
    if len(parts) == 1:
        return parts[0]
    joined = reduce(lambda a, b: np.char.add(np.char.add(a, ", "), b), parts)
    unknown = np.logical_or.reduce([part == UNKNOWN for part in parts])
    return np.where(unknown, UNKNOWN, joined)
