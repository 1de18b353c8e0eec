"""``riskmodel VERB``: one thin function a verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from riskmodel import train as training
from riskmodel.console import guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args(argv)
    return guarded(lambda: int(arguments.verb(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="riskmodel", description="Models that help a borough offer early support, explained and audited."
    )
    parser.add_argument("--version", action="version", version=f"riskmodel {metadata.version('riskmodel')}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    train = verbs.add_parser("train", help="train a study and write a run folder")
    training.add_arguments(train)
    train.set_defaults(verb=training.run)

    simulate = verbs.add_parser("simulate", help="write the extracts of a borough that does not exist")
    simulate.add_argument("--out", type=Path, required=True, help="a new folder: extracts/ and truth/")
    simulate.add_argument("--size", type=int, default=45_000, help="residents aged 5 to 17 (default: 45000)")
    simulate.add_argument("--seed", type=int, required=True)
    _common(simulate)
    simulate.set_defaults(verb=_simulate)

    intake = verbs.add_parser("intake", help="take official extracts into an event log")
    intake.add_argument(
        "folder", type=Path, metavar="FOLDER", help="extracts with spine.csv and manifest.json"
    )
    intake.add_argument(
        "--out", type=Path, required=True, help="a new folder for the event log and the quarantine"
    )
    _common(intake)
    intake.set_defaults(verb=_intake)

    explain = verbs.add_parser("explain", help="write the page for one young person of a simulated run")
    explain.add_argument("run_folder", type=Path, metavar="RUN", help="a run folder")
    explain.add_argument("--subject", type=int, required=True, metavar="ID", help="the young person's number")
    explain.add_argument("--out", type=Path, required=True, metavar="PAGE.html")
    _common(explain)
    explain.set_defaults(verb=_explain)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one machine-readable object")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _simulate(arguments: argparse.Namespace) -> int:
    from riskmodel import jobs

    return jobs.simulate_and_report(arguments)


def _intake(arguments: argparse.Namespace) -> int:
    from riskmodel import jobs

    return jobs.intake_and_report(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from riskmodel import jobs

    return jobs.explain_and_report(arguments)


if __name__ == "__main__":
    sys.exit(main())
