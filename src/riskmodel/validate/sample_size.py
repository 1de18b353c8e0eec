"""Are there enough people? Riley's criteria for an outcome that happens or does not, before anything is trained.

A model of p parameters needs so many people (Riley et al. 2019, Stat Med 38:1276; 2020, BMJ 368:m441) that

1. its coefficients need to be shrunk by no more than a tenth: ``p / ((S - 1) ln(1 - R2 / S))``, S = .9;
2. its apparent Nagelkerke R2 is at most .05 too high: the same with ``S = R2 / (R2 + .05 max R2)``;
3. the overall risk is known within a margin: ``(1.96 / margin)^2 risk (1 - risk)``.

R2 is Cox and Snell's, and its largest possible value is ``1 - exp(2 (risk ln risk + (1 - risk) ln(1 - risk)))``. Before
training nobody knows it: 15% of the largest is anticipated (Riley 2020), or what an anticipated AUROC stands for (Riley,
Van Calster and Collins 2021, Stat Med 40:859: scores normal in both groups, with one spread).

*People, not rows.* Several index dates of one person share most of what their features say, so a person counts once, as if
further dates added nothing: the careful end of what is true. Unequal weights cost more (Kish's effective number).

*Parameters.* ``prior`` and ``count`` have one. ``logistic`` may keep ``max_parameters``, its intercept among them: the number
of columns that a lasso path keeps is an unbiased estimate of its degrees of freedom, the search included (Zou, Hastie and
Tibshirani 2007, Ann Stat 35:2173). ``ebm`` has at most one for each bin but the first of each feature; small steps that stop
early use far fewer. Trees have no number. For those two the formula gives bounds: they need no fewer people than a short
logistic model does (van der Ploeg et al. 2014, BMC Med Res Methodol 14:137, found that such learners need more than ten times
as many), and between the bounds the verdict is ``open``: look at the learning curve and at the calibration slope out of fold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from riskmodel.errors import DataError
from riskmodel.models.spec import ModelsSpec
from riskmodel.tables.cohort import BoolArray, IntArray, Labels
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.spec import SampleSizeSpec
from riskmodel.validate.warning import RunWarning

Verdict = Literal["enough", "too_small", "open"]

_Z95 = 1.959963984540054
_ROWS_TO_COUNT_LEVELS = 20_000


@dataclass(frozen=True)
class Needed:
    """How many people a number of parameters needs, by criterion.

    Parameters
    ----------
    parameters : int
    shrinkage, optimism, overall_risk : int
        People needed by the three criteria.
    people : int
        The largest of the three.
    outcomes : int
        How many of them would have the outcome.
    outcomes_per_parameter : float
    """

    parameters: int
    shrinkage: int
    optimism: int
    overall_risk: int
    people: int
    outcomes: int
    outcomes_per_parameter: float


@dataclass(frozen=True)
class Supply:
    """Who there is to learn from.

    Parameters
    ----------
    rows, people, people_with_outcome : int
        Rows of weight above 0, different people in them, and those with the outcome at one date or more.
    effective_people : int
        People, less what unequal weights cost.
    prevalence : float
        Weighted share of rows with the outcome: the risk at one index date.
    """

    rows: int
    people: int
    people_with_outcome: int
    effective_people: int
    prevalence: float


@dataclass(frozen=True)
class FamilySize:
    """Whether there are enough people for one family.

    Parameters
    ----------
    family : str
    at_least : Needed
        For the fewest parameters that the family can be said to have.
    at_most : Needed or None
        For the most; None for trees, which have no such number.
    verdict : str
        ``enough`` even for the most, ``too_small`` even for the fewest, or ``open``.
    """

    family: str
    at_least: Needed
    at_most: Needed | None
    verdict: Verdict


@dataclass(frozen=True)
class SampleSizeReport:
    """What there is, what was anticipated and what each family needs.

    Parameters
    ----------
    supply : Supply
    cox_snell, nagelkerke, auroc : float
        The anticipated performance, said in three ways.
    margin : float
        Of the overall risk.
    families : tuple of FamilySize
    """

    supply: Supply
    cox_snell: float
    nagelkerke: float
    auroc: float
    margin: float
    families: tuple[FamilySize, ...]

    @property
    def verdict(self) -> Verdict:
        """``too_small`` if it is for any family; ``open`` if the formula does not decide for one."""
        found = {one.verdict for one in self.families}
        return "too_small" if "too_small" in found else "open" if "open" in found else "enough"

    @property
    def too_small(self) -> tuple[FamilySize, ...]:
        """The families for which there are too few people."""
        return tuple(one for one in self.families if one.verdict == "too_small")

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """One warning if there are too few people for a family."""
        if not self.too_small:
            return ()
        most = max(one.at_least.people for one in self.too_small)
        names = ", ".join(f"'{one.family}'" for one in self.too_small)
        words = (
            f"The study is too small for {names}: about {_rounded(self.supply.effective_people)} people to learn from, where at least "
            f"{rounded_up(most)} are needed (Riley's criteria)."
        )
        return (RunWarning("sample_size", words),)

    def require_enough(self) -> None:
        """Refuse a study that is too small.

        Raises
        ------
        DataError
            Naming the families, what they need, and what there is.
        """
        if not self.too_small:
            return
        most = max(self.too_small, key=lambda one: one.at_least.people)
        raise DataError(
            expected=f"at least {rounded_up(most.at_least.people)} people to learn from, which '{most.family}' with {most.at_least.parameters} parameters needs",
            found=f"about {_rounded(self.supply.effective_people)}",
            where="sample size",
            next_step="Add people or index dates with other people, choose a more common outcome, allow fewer parameters, or leave out --strict.",
        )

    def to_json(self) -> dict[str, Any]:
        """Return what ``sample_size.json`` holds."""
        return {"verdict": self.verdict, **asdict(self)}


def sample_size(
    features: FeatureMatrix, labels: Labels, subject_id: IntArray, *, models: ModelsSpec, spec: SampleSizeSpec
) -> SampleSizeReport:
    """Judge whether the training rows hold enough people for the families of a study.

    Parameters
    ----------
    features : FeatureMatrix
        n training rows; only how many levels each feature has is looked at.
    labels : Labels
        Of the same rows; those of weight 0 are left out.
    subject_id : ndarray of int64, shape (n,)
    models : ModelsSpec
    spec : SampleSizeSpec

    Returns
    -------
    SampleSizeReport

    Raises
    ------
    DataError
        If nobody has the outcome, or everybody has.
    """
    supply = _supply(labels, subject_id)
    largest = largest_cox_snell(supply.prevalence)
    cox_snell = (
        spec.nagelkerke * largest if spec.auroc is None else cox_snell_of_auroc(spec.auroc, supply.prevalence)
    )
    margin = spec.margin_for(supply.prevalence)
    families = tuple(
        _judge(family, bounds, supply, cox_snell, spec)
        for family, bounds in parameters(features, labels.weight > 0, models).items()
    )
    auroc = spec.auroc if spec.auroc is not None else auroc_of_cox_snell(cox_snell, supply.prevalence)
    return SampleSizeReport(supply, cox_snell, cox_snell / largest, auroc, margin, families)


def needed(n_parameters: int, prevalence: float, cox_snell: float, spec: SampleSizeSpec) -> Needed:
    """Return how many people so many parameters need.

    Parameters
    ----------
    n_parameters : int
        Without the intercept.
    prevalence : float
        Share with the outcome, between 0 and 1.
    cox_snell : float
        Anticipated R2 of Cox and Snell.
    spec : SampleSizeSpec
    """
    most_shrunk = cox_snell / (cox_snell + spec.optimism * largest_cox_snell(prevalence))
    margin = spec.margin_for(prevalence)
    by_shrinkage = _people_for(n_parameters, spec.shrinkage, cox_snell)
    by_optimism = _people_for(n_parameters, most_shrunk, cox_snell)
    by_risk = math.ceil((_Z95 / margin) ** 2 * prevalence * (1 - prevalence))
    people = max(by_shrinkage, by_optimism, by_risk)
    outcomes = people * prevalence
    return Needed(
        n_parameters, by_shrinkage, by_optimism, by_risk, people, math.ceil(outcomes), outcomes / n_parameters
    )


def _people_for(n_parameters: int, shrinkage: float, cox_snell: float) -> int:
    return math.ceil(n_parameters / ((shrinkage - 1) * math.log(1 - cox_snell / shrinkage)))


def largest_cox_snell(prevalence: float) -> float:
    """Return the largest R2 of Cox and Snell that any model can reach."""
    return 1 - math.exp(2 * _log_likelihood_of_nothing(prevalence))


def cox_snell_of_auroc(auroc: float, prevalence: float) -> float:
    """Return the R2 of Cox and Snell that an AUROC stands for.

    Scores are taken to be normal with spread 1 among people with and without the outcome (Riley, Van Calster and Collins
    2021, who draw such scores; here the likelihood is integrated).

    Parameters
    ----------
    auroc : float
        Above .5 and below 1.
    prevalence : float
    """
    apart = math.sqrt(2) * NormalDist().inv_cdf(auroc)
    z = np.linspace(-8.0, 8.0 + apart, 4001)
    without = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    with_it = np.exp(-0.5 * (z - apart) ** 2) / math.sqrt(2 * math.pi)
    log_odds = math.log(prevalence / (1 - prevalence)) + apart * z - 0.5 * apart**2
    likelihood = -prevalence * with_it * np.logaddexp(0, -log_odds) - (
        1 - prevalence
    ) * without * np.logaddexp(0, log_odds)
    gained = float(np.trapezoid(likelihood, z)) - _log_likelihood_of_nothing(prevalence)
    return 1 - math.exp(-2 * gained)


def auroc_of_cox_snell(cox_snell: float, prevalence: float) -> float:
    """Return the AUROC that stands for an R2 of Cox and Snell: the inverse of ``cox_snell_of_auroc``, by halving."""
    low, high = 0.5, 1 - 1e-9
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if cox_snell_of_auroc(middle, prevalence) < cox_snell else (low, middle)
    return (low + high) / 2


def _log_likelihood_of_nothing(prevalence: float) -> float:
    return prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)


def parameters(
    features: FeatureMatrix, rows: BoolArray, models: ModelsSpec
) -> Mapping[str, tuple[int, int | None]]:
    """Return the fewest and the most parameters of each family of a study; None where there is no most.

    Parameters
    ----------
    features : FeatureMatrix
    rows : ndarray of bool, shape (n,)
        Those that count.
    models : ModelsSpec
    """
    levels = _levels(features, rows)
    short = max(1, min(models.logistic.max_parameters - 1, int((levels - 1).sum())))
    bins = max(1, int((np.minimum(levels, models.ebm.max_bins + 1) - 1).sum()))
    known: dict[str, tuple[int, int | None]] = {
        "prior": (1, 1),
        "count": (1, 1),
        "logistic": (short, short),
        "ebm": (min(short, bins), bins),
    }
    return {family: known.get(family, (short, None)) for family in models.families}


def _levels(features: FeatureMatrix, rows: BoolArray) -> IntArray:
    """Return how many levels each feature has, missing among them, in an even spread of rows."""
    used = np.flatnonzero(rows)
    used = used[:: max(1, len(used) // _ROWS_TO_COUNT_LEVELS)]
    return np.array(
        [len(np.unique(column)) for column in features.values[used].T], dtype=np.int64
    )  # NaN is one level


def _supply(labels: Labels, subject_id: IntArray) -> Supply:
    rows = labels.weight > 0
    happened = rows & (labels.outcome == 1)
    if not happened.any() or happened[rows].all():
        raise DataError(
            expected="people with the outcome and people without it to learn from",
            found=f"the same outcome in all {int(rows.sum())} rows that count",
            where="sample size",
            next_step="Look at the outcome's codes, the index dates and the training cut-off in the study.",
        )
    people, person = np.unique(subject_id[rows], return_inverse=True)
    weight = labels.weight[rows]
    mean_weight = np.bincount(person, weights=weight) / np.bincount(person)
    kish = mean_weight.sum() ** 2 / (mean_weight**2).sum()
    return Supply(
        rows=int(rows.sum()),
        people=len(people),
        people_with_outcome=len(np.unique(subject_id[happened])),
        effective_people=int(kish + 1e-6),
        prevalence=float(labels.weight[happened].sum() / weight.sum()),
    )


def _judge(
    family: str, bounds: tuple[int, int | None], supply: Supply, cox_snell: float, spec: SampleSizeSpec
) -> FamilySize:
    fewest, most = bounds
    at_least = needed(fewest, supply.prevalence, cox_snell, spec)
    at_most = None if most is None else needed(most, supply.prevalence, cox_snell, spec)
    verdict: Verdict = "open"
    if supply.effective_people < at_least.people:
        verdict = "too_small"
    elif at_most is not None and supply.effective_people >= at_most.people:
        verdict = "enough"
    return FamilySize(family, at_least, at_most, verdict)


def _rounded(people: int) -> str:
    """Return a count that may be told on a terminal or in a log."""
    return f"{5 * round(people / 5):,}"


def rounded_up(people: int) -> str:
    """Return a number of people needed to two digits, rounded up: it is worked out from a rate, and no more exact."""
    step = 10 ** max(0, len(str(people)) - 2)
    return f"{-(-people // step) * step:,}"
