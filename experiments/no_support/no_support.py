"""Does the audit find what the rates would be without new support? Where it is known, and where it must fail.

Made-up young people, many times over, whose lives without support are known; and simulated boroughs, lived twice. Writes ``results.json`` and
``README.md``; no number on the page is typed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lived_twice import MUCH, USUAL, Support, compare, spread
from made_up_lives import World, audited, live, recorded, truth
from scipy.stats import t as student

from riskmodel.files import read_json, write_json, write_text

HERE = Path(__file__).parent
METRICS = ("prevalence", "fnr", "fpr", "ppv", "observed_to_expected")
WORLDS = {
    "written": ("every reason for an offer is on record", World()),
    "useless": ("the same, but support does nothing", World(effect=0.0)),
    "hidden": ("a reason that nobody wrote down raises offers and harm", World(hidden=0.8)),
}
BOROUGHS = {"much": MUCH, "usual": USUAL}
_FEWEST = 3  # boroughs behind a line
Z95 = 1.959963984540054
Json = Mapping[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=100, help="how often made-up people are drawn")
    parser.add_argument("--people", type=int, default=5000, help="made-up people each time")
    parser.add_argument(
        "--boroughs", type=int, default=16, help="boroughs with much support; a quarter as many usual ones"
    )
    parser.add_argument("--size", type=int, default=12_000, help="residents of a borough aged 5 to 17")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and README.md")
    arguments = parser.parse_args(argv)
    found = measure(
        times=arguments.times, people=arguments.people, boroughs=arguments.boroughs, size=arguments.size
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / "results.json", found)
    write_text(arguments.out / "README.md", page(read_json(arguments.out / "results.json")))
    return 0


def measure(*, times: int, people: int, boroughs: int, size: int) -> dict[str, Any]:
    """Return what was found of made-up people and of boroughs."""
    worlds = {}
    for name, (words, world) in WORLDS.items():
        print(words, file=sys.stderr, flush=True)
        worlds[name] = {"words": words, **_made_up(world, times=times, people=people)}
    lived = {}
    for name, support in BOROUGHS.items():
        n = boroughs if name == "much" else max(2, boroughs // 4)
        lived[name] = {"words": support.words, **_boroughs(support, n=n, size=size)}
    return {"times": times, "people": people, "size": size, "worlds": worlds, "boroughs": lived}


def _made_up(world: World, *, times: int, people: int) -> dict[str, Any]:
    true, seen = truth(world), recorded(world)
    reports = [audited(live(world, people, seed=10_000 + one), seed=one) for one in range(times)]
    kept = [one for one in reports if one.status == "ok"]
    effects = [one.effect.ratio for one in kept if one.effect is not None and one.effect.ratio is not None]
    rows = []
    for group in true:
        for metric in METRICS:
            found = [
                row
                for one in kept
                for row in one.rows
                if (row.group, row.metric, row.status) == (group, metric, "ok")
            ]
            if not found:
                continue
            value, change = true[group][metric], true[group][metric] - seen[group][metric]
            rows.append(
                {
                    "group": group,
                    "metric": metric,
                    "truth": value,
                    "recorded": float(np.mean([row.recorded or 0.0 for row in found])),
                    "without": _mean(np.array([row.without or 0.0 for row in found])),
                    "rate": _held([(row.lower, value, row.upper) for row in found]),
                    "records": _held([(row.lower, value + (row.change or 0.0), row.upper) for row in found]),
                    "change": _held([(row.change_lower, change, row.change_upper) for row in found]),
                }
            )
    return {"told": len(kept), "effect": _mean(np.array(effects)), "rows": rows}


def _boroughs(support: Support, *, n: int, size: int) -> dict[str, Any]:
    pairs = []
    for one in range(n):
        print(f"{support.words}: borough {one + 1} of {n}", file=sys.stderr, flush=True)
        pairs.append(compare(support, size=size, seed=one + 1))
    told = [one for one in pairs if one["status"] == "ok"]
    places = dict.fromkeys((row["group"], row["metric"]) for one in told for row in one["rows"])
    rows = []
    for group, metric in places:
        found = [
            row for one in told for row in one["rows"] if (row["group"], row["metric"]) == (group, metric)
        ]
        if metric not in METRICS or len(found) < max(2, n // 2):
            continue
        seen, stood, true = (
            np.array([row[name] for row in found]) for name in ("recorded", "without", "truth")
        )
        rows.append(
            {
                "group": group,
                "metric": metric,
                "n": len(found),
                "truth": float(true.mean()),
                "recorded_error": _mean(seen - true),
                "without_error": _mean(stood - true),
                "change": _mean(stood - seen),
            }
        )
    return {
        "n": n,
        "told": len(told),
        "offered": [one["n_offered"] for one in pairs],
        "stood_for": _mean(np.array([one["stood_for"] for one in told], dtype=float)),
        "effect": _mean(np.array([one["effect"] for one in told if one["effect"] is not None], dtype=float)),
        "rows": rows,
    }


def _held(intervals: Sequence[tuple[float | None, float, float | None]]) -> dict[str, float | int]:
    held = [low is not None and high is not None and low <= value <= high for low, value, high in intervals]
    return coverage(sum(held), len(held))


def _mean(values: Any) -> dict[str, float | None]:
    if len(values) < 2:
        return {"mean": None, "lower": None, "upper": None}
    middle, reach = float(values.mean()), float(student.ppf(0.975, len(values) - 1)) * spread(values)
    return {"mean": middle, "lower": middle - reach, "upper": middle + reach}


def coverage(held: int, given: int) -> dict[str, float | int]:
    """Return a share with Wilson's (1927) interval."""
    share = held / given
    middle = (share + Z95**2 / (2 * given)) / (1 + Z95**2 / given)
    reach = Z95 * (share * (1 - share) / given + Z95**2 / (4 * given**2)) ** 0.5 / (1 + Z95**2 / given)
    return {
        "held": int(held),
        "given": given,
        "share": share,
        "lower": max(0.0, middle - reach),
        "upper": min(1.0, middle + reach),
    }


