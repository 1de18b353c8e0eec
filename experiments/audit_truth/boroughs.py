"""Whole boroughs: whether an audit is right when everything before it was done as in practice.

``python experiments/audit_truth/boroughs.py --kept FOLDER`` simulates boroughs, and runs a study on each: intake, features,
split, models, offers, audit. Each fitted model is then taken to the young people of all *other* boroughs of its kind, of whom
it is known what was recorded and what truly happened. What it does to them, with its own cut-off, is the truth that its
audit is held against. A borough takes about a minute of one core; each is kept, so that a run that was stopped goes on.
Writes ``boroughs.json``, ``boroughs.md`` and ``boroughs.svg`` beside itself. ``--quick`` is a taste.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # what experiments share
from boroughs_page import page
from boroughs_picture import picture
from boroughs_rows import Rows
from judging import Use, judge
from simulated import run

from riskmodel.audit import audit_fairness, audit_records
from riskmodel.audit.spec import RecordingSpec
from riskmodel.console import guarded
from riskmodel.files import read_json, whole_folder, write_json, write_text
from riskmodel.models import CalibratedModel
from riskmodel.provenance import source_digest
from riskmodel.stages.parts import CHECK_RESAMPLES, audit_part, scored
from riskmodel.study import Study, load_study
from riskmodel.tables.cohort import Cohort
from riskmodel.validate import ScoredRows, resample

HERE = Path(__file__).parent
STUDIES = HERE.parents[1] / "configs" / "studies"
AUDIT_CODE = ("tables", "validate", "audit")
BACK = frozenset({"split", "tuning", "models", "audited"})


@dataclass(frozen=True)
class Arm:
    """A study as it is run on each of some boroughs.

    Parameters
    ----------
    study : str
        A file of ``configs/studies``.
    outcome : str
        What its models learn.
    truth : str
        The simulation's file of what that outcome stands for.
    family : str
    restated : RecordingSpec, optional
        A range of recordings such as people would state who knew how these records are made.
    """

    study: str
    outcome: str
    truth: str
    family: str = "logistic"
    restated: RecordingSpec | None = None

    def load(self, *, seed: int, size: int) -> Study:
        """Return the study for one borough: its own settings, one family, no outcome to compare with."""
        settings = [f"seed={seed}", f"data.size={size}", f"outcomes.chosen={self.outcome}"]
        plain = ["outcomes.alternatives=[]", f"models.families=[{self.family}]", "threads=1"]
        return load_study(STUDIES / f"{self.study}.yaml", settings=[*settings, *plain])


ARMS = {
    "alike": Arm("bias-none", "harm", "harm"),
    "trees": Arm("bias-none", "harm", "harm", family="xgboost"),
    "unlike": Arm("bias-strong", "harm", "harm"),
    "enforcement": Arm(
        "bias-strong",
        "suspect_violence",
        "violence",
        restated=RecordingSpec(detection=(0.05, 0.6), false_recording=(0.0, 0.0005), gamma=(0.625, 2.0)),
    ),
}


BOROUGHS = {
    "alike": (5001, ("alike",)),
    "trees": (6001, ("trees",)),
    "unlike": (5001, ("unlike", "enforcement")),
}
"""Sets of boroughs: the seed of the first, and the arms that are run on each."""

DEFAULT = {"alike": 24, "trees": 0, "unlike": 6}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment and write its results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, (_, arms) in BOROUGHS.items():
        words = f"boroughs for {' and '.join(arms)} (default: {DEFAULT[name]})"
        parser.add_argument(f"--{name}", type=int, default=DEFAULT[name], help=words)
    parser.add_argument("--size", type=int, default=45_000, help="residents aged 5 to 17 in each")
    parser.add_argument("--quick", action="store_true", help="two small boroughs of each kind")
    parser.add_argument(
        "--kept", type=Path, help="folder in which each borough is kept, to go on after a stop"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results")
    parser.add_argument("--page-only", action="store_true", help="make page and picture again")
    return guarded(partial(_run, parser.parse_args(argv)))


def _run(arguments: argparse.Namespace) -> int:
    results = arguments.out / "boroughs.json"
    wanted, size = {name: getattr(arguments, name) for name in BOROUGHS}, arguments.size
    if arguments.quick:
        wanted, size = dict.fromkeys(BOROUGHS, 2), 8000
    if not arguments.page_only:
        with tempfile.TemporaryDirectory(prefix="riskmodel-boroughs-") as scratch:
            write_json(results, measure(arguments.kept or Path(scratch), wanted, size=size))
    write_text(arguments.out / "boroughs.md", page(read_json(results)))
    write_text(arguments.out / "boroughs.svg", picture(read_json(results)))
    return 0


def measure(kept: Path, wanted: Mapping[str, int], *, size: int) -> dict[str, Any]:
    """Run what is not kept yet, and hold every audit against the other boroughs with such records of such an outcome."""
    # All sets grow at the same pace, so that a run that was stopped holds some of each.
    for _, name, i in sorted((i / n, name, i) for name, n in wanted.items() for i in range(n)):
        first, arms = BOROUGHS[name]
        audit_borough(arms, kept, seed=first + i, size=size)
    folders = {
        arm: [_folder(kept, arm, first + i, size) for i in range(wanted.get(name, 0))]
        for name, (first, arms) in BOROUGHS.items()
        for arm in arms
    }
    found = {}
    for name, arm in ARMS.items():
        like = [other for other, one in ARMS.items() if (one.study, one.outcome) == (arm.study, arm.outcome)]
        beside = [folder for other in like if other != name for folder in folders[other]]
        if folders[name]:
            judged = judge(folders[name], arm.load(seed=1, size=size), beside=beside, restated=arm.restated)
            found[name] = {"study": arm.study, "outcome": arm.outcome, "family": arm.family, **judged}
    return {"size": size, "arms": found}


def audit_borough(arms: Sequence[str], kept: Path, *, seed: int, size: int) -> None:
    """Simulate one borough, and run those arms on it that are not kept yet; audit again what was audited by other code."""
    with tempfile.TemporaryDirectory(prefix="riskmodel-boroughs-") as store:
        for name in arms:
            folder, own = _folder(kept, name, seed, size), ARMS[name].load(seed=seed, size=size)
            if not folder.is_dir():
                print(f"{name}: borough {seed}", file=sys.stderr, flush=True)
                results = run(own, Path(store), back=BACK)
                with whole_folder(folder) as part:
                    Rows.of(own, results, ARMS[name].truth).save(part)
                    write_json(part / "audit.json", _audit(own, results))
            elif read_json(folder / "audit.json").get("code") != source_digest(AUDIT_CODE):
                print(f"{name}: auditing borough {seed} again", file=sys.stderr, flush=True)
                write_json(folder / "audit.json", audit_again(folder, own))


def _folder(kept: Path, arm: str, seed: int, size: int) -> Path:
    return kept / f"{arm}-{size}-{seed}"


def _audit(study: Study, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit said, the model that it spoke of, and where its offers ended."""
    population, fitted, audited = (results[name] for name in ("population", "models", "audited"))
    part, family = audit_part(population, results["split"]), fitted.selection.selected
    rows = scored(part, family, fitted=fitted, population=population, study=study)
    model: CalibratedModel = fitted.models[family]
    return {
        "code": source_digest(AUDIT_CODE),
        "seed": study.seed,
        "family": family,
        "rows": len(rows),
        "outcomes": int(rows.outcome[rows.known].sum()),
        "fairness": audited.fairness.to_json(),
        "recording": audited.recording.to_json(),
        "model": model.to_state(),
        "cuts": cuts(rows, population.cohort.take(part.rows)),
    }


