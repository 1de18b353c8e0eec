"""What a study may say about models and about how many offers of support can be made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Family = Literal["count", "prior", "logistic", "ebm", "xgboost"]
TunedFamily = Literal["logistic", "ebm", "xgboost"]
CalibrationKind = Literal["none", "sigmoid", "beta", "isotonic"]
CalibrationSetting = Literal["auto", "none", "sigmoid", "beta", "isotonic"]
Recalibrate = Literal["none", "latest_training_date"]

SIMPLEST_FIRST: tuple[Family, ...] = ("prior", "count", "logistic", "ebm", "xgboost")
"""The order of simplicity that selection uses: one variable, a count, a short sum, a long sum, trees."""

CURVES_SIMPLEST_FIRST: tuple[CalibrationKind, ...] = ("none", "sigmoid", "beta", "isotonic")
"""No parameter, two, three, many."""

LOG_ODDS = "log-odds"


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchRange(NamedTuple):
    """Where tuning looks for a setting: both ends included, evenly in its logarithm if ``log``; whole numbers if both ends are."""

    low: float
    high: float
    log: bool = False


SearchSpace = Mapping[str, SearchRange]


class CountSpec(_Spec):
    """``count``: how many risk factors are present.

    Parameters
    ----------
    lookback : str
        Which window of the features counts as present, such as ``365d``.
    """

    lookback: str = Field(default="365d", min_length=1)


class PriorSpec(_Spec):
    """``prior``: the same harm, or another single number, in the past.

    Parameters
    ----------
    features : tuple of str
        Columns that are added up; a missing value adds nothing. Needed as soon as the family is used.
    """

    features: tuple[str, ...] = ()


class LogisticSpec(_Spec):
    """``logistic``: a short sum of yes-or-no columns.

    Parameters
    ----------
    max_parameters : int
        The most columns and intercept together.
    max_bins : int
        The most bins that one feature is cut into.
    l1_ratio : float
        Share of the elastic net's penalty that is the absolute one; the rest is the squared one.
    ridge : float
        Squared penalty of the last, exact fit. 0.1 stands for a prior standard deviation of about 3 in log-odds: it
        only stops a column without any outcome from running to minus infinity.
    min_people : int
        Fewest people in a bin.
    """

    # How many columns are used is not searched: BIC decides it within the study's limit.
    search: ClassVar[SearchSpace] = MappingProxyType(
        {
            "max_bins": SearchRange(2, 8),
            "l1_ratio": SearchRange(0.5, 1.0),
            "ridge": SearchRange(0.01, 10.0, log=True),
        }
    )

    max_parameters: int = Field(default=30, ge=2, le=100)
    max_bins: int = Field(default=5, ge=2, le=10)
    l1_ratio: float = Field(default=0.9, gt=0, le=1)
    ridge: float = Field(default=0.1, gt=0)
    min_people: int = Field(default=10, ge=10)


class EbmSpec(_Spec):
    """``ebm``: explainable boosting machine, one curve per feature and, if wanted, tables of two.

    Parameters
    ----------
    max_bins : int
        The most bins that one feature is cut into.
    min_people : int
        Fewest people in a bin; smaller ones are merged, because bins disclose.
    bags : int
        How many models, each stopped early on its own held-out 15%, are averaged.
    learning_rate : float
    max_rounds : int
        The most rounds over all features.
    early_stopping_rounds : int
        Rounds without improvement before a bag stops.
    rows_per_rare : int
        Rows without the outcome that are kept for each row with it (or the other way round, when the outcome is the
        more common one); the kept ones stand for all by their weight.
    interactions : int
        The most pairs of features that are also looked at together. Cells of a pair's table hold at least
        ``min_people`` people, like bins.
    """

    # Rounds are not searched: early stopping finds their number.
    search: ClassVar[SearchSpace] = MappingProxyType(
        {
            "max_bins": SearchRange(6, 48, log=True),
            "learning_rate": SearchRange(0.005, 0.06, log=True),
            "early_stopping_rounds": SearchRange(20, 120, log=True),
        }
    )

    max_bins: int = Field(default=16, ge=2, le=256)
    min_people: int = Field(default=10, ge=10)
    bags: int = Field(default=2, ge=1, le=16)
    learning_rate: float = Field(default=0.015, gt=0, le=1)
    max_rounds: int = Field(default=2000, ge=1)
    early_stopping_rounds: int = Field(default=50, ge=1)
    rows_per_rare: int = Field(default=6, ge=1)
    interactions: int = Field(default=0, ge=0, le=20)


class XGBoostSpec(_Spec):
    """``xgboost``: shallow boosted trees, monotone where the catalogue gives a direction.

    Parameters
    ----------
    depth : int
        Depth of a tree. Depth 6 would cost about 34 times depth 3 to explain.
    rounds : int
        The most trees. How many are grown is chosen on a fold of later dates and other households, then all rows are
        learned from with that number; see ``models/stopping.py``.
    patience : int
        Trees without improvement on that fold before it stops; 0 grows all of them, whatever the fold says.
    learning_rate : float
    min_information : float
        Least information (sum of weight x risk x (1 - risk)) in a leaf. As risk x (1 - risk) is at most 1/4, a leaf
        holds at least four times as many rows of weight 1.
    ridge : float
        Squared penalty on leaf values.
    max_bins : int
        Bins per feature for the histogram method.
    engine : str
        ``local`` or ``spark``: where the trees are grown. Both give the same JSON.
    """

    # Depth stays where it can be explained; trees are not searched, because early stopping finds their number.
    search: ClassVar[SearchSpace] = MappingProxyType(
        {
            "depth": SearchRange(1, 4),
            "learning_rate": SearchRange(0.02, 0.2, log=True),
            "min_information": SearchRange(1.0, 40.0, log=True),
            "ridge": SearchRange(0.1, 30.0, log=True),
        }
    )

    depth: int = Field(default=3, ge=1, le=4)
    rounds: int = Field(default=400, ge=1, le=2000)
    patience: int = Field(default=15, ge=0, le=200)
    learning_rate: float = Field(default=0.08, gt=0, le=1)
    min_information: float = Field(default=5.0, ge=0)
    ridge: float = Field(default=1.0, ge=0)
    max_bins: int = Field(default=32, ge=2, le=256)
    engine: Literal["local", "spark"] = "local"


class UncertaintySpec(_Spec):
    """How the interval of each risk estimate is made; it is of the rate among people with such scores, at 95%.

    Parameters
    ----------
    method : str
        ``monotone``: from the out-of-fold scores of the one model, assuming only that risk rises with the score; costs
        next to nothing. ``bagged``: the selected family is fitted again ``bags`` times on resampled households, and the
        other families have no intervals. ``none``: no intervals.
    bags : int
        Refits of ``bagged``.
    """

    method: Literal["monotone", "bagged", "none"] = "monotone"
    bags: int = Field(default=20, ge=10, le=200)


class AbstainSpec(_Spec):
    """When a record is too thin: decided by what could not be read, never by the outcome or an audited attribute.

    Parameters
    ----------
    most_missing : float, optional
        No estimate is given, and no offer made, where more than this share of what a model relies on could not be read
        (each feature weighted by how much it moves scores). Null: an estimate is always given.
    """

    most_missing: float | None = Field(default=0.75, gt=0, lt=1)


class TuningFairnessSpec(_Spec):
    """A limit that tuned settings must keep: groups may differ by no more than a tolerance.

    The attributes are looked at when offers have been made, and never enter a model. Settings over the limit cannot be
    chosen. The limit is on the difference as measured while tuning; whether the chosen model keeps it, the audit says.

    Parameters
    ----------
    attributes : tuple of str
        Of those that the study audits.
    metric : str
        ``tpr``: of those who came to harm, the share who would be offered support. ``selection_rate``: the share offered
        support.
    tolerance : float
        Largest difference between a group and everyone else.
    minimum_people : int
        A group is compared if it, and everyone else, hold so many people (with the outcome, for ``tpr``). Without
        such a group the limit cannot be judged; tuning goes on without it and says so.
    """

    attributes: tuple[str, ...] = Field(min_length=1)
    metric: Literal["tpr", "selection_rate"] = "tpr"
    tolerance: float = Field(default=0.05, gt=0, lt=1)
    minimum_people: int = Field(default=50, ge=10)


class TuningSpec(_Spec):
    """Whether settings of the families are searched for, and with what budget. Off by default; needs Optuna.

    Parameters
    ----------
    trials : int
        Settings that each search tries at most, the study's own among them. A family is searched once for each fold, on
        the other folds, and once on all training rows: ``models.folds + 1`` searches. 0: nothing is tuned.
    minutes : float, optional
        About so many minutes in all, divided equally among the searches; each tries the study's own settings at least.
        What is found then depends on the speed of the machine; with ``trials`` alone it does not.
    families : tuple of str
        Those of them that the study fits are tuned.
    fairness : TuningFairnessSpec, optional
        Settings under which groups differ by more than this are not chosen.
    """

    trials: int = Field(default=0, ge=0, le=1000)
    minutes: float | None = Field(default=None, gt=0)
    families: tuple[TunedFamily, ...] = ("logistic", "ebm", "xgboost")
    fairness: TuningFairnessSpec | None = None


class ModelsSpec(_Spec):
    """Which families are fitted, and how.

    Parameters
    ----------
    families : tuple of str
        Any of count, prior, logistic, ebm, xgboost. Without this key all of them, but ``prior`` only if it has its
        ``features``, and ``count`` only if a feature has a direction that raises risk.
    folds : int
        Folds of the out-of-fold predictions that calibration and selection use.
    calibration : str
        ``none``, ``sigmoid``, ``beta`` or ``isotonic``; ``auto`` takes the simplest whose out-of-fold log loss is within
        one standard error of the best. Baselines, whose score is not log-odds, take sigmoid instead of none and beta.
    recalibrate : str
        ``latest_training_date`` moves every estimate of the final model by one number of log-odds, so that over the latest
        training index date as many are expected to come to harm as did. For an outcome that becomes more or less common.
    """

    families: tuple[Family, ...] = ("count", "prior", "logistic", "ebm", "xgboost")
    folds: int = Field(default=5, ge=2, le=20)
    calibration: CalibrationSetting = "auto"
    recalibrate: Recalibrate = "none"
    count: CountSpec = CountSpec()
    prior: PriorSpec = PriorSpec()
    logistic: LogisticSpec = LogisticSpec()
    ebm: EbmSpec = EbmSpec()
    xgboost: XGBoostSpec = XGBoostSpec()
    uncertainty: UncertaintySpec = UncertaintySpec()
    abstain: AbstainSpec = AbstainSpec()
    tuning: TuningSpec = TuningSpec()

    @model_validator(mode="after")
    def _families_once(self) -> Self:
        if not self.families:
            raise ValueError("families: name at least one of " + ", ".join(SIMPLEST_FIRST))
        if len(set(self.families)) != len(self.families):
            raise ValueError("families: each may be named once")
        return self

    @property
    def tuned_families(self) -> tuple[TunedFamily, ...]:
        """The families whose settings are searched for."""
        wanted = self.tuning.families if self.tuning.trials else ()
        return tuple(family for family in wanted if family in self.families)

    def with_settings(self, family: str, settings: Mapping[str, float]) -> Self:
        """Return the same with some settings of one family changed."""
        own = getattr(self, family).model_copy(update=dict(settings))
        return self.model_copy(update={family: own})

    def curves_for(self, unit: str) -> tuple[CalibrationKind, ...]:
        """Return the calibrations to choose from for a raw score in this unit, the simplest first.

        A count is no probability, so it always needs a curve of its own.
        """
        wanted = CURVES_SIMPLEST_FIRST if self.calibration == "auto" else (self.calibration,)
        if unit == LOG_ODDS:
            return wanted
        return tuple(kind for kind in wanted if kind in ("sigmoid", "isotonic")) or ("sigmoid",)


class CapacitySpec(_Spec):
    """How many offers of support can be made.

    Parameters
    ----------
    share : float
        Offers at one index date, as a share of the young people eligible then.
    repeat_days : int
        Nobody is offered support again within so many days.
    """

    share: float = Field(default=0.05, gt=0, le=1)
    repeat_days: int = Field(default=90, ge=0)
