"""What a study says about fairness before anything is trained: groups, tolerances, and when not to judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from riskmodel.errors import did_you_mean

Metric = Literal["selection_rate", "tpr", "fnr", "fpr", "ppv", "calibration_intercept", "calibration_slope"]
METRICS: tuple[Metric, ...] = (
    "selection_rate",
    "tpr",
    "fnr",
    "fpr",
    "ppv",
    "calibration_intercept",
    "calibration_slope",
)
Tolerance = Annotated[float, Field(gt=0.0)]


class ToleranceSpec(BaseModel):
    """How far a group may be from everyone else; null judges nothing (verdict ``none``).

    Rates: .05 is 5 of 100 people. Calibration intercept: .20 on log-odds is about one fifth more or fewer than
    estimated. Calibration slope: .20 of the ideal slope of 1. The defaults are ours, for want of a standard: a study
    should choose its own, with the people it concerns.

    Parameters
    ----------
    share_of_overall : float, optional
        A rate's tolerance is at most this share of the rate among everyone. With 2 offers for 100 young people a
        group with none at all would lie within 5 of 100; half of the overall rate is then the tighter limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selection_rate: Tolerance | None = 0.05
    tpr: Tolerance | None = 0.05
    fnr: Tolerance | None = 0.05
    fpr: Tolerance | None = 0.05
    ppv: Tolerance | None = 0.05
    calibration_intercept: Tolerance | None = 0.20
    calibration_slope: Tolerance | None = 0.20
    share_of_overall: Annotated[float, Field(gt=0.0, le=1.0)] | None = 0.5

    def of(self, metric: Metric, overall: float | None = None) -> float | None:
        """Return the tolerance of a metric, given the rate among everyone where the metric is a rate."""
        value: float | None = getattr(self, metric)
        if value is None or overall is None or not overall > 0 or self.share_of_overall is None:
            return value
        return min(value, self.share_of_overall * overall)


Share = Annotated[float, Field(ge=0.0, le=1.0)]
OddsRatio = Annotated[float, Field(ge=0.1, le=10.0)]


class StopSearchSpec(BaseModel):
    """A measurement of stop and search that informs the range of detection. It never becomes a feature or an outcome.

    A path alone stands for ``report``.

    Parameters
    ----------
    report : Path
        ``report.json`` of ``riskmodel stop-search --out``; relative to the study's own folder.
    groups : tuple of str
        Groups whose ratio counts, besides the one that the report compares with. By default the group that is searched most often
        for its size.
    attribute : str
        The audited attribute whose groups these are.
    scope : str
        ``smallest``: the searches of the report's area where it has one; ``all``: all searches of its files.
    benchmark : str
        What searches are counted against, by its name in the report.
    definition : str
        Whose word a group is: ``officer_defined`` or ``self_defined``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    report: Path
    groups: tuple[str, ...] = ()
    attribute: str = "ethnicity"
    scope: Literal["smallest", "all"] = "smallest"
    benchmark: str = "residents"
    definition: Literal["officer_defined", "self_defined"] = "officer_defined"

    @model_validator(mode="before")
    @classmethod
    def _a_path_is_a_report(cls, written: Any) -> Any:
        return {"report": written} if isinstance(written, str | Path) else written


class RecordingSpec(BaseModel):
    """How far records may be from what happened: ranges that hold for every group by itself.

    The defaults speak of harm from violence that an emergency department or the police wrote down. Why these numbers:
    "When the records are unequal" under Explanation. A study should choose its own, with the people it concerns.

    Parameters
    ----------
    detection : tuple of float
        Lowest and highest share of those to whom it happened who are recorded. Two records of the same violence, put side by
        side, leave .41 (Swansea, 2002) to .55 (South Wales, 2014 to 2016) in either, *if neither record knows of the other*. Grave harm
        reaches both more often, so these are upper figures: with odds 3 times as high, .19 and .29. The default is not the worst
        there could be; a study can set .2. The highest over the lowest is close to 2.45, the measured difference in stop and search.
    false_recording : tuple of float
        Lowest and highest share of those to whom it did not happen who are recorded all the same. Assumed: at 2 recorded in
        100, .001 means that 1 record in 20 is wrong.
    gamma : tuple of float
        Lowest and highest odds ratio of being noticed for one standard deviation of the score, in a group, among those to whom
        it happened. 1: those who are missed have the scores of those who are noticed. Assumed: what was measured is that sex changes the
        odds of *which source* records violence 2.1 to 2.5 times (Swansea), as much as 1.4 to 1.6 for one standard deviation; of a score
        nothing was measured.
    need : str, optional
        The outcome that measures need without the label's records, for the test of equal need at equal score. By default
        ``harm_health`` (emergency departments and hospitals only) where the study has it.
    stop_search : StopSearchSpec, optional
        A measurement of stop and search. Where the police write the outcome down, the lowest detection falls to the highest divided by
        the measured ratio (the upper end of its interval), if it is not as low already; a range is never narrowed. Gamma stays as
        it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    detection: tuple[Share, Share] = (0.4, 1.0)
    false_recording: tuple[Share, Share] = (0.0, 0.001)
    gamma: tuple[OddsRatio, OddsRatio] = (0.625, 1.6)
    need: str | None = None
    stop_search: StopSearchSpec | None = None

    @model_validator(mode="after")
    def _ranges_make_sense(self) -> Self:
        for name in ("detection", "false_recording", "gamma"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: the lowest value, {low}, is above the highest, {high}")
        if not self.false_recording[1] < self.detection[0]:
            raise ValueError(
                f"detection must be above false_recording: {self.detection[0]} is not above {self.false_recording[1]}, and "
                "then a record says nothing of what happened"
            )
        return self


class ChosenSpec(BaseModel):
    """The point of the frontier that people chose, and who they are. ``train`` learns as it says.

    Parameters
    ----------
    point : str
        ``as_is``; ``reweighing``; ``without_enforcement``; ``label:NAME``: learn from another outcome of the study, still
        judged by the chosen one; ``capacity:SHARE``: as many offers, one of ``capacities``.
    by : str
        Who chose it, such as a board and the date of its meeting; repeated on the card.
    reason : str
        Why, in a sentence; repeated on the card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: str = Field(min_length=1)
    by: str = Field(min_length=3)
    reason: str = Field(min_length=20)


class MitigationSpec(BaseModel):
    """What could be done about gaps between groups, as a choice that people make; nothing is done without it.

    Parameters
    ----------
    frontier : bool
        Measure every point: the selected family is fitted again, fold by fold, for most of them. Off by default, because
        it takes longer than all other training.
    attribute : str, optional
        The audited attribute that reweighing, exponentiated gradient and thresholds by group look at; by default the first.
    capacities : tuple of float
        Offers at one index date that there might be instead, as shares of those eligible.
    exponentiated_gradient : bool
        Add that point; needs ``pip install riskmodel[fairness]``.
    rounds : int
        The most rounds of exponentiated gradient; each takes up to nine fits, mostly four.
    chosen : ChosenSpec, optional
        Without it nothing is mitigated, and the card says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frontier: bool = False
    attribute: str | None = None
    capacities: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.02, 0.03, 0.05)
    exponentiated_gradient: bool = False
    rounds: int = Field(default=5, ge=2, le=50)
    chosen: ChosenSpec | None = None


