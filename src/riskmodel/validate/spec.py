"""What a study may say about splitting, validating and judging."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


Design = Literal[
    "temporal",
    "rolling_origin",
    "leave_one_area_out",
    "leave_one_school_out",
    "cross_validation",
    "declared",
]


class SplitSpec(BaseModel):
    """How young people are divided into those a model learns from and those it is judged on.

    Parameters
    ----------
    design : str
        ``temporal``: early index dates of the first arm train, the latest index dates test.
        ``rolling_origin``: each later training date is judged by models that learned, on that date, from dates at least
        the horizon and the recording lag before it.
        ``leave_one_area_out``, ``leave_one_school_out``: each area (school) is judged by a model that saw nobody of it.
        Under these three a cohort's test dates are a test as well; without any, everybody is judged out of fold.
        ``cross_validation``: everyone trains and is judged out of fold; nothing is kept for a test. Outcomes are spread
        evenly over the folds.
        ``declared``: the file's own training and test rows.
        A flat table that does not say is divided by its ``side``, or else by cross-validation.
    reason : str, optional
        Why dated records are not split by time. Required when a cohort has more than one index date for
        ``cross_validation``, and for ``declared`` unless all test dates come later; repeated on the card.
    second_arm_share : float
        Share of households that the model never sees in training.
    salt : str
        Mixed into the hash that deals households to arms; another salt deals another way.
    group_people, group_outcomes : int
        Areas (schools) with fewer young people, or fewer with the outcome, are put together until they have so many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Design = "temporal"
    reason: str | None = Field(default=None, min_length=10)
    second_arm_share: Share = 0.25
    salt: str = "riskmodel"
    group_people: int = Field(default=500, ge=10)
    group_outcomes: int = Field(default=30, ge=2)


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
    permuted : float
        With outcomes dealt out at random, out-of-fold AUROC is surely below this, or the pipeline itself leaks.
    right_date_gain : float
        Features of the right date are named if their AUROC is surely so much above that of the date before, and more is
        lost from the right date to the date before than from the date after to the right one.
    spike : float
        Last events within a week of the index date may surely be at most so many times as common, against the four
        weeks before, among people with the outcome as among others.
    early_days : int
        Outcomes in the first days of the horizon, which are compared with later ones.
    early_gain : float
        Named if the AUROC for early outcomes is surely so much above that for later ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bound: Share = 0.85
    suspicious: Share = 0.58
    suspicious_if_unrelated: Share = 0.65
    retained: Share = 0.80
    explained: Share = 0.02
    among_alike: Share = 0.68
    minimum_outcomes: int = Field(default=50, ge=20)
    permuted: Share = 0.51
    right_date_gain: Share = 0.10
    spike: float = Field(default=2.0, ge=1)
    early_days: int = Field(default=30, ge=1)
    early_gain: Share = 0.10


class SampleSizeSpec(BaseModel):
    """How many people a study needs before it trains (Riley's criteria); the method is described in ``sample_size.py``.

    Parameters
    ----------
    shrinkage : float
        Coefficients may need to be shrunk to no less than this share of themselves.
    optimism : float
        The apparent Nagelkerke R2 may be so much too high.
    margin : float, optional
        The overall risk must be known within plus or minus this. By default .05 or a fifth of the risk (of
        the rarer side), whichever is smaller: .05 says nothing about a risk of .02.
    nagelkerke : float
        Anticipated Nagelkerke R2: the share of the largest possible R2 that a model will reach.
    auroc : float, optional
        Anticipated AUROC, instead of ``nagelkerke``, such as a published model's for the same outcome.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shrinkage: float = Field(default=0.9, ge=0.8, lt=1)
    optimism: float = Field(default=0.05, gt=0, le=0.2)
    margin: float | None = Field(default=None, gt=0, lt=0.5)
    nagelkerke: float = Field(default=0.15, gt=0, lt=0.9)
    auroc: float | None = Field(default=None, gt=0.5, lt=0.99)

    def margin_for(self, prevalence: float) -> float:
        """Return the margin for an overall risk."""
        return min(0.05, 0.2 * prevalence, 0.2 * (1 - prevalence)) if self.margin is None else self.margin


class RobustnessSpec(BaseModel):
    """How the trained model is tried on worse data; the method is described in ``robustness.py``.

    Parameters
    ----------
    agencies : bool
        Leave out each agency in turn.
    late : bool
        Make each agency a year late in turn; the features are built again for each, which takes a few seconds.
    wrong_codes : tuple of float
        Shares of young people for whom a set of codes is wrong.
    prevalence : tuple of float
        How many times as common the outcome is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agencies: bool = True
    late: bool = False
    wrong_codes: tuple[Share, ...] = (0.1,)
    prevalence: tuple[Annotated[float, Field(gt=0, le=10)], ...] = (0.5, 2.0)


class LearningCurveSpec(BaseModel):
    """Whether more people would help trees; the method is described in ``learning_curve.py``.

    Parameters
    ----------
    shares : tuple of float
        Shares of the households from which ``ebm`` and ``xgboost`` learn again, such as .25, .5 and .75. Each costs as many
        fits as there are folds, times ``draws``. Everybody is the last step, and costs none. Without shares nothing is asked.
    draws : int
        How often the households of each share are drawn.
    worth : float
        The smallest gain in AUROC, at the last step, that is worth having more people for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shares: tuple[Share, ...] = ()
    draws: int = Field(default=3, ge=2, le=20)
    worth: Share = 0.01

    @field_validator("shares")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise(value)):
            raise ValueError("shares must rise")
        return value


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
    sample_size : SampleSizeSpec
        When a study is called too small.
    robustness : RobustnessSpec
        How the trained model is tried on worse data.
    learning_curve : LearningCurveSpec
        Whether more people would help trees; off by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicates: int = Field(default=2000, ge=100, le=20_000)
    thresholds: tuple[Share, ...] = Field(default=(0.05, 0.01, 0.02, 0.03, 0.1, 0.15, 0.2), min_length=1)
    capacities: tuple[Share, ...] = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    leaks: LeakSpec = LeakSpec()
    sample_size: SampleSizeSpec = SampleSizeSpec()
    robustness: RobustnessSpec = RobustnessSpec()
    learning_curve: LearningCurveSpec = LearningCurveSpec()

    @field_validator("thresholds", "capacities")
    @classmethod
    def _different(cls, value: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"{info.field_name} must differ from one another")
        return value
