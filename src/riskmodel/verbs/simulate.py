"""``riskmodel simulate``: write the extracts of a borough that does not exist."""

from __future__ import annotations

import argparse
from pathlib import Path

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, refuse_existing, show

HELP = "write the extracts of a borough that does not exist"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--out", type=Path, required=True, help="a new folder: extracts/ and truth/")
    parser.add_argument("--size", type=int, default=45_000, help="residents aged 5 to 17 (default: 45000)")
    parser.add_argument("--seed", type=int, required=True)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write a simulated borough and print how many rows each file has."""
    from pydantic import ValidationError

    from riskmodel.simulate import SimulateSpec, simulate

    try:
        spec = SimulateSpec(size=arguments.size)
    except ValidationError as error:
        raise command_error(f"--size: {error.errors()[0]['msg']}") from None
    refuse_existing(arguments.out)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        progress("Simulating a borough", 0, 1)
        made = simulate(spec, seed=arguments.seed, out=arguments.out)
    rows = dict(sorted(made.extracts.items()))
    table = console.table(["file", "rows"], [[name, f"{n:,}"] for name, n in rows.items()])
    show(arguments, {"out": str(arguments.out), "rows": rows}, table)
    return 0
