"""``report.html`` of stop and search: what a board reads, in plain words written from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from riskmodel.publish.figures import stop_search as draw
from riskmodel.publish.pages import capital, render_html
from riskmodel.stop_search.clusters import Ratio
from riskmodel.stop_search.labels import GROUPS
from riskmodel.stop_search.limits import WORDS, month_name
from riskmodel.stop_search.places import Places
from riskmodel.stop_search.sensitivity import conclusion

Json = Mapping[str, Any]

PAGE_FILE = "report.html"
BANNER = "Counts of searches that the police publish. They speak of how police look, not of any person, and never go into a model."
OFFICER, SELF = "officer_defined", "self_defined"
SEEN = {OFFICER: "as the officer saw it", SELF: "as people said it"}
VERDICTS = {
    "lower_bar": "Searched more, and less is found: both tests point to a lower bar for searching them.",
    "higher_bar": "Searched less, and more is found: both tests point to a higher bar for searching them.",
    "tests_disagree": "The two tests point apart. Neither can be relied on.",
    "inconclusive": "So the two tests together do not tell.",
    "insufficient": "Too few searches to say.",
}
SIMPSON = {
    "holds": "Comparing like with like, the difference stays.",
    "vanishes": "Comparing like with like, what is left of the difference could be chance.",
    "appears": "The difference shows only when like is compared with like.",
    "reverses": "Comparing like with like turns the difference round (Simpson's paradox).",
}
_SMALLER = "Comparing like with like, the difference is smaller, and what is left is the same way round."
# Below this part of the difference over all searches, a difference like with like is called smaller.
_CLEARLY_LESS = 0.75
NOT_A_STANDARD = (
    "Rates are compared with those of {reference} people because a ratio needs a group to start from, not because that group is how it should be. "
    "None of these numbers says why groups differ: who was about and what officers saw was not written down."
)
KINDS = {"all": "All searches", "weapons": "For weapons", "drugs": "For drugs"}
_LACKS = {"age": "no age", "latitude": "no place", "object": "no object", "sex": "no sex"}


def stop_search_page(record: Json, places: Places) -> str:
    """Return a self-contained HTML page without any script.

    Parameters
    ----------
    record : mapping
        ``report.json``.
    places : Places
        The map; the record holds its counts.
    """
    values = {
        "page": page_record(record),
        "report": record,
        "figures": _figures(record, places),
        "shades": draw.SHADES,
    }
    return render_html("stop_search.html.jinja", {**values, "hidden": draw.HIDDEN})


def page_record(record: Json) -> dict[str, Any]:
    """Return the words and tables that the template prints."""
    months = [row["month"] for row in record["months"] if row["month"] != "unknown"]
    return {
        "banner": BANNER,
        "period": _period(months),
        "totals": _totals(record),
        "short": _in_short(record),
        "scopes": [
            _scope(number, scope, record["reference"])
            for number, scope in reversed(list(enumerate(record["scopes"])))  # the area comes first
        ],
        "reading": NOT_A_STANDARD.format(reference=record["reference"]),
        "unknown": [
            {"column": WORDS.get(column, column), "label": label, "n": n}
            for column, labels in record["reading"]["unknown_labels"].items()
            for label, n in labels.items()
        ],
        "limits": _limits([area["n"] for area in record["areas"] if area["n"] is not None]),
        "seen": SEEN,
        "groups": [
            group
            for group in GROUPS
            if any(row["by_ethnicity"][OFFICER][group] != 0 for row in record["months"])
        ],
        "threshold": threshold_words(record["threshold_test"]),
        "bars": bar_words(record["threshold_test"], record["reference"]),
        "sensitivity": sensitivity_words(record["threshold_test"], record["reference"]),
    }


def _period(months: Sequence[str]) -> str:
    if not months:
        return "No date could be read."
    names = [month_name(month) for month in (months[0], months[-1])]
    return names[0] if len(months) == 1 else f"{names[0]} to {names[1]} ({len(months)} months)"


def _totals(record: Json) -> list[tuple[str, str]]:
    rows = record["by_ethnicity"][OFFICER].values()
    known = sum(row["n"] - row["n_outcome_blank"] for row in rows)
    found, weapons = (sum(row[name] for row in rows) for name in ("n_positive", "n_weapon"))
    return [
        ("Searches of people", f"{record['n_searches']:,}"),
        ("Came to something", f"{_of_100(found / known) if known else 'not written down'}"),
        ("For weapons", f"{_of_100(weapons / record['n_searches'])}"),
        ("Vehicle-only searches, left out", f"{record['reading']['vehicle_only']:,}"),
    ]


def _of_100(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _in_short(record: Json) -> list[str]:
    """Return a few sentences on the group that is searched most often for its size, the smallest scope first."""
    said = []
    for scope in reversed(record["scopes"]):
        row = _most(scope)
        if row is None:
            continue
        said.append(f"{capital(scope['name'])}: {rate_sentence(row, scope, record['reference'])}")
        test = _test(scope, OFFICER, "positive", row["group"])
        if test is not None and test["status"] == "ok":
            said.append(f"{capital(scope['name'])}: {found_sentence(test, record['reference'])}")
    return said or [_without_rates(record)]


def _without_rates(record: Json) -> str:
    rows = record["by_ethnicity"][OFFICER]
    top = max(rows, key=lambda group: rows[group]["n"])
    said = f"{_of_100(rows[top]['share'])} searches were of people whom the officer saw as {top}."
    if any(scope["rates"] for scope in record["scopes"]):
        return f"{said} There are too few searches, days or places to say with a range how often that is for the size of a group."
    return f"{said} There is no count of residents to set this against: name one with --population and --authority."


def _most(scope: Json) -> Json | None:
    rows = [
        row
        for row in scope["rates"]
        if (row["benchmark"], row["definition"], row["dimension"]) == ("residents", OFFICER, "all")
        and row["status"] == "ok"
    ]
    return max(rows, key=lambda row: row["ratio"], default=None)


def rate_sentence(row: Json, scope: Json, reference: str) -> str:
    """Return in words how often a group was searched, against the reference group."""
    base = next(
        one
        for one in scope["rates"]
        if (one["benchmark"], one["definition"], one["dimension"], one["group"])
        == (row["benchmark"], row["definition"], row["dimension"], reference)
    )
    return (
        f"at the pace of these months there are {row['per_1000_a_year']:.1f} searches a year of {row['group']} people for every 1,000 {row['group']} residents, and "
        f"{base['per_1000_a_year']:.1f} of {reference} people for every 1,000 {reference} residents: {row['ratio']:.1f} times as many "
        f"({row['lower']:.1f} to {row['upper']:.1f})."
    )


def found_sentence(test: Json, reference: str) -> str:
    """Return in words how often searches of a group came to something."""
    within = _main(test)
    sentence = (
        f"{_of_100(test['share'])} searches of {test['group']} people came to something, and {_of_100(test['base_share'])} of {reference} people: "
        f"{_times(test)}"
    )
    if within is None or within["ratio"] is None:
        return f"{sentence}."
    return (
        f"{sentence}. For like objects and ages it is {100 * within['share']:.0f} and {100 * within['base_share']:.0f}: {_times(within)}. "
        f"{like_words(test, within)}"
    )


def _times(row: Json) -> str:
    if row["lower"] is None:
        return f"{row['ratio']:.2f} times as often (too few days or places for a range)"
    return f"{row['ratio']:.2f} times as often ({row['lower']:.2f} to {row['upper']:.2f})"


def like_words(test: Json, within: Json) -> str:
    """Return what becomes of a difference like with like, in words; "" where it cannot be said."""
    what = within["simpson"]
    if what == "holds" and abs(within["ratio"] - 1) < _CLEARLY_LESS * abs(test["ratio"] - 1):
        return _SMALLER
    return SIMPSON.get(what or "", "")


def _main(test: Json) -> Json | None:
    return next((one for one in test["within"] if one["strata"] == ["object", "age"]), None)


def _test(scope: Json, definition: str, measure: str, group: str) -> Json | None:
    wanted = (definition, measure, group)
    return next(
        (
            row
            for row in scope["outcome_tests"]
            if (row["definition"], row["measure"], row["group"]) == wanted
        ),
        None,
    )


def _scope(number: int, scope: Json, reference: str) -> dict[str, Any]:
    """Return the tables of one scope."""
    return {
        "id": f"scope{number}",
        "name": scope["name"],
        "n": scope["n_searches"],
        "left_out": [month_name(month) for month in scope["months_left_out"]],
        "benchmarks": [one for one in scope["benchmarks"] if one["attribute"] == "ethnicity"],
        "groups": {definition: _group_rows(scope, definition) for definition in SEEN},
        "rates": {definition: _rate_rows(scope, definition) for definition in SEEN},
        "tests": {definition: _test_rows(scope, definition) for definition in SEEN},
        "linked": any(row["measure"] == "linked" and row["status"] == "ok" for row in scope["outcome_tests"]),
        "combined": [_combined_row(row) for row in scope["combined"] if row["verdict"] != "insufficient"],
        "untold": sorted({row["group"] for row in scope["combined"] if row["verdict"] == "insufficient"}),
        "bounds": [row for row in scope["bounds"] if row["ratio"] is not None],
        "men": next(
            (row for row in scope["rates"] if row["definition"] == "sex" and row["group"] == "Male"), None
        ),
        "reference": reference,
    }


def _group_rows(scope: Json, definition: str) -> list[dict[str, Any]]:
    return [
        {"group": group, **row}
        for group, row in scope["by_ethnicity"][definition].items()
        if row["n"] is None or row["n"]
    ]


def _rate_rows(scope: Json, definition: str) -> list[Json]:
    return [
        row
        for row in scope["rates"]
        if row["definition"] == definition
        and row["dimension"] == "all"
        and row["people"]
        and (row["n"] or row["status"] == "suppressed")
    ]


def _test_rows(scope: Json, definition: str) -> list[dict[str, Any]]:
    rows = []
    for row in scope["outcome_tests"]:
        within = _main(row)
        if (row["definition"], row["measure"], row["status"]) == (
            definition,
            "positive",
            "ok",
        ) and within is not None:
            rows.append({**row, "like": within, "words": like_words(row, within)})
    return rows


def _combined_row(row: Json) -> dict[str, Any]:
    """Return a row of both tests with its words; where both agree, what becomes of it like with like."""
    words = VERDICTS[row["verdict"]]
    if row["verdict"] in {"lower_bar", "higher_bar"}:
        words += f" {_like_words(row['like_sides'], -1 if row['verdict'] == 'lower_bar' else 1)}"
    if row["verdict"] == "inconclusive":
        words = f"{_side_words(row, 'rate', 'Searched')} {_side_words(row, 'found', 'Found')} {words}"
    return {**row, "kind_words": KINDS[row["kind"]], "words": words}


def _side_words(row: Json, name: str, verb: str) -> str:
    """Say on which side of one a ratio clearly lies."""
    side = Ratio(row[f"{name}_ratio"], row[f"{name}_lower"], row[f"{name}_upper"]).side
    return {
        1: f"{verb} more often: clear.",
        -1: f"{verb} less often: clear.",
        0: f"{verb} more or less often: cannot tell.",
    }[side]


def _like_words(sides: Mapping[str, int | None], wanted: int) -> str:
    """Say whether what was found differs as much when like is compared with like, in every way that was tried."""
    known = {name: side for name, side in sides.items() if side is not None}
    if not known:
        return "There are too few searches to compare like with like."
    if all(side == wanted for side in known.values()):
        return "The same holds when we compare like with like."
    if any(side == -wanted for side in known.values()):
        return "But when we compare like with like, it can turn round."
    if not any(side == wanted for side in known.values()):
        return "But when we compare like with like, what was found differs no more than by chance."
    open_ = "; or ".join(name.replace("legislation", "law") for name, side in known.items() if side != wanted)
    return f"But it may be chance when we compare searches with the same {open_}."


def _limits(counts: Sequence[int]) -> list[int]:
    """Return where the shades of the map part: at quarters of the areas, in round numbers."""
    ordered = sorted(counts)
    if not ordered:
        return []
    cuts = [ordered[min(len(ordered) - 1, len(ordered) * part // 4)] for part in (1, 2, 3)]
    return sorted({_round(cut) for cut in cuts})


def _round(n: int) -> int:
    step = 5 if n < 100 else int(10 ** (len(str(n)) - 2))
    return -(-n // step) * step


def threshold_words(test: Json) -> str:
    """Return what the page says of the threshold test where it was not run."""
    return {
        "not_asked": "It was not asked for. Add --threshold-test to run it.",
        "not_installed": "It was not run, because its library is not installed. Install riskmodel with the extra bayes: pip install 'riskmodel[bayes]'.",
        "no_benchmark": "It was not run: it needs a count of residents by ethnicity (--population and --authority or --area).",
        "too_few": "It was not run: it needs at least two groups, each with enough searches in at least two areas or months.",
        "ok": "",
    }[test["status"]]


_BARS = {
    "lower_bar": "{}: the bar is lower than for {}, if the model is right.",
    "higher_bar": "{}: the bar is higher than for {}, if the model is right.",
    "cannot_tell": "{}: the test cannot tell whether the bar is lower or higher than for {}.",
}
_FACTORS = {0.5: "half as many", 2.0: "twice as many", 10.0: "ten times as many"}


def bar_words(test: Json, reference: str) -> list[str]:
    """Return what the threshold test says of each group; nothing where it was not run or did not settle."""
    if test["status"] != "ok" or not test["diagnostics"]["settled"]:
        return []
    return [
        _BARS[conclusion(row["probability_lower"])].format(row["group"], reference)
        for row in test["groups"]
        if row["probability_lower"] is not None
    ]


def sensitivity_words(test: Json, reference: str) -> Json | None:
    """Return what the page says of the threshold test with other numbers of people; None where it was not asked for."""
    found = test.get("sensitivity")
    if found is None:
        return None
    rows = [
        {
            "name": f"{test['benchmark']}, as above",
            "groups": test["groups"],
            "note": _unsettled(test["diagnostics"]),
        }
    ]
    rows += [
        {
            "name": _FACTORS[row["factor"]] if row["kind"] == "people" else row["benchmark"],
            "groups": row["groups"],
            "note": _note(row),
        }
        for row in found["rows"]
    ]
    said = [_stands(one, reference) for one in found["conclusions"]]
    return {"words": " ".join(said), "rows": rows}


def _note(row: Json) -> str:
    if row["status"] == "not_possible":
        return "not possible: more were searched somewhere than there would be, or these groups are not counted there"
    return _unsettled(row)


def _unsettled(row: Json) -> str:
    return "" if row["settled"] else "the sampler did not settle"


def _stands(one: Json, reference: str) -> str:
    said = _BARS[one["says"]].format(one["group"], reference)
    if one["stands"] is None:
        return f"{said} Whether that stands cannot be said, because a run did not settle."
    return f"{said} {'That stands with every number tried.' if one['stands'] else 'That does not stand with every number tried.'}"


def _figures(record: Json, places: Places) -> dict[str, str]:
    """Return SVG by name; what would show nothing is left out."""
    drawn = {"months": draw.months([_month(row, record["gaps"]) for row in record["months"]])}
    for number, scope in enumerate(record["scopes"]):
        drawn |= {
            f"scope{number}_{name}": svg for name, svg in _scope_figures(f"scope{number}", scope).items()
        }
    if any(area["n"] for area in record["areas"]):
        areas = [
            {"name": area["name"], "n": area["n"], "rings": place.rings}
            for area, place in zip(record["areas"], places.places, strict=True)
        ]
        drawn["map"] = draw.area_map(areas, limits=page_record(record)["limits"])
    if record["threshold_test"]["status"] == "ok":
        drawn["thresholds"] = draw.thresholds(record["threshold_test"]["groups"])
    return drawn


def _month(row: Json, gaps: Json) -> dict[str, Any]:
    lacks = [
        _LACKS.get(one["column"], f"no {WORDS[one['column']]}")
        for one in gaps["blank_months"]
        if one["month"] == row["month"]
    ]
    if row["month"] in gaps["object_from_law"]:
        lacks.append("object written\nfrom the law")
    return {"month": row["month"], "n": row["n"], "lacks": lacks}


def _scope_figures(name: str, scope: Json) -> dict[str, str]:
    drawn = {}
    rates = [
        {
            "label": row["group"],
            "series": _series(row),
            "value": row["ratio"],
            "lower": row["lower"],
            "upper": row["upper"],
        }
        for definition in SEEN
        for row in _rate_rows(scope, definition)
        if row["status"] in {"ok", "few"}
    ]
    if rates:
        title = "How many times the rate of the group compared with"
        drawn["rates"] = draw.ratios(rates, name=f"{name}-rates", title=title, axis="Times as often")
    found = _test_rows(scope, OFFICER)
    if found:
        drawn["found"] = draw.ratios(
            [
                {"label": row["group"], "series": series, "value": one["ratio"], "lower": one["lower"], "upper": one["upper"]}
                for row in found
                for series, one in (("all searches together", row), ("same object and same age", row["like"]))
            ],
            name=f"{name}-found", title="How often searches came to something, against the group compared with", axis="Times as often",
        )  # fmt: skip
    drawn |= _share_figures(name, scope)
    return drawn


def _series(row: Json) -> str:
    """Return how a rate was counted: against what, and whose word the group is."""
    against, seen = row["benchmark"], SEEN[row["definition"]]
    if against == "residents-as-seen":
        return f"{seen}, Mixed residents shared out"
    return seen if against == "residents" else f"{against}, {seen}"


def _share_figures(name: str, scope: Json) -> dict[str, str]:
    groups = scope["by_ethnicity"][OFFICER]
    weapons = [
        {"label": group, "series": "for weapons", "share": row["weapon_share"]}
        for group, row in groups.items()
        if row["weapon_share"] is not None
    ]
    drawn = {}
    if weapons:
        axis = "Of 100 searches,\nso many were for weapons"
        drawn["weapons"] = draw.shares(
            weapons, name=f"{name}-weapons", title="Searches for weapons", axis=axis
        )
    for dimension in ("object", "age"):
        rows = _found_rows(scope, dimension)
        if rows:
            axis = "Of 100 searches,\nso many came to something"
            title = f"Searches that came to something, by {dimension}"
            drawn[f"found_{dimension}"] = draw.shares(
                rows, name=f"{name}-found-{dimension}", title=title, axis=axis
            )
    return drawn


def _found_rows(scope: Json, dimension: str) -> list[dict[str, Any]]:
    """Return shares found by one dimension alone, levels with most searches first, where at least two groups show."""
    other = "age" if dimension == "object" else "object"
    rows = [
        row
        for row in scope["found"]
        if row["definition"] == OFFICER
        and row[dimension] is not None
        and row[other] is None
        and row["share"] is not None
    ]
    sizes: dict[str, list[int]] = {}
    for row in rows:
        sizes.setdefault(row[dimension], []).append(row["n"])
    levels = sorted(
        (level for level, ns in sizes.items() if len(ns) > 1), key=lambda level: (-sum(sizes[level]), level)
    )
    if dimension == "age":
        levels.sort(key=lambda level: (level.startswith("("), level == "over 34", level))
    order = list(scope["by_ethnicity"][OFFICER])
    return [
        {
            "label": capital(level.strip("()")) if level.startswith("(") else level,
            "series": row["group"],
            "share": row["share"],
        }
        for level in levels
        for row in sorted(rows, key=lambda one: order.index(one["group"]))
        if row[dimension] == level
    ]
