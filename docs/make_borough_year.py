"""Draws the page "A year in the simulated borough": simulates it, takes it in, counts, and writes text and pictures.

Run by hand after a change of the simulation: ``python docs/make_borough_year.py`` (about a minute).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: nothing is shown on a screen
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from riskmodel.intake import Intake, take_in
from riskmodel.simulate import SimulateSpec, simulate
from riskmodel.tables.catalogue import load_catalogue

DOCS = Path(__file__).parent
ASSETS = DOCS / "assets" / "borough-year"
SEED = 20261122
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#00785A", "#595959"
MONTHS = {
    "Emergency visits after an assault": ("HEALTH//ED//ASSAULT",),
    "Police records of a victim of violence with injury": ("POLICE//VICTIM//VIOLENCE_INJURY",),
    "Suspensions from school": ("EDU//SUSPENSION//",),
    "Referrals to children's social care": ("CSC//REFERRAL//",),
    "Support taken up": ("SUPPORT//TAKEN_UP//",),
    "Moves of home inside the borough": ("HOME//MOVE",),
}
GROUPS = ("White", "Black", "Mixed", "Asian", "Other")
AGENCIES = {
    "HEALTH": "health",
    "POLICE": "police",
    "SUPPORT": "support services",
    "YJ": "youth justice",
    "HOME": "residents index",
}


@dataclass(frozen=True)
class Year:
    """One school year of the borough: what was recorded, and the truth beside it."""

    events: pd.DataFrame
    people: pd.DataFrame
    harm: pd.DataFrame
    violence: pd.DataFrame
    intake: Intake
    start: pd.Timestamp
    end: pd.Timestamp

    @classmethod
    def of(cls, folder: Path) -> Year:
        """Read a simulated borough: its last whole school year."""
        intake = take_in(folder / "extracts")
        events = intake.records.events.table.to_pandas()
        read = {name: pq.read_table(folder / "truth" / f"{name}.parquet").to_pandas() for name in ("people", "harm", "violence")}  # fmt: skip
        for name in ("harm", "violence"):
            read[name]["time"] = pd.to_datetime(read[name]["time"])
        people = read["people"]
        for name in ("birth_month", "from_day", "to_day"):
            people[name] = pd.to_datetime(people[name])
        return cls(
            events=events,
            people=people,
            harm=read["harm"],
            violence=read["violence"],
            intake=intake,
            start=pd.Timestamp(2024, 9, 1),
            end=pd.Timestamp(2025, 9, 1),
        )

    def in_year(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that happened in the year."""
        found: pd.DataFrame = rows[(rows["time"] >= self.start) & (rows["time"] < self.end)]
        return found

    def residents(self, ages: tuple[int, int]) -> pd.DataFrame:
        """Return who lived here in the middle of the year and was of these ages."""
        middle = self.start + pd.Timedelta(days=182)
        age = (middle - self.people["birth_month"]).dt.days / 365.25
        here = (self.people["from_day"] <= middle) & (middle < self.people["to_day"])
        found: pd.DataFrame = self.people[here & (age >= ages[0]) & (age < ages[1])]
        return found


