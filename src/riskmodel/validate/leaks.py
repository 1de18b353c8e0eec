"""The hunt for features that know the future.

A feature built from the outcome betrays itself in one of three ways.

1. *Too strong.* Alone it orders people better than anything honest does: its AUROC is surely above ``bound``.
2. *Strong and alone.* Honest risk factors hang together: they have common causes, so among people alike in
   everything else a factor loses much of its strength, and among people *without* the outcome the other factors
   say something about it. A damaged copy of the outcome does neither. It is named if it is clearly strong alone
   (``suspicious``), as strong among people whom everything else puts at the same risk (it keeps ``retained`` of it), and
   unexplained by all other features together among people without the outcome (adjusted R squared below
   ``explained``). Where half of all features are unexplained, being alone is nothing special, and the feature must be
   stronger (``suspicious_if_unrelated``).

3. *Strong among people alike.* An honest feature into which the outcome was mixed ("referred before, or harmed later") is explained by
   its honest part, so the second test passes it by. Among people whom everything else puts at the same risk it stays strong,
   which honest factors seldom do: its AUROC there is surely above ``among_alike``.

Near copies of a feature (rank correlation above .95) are not counted as "everything else", so that two copies of a
leak cannot hide each other. An honest factor that is strong and has nothing to do with any other is named as well: the
report asks a person to look, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.probe import RankDesign, auroc_interval, separation, solve
from riskmodel.validate.spec import LeakSpec
from riskmodel.validate.warning import RunWarning

Verdict = Literal["too_strong", "strong_and_alone", "strong_among_alike", "clear", "insufficient"]

CheckVerdict = Literal["clear", "suspect", "insufficient", "not_applicable"]

SINGLE_FEATURE = "single_feature"

_COPY = 0.95
_OTHERS = 20_000


@dataclass(frozen=True)
class LeakFinding:
    """What was found about one feature.

    Parameters
    ----------
    feature : str
    auroc, auroc_lower : float
        How well it orders people alone, whichever way round, and the lower end of the 95% interval.
    auroc_alike : float or None
        The same among people whom everything else puts at the same risk; None where not looked at.
    explained : float or None
        Share of it (adjusted R squared) that the other features explain among people without the outcome.
    verdict : str
    words : str
        The evidence in plain words.
    """

    feature: str
    auroc: float | None
    auroc_lower: float | None
    auroc_alike: float | None
    explained: float | None
    verdict: Verdict
    words: str


@dataclass(frozen=True)
class LeakCheck:
    """What one check of the whole study found.

    Parameters
    ----------
    name : str
        ``single_feature``, ``permuted_outcome``, ``shuffled_time``, ``last_event`` or ``early_outcomes``.
    verdict : str
    words : str
        The evidence in plain words, without a count of people.
    evidence : mapping
        The numbers behind it, JSON-ready; exact, so for the secure environment only.
    """

    name: str
    verdict: CheckVerdict
    words: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class LeakReport:
    """Findings, the strongest feature first, and what checks of the whole study found."""

    findings: tuple[LeakFinding, ...]
    checks: tuple[LeakCheck, ...] = ()

    @property
    def suspects(self) -> tuple[str, ...]:
        """Names of the features that a person must look at before anyone believes the model."""
        return tuple(one.feature for one in self.findings if one.verdict not in ("clear", "insufficient"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The evidence about each suspect, in plain words."""
        return tuple(one.words for one in self.findings if one.feature in self.suspects)

    @property
    def run_warnings(self) -> tuple[RunWarning, ...]:
        """One warning for each suspect, and one for each check that is suspect."""
        about_features = [RunWarning("leak_feature", words) for words in self.warnings]
        of_study = [one for one in self.checks if one.name != SINGLE_FEATURE and one.verdict == "suspect"]
        return (*about_features, *(RunWarning("leak_check", one.words) for one in of_study))

    def to_json(self) -> dict[str, Any]:
        """Return ``suspects``, ``findings``, ``checks`` and ``summary``."""
        return {
            "suspects": list(self.suspects),
            "findings": [asdict(one) for one in self.findings],
            "checks": [asdict(one) for one in self.checks],
            "summary": [one.words for one in self.run_warnings]
            or ["No feature was named. The hunt sees strong leaks, not every one."],
        }


