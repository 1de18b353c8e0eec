"""What measured stop and search adds to the range of detection: how much more of what happened may be on record in one group.

Let detection be d(l), where l is how much a group is looked at. If every further look adds no more than the one before (d is
concave) and a group that is not looked at has no fewer records than none (d(0) >= 0), then for R >= 1

    d(R l) <= R d(l),

so two groups of which one is looked at R times as much differ in detection by a factor between 1 and R. An example is
d(l) = 1 - (1 - c) exp(-h l): with chance c somebody else's record, or else at least one look that finds something. Measured is
the ratio of searches for each resident; R is the upper end of its interval. ``docs/explanation/label-bias.md`` says what else is assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from riskmodel.audit.spec import RecordingSpec, StopSearchSpec
from riskmodel.errors import DataError, StudyError, did_you_mean
from riskmodel.files import digest_path

Maker = Literal["police", "police_in_part", "others", "not_said"]
"""Who writes the outcome down: only the police, the police among others, others alone; or the study does not say."""

_WHERE = "audit.recording.stop_search"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Rate(_Read):
    benchmark: str
    definition: str
    dimension: str
    group: str
    ratio: float | None
    lower: float | None
    upper: float | None
    status: str


class _Scope(_Read):
    name: str
    rates: tuple[_Rate, ...]


class _Report(_Read):
    reference: str
    scopes: tuple[_Scope, ...]


@dataclass(frozen=True)
class Look:
    """How many times as often a group is searched, for its size, as the reference group; with a 95% interval."""

    group: str
    ratio: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Lens:
    """The measurement that a study names.

    Parameters
    ----------
    spec : StopSearchSpec
    digest : str
        SHA-256 of the report.
    scope : str
        The searches it is about, in the report's words.
    reference : str
        The group that others are compared with.
    looks : tuple of Look
        Of the groups used, besides the reference group.
    """

    spec: StopSearchSpec
    digest: str
    scope: str
    reference: str
    looks: tuple[Look, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups used, the reference group last."""
        return (*(one.group for one in self.looks), self.reference)

    @property
    def widest(self) -> tuple[Look, Look]:
        """The group looked at most and the one looked at least, each against the reference group."""
        everyone = self._everyone()
        return max(everyone, key=lambda one: one.ratio), min(everyone, key=lambda one: one.ratio)

    @property
    def highest_over_lowest(self) -> float:
        """How many times as much the most looked at group may be looked at as the least: no pair of two groups can exceed it."""
        everyone = self._everyone()
        return max(a.upper / b.lower for a in everyone for b in everyone if a is not b)

    def _everyone(self) -> tuple[Look, ...]:
        return (*self.looks, Look(self.reference, 1.0, 1.0, 1.0))

    def require_groups(self, found: Collection[str]) -> None:
        """Refuse a measurement of groups that the study's people do not have.

        Raises
        ------
        StudyError
        """
        faults = [
            f"the report compares '{group}', and no young person's {self.spec.attribute} is '{group}'; "
            f"{did_you_mean(group, found)}. Name other groups under 'groups', or another 'attribute'"
            for group in self.groups
            if group not in found
        ]
        if faults:
            raise StudyError(faults, where=_WHERE)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        most, least = self.widest
        return {
            **self.spec.model_dump(mode="json", exclude={"groups", "scope"}),
            "digest": self.digest,
            "scope": self.scope,
            "reference": self.reference,
            "groups": [asdict(one) for one in self.looks],
            "highest_over_lowest": {"ratio": most.ratio / least.ratio, "upper": self.highest_over_lowest},
        }


@dataclass(frozen=True)
class InformedRange:
    """The range of recordings, and the measurement that informed it.

    Parameters
    ----------
    stated : RecordingSpec
        As the study has it.
    lens : Lens
    maker : str
        Who writes the outcome down. Where it is others alone the measurement says nothing, and the range stays.
    """

    stated: RecordingSpec
    lens: Lens
    maker: Maker

    @property
    def spec(self) -> RecordingSpec:
        """The range that is used: never narrower than the one stated.

        Raises
        ------
        StudyError
            If so low a detection would not be above the study's false recording.
        """
        low, high = self.stated.detection
        needed = high / self.lens.highest_over_lowest
        if self.maker == "others" or needed >= low:
            return self.stated
        if needed <= self.stated.false_recording[1]:
            raise StudyError(
                [
                    (
                        f"a ratio of up to {self.lens.highest_over_lowest:.3g} lowers the detection to {needed:.3g}, which is not above "
                        f"false_recording ({self.stated.false_recording[1]:g}); a record then says nothing of what happened. Name fewer "
                        "groups, or a measurement with a narrower interval"
                    )
                ],
                where=_WHERE,
            )
        return self.stated.model_copy(update={"detection": (needed, high)})

    @property
    def widened(self) -> bool:
        """Whether the measurement changed the range."""
        return self.spec.detection != self.stated.detection

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            **self.lens.to_json(),
            "record_made_by": self.maker,
            "detection_stated": list(self.stated.detection),
            "widened": self.widened,
        }