def page(found: Json) -> str:
    """Return the page as Markdown."""
    return "\n".join([*_head(), *_worlds(found), *_lived(found)]) + "\n"


def _head() -> Iterator[str]:
    yield "# What if nobody had been offered new support?"
    yield ""
    yield "Made by `python experiments/no_support/no_support.py`; no number is typed. Young people here are made up. In brackets: 95% intervals for the"
    yield "number of repeats (Student, Wilson for shares). *Truth* is the rate in a life without new support, *recorded* the rate that plain records give,"
    yield "*without* what the audit says it would be without."
    yield ""


def _worlds(found: Json) -> Iterator[str]:
    yield "## Made-up young people"
    yield ""
    yield f"{found['people']:,} each time, {found['times']:,} times, two groups; one is offered support twice as often. What leads to offers and to harm"
    yield "comes after the index date. Truth: the same lives, a million of them, with no offer. *Rate held* and *change held*: how often the interval of"
    yield "the rate without support, and of its difference from the recorded one, holds the truth. *Records held*: how often an interval as wide around the recorded rate does."
    for one in (found["worlds"][name] for name in WORLDS):
        yield ""
        yield f"### {one['words'].capitalize()}"
        yield ""
        yield f"The audit gave numbers in {one['told']:,} of {found['times']:,} repeats. Harm among those offered support, over what was expected without: {_span(one['effect'], 2)}."
        yield ""
        yield "| metric | group | truth | recorded | without | rate held | records held | change held |"
        yield "|---|---|---:|---:|---:|---:|---:|---:|"
        for row in one["rows"]:
            held = " | ".join(_share(row[name]) for name in ("rate", "records", "change"))
            yield f"| {row['metric']} | {row['group']} | {row['truth']:.4f} | {row['recorded']:.4f} | {_span(row['without'], 4)} | {held} |"


def _lived(found: Json) -> Iterator[str]:
    yield ""
    yield "## Simulated boroughs, lived twice"
    yield ""
    yield f"{found['size']:,} residents aged 5 to 17, twice as much recorded harm as in the default. In the second life, no new support has an effect; both go through recording,"
    yield "intake and features, and one model, learned in the first, scores both. Errors are against the second life, averaged over boroughs. Two lives share most"
    yield "chances but not those of the recording, so a single borough says little. Some support takes hold a little before its offer is recorded, and some reasons for"
    yield "it are not on record: the audit cannot see either."
    yield f"A line rests on at least {_FEWEST} boroughs in which its group was large enough."
    for one in (found["boroughs"][name] for name in BOROUGHS):
        yield ""
        yield f"### {one['words'].capitalize()}"
        yield ""
        offered = [n for n in one["offered"] if n is not None]
        told = f"{one['n']} boroughs; the audit gave numbers in {one['told']}."
        rows = [row for row in one["rows"] if row["n"] >= _FEWEST]
        if not rows:
            yield told
            continue
        yield f"{told} Young people offered new support in a borough: {min(offered):,} to {max(offered):,}."
        yield f"Weight of others for each 1 offered support: {_span(one['stood_for'], 2)}."
        yield ""
        yield "| metric | group | boroughs | truth | error of recorded | error of without | change that the audit gives |"
        yield "|---|---|---:|---:|---:|---:|---:|"
        for row in rows:
            errors = " | ".join(_span(row[name], 4) for name in ("recorded_error", "without_error", "change"))
            yield f"| {row['metric']} | {row['group']} | {row['n']} | {row['truth']:.4f} | {errors} |"


def _span(one: Json, digits: int) -> str:
    if one["mean"] is None:
        return "–"
    mean, low, high = (f"{one[name]:.{digits}f}" for name in ("mean", "lower", "upper"))
    return f"{mean} ({low} to {high})"


def _share(one: Json) -> str:
    return f"{100 * one['share']:.0f}% ({100 * one['lower']:.0f} to {100 * one['upper']:.0f})"


if __name__ == "__main__":
    raise SystemExit(main())
