"""Small published stop-and-search files, made up row by row."""

import csv
import io
from pathlib import Path

HEADER = (
    "Type", "Date", "Part of a policing operation", "Policing operation", "Latitude", "Longitude", "Gender", "Age range",
    "Self-defined ethnicity", "Officer-defined ethnicity", "Legislation", "Object of search", "Outcome",
    "Outcome linked to object of search", "Removal of more than just outer clothing",
)  # fmt: skip
DRUGS = {"Legislation": "Misuse of Drugs Act 1971 (section 23)", "Object of search": "Controlled drugs"}
KNIVES = {
    "Legislation": "Police and Criminal Evidence Act 1984 (section 1)",
    "Object of search": "Offensive weapons",
}
NOTHING = "A no further action disposal"
PLAIN = {
    "Type": "Person search",
    "Date": "2024-03-05T12:00:00+00:00",
    "Part of a policing operation": "False",
    "Latitude": "51.5",
    "Longitude": "-0.01",
    "Gender": "Male",
    "Age range": "18-24",
    "Self-defined ethnicity": "White - Irish",
    "Officer-defined ethnicity": "White",
    **DRUGS,
    "Outcome": NOTHING,
}


def search(**changes):
    """Return one row; columns by their published names, or by short ones: who, said, outcome, date, kind."""
    short = {
        "who": "Officer-defined ethnicity",
        "said": "Self-defined ethnicity",
        "outcome": "Outcome",
        "date": "Date",
        "kind": "Type",
        "age": "Age range",
        "sex": "Gender",
        "linked": "Outcome linked to object of search",
    }
    return {**PLAIN, **{short.get(name, name): value for name, value in changes.items()}}


def as_text(rows, header=HEADER):
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(folder, rows, *, name="2024-03-sometown-stop-and-search.csv", encoding="utf-8", header=HEADER):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(rows, header), encoding=encoding, newline="")
    return path


def many(counts, *, days=20):
    """Return rows from counts: a list of (how many, how many with an arrest, changes); spread over days and places."""
    rows = []
    for n, found, changes in counts:
        for number in range(n):
            where = {"date": f"2024-03-{1 + number % days:02d}T12:{number % 60:02d}:00+00:00"}
            spot = {"Latitude": f"{51.5 + (number % 37) / 1000:.6f}"}
            outcome = "Arrest" if number < found else NOTHING
            rows.append(search(**{**where, **spot, "outcome": outcome, **changes}))
    return rows


CENSUS = "ltla21_code,ltla21_name,ethnic_group,value\n" + "".join(
    f'{code},{name},"{group} (number)",{n}\n{code},{name},"{group} (percent)",1.0\n'
    for code, name, scale in (("E09000001", "City", 1), ("E09000002", "Anyborough", 10))
    for group, n in (
        ("White: Irish", 400 * scale),
        ("White: Roma", 100 * scale),
        ("Black, Black British, Black Welsh, Caribbean or African: African", 200 * scale),
        ("Mixed or Multiple ethnic groups: White and Black African", 50 * scale),
        ("Mixed or Multiple ethnic groups: White and Asian", 30 * scale),
        ("Mixed or Multiple ethnic groups: Other Mixed or Multiple ethnic groups", 20 * scale),
        ("Asian, Asian British or Asian Welsh: Chinese", 100 * scale),
        ("Other ethnic group: Arab", 60 * scale),
    )
)
