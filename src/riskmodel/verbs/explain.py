"""``riskmodel explain``: the page for one young person of a simulated run."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmodel import console
from riskmodel.errors import ApprovalError, DataError
from riskmodel.verbs.common import add_common, command_error, show

HELP = "write the page for one young person of a simulated run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--subject", type=int, required=True, metavar="ID", help="the young person's number")
    parser.add_argument("--out", type=Path, required=True, metavar="PAGE.html")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page for one young person at the run's latest index date."""
    from riskmodel.jobs import STORE
    from riskmodel.pipeline import run_stages
    from riskmodel.publish.person_page import write_person_page
    from riskmodel.stages import front_end

    folder, out = arguments.run_folder, arguments.out
    study = _study_of(folder)
    if not study.simulated:
        raise ApprovalError(
            f"{folder} was trained on records of real people, and no approval bound to its model's digest exists: "
            "it may explain nobody. Ask the ethics board to approve the bundle first."
        )
    with console.progress(quiet=arguments.quiet or arguments.json) as progress:
        done = run_stages(front_end(study), study, store=folder.parent / STORE, progress=progress)
        page = _person_page(folder, study, done.results, done.addresses["intake"], subject=arguments.subject)
    write_person_page(page, out)
    show(arguments, {"page": str(out)}, f"The page is {out}")
    return 0


def _study_of(folder: Path) -> Any:
    from riskmodel.study import load_study

    resolved = folder / "study.resolved.yaml"
    if not resolved.is_file():
        raise command_error(f"'{folder}' is not a run folder: it has no study.resolved.yaml")
    return load_study(resolved)


def _person_page(run: Path, study: Any, results: Mapping[str, Any], fingerprint: str, *, subject: int) -> Any:
    from riskmodel.explain.person import Person, explain_person
    from riskmodel.files import read_json
    from riskmodel.models import CalibratedModel
    from riskmodel.publish.person_page import PersonPage
    from riskmodel.publish.results import FAMILIES
    from riskmodel.runfolder import chosen_outcome

    if read_json(run / "provenance.json")["data_fingerprint"] != fingerprint:
        raise DataError(
            expected="the data and the code that the run was made with",
            found="other data, or another version of the code",
            where=str(run),
            next_step="Train again and explain the new run.",
        )
    row = _latest_row(results["population"].cohort, subject)
    metrics = read_json(run / "metrics.json")
    model = CalibratedModel.load(run / "models" / f"{metrics['selected']}.json")
    features = results["features"].take(row)
    risk, lower, upper = _said(model, features)
    everyone = study.disclosure.drop_small(
        read_json(run / "policies.json")["everyone"], counts=("n_subjects", "n_outcomes")
    )
    person = Person(
        subject_id=subject,
        index_day=int(results["population"].cohort.index_day[row][0]),
        risk=risk,
        lower=lower,
        upper=upper,
        base_rate=everyone["estimate"],
        outcome_phrase=study.card.past,
        horizon_days=chosen_outcome(study)["horizon_days"],
    )
    explanation = explain_person(
        person,
        features=features,
        contributions=model.model.contributions(features),
        events=results["intake"].records.events,
        spec=study.explain,
    )
    return PersonPage(explanation, study.card, FAMILIES[metrics["selected"]], simulated=study.simulated)


def _said(model: Any, features: Any) -> tuple[float | None, float | None, float | None]:
    """Return the estimate and its limits; None where the record is too thin, or there are no limits."""
    if model.too_thin(features)[0]:
        return None, None, None
    raw = model.model.raw_score(features)
    lower, upper = (float(one[0]) for one in model.interval(raw))
    risk = float(model.risk(raw)[0])
    return (risk, None, None) if math.isnan(lower) else (risk, lower, upper)


def _latest_row(cohort: Any, subject: int) -> Any:
    rows = (cohort.subject_id == subject).nonzero()[0]
    if not len(rows):
        raise command_error("--subject: nobody with this number is in the cohort at any index date")
    return rows[-1:]