def read_lens(spec: StopSearchSpec) -> Lens:
    """Read the measurement that a study names.

    Parameters
    ----------
    spec : StopSearchSpec

    Returns
    -------
    Lens

    Raises
    ------
    StudyError
        If there is no such file, or it holds no such benchmark, definition or group.
    DataError
        If the file is not a report of ``riskmodel stop-search``, or lacks the ratio or its interval.
    """
    report = _report(spec)
    scope, rows = _rows(report, spec)
    by_group = {row.group: row for row in rows}
    strange = [one for one in spec.groups if one not in by_group]
    if strange:
        raise StudyError(
            [f"groups: the report has no group '{one}'; {did_you_mean(one, by_group)}" for one in strange],
            where=_WHERE,
        )
    chosen = [by_group[one] for one in spec.groups if one != report.reference] or [_leading(rows, spec)]
    looks = tuple(_look(row, spec) for row in chosen)
    return Lens(spec, digest_path(spec.report), scope, report.reference, looks)


def _report(spec: StopSearchSpec) -> _Report:
    if not spec.report.is_file():
        raise StudyError([f"report: there is no file '{spec.report}'"], where=_WHERE)
    try:
        return _Report.model_validate_json(spec.report.read_bytes())
    except ValidationError:
        raise _not_measured(spec, "something else") from None


def _not_measured(spec: StopSearchSpec, found: str) -> DataError:
    return DataError(
        expected="report.json of 'riskmodel stop-search --out', with rate ratios and their intervals",
        found=found,
        where=f"{_WHERE}: {spec.report.name}",
        next_step="Measure again with --population (and --authority or --area), or name another report.",
    )


def _rows(report: _Report, spec: StopSearchSpec) -> tuple[str, list[_Rate]]:
    """Return the searches' name and the rows of the benchmark and definition wanted, from the smallest scope that has them."""
    scopes = report.scopes[:1] if spec.scope == "all" else report.scopes[::-1]
    all_rates = [row for scope in scopes for row in scope.rates if row.dimension == "all"]
    if not all_rates:
        raise _not_measured(spec, "no rate")
    faults = list(_faults(all_rates, spec))
    if faults:
        raise StudyError(faults, where=_WHERE)
    for scope in scopes:
        rows = [
            row
            for row in scope.rates
            if (row.dimension, row.benchmark, row.definition) == ("all", spec.benchmark, spec.definition)
        ]
        if rows:
            return scope.name, rows
    raise StudyError(
        [f"the report does not set '{spec.definition}' against '{spec.benchmark}'"], where=_WHERE
    )


def _faults(rates: Sequence[_Rate], spec: StopSearchSpec) -> Iterator[str]:
    for name in ("benchmark", "definition"):
        wanted, known = getattr(spec, name), {getattr(row, name) for row in rates}
        if wanted not in known:
            yield f"{name}: the report has no '{wanted}'; {did_you_mean(wanted, known)}"


def _leading(rows: Sequence[_Rate], spec: StopSearchSpec) -> _Rate:
    """Return the group searched most often for its size."""
    sure = [row for row in rows if row.status == "ok"]
    if not sure:
        raise _not_measured(spec, "no group with a ratio that has an interval")
    return max(sure, key=lambda row: row.ratio or 0.0)


def _look(row: _Rate, spec: StopSearchSpec) -> Look:
    if row.status != "ok" or row.ratio is None or not row.lower or row.upper is None:
        raise _not_measured(
            spec, f"no ratio with an interval for the group '{row.group}' (status '{row.status}')"
        )
    return Look(row.group, row.ratio, row.lower, row.upper)