def draw() -> None:
    """Simulate, count, draw and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "borough"
        simulate(SimulateSpec(), seed=SEED, out=folder)
        year = Year.of(folder)
    ASSETS.mkdir(parents=True, exist_ok=True)
    facts = {
        **_months(year),
        **_ages(year),
        **_seen(year),
        **_groups(year),
        **_delays(year),
        **_one_life(year),
    }
    page = (DOCS / "borough_year.md.in").read_text(encoding="utf-8").format(**facts)
    (DOCS / "explanation" / "borough-year.md").write_text(page, encoding="utf-8")


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "borough", "font.size": 10})
    figure, axes = plt.subplots(rows, columns, figsize=size, constrained_layout=True)
    for axis in np.ravel(axes):
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _keep(figure: Any, name: str) -> None:
    figure.savefig(ASSETS / f"{name}.svg", metadata={"Date": None})


def _months(year: Year) -> dict[str, str]:
    events, residents = year.in_year(year.events), len(year.residents((5, 18)))
    figure, axes = _figure(3, 2, (7.2, 6.4))
    labels = [f"{date(2024 + m // 12, m % 12 + 1, 1):%b}"[0] for m in range(8, 20)]
    found = {}
    for axis, (title, codes) in zip(np.ravel(axes), MONTHS.items(), strict=True):
        rows = events[events["code"].astype(str).str.startswith(codes)]
        month = (rows["time"].dt.year - 2024) * 12 + rows["time"].dt.month - 9
        count = np.bincount(month, minlength=12)[:12] / residents * 1000
        axis.bar(range(12), count, color=BLUE, width=0.75)
        axis.set_title(title, fontsize=9.5, loc="left")
        axis.set_xticks(range(12), labels)
        found[title] = count
    figure.supylabel("for 1,000 residents aged 5 to 17", fontsize=10)
    _keep(figure, "months")
    suspensions, referrals = (
        found[name].sum() for name in ("Suspensions from school", "Referrals to children's social care")
    )
    return {
        "residents": f"{round(residents, -3):,}",
        "suspensions": f"{suspensions:.0f}",
        "visits": f"{found['Emergency visits after an assault'].sum():.1f}",
        "referrals": f"{referrals:.0f}",
    }


def _age_of(year: Year, rows: pd.DataFrame) -> pd.Series:
    born = year.people.set_index("subject_id")["birth_month"].reindex(rows["subject_id"]).to_numpy()
    age: pd.Series = (rows["time"] - born).dt.days / 365.25
    return age


def _ages(year: Year) -> dict[str, str]:
    recorded = year.in_year(year.events)
    recorded = recorded[
        recorded["code"].astype(str).isin(["HEALTH//ED//ASSAULT", "POLICE//VICTIM//VIOLENCE_INJURY"])
    ]
    recorded = recorded.drop_duplicates(["subject_id", "time"])
    ages = range(5, 18)
    base = [len(year.residents((age, age + 1))) for age in ages]
    lines = {}
    for name, rows in (("happened", year.in_year(year.harm)), ("recorded", recorded)):
        age = _age_of(year, rows)
        lines[name] = [1000 * ((age >= a) & (age < a + 1)).sum() / n for a, n in zip(ages, base, strict=True)]
    figure, axis = _figure(1, 1, (7.2, 3.4))
    axis.plot(ages, lines["happened"], color=ORANGE, marker="s", label="happened (nobody knows this number)")
    axis.plot(
        ages,
        lines["recorded"],
        color=BLUE,
        marker="o",
        label="recorded by an emergency department or the police",
    )
    axis.set_xlabel("age")
    axis.set_ylabel("harms for 1,000 young people")
    axis.set_ylim(0)
    axis.legend(frameon=False)
    _keep(figure, "ages")
    return {
        "harm_at_10": f"{lines['happened'][5]:.0f}",
        "harm_at_16": f"{lines['happened'][11]:.0f}",
        "recorded_at_16": f"{lines['recorded'][11]:.0f}",
    }


def _near(rows: pd.DataFrame, other: pd.DataFrame, days: int = 3) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return for each row whether the other table holds the same subject within some days."""
    left = rows.reset_index(drop=True).rename_axis("row").reset_index().sort_values("time")
    right = other[["subject_id", "time"]].sort_values("time").assign(hit=True)
    joined = pd.merge_asof(left, right, on="time", by="subject_id", direction="nearest", tolerance=pd.Timedelta(days=days))  # fmt: skip
    return joined.sort_values("row")["hit"].fillna(False).to_numpy(dtype=bool)


def _seen(year: Year) -> dict[str, str]:
    harm = year.in_year(year.harm)
    age = _age_of(year, harm)
    harm = harm[(age >= 10) & (age < 18)].astype({"time": "datetime64[us]"})
    code = year.events["code"].astype(str)
    emergency = _near(harm, year.events[code == "HEALTH//ED//ASSAULT"])
    police = _near(harm, year.events[code == "POLICE//VICTIM//VIOLENCE_INJURY"])
    parts = {
        "emergency only": emergency & ~police,
        "both": emergency & police,
        "police only": police & ~emergency,
        "nobody": ~emergency & ~police,
    }
    share = {name: 100 * part.mean() for name, part in parts.items()}
    figure, axis = _figure(1, 1, (7.2, 1.9))
    left = 0.0
    for (name, width), colour in zip(share.items(), (BLUE, GREEN, "#56B4E9", "#D9D9D9"), strict=True):
        axis.barh(0, width, left=left, color=colour)
        ink = "white" if colour in (BLUE, GREEN) else "black"
        axis.text(
            left + width / 2,
            0,
            f"{name}\n{width:.0f}",
            ha="center",
            va="center",
            color=ink,
            fontsize=9.5,
        )
        left += width
    axis.set_xlim(0, 100)
    axis.set_yticks([])
    axis.set_xlabel("of 100 times a young person aged 10 to 17 was harmed, so many are known to ...")
    _keep(figure, "seen")
    return {
        "unseen": f"{share['nobody']:.0f}",
        "police_all": f"{share['police only'] + share['both']:.0f}",
        "emergency_all": f"{share['emergency only'] + share['both']:.0f}",
    }


