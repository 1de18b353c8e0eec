"""``riskmodel stop-search``: how unequally published searches look, before any record is trusted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import console
from riskmodel.verbs.common import add_common, command_error, show

if TYPE_CHECKING:
    from riskmodel.stop_search.benchmarks import Benchmark
    from riskmodel.stop_search.places import Places

HELP = "measure published stop and search: who is searched, how often, for what, and what comes of it"
_GROUPS = ("White", "Black", "Asian", "Mixed", "Other")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILES",
        help="published files (data.police.uk), or folders of them",
    )
    parser.add_argument(
        "--population",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="residents by authority: the census by ethnic group, by sex",
    )
    parser.add_argument(
        "--area",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="the area: polygons (GeoJSON) and, if wanted, a CSV of their deprivation deciles",
    )
    parser.add_argument(
        "--authority",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="whose residents all searches of the files are set against: names, codes, or E09*",
    )
    parser.add_argument(
        "--benchmark",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="other counts to set searches against: a CSV with count and ethnicity, sex or age",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder for report.html and report.json"
    )
    parser.add_argument(
        "--duplicates",
        choices=("keep", "drop"),
        default="keep",
        help="rows that repeat another: keep (people searched together look alike) or drop",
    )
    parser.add_argument(
        "--reference", choices=_GROUPS, default="White", help="the group that others are compared with"
    )
    parser.add_argument(
        "--cluster",
        choices=("both", "day", "place", "none"),
        default="both",
        help="which searches belong together, for intervals: those of a day, of a place, or both",
    )
    _add_threshold_arguments(parser)
    add_common(parser)


def _add_threshold_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold-test",
        action="store_true",
        help="run the threshold test as well (needs the extra bayes; a minute or two)",
    )
    parser.add_argument(
        "--threshold-sensitivity",
        action="store_true",
        help="run it again with half, twice and ten times as many people who could have been searched, and with the other counts of them "
        "(some minutes)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, write the report, and print the headline."""
    from riskmodel.stop_search import measure, read_searches
    from riskmodel.stop_search.benchmarks import read_population
    from riskmodel.stop_search.places import read_places
    from riskmodel.stop_search.question import Question
    from riskmodel.stop_search.report import Against, in_short

    _refuse_full(arguments.out)
    population, residents = read_population(arguments.population)
    against = Against(
        population=population,
        authorities=tuple(arguments.authority),
        benchmarks=(*residents, *_benchmarks(arguments.benchmark)),
        places=read_places(arguments.area),
    )
    question = Question(reference=arguments.reference, cluster=arguments.cluster)
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        progress("Reading the searches", 0, 3)
        reading = read_searches(arguments.files, duplicates=arguments.duplicates)
        progress("Measuring", 1, 3)
        record = measure(
            reading, against, question,
            threshold_test=arguments.threshold_test, sensitivity=arguments.threshold_sensitivity,
        )  # fmt: skip
        if arguments.out is not None:
            progress("Writing the report", 2, 3)
            _write(arguments.out, record, against.places)
    show(arguments, in_short(record), _words(record))
    return 0


def _write(out: Path, record: Mapping[str, Any], places: Places) -> None:
    from riskmodel.files import whole_folder, write_json, write_text
    from riskmodel.publish.stop_search_page import PAGE_FILE, stop_search_page

    with whole_folder(out) as folder:
        write_json(folder / "report.json", record)
        write_text(folder / PAGE_FILE, stop_search_page(record, places))


def _refuse_full(out: Path | None) -> None:
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise command_error(
            f"--out: '{out}' holds something already; name a new folder, so that nothing is lost"
        )


def _benchmarks(words: Sequence[str]) -> list[Benchmark]:
    from riskmodel.stop_search.benchmarks import read_benchmark

    pairs = [word.partition("=") for word in words]
    if any(not name.strip() or not file.strip() for name, _, file in pairs):
        raise command_error("--benchmark: expected NAME=FILE, such as --benchmark 'suspects=suspects.csv'")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names):
        raise command_error("--benchmark: two have the same name")
    return [read_benchmark(name.strip(), Path(file.strip())) for name, _, file in pairs]


def _words(record: Mapping[str, Any]) -> str:
    reading = record["reading"]
    head = (
        f"{record['n_searches']:,} searches of people in {len(reading['files'])} file(s); {reading['vehicle_only']:,} of vehicles only "
        f"are counted apart; {reading['n_duplicates']:,} rows repeat another ({record['duplicates']['rule']})."
    )
    columns = ["", "searches", "share", "for weapons", "came to something", "of weapon searches"]
    blocks = [head]
    for definition, groups in record["by_ethnicity"].items():
        rows = [[group, f"{row['n']:,}", *_shares(row)] for group, row in groups.items()]
        blocks.append(console.table([definition.replace("_", "-"), *columns[1:]], rows))
    return "\n\n".join([*blocks, _strange(reading["unknown_labels"])]).rstrip()


def _shares(row: Mapping[str, Any]) -> list[str]:
    names = ("share", "weapon_share", "positive_share", "positive_share_weapon")
    return ["" if row[name] is None else f"{row[name]:.3f}" for name in names]


def _strange(unknown: Mapping[str, Mapping[str, int]]) -> str:
    listed = [
        f"{column}: '{label}' ({n:,})" for column, labels in unknown.items() for label, n in labels.items()
    ]
    return f"Labels that are not known; their rows are kept: {'; '.join(listed)}." if listed else ""