def hunt_leaks(
    features: FeatureMatrix,
    outcome: npt.NDArray[np.int8],
    *,
    weight: FloatArray,
    subject_id: IntArray,
    fold: IntArray,
    spec: LeakSpec,
) -> LeakReport:
    """Look at every feature for signs that it was made from the outcome.

    Parameters
    ----------
    features : FeatureMatrix
        n rows.
    outcome : ndarray of int8, shape (n,)
    weight : ndarray of float64, shape (n,)
        Rows of weight 0 are left out; otherwise weights are not used here.
    subject_id : ndarray of int64, shape (n,)
    fold : ndarray of int64, shape (n,)
        Folds of the split; rows with -1 are left out.
    spec : LeakSpec

    Returns
    -------
    LeakReport
        One finding per feature; ``insufficient`` everywhere if too few people have the outcome.
    """
    rows = enough_rows((weight > 0) & (fold >= 0), outcome == 1)
    features, happened, fold, subject_id = (
        features.take(rows),
        outcome[rows] == 1,
        fold[rows],
        subject_id[rows],
    )
    people, others = len(np.unique(subject_id[happened])), len(np.unique(subject_id[~happened]))
    if min(people, others) < spec.minimum_outcomes:
        return LeakReport(tuple(_not_judged(name) for name in features.names))
    hunt = _Hunt(RankDesign.of(features), happened, fold, (people, others))
    suspicious = (
        spec.suspicious if hunt.typically_explained() > spec.explained else spec.suspicious_if_unrelated
    )
    findings = [_look(hunt, j, name, suspicious, spec) for j, name in enumerate(features.names)]
    return LeakReport(tuple(sorted(findings, key=lambda one: (-(one.auroc or 0.0), one.feature))))


