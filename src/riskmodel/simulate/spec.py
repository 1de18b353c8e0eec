"""What a study may say about the simulated borough."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MEASURED_RATIO = 2.45
"""Searches of Black over White residents, Waltham Forest, 2020 to 2022 (data.police.uk and Census 2021)."""

LARGEST_DISTRICT = 200_000
USUAL_DISTRICT = 100_000
SMALLEST_DISTRICT = 500


class LabelShift(BaseModel):
    """From a day on, harm is recorded more or less often, as when forms, charges or trust change.

    Parameters
    ----------
    day : date
        The first day of the new practice.
    emergency : float
        What the chance is multiplied by that harm is recorded by emergency departments.
    police : float
        What the chance is multiplied by that harm is recorded by the police.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    emergency: float = Field(default=1.0, ge=0, le=2)
    police: float = Field(default=1.0, ge=0, le=2)


class ClosedService(BaseModel):
    """A service that is closed for a while: it records nothing and offers nothing.

    Parameters
    ----------
    agency : {"SUPPORT", "HEALTH", "POLICE", "YJ"}
        Whose service.
    first_day, last_day : date
        Both days are closed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agency: Literal["SUPPORT", "HEALTH", "POLICE", "YJ"]
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_day > self.last_day:
            raise ValueError(f"first_day {self.first_day} comes after last_day {self.last_day}")
        return self


class SimulateSpec(BaseModel):
    """A borough to simulate. Every default is assumed unless a source is named.

    Parameters
    ----------
    size : int
        Residents aged 5 to 17 at any time. The default is close to Waltham Forest: 45,810 aged 5 to 17
        (mid-2020 estimates).
    years : int
        Length of the extracts in years, ending on ``last_day``.
    last_day : date
        The last day that can be in the data; the last day of a month.
    prevalence : float
        Share of residents aged 10 to 17 with a *recorded* harm from violence in 12 months.
    bias : float
        How much enforcement differs between groups and areas, behaviour being equal: 0 not at all, 1 as measured (Black
        residents are stopped and searched 2.45 times as often as White ones, Waltham Forest 2020 to 2022), 2 twice the
        excess (3.9 times). The difference between areas and the lower bar for a search go with it.
    support_effect : float
        The share by which support taken up lowers harm and violence while it lasts. 0.21 is the effect of
        mentoring on violence in the Youth Endowment Fund toolkit.
    faulty_rows : float
        Share of rows in the extracts that are spoilt on purpose, so that quarantine has work to do.
    corrections : float
        Share of police, emergency, mental health and youth justice records that were first written down wrongly
        and corrected later; both versions are in the extracts.
    label_shift : LabelShift, optional
        From its ``day`` on, the chances that harm is recorded are multiplied by ``emergency`` (emergency
        departments) and by ``police``.
    closed_service : ClosedService, optional
        A service that records and offers nothing for a while: ``agency`` (SUPPORT, HEALTH, POLICE or YJ),
        ``first_day`` and ``last_day``. The manifest names the gap.
    new_school : date, optional
        The day on which a new secondary school opens.
    shards : int, optional
        How many districts, between which nobody moves, the borough is written in. By default one up to 200,000
        residents, then one for about every 100,000; in a study always one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=45_000, ge=SMALLEST_DISTRICT, le=2_000_000)
    years: int = Field(default=10, ge=2, le=15)
    last_day: date = Field(default=date(2025, 8, 31), ge=date(2015, 1, 1), le=date(2040, 12, 31))
    prevalence: float = Field(default=0.02, gt=0, le=0.05)
    bias: float = Field(default=1.0, ge=0, le=2)
    support_effect: float = Field(default=0.21, ge=0, lt=1)
    faulty_rows: float = Field(default=0.002, ge=0, le=0.05)
    corrections: float = Field(default=0.01, ge=0, le=0.2)
    label_shift: LabelShift | None = None
    closed_service: ClosedService | None = None
    new_school: date | None = None
    shards: int | None = Field(default=None, ge=1, le=100)

    @field_validator("last_day")
    @classmethod
    def _ends_a_month(cls, day: date) -> date:
        """Lives are lived month by month, so a part of a month cannot be simulated."""
        if (day + timedelta(days=1)).day != 1:
            raise ValueError("must be the last day of a month, because lives are simulated month by month")
        return day

    @model_validator(mode="after")
    def _happens_in_the_window(self) -> Self:
        days = {"new_school": self.new_school}
        if self.label_shift is not None:
            days["label_shift.day"] = self.label_shift.day
        if self.closed_service is not None:
            days["closed_service.first_day"] = self.closed_service.first_day
            days["closed_service.last_day"] = self.closed_service.last_day
        for name, day in days.items():
            if day is not None and not self.first_day < day <= self.last_day:
                raise ValueError(
                    f"{name} {day} is outside the extracts, which go from {self.first_day} to {self.last_day}"
                )
        return self

    @model_validator(mode="after")
    def _districts_are_large_enough(self) -> Self:
        if self.shards is not None and self.size < SMALLEST_DISTRICT * self.shards:
            raise ValueError(
                f"shards {self.shards} is too many for {self.size:,} residents; at most "
                f"{self.size // SMALLEST_DISTRICT}, because a district has {SMALLEST_DISTRICT} or more"
            )
        return self

    @property
    def first_day(self) -> date:
        """The first day of the extracts."""
        after = self.last_day + timedelta(days=1)
        return after.replace(year=after.year - self.years)

    @property
    def stop_ratio(self) -> float:
        """Black over White searches at this setting of ``bias``."""
        return 1 + self.bias * (MEASURED_RATIO - 1)

    @property
    def districts(self) -> int:
        """In how many districts the borough is written."""
        if self.shards is not None:
            return self.shards
        return 1 if self.size <= LARGEST_DISTRICT else -(-self.size // USUAL_DISTRICT)