class InputAuditSpec(BaseModel):
    """What each block of inputs does: the selected family is fitted again with the block changed.

    Parameters
    ----------
    enabled : bool
        Off by default: each block costs a fit for every fold, and one more.
    carriers : int
        So many features that carry most of what gives away an audited attribute are left out together, and, for comparison,
        kept without what the groups explain of them; 0 does neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    carriers: int = Field(default=3, ge=0, le=5)


class NoSupportSpec(BaseModel):
    """What the audit's rates would be if nobody had been offered new support after the index date.

    Parameters
    ----------
    enabled : bool
        Where the data hold dated offers of support; otherwise nothing is done.
    offers : tuple of str
        Patterns of the event codes that say that support was offered.
    minimum_offered : int
        With fewer young people offered new support, nothing is estimated.
    largest_weight : float
        A row that would stand for more rows than this stands for too many: where such rows hold over a twentieth of a group's weight,
        nothing is said of the group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    offers: tuple[Annotated[str, Field(min_length=1)], ...] = Field(("SUPPORT//OFFERED//*",), min_length=1)
    minimum_offered: int = Field(default=50, ge=20)
    largest_weight: float = Field(default=20.0, ge=2.0)


class AuditSpec(BaseModel):
    """What is audited.

    Parameters
    ----------
    attributes : tuple of str
        Audited attributes; those that a cohort does not have are an error.
    intersections : tuple of tuples
        Attributes looked at together, such as ethnicity and sex.
    tolerance : ToleranceSpec
        How far a group may be from everyone else.
    chosen_by : str, optional
        Who chose the tolerances; repeated on the card.
    minimum_cell : int
        A metric that rests on fewer people is not shown at all (``suppressed``).
    minimum_outcomes : int
        A metric that compares with the outcome gets no verdict in a group with fewer people with the outcome.
    minimum_people : int
        A selection rate gets no verdict in a group with fewer people, nor the share of offers that were right in a group
        with fewer people offered support.
    mitigation : MitigationSpec
        What could be done about gaps, and what people chose to do.
    inputs : InputAuditSpec
        What each block of inputs does.
    recording : RecordingSpec
        How far records may be from what happened.
    no_support : NoSupportSpec
        What the rates would be if nobody had been offered new support.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attributes: tuple[str, ...] = ("ethnicity", "sex", "age_band", "sen", "care", "deprivation_fifth")
    intersections: tuple[Annotated[tuple[str, ...], Field(min_length=2, max_length=3)], ...] = (
        ("ethnicity", "sex"),
    )
    tolerance: ToleranceSpec = ToleranceSpec()
    chosen_by: str | None = None
    minimum_cell: int = Field(default=10, ge=5)
    minimum_outcomes: int = Field(default=50, ge=20)
    minimum_people: int = Field(default=50, ge=20)
    mitigation: MitigationSpec = MitigationSpec()
    inputs: InputAuditSpec = InputAuditSpec()
    recording: RecordingSpec = RecordingSpec()
    no_support: NoSupportSpec = NoSupportSpec()

    @model_validator(mode="after")
    def _mitigates_what_it_audits(self) -> Self:
        wanted = self.mitigation.attribute
        if wanted is not None and wanted not in self.attributes:
            raise ValueError(
                f"mitigation.attribute: '{wanted}' is not audited; {did_you_mean(wanted, self.attributes)}"
            )
        return self

    @model_validator(mode="after")
    def _measures_what_it_audits(self) -> Self:
        measured = self.recording.stop_search
        if measured is not None and measured.attribute not in self.attributes:
            raise ValueError(
                f"recording.stop_search.attribute: '{measured.attribute}' is not audited; "
                f"{did_you_mean(measured.attribute, self.attributes)}"
            )
        return self

    @property
    def mitigated(self) -> str | None:
        """The attribute that mitigation looks at; None where none is audited."""
        return self.mitigation.attribute or next(iter(self.attributes), None)
