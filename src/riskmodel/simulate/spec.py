"""What a study may say about the simulated borough."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator


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
    exposure_ratio : float
        How much more often Black than White residents are stopped and searched, behaviour being equal.
        2.45 in Waltham Forest, 2020 to 2022 (data.police.uk and Census 2021); 1 means no difference.
    support_effect : float
        The share by which support taken up lowers harm and violence while it lasts. 0.21 is the effect of
        mentoring on violence in the Youth Endowment Fund toolkit.
    faulty_rows : float
        Share of rows in the extracts that are spoilt on purpose, so that quarantine has work to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=45_000, ge=500, le=2_000_000)
    years: int = Field(default=10, ge=2, le=15)
    last_day: date = Field(default=date(2025, 8, 31), ge=date(2015, 1, 1), le=date(2040, 12, 31))
    prevalence: float = Field(default=0.02, gt=0, le=0.05)
    exposure_ratio: float = Field(default=2.45, ge=0.2, le=10)
    support_effect: float = Field(default=0.21, ge=0, lt=1)
    faulty_rows: float = Field(default=0.002, ge=0, le=0.05)

    @field_validator("last_day")
    @classmethod
    def _ends_a_month(cls, day: date) -> date:
        """Lives are lived month by month, so a part of a month cannot be simulated."""
        if (day + timedelta(days=1)).day != 1:
            raise ValueError("must be the last day of a month, because lives are simulated month by month")
        return day
