"""README.md of the linkage experiment, from results.json: no number is typed."""

from __future__ import annotations

from typing import Any

_GROUPS = (
    ("ethnicity", "Ethnic group"),
    ("sex", "Sex"),
    ("deprivation_fifth", "Fifth of deprivation (1: most)"),
)
_FAULTS = (
    "forename spelt differently, sounds the same", "forename sounds different",
    "surname spelt differently, sounds the same", "surname sounds different",
    "birth date differs", "birth date missing", "postcode differs", "postcode missing", "sex differs", "sex missing",
)  # fmt: skip


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    threshold = found["threshold"]
    parts = [
        "# Which threshold links best, and how right are the links?",
        (
            "Simulated boroughs only: here the truth is known. Made by `experiments/linkage/choose.py`; no number is typed. "
            "The names, numbers and error rates are invented (`riskmodel.simulate.desks`), so read this as a test of "
            "the method, not as a forecast for real records: there the errors may be of other kinds and more common."
        ),
        "## The choice",
        (
            f"Six boroughs of 15,000 residents aged 5 to 17; a false link counts as much as 20 missed ones (said before the "
            f"curve was drawn: it shows one child's record under another's name). Least cost at **{threshold}**, the default "
            "of `riskmodel link`. Had a false link counted as 1, 5, 10, 50 or 100 missed ones, the choice would have been "
            f"{', '.join(str(found['by_worth'][worse]) for worse in ('1', '5', '10', '50', '100'))}."
        ),
        *(_curve(found["curves"], trouble) for trouble in (1.0, 2.0)),
    ]
    for final in found["finals"]:
        parts += _final(final)
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _curve(curves: list[dict[str, Any]], trouble: float) -> str:
    """Return the curve of one level of errors: sums over its boroughs."""
    these = [one for one in curves if one["trouble"] == trouble]
    rows = [_point("rules alone", [one["rules_alone"] for one in these])]
    for place, point in enumerate(these[0]["points"]):
        rows.append(_point(str(point["threshold"]), [one["points"][place] for one in these]))
    word = "Errors as assumed" if trouble == 1 else f"Errors {trouble:g} times as common"
    head = ["threshold", "precision", "recall", "false pairs", "missed pairs"]
    return f"{word} ({len(these)} boroughs):\n\n{_table(head, rows)}"


def _point(name: str, points: list[dict[str, Any]]) -> list[str]:
    true, missed, wrong = (
        sum(point[what] for point in points) for what in ("true_pairs", "missed_pairs", "wrong_pairs")
    )
    right = true - missed
    return [name, f"{right / (right + wrong):.5f}", f"{right / true:.4f}", f"{wrong:,.0f}", f"{missed:,.0f}"]


def _final(final: dict[str, Any]) -> list[str]:
    """Return the section of one final borough."""
    measured, estimated = final["measured"], final["estimated"]
    word = "as assumed" if final["trouble"] == 1 else f"{final['trouble']:g} times as common"
    rates = [
        [name, f"{row['keys']:,}", f"{row['match_rate']:.2%}", f"{row['second_keys']:,}"]
        for name, row in final["agencies"].items()
    ]
    joins = final["joins"]
    return [
        f"## A borough that had no say in the choice, errors {word}",
        (
            f"{final['records']:,} keys, {measured['overall']['people']:,} people, {measured['overall']['true_pairs']:,.0f} true "
            f"pairs; {final['seconds']} s with {final['peak_mb']:,} MB at most, one thread. Joins made: {joins['upn']:,} by "
            f"UPN, {joins['nhs_number']:,} by NHS number, {joins['exact']:,} by equality of every field, {joins['model']:,} "
            "by the model."
        ),
        _table(["agency", "keys", "linked to another agency", "second keys found"], rates),
        f"Intervals: {measured['interval']}. *Expected* is what the model says without the truth.",
        _table(
            ["", "people", "precision", "recall", "expected precision", "expected recall"],
            [_rates("all", measured["overall"], estimated["overall"]), *_by_group(measured, estimated)],
        ),
        (
            "Why true pairs were missed. *of missed*: share of the group's missed pairs with the fault; *of all*: of all its "
            "true pairs; *missed if*: share of its pairs with the fault that were missed."
        ),
        _causes(measured["causes"]),
    ]


def _by_group(measured: dict[str, Any], estimated: dict[str, Any]) -> list[list[str]]:
    return [
        _rates(f"{title}: {group}", row, estimated["by"][way].get(group, {}))
        for way, title in _GROUPS
        for group, row in measured["by"][way].items()
        if row["true_pairs"] >= 100
    ]


def _rates(name: str, row: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [
        name,
        f"{row['people']:,}",
        _interval(row["precision"], 5),
        _interval(row["recall"], 4),
        _number(expected.get("precision")),
        _number(expected.get("recall")),
    ]


def _interval(rate: dict[str, Any], digits: int) -> str:
    if rate["value"] is None:
        return ""
    return f"{rate['value']:.{digits}f} ({rate['low']:.{digits}f} to {rate['high']:.{digits}f})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _causes(causes: dict[str, Any]) -> str:
    """Return the faults by ethnic group."""
    groups = [name for name in causes["by"]["ethnicity"] if name != "unknown"]
    head = ["fault (of missed / of all / missed if)", "all", *groups]
    rows = [
        [
            fault,
            *(
                _cause(rows[fault])
                for rows in (causes["overall"], *(causes["by"]["ethnicity"][g] for g in groups))
            ),
        ]
        for fault in _FAULTS
    ]
    return _table(head, rows)


def _cause(row: dict[str, Any]) -> str:
    return " / ".join(
        "" if row[what] is None else f"{row[what]:.1%}" for what in ("of_missed", "of_all", "missed_if")
    )
