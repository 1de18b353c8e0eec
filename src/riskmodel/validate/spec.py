"""What a study may say about splitting, validating and judging."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class SplitSpec(BaseModel):
    """How young people are divided into those a model learns from and those it is judged on.

    Parameters
    ----------
    design : str
        ``temporal``: early index dates of the first arm train, the latest index dates test.
        ``cross_validation``: everyone trains and is judged out of fold; nothing is kept for a test.
    reason : str, optional
        Why dated records are not split by time. Required for ``cross_validation`` when a cohort has more than
        one index date, and repeated on the card.
    second_arm_share : float
        Share of households that the model never sees in training.
    salt : str
        Mixed into the hash that deals households to arms; another salt deals another way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Literal["temporal", "cross_validation"] = "temporal"
    reason: str | None = Field(default=None, min_length=10)
    second_arm_share: Share = 0.25
    salt: str = "riskmodel"


class LeakSpec(BaseModel):
    """When one feature is too good to be true; the method is described in ``leaks.py``.

    Parameters
    ----------
    bound : float
        A feature whose AUROC alone is surely above this is named.
    suspicious : float
        A feature that is surely above this, alone and among people alike in everything else, is named if it also
        keeps ``retained`` of its strength there and the others explain less than ``explained`` of it.
    suspicious_if_unrelated : float
        Stands for ``suspicious`` where being unexplained is nothing special, because at least half of all features are.
    retained, explained : float
        See above.
    among_alike : float
        A feature that is surely above this among people alike in everything else is named, whatever explains it. An
        honest count of earlier cases reaches .67 there on real records (``experiments/catalonia``).
    minimum_outcomes : int
        With fewer people with the outcome nothing is judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bound: Share = 0.85
    suspicious: Share = 0.58
    suspicious_if_unrelated: Share = 0.65
    retained: Share = 0.80
    explained: Share = 0.02
    among_alike: Share = 0.68
    minimum_outcomes: int = Field(default=50, ge=20)


class ValidateSpec(BaseModel):
    """How performance is measured.

    Parameters
    ----------
    replicates : int
        Bootstrap resamples of subjects.
    thresholds : tuple of float
        Risks at which net benefit is stated; the first is the one in the metrics table.
    capacities : tuple of float
        Shares of young people for whom there might be an offer at each index date, at which precision and recall are
        shown beside the study's own capacity.
    leaks : LeakSpec
        When a feature is named as a possible leak.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicates: int = Field(default=2000, ge=100, le=20_000)
    thresholds: tuple[Share, ...] = Field(default=(0.05, 0.01, 0.02, 0.03, 0.1, 0.15, 0.2), min_length=1)
    capacities: tuple[Share, ...] = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    leaks: LeakSpec = LeakSpec()

    @field_validator("thresholds", "capacities")
    @classmethod
    def _different(cls, value: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"{info.field_name} must differ from one another")
        return value