def _groups(year: Year) -> dict[str, str]:
    residents = year.residents((10, 18))
    group = year.people.set_index("subject_id")["ethnicity"]
    code = year.events["code"].astype(str)
    done = year.violence[year.violence["time"] >= year.start - pd.DateOffset(years=4)]
    suspects = year.events[
        code.str.startswith("POLICE//SUSPECT//VIOLENCE")
        & (year.events["time"] >= year.start - pd.DateOffset(years=4))
    ]
    counts = residents["ethnicity"].value_counts()
    rates = {}
    for name, rows in (("done", done), ("suspects", suspects)):
        age = _age_of(year, rows)
        teens = rows["subject_id"][(age >= 10) & (age < 18)]
        by = group.reindex(teens).value_counts()
        rates[name] = [1000 * by.get(g, 0) / counts[g] / 5 for g in GROUPS]
    figure, axes = _figure(1, 2, (7.2, 3.0))
    panels = (("done", "Violence done (truth)", GREEN), ("suspects", "Recorded as a suspect of it", ORANGE))
    for axis, (name, title, colour) in zip(axes, panels, strict=True):
        axis.barh(range(len(GROUPS)), rates[name][::-1], color=colour)
        axis.set_yticks(range(len(GROUPS)), GROUPS[::-1])
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("a year, for 1,000 aged 10 to 17")
    _keep(figure, "groups")
    ratio = {name: rates[name][1] / rates[name][0] for name in rates}
    return {"ratio_done": f"{ratio['done']:.2f}", "ratio_suspects": f"{ratio['suspects']:.2f}"}


def _delays(year: Year) -> dict[str, str]:
    rows = year.events[year.events["known_basis"].astype(str) == "recorded"]
    figure, axis = _figure(1, 1, (7.2, 3.2))
    late = {}
    styles = (
        (BLUE, "-"),
        (ORANGE, "--"),
        (GREEN, ":"),
        (GREY, "-."),
        ("#CC79A7", "-"),
    )
    for (agency, words), (colour, style) in zip(AGENCIES.items(), styles, strict=True):
        days = (rows["known_time"] - rows["time"]).dt.days[rows["agency"].astype(str) == agency]
        x = np.arange(181)
        known = 100 * np.searchsorted(np.sort(days.to_numpy()), x, side="right") / len(days)
        axis.plot(x, known, color=colour, linestyle=style, label=words)
        late[agency] = 100 - known[30]
    axis.set_xlabel("days since it happened")
    axis.set_ylabel("of 100 events, so many are known")
    axis.set_ylim(0, 101)
    axis.legend(frameon=False, loc="lower right")
    _keep(figure, "delays")
    return {"late_yj": f"{late['YJ']:.0f}", "late_police": f"{late['POLICE']:.0f}"}


def _in_words(code: str) -> str:
    return load_catalogue().lookup(code).description


def _one_life(year: Year) -> dict[str, str]:
    """Draw the records of one invented young person, known to many agencies: the shortest list of ten or more."""
    rows = year.in_year(year.events)
    rows = rows[~rows["code"].astype(str).str.startswith(("EDU//SESSIONS", "EDU//ABSENCE", "AREA", "MEDS"))]
    known = rows.groupby("subject_id").agg(agencies=("agency", "nunique"), events=("code", "size"))
    known = known[known["events"].between(10, 18)].sort_values(["agencies", "events"], ascending=[False, True], kind="stable")  # fmt: skip
    subject, agencies = known.index[0], int(known["agencies"].iloc[0])
    mine = rows[rows["subject_id"] == subject].sort_values(["time", "code"]).drop_duplicates(["time", "code"])
    figure, axis = _figure(1, 1, (7.2, 0.34 * len(mine) + 1.2))
    place = np.arange(len(mine))[::-1]
    axis.hlines(place, mine["time"], mine["known_time"], color="#BBBBBB", linewidth=2)
    axis.scatter(mine["time"], place, color=ORANGE, marker="s", zorder=3, label="happened")
    axis.scatter(mine["known_time"], place, color=BLUE, marker="o", zorder=3, label="known to the analysts")
    axis.set_yticks(place, [_in_words(code) for code in mine["code"].astype(str)])
    axis.tick_params(axis="y", labelsize=8)
    axis.tick_params(axis="x", labelsize=8, rotation=30)
    axis.legend(frameon=False, loc="upper right", fontsize=8)
    _keep(figure, "one-life")
    return {
        "life_events": str(len(mine)),
        "life_agencies": str(agencies),
    }


if __name__ == "__main__":
    draw()
