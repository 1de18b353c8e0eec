"""The children in need census: one XML file for each social care year."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from riskmodel.simulate.clock import ISO, NOT_YET, DayText, IntArray, first_day, year_ends
from riskmodel.simulate.extracts.social_care import FACTORS, Episodes
from riskmodel.tables.days import from_day

if TYPE_CHECKING:
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes
    from riskmodel.simulate.extracts.press import KeyRing, Press
    from riskmodel.simulate.recording import Scene

_ABUSE = ("NEG", "EMO", "PHY", "SAB", "MUL")
_ABUSE_REACH = np.cumsum([0.48, 0.38, 0.08, 0.03])  # England, 31 March 2024, rounded (recalled)


def write_cin_census(
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    episodes: Episodes,
    codes: EthnicCodes,
    rng: np.random.Generator,
) -> None:
    """Write ``cin_census/cin_YYYY.xml`` for each year to 31 March, and the year that is not over yet.

    An episode that is open for several years is in each of their files, each time as it stood at the year's end.
    """
    writer = _Writer(scene, keys, episodes, codes=codes, rng=rng, faulty=scene.recording.faulty_rows)
    for year, start, end in year_ends(scene.window):
        text, rows = writer.year(year, start, end)
        press.write_text(f"cin_census/cin_{year}.xml", text, rows=rows)


class _Writer:
    """Holds every episode as text, ready to be put into the files of several years."""

    def __init__(
        self,
        scene: Scene,
        keys: KeyRing,
        episodes: Episodes,
        *,
        codes: EthnicCodes,
        rng: np.random.Generator,
        faulty: float,
    ) -> None:
        self._episodes = episodes
        self._rng = rng
        self._faulty = faulty
        person = episodes.person
        n = len(person)
        day = DayText(ISO)
        self._key = keys.of("CSC", person).to_pylist()
        self._born = day.of(first_day(scene.borough.people.birth_month[person])).to_pylist()
        self._sex = np.where(scene.borough.people.male[person], "M", "F").tolist()
        self._ethnicity = codes.school(person).to_pylist()
        self._referred = day.of(episodes.start).to_pylist()
        self._assessed = episodes.start + 12 + rng.integers(0, 40, n)
        self._abuse = np.searchsorted(_ABUSE_REACH, rng.random(n)).tolist()
        self._earlier = rng.binomial(2, 0.1, n).tolist()
        self._checked = (episodes.plan_start < NOT_YET) | (~episodes.no_action & (rng.random(n) < 0.2))
        names = list(FACTORS)
        self._factors = [[names[place] for place in np.flatnonzero(row)] for row in episodes.factors]

    def year(self, year: int, start: int, end: int) -> tuple[str, int]:
        """Return one year's file and how many children are in it."""
        episodes = self._episodes
        rows = np.flatnonzero((episodes.start <= end) & (episodes.end >= start))
        owner = episodes.person[rows]
        groups = np.split(rows, np.flatnonzero(owner[1:] != owner[:-1]) + 1) if len(rows) else []
        groups.sort(key=lambda group: self._key[group[0]])
        sex_tag = "Sex" if year >= 2024 else "GenderCurrent"
        children = [self._child(group, sex_tag=sex_tag, end=end) for group in groups]
        head = (
            "<Message><Header><CollectionDetails><Collection>CIN</Collection>"
            f"<Year>{year}</Year><ReferenceDate>{from_day(end).isoformat()}</ReferenceDate></CollectionDetails>"
            "<Source><SourceLevel>L</SourceLevel><LEA>999</LEA></Source></Header><Children>\n"
        )
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            + head
            + "\n".join(children)
            + "\n</Children></Message>\n"
        )
        return text, len(children)

    def _child(self, rows: IntArray, *, sex_tag: str, end: int) -> str:
        """Return one child with the episodes of the year; a few have something wrong."""
        row = int(rows[0])
        key, born, ethnicity = self._key[row], self._born[row], self._ethnicity[row]
        details = [self._details(int(each), end) for each in rows]
        if self._rng.random() < self._faulty:
            fault = self._rng.integers(3)
            key = "C99999999" if fault == 0 else key
            born = "2010-02-31" if fault == 1 else born
            details = [*details, details[0]] if fault == 2 else details
        return (
            f"<Child><ChildIdentifiers><LAchildID>{key}</LAchildID><UPNunknown>UN4</UPNunknown>"
            f"<PersonBirthDate>{born}</PersonBirthDate><{sex_tag}>{self._sex[row]}</{sex_tag}></ChildIdentifiers>"
            f"<ChildCharacteristics><Ethnicity>{ethnicity}</Ethnicity></ChildCharacteristics>"
            f"{''.join(details)}</Child>"
        )

    def _details(self, row: int, end: int) -> str:
        """Return one episode as it stood on the last day of the year."""
        episodes = self._episodes
        closed = episodes.end[row] <= end
        closure = (
            f"<CINclosureDate>{_day(int(episodes.end[row]))}</CINclosureDate>"
            f"<ReasonForClosure>{'RC8' if episodes.no_action[row] else 'RC9'}</ReasonForClosure>"
            if closed
            else ""
        )
        need = episodes.NEEDS[episodes.need[row]]
        return (
            f"<CINdetails><CINreferralDate>{self._referred[row]}</CINreferralDate>"
            f"<ReferralSource>{episodes.SOURCES[episodes.source[row]]}</ReferralSource>"
            f"<PrimaryNeedCode>{'N0' if episodes.no_action[row] else need}</PrimaryNeedCode>{closure}"
            f"<ReferralNFA>{int(episodes.no_action[row])}</ReferralNFA>"
            f"{'' if episodes.no_action[row] else self._work(row, end)}</CINdetails>"
        )

    def _work(self, row: int, end: int) -> str:
        """Return assessment, plan, enquiry and protection plan, as far as they had happened."""
        parts = []
        assessed = int(self._assessed[row])
        if assessed <= end and assessed <= self._episodes.end[row]:
            parts.append(_assessment(int(self._episodes.start[row]), assessed, self._factors[row]))
        if self._checked[row]:
            asked = int(self._episodes.start[row]) + 3
            if asked <= end:
                parts.append(f"<Section47><S47ActualStartDate>{_day(asked)}</S47ActualStartDate></Section47>")
        if self._episodes.plan_start[row] <= end:
            parts.append(self._protection(row, end))
        return "".join(parts)

    def _protection(self, row: int, end: int) -> str:
        """Return the child protection plan."""
        closed = self._episodes.plan_end[row] <= end
        last = f"<CPPendDate>{_day(int(self._episodes.plan_end[row]))}</CPPendDate>" if closed else ""
        abuse = _ABUSE[self._abuse[row]]
        return (
            f"<ChildProtectionPlans><CPPstartDate>{_day(int(self._episodes.plan_start[row]))}</CPPstartDate>{last}"
            f"<InitialCategoryOfAbuse>{abuse}</InitialCategoryOfAbuse>"
            f"<LatestCategoryOfAbuse>{abuse}</LatestCategoryOfAbuse>"
            f"<NumberOfPreviousCPP>{self._earlier[row]}</NumberOfPreviousCPP></ChildProtectionPlans>"
        )


@cache
def _day(day: int) -> str:
    return from_day(day).isoformat()


def _assessment(start: int, authorised: int, factors: list[str]) -> str:
    """Return an assessment; code 21 says that nothing was found."""
    found = "".join(f"<AssessmentFactors>{name}</AssessmentFactors>" for name in (factors or ["21"]))
    return (
        f"<Assessments><AssessmentActualStartDate>{_day(start + 1)}</AssessmentActualStartDate>"
        f"<AssessmentAuthorisationDate>{_day(authorised)}</AssessmentAuthorisationDate>"
        f"<FactorsIdentifiedAtAssessment>{found}</FactorsIdentifiedAtAssessment></Assessments>"
    )
