"""What matters to a model over everyone: mean size of contributions, and their spread by value, never point by point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.disclosure import Disclosure
from riskmodel.explain.spec import ExplainSpec
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions


@dataclass(frozen=True)
class Importance:
    """How much one feature, or one concept, moves the raw score on average.

    Parameters
    ----------
    kind : str
        ``feature`` or ``concept``.
    name : str
        The column name, or the concept.
    description : str
        Plain words.
    mean_absolute : float
        Weighted mean of the absolute contribution, in the model's own unit. A concept's contribution is the sum of
        its features' contributions, row by row.
    share : float or None
        ``mean_absolute`` over the sum of all entries of the same kind; None if nothing contributes.
    """

    kind: str
    name: str
    description: str
    concept: str
    mean_absolute: float
    share: float | None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        return asdict(self)


@dataclass(frozen=True)
class SpreadBin:
    """Quartiles of one feature's contributions among young people whose values are alike.

    ``value_median`` is None for the bin of people whose record cannot say. ``n_subjects`` is rounded.
    """

    value_median: float | None
    n_subjects: int
    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Spread:
    """The aggregated picture of one feature: a few bins from low values to high."""

    name: str
    description: str
    unit: str
    bins: tuple[SpreadBin, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready record."""
        return {**asdict(self), "bins": [asdict(one) for one in self.bins]}


def global_importance(
    contributions: Contributions, infos: Sequence[FeatureInfo], weight: FloatArray
) -> list[Importance]:
    """Return the mean absolute contribution by feature and by concept, largest first (features, then concepts).

    Parameters
    ----------
    contributions : Contributions
        Values of shape (n, p).
    infos : sequence of FeatureInfo
        Must hold every name in ``contributions.names``; any order.
    weight : ndarray of float64, shape (n,)
        Row weights; rows of weight 0 do not count.

    Raises
    ------
    ValueError
        If no row has weight.
    """
    by_name = {info.name: info for info in infos}
    used = [by_name[name] for name in contributions.names]
    features = _rank("feature", used, _mean_absolute(contributions.values, weight))
    concepts = list(dict.fromkeys(info.concept for info in used))
    firsts = [next(info for info in used if info.concept == concept) for concept in concepts]
    return features + _rank(
        "concept", firsts, _mean_absolute(_by_concept(contributions.values, used, concepts), weight)
    )


def spreads(
    contributions: Contributions,
    features: FeatureMatrix,
    *,
    subject_id: IntArray,
    names: Iterable[str],
    spec: ExplainSpec,
    disclosure: Disclosure,
) -> list[Spread]:
    """Return the aggregated spread of the named features: every bin stands for enough different people.

    Parameters
    ----------
    contributions : Contributions
        Values of shape (n, p).
    features : FeatureMatrix
        Values of the same rows; may hold more columns.
    subject_id : ndarray of int64, shape (n,)
        A subject with several index dates counts once in a bin.
    names : iterable of str
        Features to describe, in the order wanted.
    """
    infos = {info.name: info for info in features.infos}
    where = {name: i for i, name in enumerate(contributions.names)}
    return [
        Spread(
            name=name,
            description=infos[name].description,
            unit=infos[name].unit,
            bins=_bins(
                features.column(name), contributions.values[:, where[name]], subject_id, spec, disclosure
            ),
        )
        for name in names
    ]


def explanations(
    contributions: Contributions,
    features: FeatureMatrix,
    *,
    weight: FloatArray,
    subject_id: IntArray,
    spec: ExplainSpec,
    disclosure: Disclosure,
) -> dict[str, Any]:
    """Return one model's entry of ``explanations.json``: unit, features, concepts, pairs, and spread of the top features."""
    ranked = global_importance(contributions, features.infos, weight)
    listed = [one for one in ranked if one.kind == "feature"][: spec.listed]
    top = [one.name for one in listed[: spec.top] if one.mean_absolute > 0]
    spread = spreads(
        contributions, features, subject_id=subject_id, names=top, spec=spec, disclosure=disclosure
    )
    return {
        "unit": contributions.unit,
        "features": [one.to_json() for one in listed],
        "concepts": [one.to_json() for one in ranked if one.kind == "concept"],
        "pairs": _pairs(contributions, features.infos),
        "spread": [one.to_json() for one in spread],
    }