def enough_rows(usable: BoolArray, happened: BoolArray, *, others: int = _OTHERS) -> IntArray:
    """Return every row with the outcome and an even spread of the others: more would add time and no evidence."""
    without = np.flatnonzero(usable & ~happened)
    step = max(1, -(-len(without) // others))
    return np.sort(np.concatenate([np.flatnonzero(usable & happened), without[::step]]))


def _look(hunt: _Hunt, j: int, name: str, suspicious: float, spec: LeakSpec) -> LeakFinding:
    alone = hunt.strength(j)
    low = hunt.lower(alone)
    if low > spec.bound:
        words = f"{name} alone orders people almost perfectly (AUROC {alone:.2f}): it may have been made from the outcome."
        return LeakFinding(name, alone, low, None, None, "too_strong", words)
    if low <= suspicious:
        return LeakFinding(name, alone, low, None, None, "clear", f"{name}: no sign of a leak.")
    alike, explained = hunt.strength_among_alike(j), hunt.explained_by_others(j)
    lonely = (
        hunt.lower(alike) > suspicious
        and alike - 0.5 >= spec.retained * (alone - 0.5)
        and explained < spec.explained
    )
    if not lonely and hunt.lower(alike) > spec.among_alike:
        words = (
            f"{name} orders people well (AUROC {alone:.2f}) and still does among people alike in everything else ({alike:.2f}), "
            f"which honest risk factors seldom do: part of it may have been made from the outcome."
        )
        return LeakFinding(name, alone, low, alike, explained, "strong_among_alike", words)
    if not lonely:
        return LeakFinding(
            name, alone, low, alike, explained, "clear", f"{name}: strong, but not alone: no sign of a leak."
        )
    words = (
        f"{name} orders people well (AUROC {alone:.2f}), just as well among people alike in everything else ({alike:.2f}), "
        f"and nothing else in the records explains it ({100 * explained:.1f}%): it may have been made from the outcome."
    )
    return LeakFinding(name, alone, low, alike, explained, "strong_and_alone", words)


class _Hunt:
    """Ranks, who had the outcome, and cross-products made once for all questions."""

    def __init__(
        self, design: RankDesign, happened: BoolArray, fold: IntArray, people: tuple[int, int]
    ) -> None:
        self.values, self.feature = design.values, design.feature
        self.happened, self.fold, self.people = happened, fold, people
        target = happened - happened.mean()
        held = [fold == one for one in range(int(fold.max()) + 1)]
        self.grams = np.stack([self.values[rows].T @ self.values[rows] for rows in held])
        self.crosses = np.stack([self.values[rows].T @ target[rows] for rows in held])
        without = self.values[~happened]
        self.gram_without = without.T @ without - len(without) * np.outer(
            without.mean(axis=0), without.mean(axis=0)
        )
        self.n_without = len(without)
        self.gram = self.grams.sum(axis=0)
        self.norms = np.sqrt(np.diag(self.gram))
        self.aurocs = np.array([self._both_ways(separation(column, happened)) for column in self.values.T])

    def lower(self, auroc: float) -> float:
        """Return the lower end of the 95% interval."""
        return auroc_interval(auroc, *self.people)[0]

    def strength(self, j: int) -> float:
        """Return the AUROC of a feature alone, whichever way round."""
        return float(self.aurocs[self.feature == j].max())

    def strength_among_alike(self, j: int) -> float:
        """Return the same within strata of the risk that everything else gives."""
        best, others = self._best_and_others(j)
        risk = self._risk_from(others)
        strata = int(np.clip(self.happened.sum() // 10, 5, 50))
        edges = np.quantile(risk, np.arange(1, strata) / strata)
        place = np.searchsorted(edges, risk)
        concordant, pairs = 0.0, 0.0
        for one in range(strata):
            rows = place == one
            n_pairs = float(self.happened[rows].sum()) * float((~self.happened[rows]).sum())
            if n_pairs:
                concordant += n_pairs * separation(self.values[rows, best], self.happened[rows])
                pairs += n_pairs
        return self._both_ways(concordant / pairs)

    def explained_by_others(self, j: int) -> float:
        """Return the share that the others explain among people without the outcome."""
        best, others = self._best_and_others(j)
        total = float(self.gram_without[best, best])
        if total <= 0 or len(others) == 0 or self.n_without <= len(others) + 1:
            return 0.0
        cross = self.gram_without[others, best]
        share = float(cross @ solve(self.gram_without[np.ix_(others, others)], cross)) / total
        return self._adjusted(share, len(others))

    def typically_explained(self) -> float:
        """Return the median over all features of the share that the others explain."""
        spread = np.diag(self.gram_without)
        used = np.flatnonzero(spread > 0)
        if self.n_without <= len(used) + 1:
            return 0.0
        correlation = self.gram_without[np.ix_(used, used)] / np.sqrt(np.outer(spread[used], spread[used]))
        unexplained = 1 / np.diag(solve(correlation, np.eye(len(used))))
        unexplained = unexplained[
            np.unique(self.feature[used], return_index=True)[1]
        ]  # values, not missing indicators
        return self._adjusted(1 - float(np.median(unexplained)), len(used) - 1)

    def _adjusted(self, share: float, n_columns: int) -> float:
        return max(0.0, 1 - (1 - share) * (self.n_without - 1) / (self.n_without - n_columns - 1))

    @staticmethod
    def _both_ways(auroc: float) -> float:
        return max(auroc, 1 - auroc)

    def _best_and_others(self, j: int) -> tuple[int, IntArray]:
        """Return the feature's strongest column, and the columns of everything else but near copies."""
        own = np.flatnonzero(self.feature == j)
        best = int(own[self.aurocs[own].argmax()])
        alike = np.abs(self.gram[best]) > _COPY * self.norms * self.norms[best]
        return best, np.flatnonzero(~np.isin(self.feature, np.append(self.feature[alike], j)))

    def _risk_from(self, columns: IntArray) -> FloatArray:
        """Return out-of-fold fitted values of the outcome from some columns."""
        risk = np.zeros(len(self.values))
        if len(columns) == 0:
            return risk
        gram, cross = self.gram, self.crosses.sum(axis=0)
        for one in range(len(self.grams)):
            beta = np.zeros(len(cross))
            beta[columns] = solve(
                (gram - self.grams[one])[np.ix_(columns, columns)], (cross - self.crosses[one])[columns]
            )
            rows = self.fold == one
            risk[rows] = self.values[rows] @ beta
        return risk


def _not_judged(name: str) -> LeakFinding:
    return LeakFinding(
        name, None, None, None, None, "insufficient", f"{name}: too few people with the outcome to tell."
    )
