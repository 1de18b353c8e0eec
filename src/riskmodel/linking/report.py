"""``linkage.json`` for the linking party, and the part of it that a board may see, rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskmodel.disclosure import Disclosure
from riskmodel.files import whole_folder, write_json
from riskmodel.linking.estimates import estimated
from riskmodel.linking.groups import sexes
from riskmodel.linking.link import Linkage, spine
from riskmodel.linking.measuring import measured


def write_linkage(
    linkage: Linkage,
    out: Path,
    *,
    groups: dict[str, list[str]] | None = None,
    truth: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Write ``spine.csv``, ``linkage.json`` and ``board.json`` into a new folder.

    Parameters
    ----------
    linkage : Linkage
        What was linked.
    out : Path
        The folder; whole or absent.
    groups : dict, optional
        What each record says about ethnicity and deprivation; sex is taken from the identities.
    truth : ndarray of int, optional
        The true person of each record, where it is known.

    Returns
    -------
    dict
        What ``linkage.json`` says.
    """
    from pyarrow import csv

    report = describe(linkage, groups=groups, truth=truth)
    with whole_folder(out) as folder:
        options = csv.WriteOptions(quoting_style="needed", quoting_header="none")
        csv.write_csv(spine(linkage), folder / "spine.csv", options)
        write_json(folder / "linkage.json", report)
        write_json(folder / "board.json", for_board(report))
    return report


def describe(
    linkage: Linkage,
    *,
    groups: dict[str, list[str]] | None = None,
    truth: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return how many keys of each agency were linked, how, and how well; no value of any record."""
    grouped = {**(groups or {}), "sex": sexes(linkage.records)}
    spec = linkage.spec
    return {
        "threshold": spec.threshold,
        "seed": spec.seed,
        "records": len(linkage.records),
        "people": linkage.people,
        "joins": linkage.joins,
        "unusable_values": linkage.records.unusable,
        "agencies": _agencies(linkage),
        "estimated": estimated(linkage, grouped),
        "measured": None
        if truth is None
        else measured(linkage.records, linkage.person, truth, grouped, seed=spec.seed),
    }


def _agencies(linkage: Linkage) -> dict[str, dict[str, Any]]:
    """Return for each agency its keys, how many were linked to another agency's, and its second registrations."""
    names = np.array(linkage.records.table["agency"].to_pylist())
    code = np.unique(names, return_inverse=True)[1]
    both = np.unique(np.stack([linkage.person, code], axis=1), axis=0)
    agencies_of = np.bincount(both[:, 0], minlength=linkage.people)
    linked = agencies_of[linkage.person] > 1
    found = {}
    for number, name in enumerate(np.unique(names).tolist()):
        here = code == number
        keys, hits = int(here.sum()), int((linked & here).sum())
        people = len(np.unique(linkage.person[here]))
        found[name] = {
            "keys": keys,
            "linked": hits,
            "match_rate": round(hits / keys, 4),
            "second_keys": keys - people,
        }
    return found


def for_board(report: dict[str, Any], disclosure: Disclosure | None = None) -> dict[str, Any]:
    """Return what may leave the linking party: rounded counts, nothing below the threshold of disclosure control."""
    rule = disclosure or Disclosure()
    keys = rule.parts({name: row["keys"] for name, row in report["agencies"].items()})
    agencies = {
        name: {"keys": keys[name], "match_rate": _share(row["linked"], row["keys"], rule)}
        for name, row in report["agencies"].items()
    }
    by = {
        way: {group: _board_row(row, rule) for group, row in rows.items()}
        for way, rows in report["estimated"]["by"].items()
    }
    return {
        "records": rule.count(report["records"]),
        "people": rule.count(report["people"]),
        "agencies": agencies,
        "estimated": {
            "status": report["estimated"]["status"],
            "overall": _board_row(report["estimated"]["overall"], rule),
            "by": by,
        },
    }


def _board_row(row: dict[str, Any] | None, rule: Disclosure) -> dict[str, float | None]:
    """Return the share of links expected to be false, and of true ones expected to be missed, from rounded counts."""
    if row is None:
        return {"false_links": None, "missed_links": None}
    linked, false, missed = (round(row[name]) for name in ("linked_pairs", "false_pairs", "missed_pairs"))
    return {
        "false_links": _share(false, linked, rule),
        "missed_links": _share(missed, linked - false + missed, rule),
    }


def _share(part: int, whole: int, rule: Disclosure) -> float | None:
    """Return a share from rounded counts, or null where it would show a small one."""
    share = rule.rate(part, whole)
    return None if share is None else round(share, 3)
