"""How badly each agency writes identities down. Every rate is assumed unless a source is named.

Missed links are known to be more common among minority ethnic groups and in deprived areas (Bohensky and others 2010;
Hagger-Johnson and others 2017, as recalled). The rates by group below are assumed in that direction and come from
nobody's records; in deprived areas more moves, and so more old postcodes, do the same without a rate of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Desk:
    """How one agency writes identities down; every rate is a share of its records, and assumed.

    Parameters
    ----------
    keeps_up : float
        Records that show the surname and address at the last contact; the others those at the first.
    slip : float
        Typing slips in the forename, and again in the surname.
    familiar : float
        Short forms of the forename.
    wrong_birth, swapped_birth, no_birth : float
        Birth dates with one wrong digit; with day and month swapped (where that is a date); missing.
    no_postcode, no_sex, wrong_sex : float
        Missing or wrong.
    upn, nhs : float
        Records that hold the number, where the person has one. Nearly 90% of social care records held a UPN
        in the published CIN census tables, as recalled; schools and health hold their own number always.
    twice : float
        People registered twice, with two keys.
    youngest : int
        Age in years before which nobody is known here.
    capitals : bool
        Names are written in capitals.
    """

    keeps_up: float
    slip: float
    familiar: float
    wrong_birth: float
    swapped_birth: float
    no_birth: float
    no_postcode: float
    no_sex: float
    wrong_sex: float
    upn: float
    nhs: float
    twice: float = 0.0
    youngest: int = 0
    capitals: bool = False

    def worse(self, trouble: float) -> Desk:
        """Return a desk that makes so many times the errors; the numbers it holds stay as they are."""
        errors = {
            field.name: min(1.0, trouble * getattr(self, field.name))
            for field in fields(self)
            if field.name not in {"keeps_up", "upn", "nhs", "youngest", "capitals"}
        }
        return replace(self, keeps_up=max(0.0, 1 - trouble * (1 - self.keeps_up)), **errors)


# Schools and health see a birth certificate or a national register; the police and referral forms take down what
# they are told.
DESKS = {
    "EDU": Desk(0.97, 0.004, 0.010, 0.002, 0.001, 0.000, 0.004, 0.000, 0.001, 1.0, 0.0, youngest=4),
    "CSC": Desk(0.92, 0.010, 0.020, 0.006, 0.003, 0.002, 0.030, 0.004, 0.002, 0.88, 0.35),
    "CLA": Desk(0.95, 0.006, 0.012, 0.004, 0.002, 0.000, 0.050, 0.000, 0.001, 0.90, 0.60),
    "YJ": Desk(0.93, 0.012, 0.025, 0.008, 0.004, 0.001, 0.030, 0.002, 0.001, 0.30, 0.08, youngest=10),
    "HEALTH": Desk(0.90, 0.006, 0.010, 0.003, 0.002, 0.000, 0.010, 0.001, 0.001, 0.0, 1.0, twice=0.012),
    "POLICE": Desk(
        0.85, 0.020, 0.040, 0.012, 0.006, 0.010, 0.060, 0.010, 0.003, 0.0, 0.0, twice=0.018, capitals=True
    ),
    "HOUSING": Desk(0.97, 0.010, 0.015, 0.008, 0.004, 0.005, 0.000, 0.020, 0.003, 0.0, 0.0, capitals=True),
    "SUPPORT": Desk(0.95, 0.018, 0.050, 0.010, 0.005, 0.020, 0.080, 0.020, 0.003, 0.25, 0.02),
}


@dataclass(frozen=True)
class Errors:
    """All that goes wrong between a person and the record of an agency. Assumed.

    Parameters
    ----------
    desks : dict of str to Desk
        How each agency writes.
    respelt, reversed_names : ndarray of shape (5,)
        By ethnic group, in the order of ``GROUPS``: names spelt in another way that sounds the same, such as another
        way to write them in Latin letters; forename and surname in each other's place.
    other_forename : float
        Records under another forename altogether, such as a middle name.
    new_year : float
        Records that show 1 January, of children who came to the borough after their first year.
    former_upn : float
        Records outside schools that still show a former UPN, of pupils who have one.
    wrong_number, siblings_number : float
        Numbers copied with a wrong digit, or from a brother or sister, outside the agency that issued them.
    untraced : float
        Second registrations at health without an NHS number, which is why they came about.
    """

    desks: dict[str, Desk]
    respelt: npt.NDArray[np.float64]
    reversed_names: npt.NDArray[np.float64]
    other_forename: float = 0.004
    new_year: float = 0.015
    former_upn: float = 0.5
    wrong_number: float = 0.003
    siblings_number: float = 0.001
    untraced: float = 0.5

    @classmethod
    def of(cls, trouble: float) -> Errors:
        """Return the errors, so many times as common."""
        return cls(
            desks={agency: desk.worse(trouble) for agency, desk in DESKS.items()},
            respelt=np.minimum(1.0, trouble * np.array([0.008, 0.025, 0.015, 0.045, 0.045])),
            reversed_names=np.minimum(1.0, trouble * np.array([0.001, 0.003, 0.002, 0.008, 0.006])),
            other_forename=min(1.0, trouble * cls.other_forename),
            new_year=min(1.0, trouble * cls.new_year),
            wrong_number=min(1.0, trouble * cls.wrong_number),
            siblings_number=min(1.0, trouble * cls.siblings_number),
        )
