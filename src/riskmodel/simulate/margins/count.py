"""One borough to be counted: its extracts, the linked pupils, and who was known to social care on a day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.simulate.margins.linked import Linked
from riskmodel.simulate.margins.reading import Extracts
from riskmodel.tables.days import from_day, to_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from riskmodel.simulate.margins.reading import Ids

_SECONDARY = ("7", "8", "9", "10", "11")


@dataclass(frozen=True)
class Count:
    """One simulated borough, ready to be counted."""

    extracts: Extracts

    @classmethod
    def of(cls, folder: Path) -> Count:
        """Return the count of a folder of extracts."""
        return cls(Extracts(folder))

    @cached_property
    def linked(self) -> Linked:
        """The pupils whom the linked tables are about."""
        return Linked(self.extracts)

    @cached_property
    def last_march(self) -> int:
        """The last 31 March in the window."""
        year = from_day(self.extracts.last_day).year
        days = (
            to_day(from_day(self.extracts.last_day).replace(year=y, month=3, day=31))
            for y in (year - 1, year)
        )
        return max(day for day in days if day <= self.extracts.last_day)

    @cached_property
    def marches(self) -> tuple[int, ...]:
        """The 31 March of the last three whole school years."""
        last = from_day(self.last_march)
        return tuple(to_day(last.replace(year=last.year - back)) for back in range(3))

    @cached_property
    def last_springs(self) -> pa.Table:
        """The rolls of the last three springs."""
        roll = self.extracts.roll
        latest = pc.max(roll["academic"]).as_py()
        kept = pc.and_(pc.equal(roll["term"], "spring"), pc.greater(roll["academic"], latest - 3))
        return roll.filter(kept)

    def in_need_on(self, day: int) -> Ids:
        """Return who was in need on a day."""
        need = self.extracts.need
        return known(need.subject[~need.no_action & (need.start <= day) & (day < need.end)])

    def protected_on(self, day: int) -> Ids:
        """Return who had a protection plan on a day."""
        need = self.extracts.need
        return known(need.subject[(need.plan_start <= day) & (day < need.plan_end)])

    def cared_for_on(self, day: int) -> Ids:
        """Return who was looked after on a day."""
        subject, start, end = self.extracts.care
        return known(subject[(start <= day) & (day < end)])

    @cached_property
    def pupil_years(self) -> Mapping[str, npt.NDArray[Any]]:
        """Pupils of secondary age in the last three school years: who they were and what happened in the year."""
        secondary = pc.is_in(self.last_springs["ncyearactual"], value_set=pa.array(_SECONDARY))
        rows = self.last_springs.filter(pc.and_(secondary, pc.greater_equal(self.last_springs["subject"], 0)))
        key = rows["subject"].to_numpy() * 10_000 + rows["academic"].to_numpy()
        out = self.extracts.exclusions
        out_key = out["subject"].to_numpy() * 10_000 + out["academic"].to_numpy()
        category = out["category"].to_numpy(zero_copy_only=False)
        suspended = np.isin(category, ("SUSP", "FIXD"))
        meals = self.extracts.school("fsmperiodsonroll")
        meals = meals.filter(pc.equal(meals["term"], "spring"))
        meal_key = meals["subject"].to_numpy() * 10_000 + meals["academic"].to_numpy()
        return {
            "suspensions": times(key, out_key[suspended]),
            "exclusions": times(key, out_key[category == "PERM"]),
            "meals": np.isin(key, meal_key),
            "male": rows["sex"].to_numpy(zero_copy_only=False) == "M",
            "provision": rows["senprovision"].to_numpy(zero_copy_only=False),
        }


def mean(values: npt.NDArray[Any]) -> float:
    """Return the mean, or not a number if there is nothing to take it of."""
    return float(values.mean()) if len(values) else float("nan")


def ratio(over: float, under: float) -> float:
    """Return one number over another, or not a number if there is none to divide by."""
    return over / under if under > 0 else float("nan")


def known(subject: Ids) -> Ids:
    """Return the subjects that are known, each once, sorted."""
    return np.unique(subject[subject >= 0])


def times(key: Ids, events: Ids) -> Ids:
    """Return how many events there are for each key."""
    unique, counts = np.unique(events, return_counts=True)
    place = np.minimum(np.searchsorted(unique, key), len(unique) - 1)
    return np.where(unique[place] == key, counts[place], 0) if len(unique) else np.zeros_like(key)
