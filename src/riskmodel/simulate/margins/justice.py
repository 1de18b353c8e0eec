"""How the margins of justice, health and stop and search are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.simulate.margins.count import mean, ratio
from riskmodel.simulate.margins.reading import iso_days

if TYPE_CHECKING:
    from riskmodel.simulate.margins.count import Count


_NOTHING = "A no further action disposal"
_RESIDENTS = {"Black": 0.150, "White": 0.528}  # all-age Census 2021 shares, as the published rates divide
_WEAPONS = ("Offensive weapons", "Firearms")


def first_entrants(count: Count) -> float:
    """Return those aged 10 to 17 with a first caution or conviction a year, for 100,000; last three years."""
    cases = count.extracts.cases
    formal = cases.filter(pc.not_equal(cases["outcome_tier"], "COMMUNITY_RESOLUTION"))
    day = iso_days(formal["outcome_date"])
    subject = formal["subject"].to_numpy()
    good = (subject >= 0) & (day > 0)
    order = np.lexsort((day[good], subject[good]))
    ids, place = np.unique(subject[good][order], return_index=True)
    last = count.extracts.last_day
    first = day[good][order][place]
    age = count.extracts.age(ids, first)
    entrants = ((first > last - 3 * 365) & (age < 18)).sum()
    middle = count.extracts.residents(last - 548, (10, 18))
    return float(100_000 * entrants / 3 / len(middle))


def reoffended(count: Count) -> float:
    """Return, of those with an outcome, the share with another offence within 12 months of the first."""
    cases = count.extracts.cases
    subject, day, out = cases["subject"].to_numpy(), cases["day"].to_numpy(), iso_days(cases["outcome_date"])
    good = (subject >= 0) & (day > 0) & (out > 0) & (out < count.extracts.last_day - 365)
    order = np.lexsort((out[good], subject[good]))
    ids, place = np.unique(subject[good][order], return_index=True)
    first = dict(zip(ids.tolist(), out[good][order][place].tolist(), strict=True))
    again = {
        who
        for who, when in zip(subject.tolist(), day.tolist(), strict=True)
        if who in first and first[who] < when <= first[who] + 365
    }
    return ratio(float(len(again)), float(len(first)))


def injuries_per_10k(count: Count) -> float:
    """Return hospital admissions for injury a year for 10,000 residents aged 0 to 14; last three years."""
    rows = count.extracts.emergency
    last = count.extracts.last_day
    injury = pc.is_in(rows["injury_intent"], value_set=pa.array(["ASSAULT", "SELF_HARM", "ACCIDENT"]))
    rows = rows.filter(pc.and_(injury, pc.equal(rows["disposal"], "ADMITTED")))
    day, subject = rows["day"].to_numpy(), rows["subject"].to_numpy()
    age = count.extracts.age(subject, day)
    young = (day > last - 3 * 365) & (age < 15)
    return float(10_000 * young.sum() / 3 / len(count.extracts.residents(last - 548, (0, 15))))


def sharp_male(count: Count) -> float:
    """Return the share of boys and young men among attendances for assault with something sharp."""
    rows = count.extracts.emergency
    sharp = rows.filter(
        pc.and_(pc.equal(rows["injury_intent"], "ASSAULT"), pc.equal(rows["mechanism"], "SHARP"))
    )
    roll = count.extracts.roll
    ids, place = np.unique(roll["subject"].to_numpy(), return_index=True)
    male = roll["sex"].to_numpy(zero_copy_only=False)[place] == "M"
    subject = sharp["subject"].to_numpy()
    at = np.minimum(np.searchsorted(ids, subject), len(ids) - 1)
    known = ids[at] == subject
    return mean(male[at][known])


def recorded_harm(count: Count) -> float:
    """Return the share aged 10 to 17 with a recorded harm from violence in 12 months; four years before the last."""
    emergency, police = count.extracts.emergency, count.extracts.police
    assault = emergency.filter(pc.equal(emergency["injury_intent"], "ASSAULT"))
    victim = police.filter(
        pc.and_(pc.equal(police["role"], "VICTIM"), pc.equal(police["offence_class"], "VIOLENCE_INJURY"))
    )
    subject = np.concatenate([assault["subject"].to_numpy(), victim["subject"].to_numpy()])
    day = np.concatenate([assault["day"].to_numpy(), iso_days(victim["incident_date"])])
    shares = []
    for back in range(2, 6):
        index = count.extracts.last_day + 1 - 365 * back
        here = np.intersect1d(count.extracts.residents(index, (10, 18)), count.extracts.present(index + 365))
        shares.append(mean(np.isin(here, subject[(day >= index) & (day < index + 365)])))
    return mean(np.array(shares))


def _stopped(count: Count) -> npt.NDArray[np.str_]:
    seen: npt.NDArray[np.str_] = count.extracts.stops["Officer-defined ethnicity"].to_numpy(
        zero_copy_only=False
    )
    return seen


def searches_per_1000(count: Count, of: str) -> float:
    """Return searches of a group a year for 1,000 residents of it (all ages, Census 2021 shares)."""
    months = len(list((count.extracts.folder / "stop_search").glob("*.csv")))
    children = len(count.extracts.residents(count.extracts.last_day, (5, 18)))
    everyone = children * 278_428 / 45_810
    return float(1000 * (_stopped(count) == of).sum() / (months / 12) / (everyone * _RESIDENTS[of]))


def search_ratio(count: Count) -> float:
    """Return searches of Black over searches of White people, each for its residents."""
    seen = _stopped(count)
    return ratio(*(float((seen == group).sum()) / _RESIDENTS[group] for group in ("Black", "White")))


def found_share(count: Count) -> float:
    """Return the share of searches that led to an outcome."""
    return mean(count.extracts.stops["Outcome"].to_numpy(zero_copy_only=False) != _NOTHING)


def found_ratio(count: Count) -> float:
    """Return the share with an outcome of searches of Black people over that of searches of White people."""
    seen, found = _stopped(count), count.extracts.stops["Outcome"].to_numpy(zero_copy_only=False) != _NOTHING
    return ratio(mean(found[seen == "Black"]), mean(found[seen == "White"]))


def searched_for(count: Count, of: str, among: str) -> float:
    """Return the share of searches of a group that were for weapons or for drugs."""
    objects = ("Controlled drugs",) if of == "drugs" else _WEAPONS
    what = count.extracts.stops["Object of search"].to_numpy(zero_copy_only=False)[_stopped(count) == among]
    return mean(np.isin(what, objects))
