"""Identities by hand: a folder of agencies' files, with a few people in it."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("key", "forename", "surname", "birth_date", "sex", "postcode", "upn", "nhs_number")
# Right check letters and digits, worked out by hand: 099000000001 has weights 3*9 + 4*9 + 13*1 = 76 = 7 mod 23 -> H.
UPN = "H099000000001"
UPN_2 = "X099000000002"
NHS = "9434765919"  # the example of the NHS data dictionary
NHS_2 = "9434765870"


def person(key: str, forename: str = "Tamsa", surname: str = "Belford", **other: str) -> dict[str, str]:
    """Return one record; what is not said is the same as in every other."""
    row = {
        "key": key,
        "forename": forename,
        "surname": surname,
        "birth_date": "2010-03-17",
        "sex": "F",
        "postcode": "ZZ1 1AL",
        "upn": "",
        "nhs_number": "",
    }
    return {**row, **other}


def write_folder(folder: Path, **agencies: list[dict[str, str]]) -> Path:
    """Write one file an agency."""
    folder.mkdir(parents=True, exist_ok=True)
    for agency, rows in agencies.items():
        with (folder / f"{agency}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder
