"""Files of other forces and years, as they are published and as people spoil them, against a count with the csv module alone."""

import csv
import io
import json
import random

import pytest
from stops_kit import HEADER as COLUMNS

from riskmodel.cli import main

LAWS = (
    "Misuse of Drugs Act 1971 (section 23)", "Police and Criminal Evidence Act 1984 (section 1)",
    "Criminal Justice and Public Order Act 1994 (section 60)", "Criminal Justice Act 1988 (section 139B)",
    "Firearms Act 1968 (section 47)", "Customs and Excise Management Act 1979 (section 163)", "Crossbows Act 1987 (section 4)",
    "Hunting Act 2004 (section 8)", "Protection of Badgers Act 1992 (section 11)", "Psychoactive Substances Act 2016 (s36(2))", "",
)  # fmt: skip
OBJECTS = (
    "Controlled drugs", "Offensive weapons", "Anything to threaten or harm anyone", "Firearms", "Stolen goods",
    "Article for use in theft", "Articles for use in criminal damage", "Fireworks", "Game or poaching equipment",
    "Seals or hare coursing equipment", "Evidence of wildlife offences", "Goods on which duty has not been paid etc.",
    "Psychoactive substances", "Crossbows", "Evidence of offences under the Act", "",
)  # fmt: skip
WEAPONS = {"Offensive weapons", "Firearms", "Anything to threaten or harm anyone"}
NEW = (
    "A no further action disposal", "Community resolution", "Khat or Cannabis warning", "Penalty Notice for Disorder",
    "Summons / charged by post", "Arrest", "Caution (simple or conditional)", "",
)  # fmt: skip
OLD = (
    "Nothing found - no further action", "Suspect arrested", "Offender given drugs possession warning", "Local resolution",
    "Article found - Detailed outcome unavailable", "Suspect summonsed to court", "Offender cautioned",
    "Offender given penalty notice", "Suspected psychoactive substances seized - No further action", "False", "",
)  # fmt: skip
NOTHING = {
    "A no further action disposal", "Nothing found - no further action", "False",
    "Suspected psychoactive substances seized - No further action",
}  # fmt: skip
SAID = {
    "White": ("White - English/Welsh/Scottish/Northern Irish/British", "White - Irish (England / Wales)", "White: Irish",
              "White - Gypsy or Irish Traveller"),
    "Black": ("Black/African/Caribbean/Black British - African", "Black or Black British - Caribbean (England / Wales)",
              "Black/African/Caribbean/Black British - Any other Black/African/Caribbean background", "Caribbean (B1)"),
    "Asian": ("Asian/Asian British - Chinese", "Asian or Asian British - Any other Asian background (England / Wales)",
              "Chinese or Other - Chinese", "Pakistani (A2)"),
    "Mixed": ("Mixed/Multiple ethnic groups - White and Black Caribbean", "Mixed - White and Asian (England / Wales)"),
    "Other": ("Other ethnic group - Any other ethnic group", "Other ethnic group - Arab (England / Wales)"),
    "Not stated": ("Other ethnic group - Not stated", "Not Stated (NS)", "Not stated (NS)"),
    "Unknown": ("",),
}  # fmt: skip
GROUP_OF = {label: group for group, labels in SAID.items() for label in labels}
SEEN = ("White", "Black", "Asian", "Mixed", "Other", "")


def rows(seed, outcomes, *, n=240, flags=("True", "False", ""), date="2022-{:02d}-{:02d}T{:02d}:05:00+00:00"):
    draw = random.Random(seed)
    people = [label for labels in SAID.values() for label in labels]
    return [
        {
            "Type": draw.choices(("Person search", "Person and Vehicle search", "Vehicle search"), (8, 3, 1))[0],
            "Date": date.format(draw.randint(1, 2), draw.randint(1, 28), draw.randint(0, 23)),
            "Part of a policing operation": draw.choice(flags), "Policing operation": draw.choice(("", "Op Sceptre, phase 2")),
            "Latitude": draw.choice(("", "51.515517")), "Longitude": draw.choice(("", "-0.099001")),
            "Gender": draw.choice(("Male", "Female", "Other", "")),
            "Age range": draw.choice(("under 10", "10-17", "18-24", "25-34", "over 34", "")),
            "Self-defined ethnicity": draw.choice(people), "Officer-defined ethnicity": draw.choice(SEEN),
            "Legislation": draw.choice(LAWS), "Object of search": draw.choice(OBJECTS), "Outcome": draw.choice(outcomes),
            "Outcome linked to object of search": draw.choice(flags),
            "Removal of more than just outer clothing": draw.choice(flags),
        }
        for _ in range(n)
    ]  # fmt: skip


def text(found, *, columns=COLUMNS, end="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator=end, quoting=quoting)
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def without(*names):
    return [column for column in COLUMNS if column not in names]


OPTIONAL = ("Outcome linked to object of search", "Removal of more than just outer clothing", "Part of a policing operation",
            "Policing operation", "Latitude", "Longitude", "Gender", "Age range")  # fmt: skip
FILES = {
    "2022-01-city-of-london": text(rows(1, NEW)).encode(),
    "2023-07-essex": ("\ufeff" + text(rows(2, NEW), end="\r\n", quoting=csv.QUOTE_ALL)).encode(),
    "2015-03-lancashire": text(rows(3, OLD), columns=without(*OPTIONAL)).encode(),
    "2016-11-north-wales": text(rows(4, (*OLD, "false"), flags=("true", "false", "")))
    .replace("\n", "\n\n")
    .encode(),
    "2020-05-west-yorkshire": text(rows(5, NEW, date="2020-{:02d}-{:02d}T{:02d}:00:00")).encode(),
    "2021-02-avon": text(
        [{**row, "Object of search": row["Object of search"].upper() + " "} for row in rows(6, NEW)],
        columns=COLUMNS[::-1],
    ).encode(),
}


def counted(content):
    """Count one file with the csv module; labels as this test made them, not as the package reads them."""
    lines = content.decode("utf-8-sig").splitlines()
    found = list(csv.DictReader(line for line in lines if line))
    people = [row for row in found if row["Type"] != "Vehicle search"]
    weapons = {one.casefold() for one in WEAPONS}

    def stats(mine):
        armed = [
            row for row in mine
            if row["Object of search"].strip().casefold() in weapons or "(section 60)" in row["Legislation"]
        ]  # fmt: skip
        return {
            "n": len(mine),
            "share": len(mine) / len(people),
            "weapon_share": len(armed) / len(mine) if mine else None,
            "positive_share": positive(mine),
            "positive_share_weapon": positive(armed),
        }

    groups = {"officer_defined": lambda row: row["Officer-defined ethnicity"] or "Unknown",
              "self_defined": lambda row: GROUP_OF[row["Self-defined ethnicity"]]}  # fmt: skip
    return len(people), (len(found) - len(people)), {
        definition: {
            group: stats([row for row in people if of(row) == group])
            for group in ("White", "Black", "Asian", "Mixed", "Other", "Not stated", "Unknown")
        }
        for definition, of in groups.items()
    }  # fmt: skip


def positive(mine):
    known = [row["Outcome"] for row in mine if row["Outcome"]]
    return sum(one.replace("false", "False") not in NOTHING for one in known) / len(known) if known else None


def run(capsys, *arguments):
    code = main(["stop-search", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def agrees(value, expected):
    people, vehicles, groups = expected
    assert (value["n_searches"], value["reading"]["vehicle_only"]) == (people, vehicles)
    for definition, rows_of in groups.items():
        for group, numbers in rows_of.items():
            found = value["by_ethnicity"][definition].get(group)
            if found is None:
                assert numbers["n"] == 0
                continue
            assert {name: found[name] for name in numbers} == pytest.approx(numbers), (definition, group)


@pytest.mark.parametrize("name", FILES)
def test_every_force_and_year_counts_as_the_csv_module_does(tmp_path, capsys, name):
    path = tmp_path / f"{name}-stop-and-search.csv"
    path.write_bytes(FILES[name])
    value = run(capsys, path, "--out", tmp_path / "report")
    agrees(value, counted(FILES[name]))
    page = (tmp_path / "report" / "report.html").read_text()
    assert "How the police look" in page or "how the police look" in page
    unknown = {label.strip() for labels in value["reading"]["unknown_labels"].values() for label in labels}
    assert {one.casefold() for one in unknown} <= {"seals or hare coursing equipment"}


def test_a_month_twice_is_read_once_and_two_forces_add_up(tmp_path, capsys):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "2022-01-city-of-london-stop-and-search.csv").write_bytes(
            FILES["2022-01-city-of-london"]
        )
    value = run(capsys, tmp_path)
    agrees(value, counted(FILES["2022-01-city-of-london"]))
    assert len(value["reading"]["repeated_files"]) == 1
    (tmp_path / "2015-03-lancashire-stop-and-search.csv").write_bytes(FILES["2015-03-lancashire"])
    both = run(capsys, tmp_path)
    assert both["n_searches"] == sum(
        counted(FILES[name])[0] for name in ("2022-01-city-of-london", "2015-03-lancashire")
    )


ONLY_NAMES = ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (ONLY_NAMES, "found 0 rows, none of them a search of a person"),
        ("", "a file that is no table"),
        ("Type,Date\nPerson search,2022-01-01\n", "no column Officer-defined ethnicity"),
        (text(rows(7, NEW), columns=without("Outcome")), "no column Outcome"),
        ("<html>not found</html>", "no column"),
        (ONLY_NAMES + "Vehicle search" + "," * 14 + "\n", "found 1 rows, none of them a search of a person"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_counted_are_refused(tmp_path, capsys, content, said):
    path = tmp_path / "2022-01-kent-stop-and-search.csv"
    path.write_text(content)
    assert main(["stop-search", str(path), "--json"]) == 5
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--referance", "White"], 2, "--referance"),
        (["--reference", "white"], 2, "invalid choice: 'white'"),
        (["--duplicates", "dropp"], 2, "invalid choice"),
        (["--benchmark", "young"], 2, "expected NAME=FILE"),
        (["--benchmark", "young=none.csv"], 2, "no such file: none.csv"),
        (["--population", "none.csv"], 2, "no such file: none.csv"),
        (["--area", "none.geojson"], 2, "no such file: none.geojson"),
        (["--authority", "Hackny"], 2, "no --population file was given"),
        (["--cluster", "days"], 2, "invalid choice"),
    ],
)  # fmt: skip
def test_typing_mistakes_are_told(tmp_path, capsys, words, code, said):
    path = tmp_path / "2022-01-city-of-london-stop-and-search.csv"
    path.write_bytes(FILES["2022-01-city-of-london"])
    try:
        found = main(["stop-search", str(path), *words])
    except SystemExit as left:
        found = left.code
    assert found == code
    assert said in capsys.readouterr().err
