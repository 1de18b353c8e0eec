"""``riskmodel pseudonymise``: turn raw files into extracts that may leave the linking party."""

from __future__ import annotations

import argparse
import os
from datetime import date
from pathlib import Path

from riskmodel import console
from riskmodel.verbs.common import add_common, refuse_existing, show

HELP = "at the linking party: turn raw files into extracts without names, keys and full birth dates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("raw", type=Path, metavar="RAW", help="the agencies' files in official layouts")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the extracts")
    parser.add_argument(
        "--secret-file", type=Path, help="file with the secret, for its owner only (else RISKMODEL_SECRET)"
    )
    parser.add_argument("--spine", type=Path, help="CSV agency,key,subject_id, as 'riskmodel link' writes it")
    parser.add_argument("--postcodes", type=Path, help="CSV postcode,lsoa")
    parser.add_argument(
        "--identities", type=Path, help="folder with AGENCY.csv: birth dates of keys whose files have none"
    )
    parser.add_argument(
        "--extract-date", type=date.fromisoformat, help="last day that can be in the data (YYYY-MM-DD)"
    )
    parser.add_argument(
        "--ssda903-year", type=int, help="year to 31 March of files named 903_..., which do not say it"
    )
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the extracts and print what became of every row."""
    from riskmodel.linking.pseudonyms import Party, pseudonymise
    from riskmodel.linking.secret import read_secret

    refuse_existing(arguments.out)
    party = Party(
        spine=arguments.spine,
        postcodes=arguments.postcodes,
        identities=arguments.identities,
        extract_date=arguments.extract_date,
        ssda903_year=arguments.ssda903_year,
    )
    secret = read_secret(arguments.secret_file, os.environ)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        report = pseudonymise(arguments.raw, out=arguments.out, secret=secret, party=party, progress=progress)
    show(arguments, report.to_json(), report.summary())
    return 0
