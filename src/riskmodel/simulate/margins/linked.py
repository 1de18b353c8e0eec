"""A year group or three followed as the linked national data follow them: school, care and justice to 18.

The published tables are about pupils who reached the end of year 11, whatever happened to them before and up to
the day their records end. Here they are the pupils of year 11 in the three latest springs whose pupils have all
turned 18, if they lived here from 11 to 18 (national data follow those who move, an extract cannot).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.simulate.margins.reading import NEVER, Dated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskmodel.simulate.margins.reading import Extracts, Ids

YEARS = 3
PERSISTENT = 0.10
VIOLENT = ("VIOLENCE", "ROBBERY", "WEAPON")
GRAVE = 4
"""From this gravity on, a violent offence counts as serious (the linked data count indictable and grave ones)."""

GROUP_OF = {"W": "White", "B": "Black", "M": "Mixed", "A": "Asian", "C": "Asian", "O": "Other"}


@dataclass(frozen=True)
class Linked:
    """The linked pupils of one borough and what is recorded about each of them."""

    extracts: Extracts

    @cached_property
    def pupils(self) -> Ids:
        """Return the pupils followed, sorted."""
        roll = self.extracts.roll
        springs = roll.filter(pc.and_(pc.equal(roll["term"], "spring"), pc.equal(roll["ncyearactual"], "11")))
        latest = pc.max(roll["academic"]).as_py() - 1
        span = pc.and_(
            pc.greater_equal(springs["academic"], latest - YEARS), pc.less(springs["academic"], latest)
        )
        ids = np.unique(springs.filter(span)["subject"].to_numpy())
        return self._stayed(ids[ids >= 0])

    def _stayed(self, ids: Ids) -> Ids:
        """Keep those who lived here on their 11th birthday and on the day before their 18th."""
        subject, start, end = self.extracts.homes
        known, days = self.extracts.born
        birth = days[np.minimum(np.searchsorted(known, subject), len(known) - 1)]
        stays = [
            subject[(start <= birth + round(365.25 * age)) & (birth + round(365.25 * age) < end)]
            for age in (11.0, 17.99)
        ]
        return np.intersect1d(ids, np.intersect1d(stays[0], stays[1]))

    def first(self, factor: str) -> Ids:
        """Return the first day of a factor for each pupil, NEVER for those without it."""
        subject, day = _FACTORS[factor](self.extracts).first()
        return self._of_pupils(subject, day)

    def _of_pupils(self, subject: Ids, day: Ids) -> Ids:
        if not len(subject):
            return np.full(len(self.pupils), NEVER)
        place = np.minimum(np.searchsorted(subject, self.pupils), len(subject) - 1)
        return np.where(subject[place] == self.pupils, day[place], NEVER)

    @cached_property
    def violence(self) -> Ids:
        """Return the day of the first serious violence offence of each pupil before 18, else NEVER."""
        return self._offence(VIOLENT, GRAVE)

    @cached_property
    def offence(self) -> Ids:
        """Return the day of the first offence of any kind of each pupil before 18, else NEVER."""
        return self._offence((), 1)

    def _offence(self, categories: tuple[str, ...], gravity: int) -> Ids:
        cases = self.extracts.cases
        kept = pc.greater_equal(cases["severity"], gravity)
        if categories:
            kept = pc.and_(kept, pc.is_in(cases["offence_category"], value_set=pa.array(categories)))
        cases = cases.filter(kept)
        return self._of_pupils(*Dated(cases["subject"].to_numpy(), cases["day"].to_numpy()).first())

    @cached_property
    def group(self) -> npt.NDArray[np.str_]:
        """Return the ethnic group of each pupil as schools have it, ``Unknown`` without a usable code."""
        roll = self.extracts.roll
        springs = roll.filter(pc.and_(pc.equal(roll["term"], "spring"), pc.is_valid(roll["ethnicity"])))
        ids, place = np.unique(springs["subject"].to_numpy(), return_index=True)
        code = springs["ethnicity"].to_numpy(zero_copy_only=False)[place]
        known = dict(zip(ids.tolist(), code, strict=True))
        return np.array([group_of(known.get(subject)) for subject in self.pupils.tolist()])


def group_of(code: str | None) -> str:
    """Return the ethnic group that a school census code belongs to."""
    return "Unknown" if code in {None, "REFU", "NOBT"} else GROUP_OF[str(code)[0]]


def _roll(column: str, value: str) -> Callable[[Extracts], Dated]:
    """Return who has a value in some census, from the day of that census."""

    def rows(extracts: Extracts) -> Dated:
        roll = extracts.roll.filter(pc.equal(extracts.roll[column], value))
        return Dated(roll["subject"].to_numpy(), roll["census"].to_numpy())

    return rows


def _support_only(extracts: Extracts) -> Dated:
    """Return who is in a census with support and in none with a plan: the published groups add up to all."""
    support, plan = (_roll("senprovision", value)(extracts) for value in ("K", "E"))
    kept = ~np.isin(support.subject, plan.subject)
    return Dated(support.subject[kept], support.day[kept])


def _no_support(extracts: Extracts) -> Dated:
    """Return pupils who are never in a census with support or a plan."""
    roll = extracts.roll
    needy = roll.filter(pc.is_in(roll["senprovision"], value_set=pa.array(["K", "E"])))
    rest = np.setdiff1d(roll["subject"].to_numpy(), needy["subject"].to_numpy())
    return Dated(rest, np.ones_like(rest))


def _absent(which: int) -> Callable[[Extracts], Dated]:
    """Return who missed a tenth of a school year or more, from its 1 September."""

    def rows(extracts: Extracts) -> Dated:
        subject, year, *shares = extracts.absence
        often = shares[which] >= PERSISTENT
        start = ((year - 1970) * 12 + 8).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        return Dated(subject[often], start[often])

    return rows


def _sent_home(*categories: str) -> Callable[[Extracts], Dated]:
    """Return suspensions or exclusions of these categories."""

    def rows(extracts: Extracts) -> Dated:
        kept = extracts.exclusions.filter(
            pc.is_in(extracts.exclusions["category"], value_set=pa.array(categories))
        )
        return Dated(kept["subject"].to_numpy(), kept["day"].to_numpy())

    return rows


def _emotional(extracts: Extracts) -> Dated:
    """Return pupils with a social, emotional or mental health need, from the census that says so first."""
    needs = extracts.school("senneeds")
    needs = needs.filter(pc.equal(needs["sentype"], "SEMH"))
    return Dated(needs["subject"].to_numpy(), needs["census"].to_numpy())


def _in_need(extracts: Extracts) -> Dated:
    need = extracts.need
    return Dated(need.subject[~need.no_action], need.start[~need.no_action])


def _protected(extracts: Extracts) -> Dated:
    need = extracts.need
    planned = need.plan_start < NEVER
    return Dated(need.subject[planned], need.plan_start[planned])


def _cared_for(extracts: Extracts) -> Dated:
    subject, start, _ = extracts.care
    return Dated(subject, start)


_FACTORS: Mapping[str, Callable[[Extracts], Dated]] = {
    "male": _roll("sex", "M"),
    "free_meals": lambda extracts: extracts.dated("fsmperiodsonroll", "fsmstartdate"),
    "absence": _absent(0),
    "absence_unauthorised": _absent(1),
    "suspension": _sent_home("SUSP", "FIXD"),
    "exclusion": _sent_home("PERM"),
    "alternative_provision": lambda extracts: extracts.dated("apdetail", "apentrydate"),
    "sen_support": _support_only,
    "ehc_plan": _roll("senprovision", "E"),
    "no_sen": _no_support,
    "emotional_need": _emotional,
    "in_need": _in_need,
    "protection_plan": _protected,
    "looked_after": _cared_for,
}
