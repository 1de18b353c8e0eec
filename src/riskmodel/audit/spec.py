"""What a study says about fairness before anything is trained: groups, tolerances, and when not to judge."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
        A selection rate gets no verdict in a group with fewer people.
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
