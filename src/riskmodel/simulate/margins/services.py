"""How the margins of residents, social care and schools are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.simulate.margins.count import mean, ratio
from riskmodel.simulate.margins.reading import read
from riskmodel.tables.days import from_day

if TYPE_CHECKING:
    from riskmodel.simulate.margins.count import Count
    from riskmodel.simulate.margins.reading import Ids


def residents(count: Count, of: tuple[int, int], among: tuple[int, int]) -> float:
    """Return the share of residents of some ages who are of other ages, ends included, on the last day."""
    part, whole = (
        count.extracts.residents(count.extracts.last_day, (low, high + 1)) for low, high in (of, among)
    )
    return len(part) / len(whole)


def per_10k(count: Count, of: str) -> float:
    """Return those in need, protected or looked after at the last 31 March, for 10,000 residents under 18."""
    day = count.last_march
    stock = {"need": count.in_need_on, "protection": count.protected_on, "care": count.cared_for_on}[of](day)
    return 10_000 * len(stock) / len(count.extracts.residents(day, (0, 18)))


def referrals_per_10k(count: Count) -> float:
    """Return referrals in the year to the last 31 March for 10,000 residents under 18."""
    need, day = count.extracts.need, count.last_march
    recent = (need.start > day - 365) & (need.start <= day)
    return 10_000 * float(recent.sum()) / len(count.extracts.residents(day, (0, 18)))


def re_referred(count: Count) -> float:
    """Return the share of referrals in the last year that come within 12 months of an earlier one."""
    need, day = count.extracts.need, count.last_march
    order = np.lexsort((need.start, need.subject))
    subject, start = need.subject[order], need.start[order]
    again = np.append([False], (subject[1:] == subject[:-1]) & (start[1:] - start[:-1] <= 365))
    recent = (start > day - 365) & (start <= day) & (subject >= 0)
    return mean(again[recent])


def assessment_factor(count: Count, of: str) -> float:
    """Return the share of assessed episodes with a factor found."""
    assessed = [factors for factors in count.extracts.need.factors if factors]
    return mean(np.array([of in factors for factors in assessed]))


def difficulties(count: Count, of: tuple[int, int]) -> float:
    """Return the share of strengths and difficulties scores of looked after children within a range."""
    parts = [
        read(path)["SDQ_SCORE"] for path in sorted((count.extracts.folder / "ssda903").glob("*_oc2.csv"))
    ]
    score = np.concatenate([part.drop_null().cast(pa.int64()).to_numpy() for part in parts])
    score = score[(score >= 0) & (score <= 40)]
    return mean((score >= of[0]) & (score <= of[1]))


def absent(count: Count, of: str, from_share: float) -> float:
    """Return the share of pupils in need, protected, looked after or of all who missed so much of a year."""
    subject, year, missed, _ = count.extracts.absence
    found = []
    for day in count.marches:
        here = year == from_day(day).year - 1
        whom = _status(count, of, day)
        found.append(missed[here] if whom is None else missed[here & np.isin(subject, whom)])
    return mean(np.concatenate(found) >= from_share)


def _status(count: Count, of: str, day: int) -> Ids | None:
    """Return the children of a status on a day, as the absence tables group them; None for everyone."""
    care = count.cared_for_on(day)
    protection = np.setdiff1d(count.protected_on(day), care)
    if of == "need":  # those in need who are neither protected nor looked after
        return np.setdiff1d(count.in_need_on(day), np.union1d(care, protection))
    return {"protection": protection, "care": care, "all": None}[of]


def attendance(count: Count) -> float:
    """Return the share of sessions attended in the last three school years."""
    _, year, missed, _ = count.extracts.absence
    return mean(1 - missed[year > year.max() - 3])


def provision(count: Count, of: str) -> float:
    """Return the share of pupils with support (K) or a plan (E) in the last three springs."""
    return mean(count.last_springs["senprovision"].to_numpy(zero_copy_only=False) == of)


def free_meals(count: Count) -> float:
    """Return the share of secondary pupils with free school meals in the last three years."""
    return mean(count.pupil_years["meals"])


def suspensions_per_pupil(count: Count, of: str) -> float:
    """Return suspensions (or exclusions) a secondary pupil and year."""
    return mean(count.pupil_years[of])


def suspended_in_year(count: Count) -> float:
    """Return the share of secondary pupils suspended once or more in a year."""
    return mean(count.pupil_years["suspensions"] > 0)


def suspended_ratio(count: Count, of: str) -> float:
    """Return how many times likelier than the others a kind of secondary pupil is suspended in a year."""
    rows = count.pupil_years
    those, others = {
        "meals": (rows["meals"], ~rows["meals"].astype(np.bool_)),
        "male": (rows["male"], ~rows["male"].astype(np.bool_)),
        "K": (rows["provision"] == "K", rows["provision"] == "N"),
        "E": (rows["provision"] == "E", rows["provision"] == "N"),
    }[of]
    hit = rows["suspensions"] > 0
    return ratio(mean(hit[those]), mean(hit[others]))


def reason(count: Count, of: str, category: str) -> float:
    """Return the share of suspensions or exclusions for a reason."""
    wanted = ("PERM",) if category == "PERM" else ("SUSP", "FIXD")
    rows = count.extracts.exclusions
    rows = rows.filter(pc.is_in(rows["category"], value_set=pa.array(wanted)))
    return mean(rows["reason1"].to_numpy(zero_copy_only=False) == of)
