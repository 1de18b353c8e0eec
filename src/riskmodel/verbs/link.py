"""``riskmodel link``: find which keys of several agencies are of one person. For the linking party only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, refuse_existing, show

HELP = "find which keys of several agencies are of one person (linking party only)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="IDENTITIES", help="a folder with EDU.csv, CSC.csv and so on"
    )
    parser.add_argument("--out", type=Path, required=True, help="a new folder: spine.csv and linkage.json")
    parser.add_argument(
        "--seed", type=int, required=True, help="for subject ids; keep it at the linking party"
    )
    parser.add_argument("--threshold", type=float, help="least probability of a link (default: 0.5)")
    parser.add_argument("--groups", type=Path, metavar="FILE", help="agency,key,ethnicity,deprivation_fifth")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="who is who, where it is known (simulated data)"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Link identities, write the spine and say how well it went."""
    from pydantic import ValidationError

    from riskmodel.linking.groups import read_groups
    from riskmodel.linking.link import link
    from riskmodel.linking.measuring import read_truth
    from riskmodel.linking.report import write_linkage
    from riskmodel.linking.spec import LinkSpec

    chosen = {} if arguments.threshold is None else {"threshold": arguments.threshold}
    try:
        spec = LinkSpec(seed=arguments.seed, **chosen)
    except ValidationError as error:
        faults = [f"--{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
        raise command_error("; ".join(faults)) from None
    refuse_existing(arguments.out)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        linkage = link(
            arguments.folder, spec, progress=lambda phrase, share: progress(phrase, round(100 * share), 100)
        )
        groups = None if arguments.groups is None else read_groups(arguments.groups, linkage.records)
        truth = None if arguments.truth is None else read_truth(arguments.truth, linkage.records)
        report = write_linkage(linkage, arguments.out, groups=groups, truth=truth)
    show(arguments, report, _words(report))
    return 0


def _words(report: dict[str, Any]) -> str:
    """Return the match rates and the errors to expect."""
    rows = [
        [name, f"{row['keys']:,}", f"{row['match_rate']:.1%}"] for name, row in report["agencies"].items()
    ]
    table = console.table(["agency", "keys", "linked to another agency"], rows)
    lines = [
        table,
        f"{report['records']:,} keys of {report['people']:,} people.",
        _expected(report["estimated"]),
    ]
    if report["measured"] is not None:
        right = report["measured"]["overall"]
        lines.append(f"Measured: precision {right['precision']['value']}, recall {right['recall']['value']}.")
    return "\n".join(lines)


def _expected(estimated: dict[str, Any]) -> str:
    """Return what the model says about its own errors."""
    row = estimated["overall"]
    if row is None:
        return f"Linked by rules only: {estimated['status']}."
    return (
        f"Expected by the model: {row['false_pairs']:,.0f} false and {row['missed_pairs']:,.0f} missed "
        f"of {row['linked_pairs']:,.0f} linked pairs."
    )
