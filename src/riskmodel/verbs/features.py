"""``riskmodel features``: list the features of a study, or build them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import console
from riskmodel.errors import did_you_mean
from riskmodel.verbs.common import add_common, command_error, show

if TYPE_CHECKING:
    from riskmodel.features.columns import Column
    from riskmodel.study import Study

HELP = "list the features of a study with what they mean, or build them as Parquet"
_SIGNS = {1: "+", -1: "-", 0: ""}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``list`` and ``build`` with their arguments."""
    jobs = parser.add_subparsers(required=True, metavar="JOB", dest="job")
    listing = jobs.add_parser("list", help="what each feature means, and how it is filled")
    _add_study(listing)
    _add_store(listing)
    listing.add_argument("--concept", metavar="WORDS", help="only features that speak of this concept")
    listing.add_argument("--match", metavar="PATTERN", help="only names like this, such as 'edu_*__365d'")
    listing.add_argument(
        "--measure", action="store_true", help="also coverage and prevalence: reads the study's records"
    )
    add_common(listing)
    listing.set_defaults(do=_list)
    building = jobs.add_parser(
        "build", help="the features of every row as Parquet parts; a killed build goes on where it stopped"
    )
    _add_study(building)
    _add_store(building)
    building.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write the parts")
    add_common(building)
    building.set_defaults(do=_build)


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study", type=Path, nargs="?", metavar="STUDY", help="a study's YAML; the default study without it"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="change one setting"
    )


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where made stages are kept (runs)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do the job that was asked for."""
    done: int = arguments.do(arguments)
    return done


def _list(arguments: argparse.Namespace) -> int:
    from riskmodel.study import load_study

    study = load_study(arguments.study, settings=arguments.settings)
    columns = _wanted(_columns(study), arguments)
    use = _measured(study, arguments) if arguments.measure else {}
    rows = [{**_facts(column), **use.get(column.info.name, {})} for column in columns]
    show(arguments, {"study": study.name, "features": rows}, _words(rows, measured=bool(use)))
    return 0


def _build(arguments: argparse.Namespace) -> int:
    from riskmodel.featurefolder import MANIFEST, build_folder
    from riskmodel.jobs import STORE, check_policy
    from riskmodel.study import load_study

    study = load_study(arguments.study, settings=arguments.settings)
    _columns(study)
    check_policy(study)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        found = build_folder(study, arguments.out, store=arguments.runs / STORE, progress=progress)
    words = (
        f"{found['rows']:,} rows, {found['columns']} features, {len(found['parts'])} parts: {arguments.out / 'parts'}\n"
        f"What made them: {arguments.out / MANIFEST}"
    )
    show(arguments, {"out": str(arguments.out), **found}, words)
    return 0


def _columns(study: Study) -> tuple[Column, ...]:
    from riskmodel.features.columns import columns_of
    from riskmodel.tables.catalogue import load_catalogue

    if study.features is None:
        raise command_error("a flat table declares its features itself, in the study under 'data.features'")
    return columns_of(study.features, load_catalogue(study.features.catalogue))


def _wanted(columns: Sequence[Column], arguments: argparse.Namespace) -> list[Column]:
    """Return the columns asked for; asking for nothing that exists is a wrong command."""
    concepts = sorted({column.info.concept for column in columns})
    if arguments.concept is not None and arguments.concept not in concepts:
        raise command_error(
            f"--concept: '{arguments.concept}' is not one; {did_you_mean(arguments.concept, concepts)}"
        )
    found = [
        column
        for column in columns
        if arguments.concept in (None, column.info.concept)
        and fnmatchcase(column.info.name, arguments.match or "*")
    ]
    if not found:
        names = [column.info.name for column in columns]
        raise command_error(
            f"--match: nothing is called '{arguments.match}'; {did_you_mean(arguments.match, names)}"
        )
    return found


def _measured(study: Study, arguments: argparse.Namespace) -> Mapping[str, dict[str, Any]]:
    from riskmodel.features.coverage import measure_use
    from riskmodel.jobs import STORE, check_policy
    from riskmodel.pipeline import run_stages
    from riskmodel.stages import front_end

    check_policy(study)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        done = run_stages(front_end(study), study, store=arguments.runs / STORE, progress=progress)
    found = measure_use(done.results["features"], done.results["population"].cohort, study.disclosure)
    return {one.name: one.to_json() for one in found}


def _facts(column: Column) -> dict[str, Any]:
    info = column.info
    return {
        "name": info.name,
        "words": info.description,
        "concept": info.concept,
        "unit": info.unit,
        "direction": info.direction,
        "aggregation": info.aggregation,
        "window": info.window,
        "codes": list(info.codes),
        "evidence": column.evidence,
    }


def _words(rows: Sequence[Mapping[str, Any]], *, measured: bool) -> str:
    """Return a block for each feature, by concept: a table of long sentences would not fit a terminal."""
    lines: list[str] = []
    for concept in dict.fromkeys(row["concept"] for row in rows):
        lines += ["", concept.upper()]
        for row in (row for row in rows if row["concept"] == concept):
            sign = _SIGNS[row["direction"]]
            lines += [
                f"  {row['name']}",
                f"      {row['words']} ({row['unit']}{', ' + sign if sign else ''})",
            ]
            lines += [f"      {row['evidence']}"] if row["evidence"] else []
            lines += [f"      {_use_words(row)}"] if measured else []
    signs = "+ more goes with more harm, - with less, no sign: the evidence gives no direction."
    return "\n".join([*lines[1:], "", f"{len(rows)} features. {signs}"])


def _use_words(row: Mapping[str, Any]) -> str:
    shares = [
        "hidden (few people)" if row[name] is None else f"{row[name]:.1%}"
        for name in ("coverage", "prevalence")
    ]
    median = "" if row["median"] is None else f"; median of these {row['median']:g}"
    constant = "; THE SAME FOR EVERYBODY" if row["constant"] else ""
    return f"known for {shares[0]}; of these not zero for {shares[1]}{median}{constant}"