def _pairs(contributions: Contributions, infos: Sequence[FeatureInfo]) -> list[dict[str, Any]]:
    words = {info.name: info.description for info in infos}
    return [
        {"names": list(names), "descriptions": [words[name] for name in names]}
        for names in contributions.together
    ]


def _mean_absolute(values: FloatArray, weight: FloatArray) -> FloatArray:
    total = float(weight.sum())
    if not total > 0:
        raise ValueError("importance needs at least one row with weight")
    mean: FloatArray = (weight @ np.abs(values)) / total
    return mean


def _by_concept(values: FloatArray, used: Sequence[FeatureInfo], concepts: Sequence[str]) -> FloatArray:
    position = {concept: i for i, concept in enumerate(concepts)}
    belongs = np.zeros((len(used), len(concepts)))
    for row, info in enumerate(used):
        belongs[row, position[info.concept]] = 1.0
    summed: FloatArray = values @ belongs
    return summed


def _rank(kind: str, infos: Sequence[FeatureInfo], mean: FloatArray) -> list[Importance]:
    total = float(mean.sum())
    entries = [
        Importance(
            kind=kind,
            name=info.name if kind == "feature" else info.concept,
            description=info.description if kind == "feature" else info.concept,
            concept=info.concept,
            mean_absolute=float(size),
            share=float(size) / total if total > 0 else None,
        )
        for info, size in zip(infos, mean, strict=True)
    ]
    return sorted(entries, key=lambda one: (-one.mean_absolute, one.name))


def _bins(
    values: npt.NDArray[np.float32],
    effect: FloatArray,
    subject_id: IntArray,
    spec: ExplainSpec,
    disclosure: Disclosure,
) -> tuple[SpreadBin, ...]:
    known = ~np.isnan(values)
    groups = _merge_small(_groups(values, known, spec.bins), subject_id, disclosure.threshold)
    if _people(subject_id, ~known) >= disclosure.threshold:
        groups.append(~known)
    return tuple(_one_bin(values[rows], effect[rows], subject_id[rows], disclosure) for rows in groups)


def _groups(values: npt.NDArray[np.float32], known: BoolArray, bins: int) -> list[BoolArray]:
    """Return row masks from low to high: one per distinct value if few, else by quantiles."""
    distinct = np.unique(values[known])
    if len(distinct) <= bins:
        return [values == value for value in distinct]
    cuts = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    place = np.searchsorted(cuts, values, side="right")
    masks = [known & (place == i) for i in range(len(cuts) + 1)]
    return [mask for mask in masks if mask.any()]


def _merge_small(groups: list[BoolArray], subject_id: IntArray, threshold: int) -> list[BoolArray]:
    merged: list[BoolArray] = []
    for group in groups:
        if merged and (_people(subject_id, merged[-1]) < threshold or _people(subject_id, group) < threshold):
            merged[-1] = merged[-1] | group
        else:
            merged.append(group)
    return [group for group in merged if _people(subject_id, group) >= threshold]


def _people(subject_id: IntArray, rows: BoolArray) -> int:
    return len(np.unique(subject_id[rows]))


def _one_bin(
    values: npt.NDArray[np.float32], effect: FloatArray, subject_id: IntArray, disclosure: Disclosure
) -> SpreadBin:
    shown = disclosure.count(len(np.unique(subject_id)))
    if shown is None:
        raise AssertionError("a bin with too few people was not merged")
    low, middle, high = (round(float(q), 4) for q in np.quantile(effect, [0.25, 0.5, 0.75]))
    median = None if np.isnan(values[0]) else round(float(np.median(values)), 3)
    return SpreadBin(value_median=median, n_subjects=shown, lower=low, median=middle, upper=high)
