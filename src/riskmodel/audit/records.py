"""What unequal records would change in the audit: bounds, tipping points, and need at equal score, for every grouping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from riskmodel.audit.equal_need import EqualNeedRow, equal_need
from riskmodel.audit.groups import Grouping
from riskmodel.audit.label_bounds import BoundsRow, PeopleBehind, bounds, recordings
from riskmodel.audit.lens import InformedRange
from riskmodel.audit.recording import TRUE_METRICS, recorded_sums
from riskmodel.audit.release import coarse_interval, hide
from riskmodel.audit.report import FairnessReport
from riskmodel.audit.spec import RecordingSpec
from riskmodel.audit.tipping import TippingRow, gammas_needed, tipping_points
from riskmodel.disclosure import Disclosure
from riskmodel.tables.cohort import Labels
from riskmodel.validate.metrics import ScoredRows
from riskmodel.validate.resample import Resamples

LIMITS = (
    (
        "Support that was already offered lowers later harm. Somebody whom support kept safe counts here as not in need. What the rates would "
        "be without new support is another question: no_support.json."
    ),
    "A false record is taken to be as likely at every score in a group.",
    (
        "The statements on calibration in the large are moved by the logarithm of how many came to harm for each one expected. Their own log-odds "
        "move a little further: where the estimates of those who came to harm average .05, one twentieth."
    ),
    "The statements on the slope of calibration have no tipping point.",
)


@dataclass(frozen=True)
class RecordsReport:
    """What unequal records would change.

    Parameters
    ----------
    spec : RecordingSpec
        The range, as widened by what was measured.
    family : str
        The audited model.
    groupings : tuple of Grouping
    bounds : tuple of BoundsRow
    tipping_points : tuple of TippingRow
    need : str or None
        The outcome that measured need; None where the study has none.
    equal_need : tuple of EqualNeedRow
    lens : InformedRange, optional
        The measurement of stop and search that informed the range.
    """

    spec: RecordingSpec
    family: str
    groupings: tuple[Grouping, ...]
    bounds: tuple[BoundsRow, ...]
    tipping_points: tuple[TippingRow, ...]
    need: str | None
    equal_need: tuple[EqualNeedRow, ...]
    lens: InformedRange | None = None

    def to_json(self) -> dict[str, Any]:
        """Return ``recording.json``."""
        return {
            "family": self.family,
            "range": self.spec.model_dump(mode="json", exclude={"need", "stop_search"}),
            "stop_search": None if self.lens is None else self.lens.to_json(),
            "bounds": [row.to_json() for row in self.bounds],
            "tipping_points": [row.to_json() for row in self.tipping_points],
            "need": self.need,
            "equal_need": [row.to_json() for row in self.equal_need],
            "limits": list(LIMITS),
        }

    def shown_bounds(self, disclosure: Disclosure) -> list[BoundsRow]:
        """Return the bounds that may leave: rounded outwards to whole hundredths, and small groups left out."""
        shown = {
            metric: self._shown(disclosure, [row for row in self.bounds if row.metric == metric])
            for metric in TRUE_METRICS
        }
        return [_coarse(row) for row in self.bounds if (row.attribute, row.group) in shown[row.metric]]

    def shown_needs(self, disclosure: Disclosure) -> list[EqualNeedRow]:
        """Return the rows of the test of equal need that may leave."""
        shown = {
            where: self._shown(disclosure, [row for row in self.equal_need if row.where == where])
            for where in ("all scores", "highest tenth")
        }
        return [row for row in self.equal_need if (row.attribute, row.group) in shown[row.where]]

    def _shown(
        self, disclosure: Disclosure, rows: Sequence[BoundsRow | EqualNeedRow]
    ) -> set[tuple[str, str]]:
        """Return attributes and groups that rest on enough people and protect no other: the rule of ``fairness.public.json``."""
        by_place, found = {(row.attribute, row.group): row for row in rows}, set()
        for grouping in self.groupings:
            places = [(grouping.attribute, group) for group in grouping.groups]
            if not by_place.keys() >= set(places):
                continue
            own = [by_place[place] for place in places]
            small = [row.status != "ok" or row.few < disclosure.threshold for row in own]
            hidden = hide(small, [row.n_subjects for row in own], grouping.families())
            found |= {place for place, one in zip(places, hidden, strict=True) if not one}
        return found


def _coarse(row: BoundsRow) -> BoundsRow:
    if row.lower_bound is None or row.upper_bound is None or row.lower is None or row.upper is None:
        raise ValueError("a row that may be shown has its numbers")
    low, high = coarse_interval(row.lower_bound, row.lower_bound, row.upper_bound)
    lower, upper = coarse_interval(row.lower, low, row.upper)
    return replace(row, recorded=None, lower_bound=low, upper_bound=high, lower=lower, upper=upper)


def audit_records(
    rows: ScoredRows,
    resamples: Resamples,
    fairness: FairnessReport,
    *,
    family: str,
    need: tuple[str, Labels] | None = None,
    lens: InformedRange | None = None,
    threads: int = 2,
) -> RecordsReport:
    """Ask what would change in one model's audit if records were unequal.

    Parameters
    ----------
    rows : ScoredRows
        What the model says; the rows of the report.
    resamples : Resamples
        Of people, aligned with the rows.
    fairness : FairnessReport
        Its groups, its statements, and the study's rules.
    family : str
    need : tuple of str and Labels, optional
        Name and labels of the outcome that measures need, aligned with the rows.
    lens : InformedRange, optional
        The range as informed by measured stop and search; by default the study's own.
    threads : int
        The result does not depend on it.

    Returns
    -------
    RecordsReport
    """
    spec = fairness.spec.recording if lens is None else lens.spec
    over = recordings(spec)
    gammas = {*gammas_needed(spec), *(one.gamma for one in over)}
    cell = fairness.spec.minimum_cell
    bounded: list[BoundsRow] = []
    tips: list[TippingRow] = []
    statements = [one for one in fairness.differences if one.model == family]
    for grouping in fairness.groupings:
        sums = recorded_sums(rows, grouping, resamples, gammas, threads=threads)
        people = PeopleBehind(rows, grouping)
        enough = (people.few >= cell) & (people.few_outside >= cell)
        bounded += bounds(sums, grouping, people, over=over, minimum_cell=cell)
        tips += tipping_points(sums, grouping, statements, spec, enough=enough)
    needs = (
        []
        if need is None
        else equal_need(rows, need[1], fairness.groupings, resamples, minimum_cell=cell, threads=threads)
    )
    return RecordsReport(
        spec,
        family,
        fairness.groupings,
        tuple(bounded),
        tuple(tips),
        None if need is None else need[0],
        tuple(needs),
        lens,
    )
