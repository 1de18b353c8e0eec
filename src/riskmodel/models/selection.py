"""Which family to use: the simplest that is useful enough, among those that order people well enough.

Usefulness is recall at capacity: of those who came to harm, the share who would have been offered support. With few
outcomes its standard error is wide, and a single variable that orders people far worse would pass. So families are
screened first by their ordering as a whole (AUROC), which uses everybody, and only then chosen by usefulness. Both steps
allow one standard error of the paired difference (Breiman et al. 1984), out of fold; the screen also forgives what would
not matter if it were real. ``experiments/selection`` measures this rule and others on truths that are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from riskmodel.errors import DataError
from riskmodel.models.spec import SIMPLEST_FIRST
from riskmodel.tables.cohort import FloatArray

NEGLIGIBLE = 0.005
"""A difference in AUROC that would not matter: with many people, one standard error is less than that."""


@dataclass(frozen=True)
class Resampled:
    """One number of one family: its value, and its value in each resample; NaN where nobody came to harm."""

    value: float
    draws: FloatArray


@dataclass(frozen=True)
class Standing:
    """One number of one family beside the best family's.

    Parameters
    ----------
    value : float
    lower, upper : float
        95% interval over resamples.
    behind : float
        The best value minus this one; below 0 for a family that the screen left out and that would have been ahead.
    standard_error : float
        Of ``behind``, from the same resamples for both (paired); 0 for the best.
    close : bool
        ``behind`` is at most one standard error; for an ordering, or at most ``NEGLIGIBLE``.
    """

    value: float
    lower: float
    upper: float
    behind: float
    standard_error: float
    close: bool


@dataclass(frozen=True)
class FamilyStanding:
    """How one family orders people and how useful it is, each beside the best.

    Parameters
    ----------
    family : str
    ordering : Standing
        AUROC, beside the best of all families.
    utility : Standing
        Recall at capacity, beside the best of the families whose ordering is close.
    """

    family: str
    ordering: Standing
    utility: Standing

    @property
    def good_enough(self) -> bool:
        """Whether it may be chosen: close in ordering, and close in usefulness."""
        return self.ordering.close and self.utility.close


@dataclass(frozen=True)
class Selection:
    """The chosen family and how every family stands, the simplest first.

    Parameters
    ----------
    selected : str
    best : str
        The most useful of the families whose ordering is close to the best; the simplest of several.
    best_ordering : str
        The family with the highest AUROC; the simplest of several.
    families : tuple of FamilyStanding
    """

    selected: str
    best: str
    best_ordering: str
    families: tuple[FamilyStanding, ...]

    @property
    def reason(self) -> str:
        """Plain sentences that say why."""
        chosen = f"'{self.selected}' is the simplest family that does well enough in both ways."
        if self.selected == self.best:
            found = "None of those that order people well enough would find more at capacity."
        else:
            found = f"'{self.best}' would find a little more at capacity, but the difference is within one standard error."
        return " ".join([chosen, found, *self._left_out()])

    def _left_out(self) -> list[str]:
        """Name the simpler families that are useful enough and order people clearly worse."""
        simpler = self.families[: [one.family for one in self.families].index(self.selected)]
        names = [f"'{one.family}'" for one in simpler if one.utility.close and not one.ordering.close]
        if not names:
            return []
        return [
            f"Left out for ordering people clearly less well, though about as useful: {', '.join(names)}."
        ]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return {
            "selected": self.selected,
            "best": self.best,
            "best_ordering": self.best_ordering,
            "reason": self.reason,
            "families": [{**asdict(one), "good_enough": one.good_enough} for one in self.families],
        }


def select(ordering: Mapping[str, Resampled], utility: Mapping[str, Resampled]) -> Selection:
    """Choose the simplest family that is close to the best in ordering, and then in usefulness.

    Parameters
    ----------
    ordering : mapping of str to Resampled
        AUROC of each family, from out-of-fold scores.
    utility : mapping of str to Resampled
        Recall at capacity of each family, from the same scores. In both, all families share their resamples.

    Returns
    -------
    Selection

    Raises
    ------
    DataError
        If nobody in these rows came to harm, or everybody did: then nothing can be compared.
    """
    families = [family for family in SIMPLEST_FIRST if family in utility]
    if not all(np.isfinite([one.value for each in (ordering, utility) for one in each.values()])):
        raise DataError(
            expected="rows with the outcome and rows without it among the out-of-fold predictions",
            found="only one kind",
            where="selection of a family",
            next_step="Look at the outcome's codes and the index dates in the study.",
        )
    best_ordering = _best(ordering, families)
    order = {
        family: _standing(ordering[family], ordering[best_ordering], forgiven=NEGLIGIBLE)
        for family in families
    }
    best = _best(utility, [family for family in families if order[family].close])
    use = {family: _standing(utility[family], utility[best]) for family in families}
    rows = tuple(FamilyStanding(family, order[family], use[family]) for family in families)
    return Selection(next(row.family for row in rows if row.good_enough), best, best_ordering, rows)


def _best(values: Mapping[str, Resampled], families: Sequence[str]) -> str:
    """Return the family with the highest value; the simplest of several."""
    return max(families, key=lambda family: values[family].value)


def _standing(own: Resampled, best: Resampled, *, forgiven: float = 0.0) -> Standing:
    lower, upper = np.nanquantile(own.draws, [0.025, 0.975])
    behind = best.value - own.value
    error = float(np.nanstd(best.draws - own.draws, ddof=1))
    return Standing(
        own.value, float(lower), float(upper), behind, error, close=behind <= max(error, forgiven)
    )