def audit_again(folder: Path, study: Study) -> dict[str, Any]:
    """Return what the audit of a kept borough says by the code of today, of the same rows, model and offers."""
    own, kept = Rows.load(folder), read_json(folder / "audit.json")
    use = Use.of(CalibratedModel.from_state(kept["model"]), (own,), kept["cuts"], study.capacity)
    rows, family = use.scored(own), kept["family"]
    draws = resample(rows.subject_id, replicates=study.validation.replicates, seed=study.seed)
    fairness = audit_fairness({family: rows}, own.audited, draws, study.audit, seed=study.seed, threads=1)
    records = audit_records(rows, draws.first(CHECK_RESAMPLES), fairness, family=family, threads=1)
    found = {"fairness": fairness.to_json(), "recording": records.to_json()}
    return {**kept, **found, "code": source_digest(AUDIT_CODE)}


def cuts(rows: ScoredRows, cohort: Cohort) -> dict[str, list[float]]:
    """Return, for each index date, the lowest score with an offer and the share of an offer there."""
    found = {}
    for day in np.unique(cohort.index_day):
        offered = (cohort.index_day == day) & (rows.offered > 0)
        cut = float(rows.raw[offered].min())
        found[str(day)] = [cut, float(rows.offered[offered & (rows.raw == cut)].max())]
    return found


if __name__ == "__main__":
    sys.exit(main())
