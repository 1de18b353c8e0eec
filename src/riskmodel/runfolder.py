"""The run folder: the contract that tools, tests and pages read. Written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from riskmodel.features.spec import TableSpec
from riskmodel.files import digest_bytes, digest_path, to_json, write_json, write_text
from riskmodel.pipeline import Outcome
from riskmodel.provenance import code_version, package_versions, peak_memory_mb
from riskmodel.publish.calibration_words import calibration_check
from riskmodel.publish.card import BANNER, CardInputs, build_card, write_card
from riskmodel.publish.checks import Check
from riskmodel.publish.division import division_check
from riskmodel.publish.heterogeneity import heterogeneity_check
from riskmodel.publish.input_audit import input_check
from riskmodel.publish.inputs import feature_facts
from riskmodel.publish.leak_hunt import leak_check
from riskmodel.publish.learning_curve import learning_curve_check
from riskmodel.publish.mitigation import frontier_rows, mitigation_check
from riskmodel.publish.no_support_words import no_support_check
from riskmodel.publish.pairs import pairs_checks
from riskmodel.publish.performance_checks import capacity_check, distances_check, optimism_check
from riskmodel.publish.plots import run_figures
from riskmodel.publish.recording_words import equal_need_check, recording_check
from riskmodel.publish.results import FAMILIES, policies
from riskmodel.publish.robustness import robustness_check
from riskmodel.publish.sample_size import sample_size_check
from riskmodel.publish.scorecard import (
    ScorecardFacts,
    scorecard_check,
    scorecard_record,
    write_scorecard,
)
from riskmodel.publish.tuning_words import tuning_check
from riskmodel.publish.uncertainty import abstention_check, uncertainty_check
from riskmodel.readings import JudgedRows, Reading
from riskmodel.stages import outcome_words
from riskmodel.stages.explaining import Explained
from riskmodel.stages.fitting import Fitted
from riskmodel.stages.measuring import Measured
from riskmodel.stages.parts import audit_part
from riskmodel.stages.scorecards import ScorecardReport
from riskmodel.study import Study, features_yaml, resolved_yaml
from riskmodel.validate.learning_curve import LearningCurve
from riskmodel.validate.warning import RunWarning

Json = Mapping[str, Any]

_NEEDS = {
    "prior": "The study names no columns for it (models.prior.features).",
    "count": "No column was declared to raise risk (direction: 1).",
}


@dataclass(frozen=True)
class RunResults:
    """A study and everything that its pipeline made; ``reading`` says which look at the test rows it is."""

    study: Study
    outcome: Outcome
    reading: Reading | None = None

    def __getitem__(self, stage: str) -> Any:
        return self.outcome.results[stage]

    @property
    def fingerprint(self) -> str:
        """Digest of the data: of the simulation's settings and code, or of the files that were read."""
        first = "intake" if "intake" in self.outcome.addresses else "population"
        return self.outcome.addresses[first]


def test_rows(run: RunResults) -> JudgedRows | None:
    """Return which test rows a run looks at; None where nothing was kept for a test."""
    kept = run["split"].test_all
    if not kept.any():
        return None
    return JudgedRows.of(
        run["population"].cohort.take(kept),
        chosen_outcome(run.study),
        fingerprint=run.fingerprint,
        study=study_digest(run.study, run.fingerprint),
    )


def run_name(study: Study, *, started: datetime, digest: str) -> str:
    """Return ``<study>-<time>-<digest8>``; the digest tells two runs of one second apart."""
    return f"{study.name}-{started:%Y%m%dT%H%M%S}-{digest[:8]}"


def study_digest(study: Study, fingerprint: str) -> str:
    """Return the digest of what decides a run's numbers: the resolved study, the data and the code."""
    return digest_bytes(
        resolved_yaml(study).encode(), fingerprint.encode(), to_json(dict(code_version())).encode()
    )


def write_run(folder: Path, run: RunResults, *, started: datetime) -> None:
    """Write every file of the contract into an empty folder.

    Parameters
    ----------
    folder : Path
        A temporary folder; the caller renames it when all is written.
    run : RunResults
    started : datetime
        For ``provenance.json`` only; no other file depends on the clock.
    """
    study, fitted, measured, audited = run.study, run["models"], run["measured"], run["audited"]
    write_text(folder / "study.resolved.yaml", resolved_yaml(_as_fitted(study, fitted)))
    if run["population"].inferred:
        write_text(folder / "features.inferred.yaml", features_yaml(run["population"].inferred))
    write_json(folder / "attrition.json", run["population"].attrition)
    write_json(folder / "metrics.json", with_warnings(run))
    write_json(folder / "curves.json", measured.curves)
    write_json(folder / "optimism.json", measured.optimism)
    if measured.heterogeneity is not None:
        write_json(folder / "heterogeneity.json", measured.heterogeneity)
    if (learning := _learning(run)) is not None:
        write_json(folder / "learning_curve.json", learning.to_json())
    write_json(
        folder / "policies.json", {"everyone": measured.everyone.to_json(), "referral": measured.referral}
    )
    write_json(folder / "sample_size.json", run["sample_size"].to_json())
    write_json(folder / "leaks.json", fitted.leaks.to_json())
    write_json(folder / "selection.json", fitted.selection.to_json())
    write_json(folder / "calibration.json", calibration_record(run))
    if run["tuning"].searches:
        write_json(folder / "tuning.json", tuning_record(run))
    write_json(folder / "fairness.json", audited.fairness.to_json())
    write_json(folder / "fairness.public.json", _public_fairness(run))
    for name in ("label_bias", "proxies", "privacy"):
        write_json(folder / f"{name}.json", getattr(audited, name))
    write_json(folder / "recording.json", audited.recording.to_json())
    write_json(folder / "no_support.json", audited.no_support.to_json())
    for name in ("uncertainty", "robustness"):
        write_json(folder / f"{name}.json", run[name].to_json())
    for stage, name in (("mitigation", "mitigation"), ("inputs", "input_audit")):
        if run[stage] is not None:  # these cost fits, and a study asks for them
            write_json(folder / f"{name}.json", run[stage].to_json())
    write_json(folder / "explanations.json", run["explained"].overall)
    _write_models(folder / "models", fitted)
    measured.predictions.save(folder)
    _write_contributions(folder, run["explained"], measured)
    scorecard = _scorecard(run)
    if scorecard is not None:
        write_scorecard(scorecard, folder)
    provenance = _provenance(run, folder, started)
    write_json(folder / "provenance.json", provenance)
    _write_card(folder, run, provenance)


def _as_fitted(study: Study, fitted: Fitted) -> Study:
    """Return the study with the families that were fitted, so that it says the same when it is run again."""
    kept = tuple(family for family in study.models.families if family in fitted.models)
    return study.model_copy(update={"models": study.models.model_copy(update={"families": kept})})


def run_warnings(run: RunResults) -> tuple[RunWarning, ...]:
    """Return every reason to doubt a run's results, the first known first."""
    found: tuple[RunWarning, ...] = (*run["sample_size"].warnings, *run["models"].leaks.run_warnings)
    return found


def with_warnings(run: RunResults) -> dict[str, Any]:
    """Return ``metrics.json``: the metrics, the selected family and the warnings."""
    return {**run["measured"].metrics, "warnings": [one.to_json() for one in run_warnings(run)]}


def model_digest(folder: Path) -> str:
    """Return the digest of a run's models, which an approval will be bound to."""
    return digest_path(folder / "models")


def _public_fairness(run: RunResults) -> dict[str, Any]:
    selected = run["models"].selection.selected
    shown: dict[str, Any] = run["audited"].fairness.public(run.study.disclosure, selected=selected)
    return shown


def _write_models(folder: Path, fitted: Fitted) -> None:
    folder.mkdir()
    for family, model in fitted.models.items():
        model.save(folder / f"{family}.json")


def _write_contributions(folder: Path, explained: Explained, measured: Measured) -> None:
    contributions = explained.contributions
    columns = {name: contributions.values[:, i] for i, name in enumerate(contributions.names)}
    table = pa.table({"row_id": measured.row_id[explained.rows], **columns})
    words = {"base": repr(contributions.base), "unit": contributions.unit}
    table = table.sort_by("row_id").replace_schema_metadata(words)
    pq.write_table(table, folder / "contributions.parquet", compression="zstd", compression_level=1)


def _provenance(run: RunResults, folder: Path, started: datetime) -> dict[str, Any]:
    return {
        "code": dict(code_version()),
        "packages": dict(package_versions()),
        "seed": run.study.seed,
        "threads": run.study.threads,
        "data_fingerprint": run.fingerprint,
        "model_digest": model_digest(folder),
        "n_rows": len(run["population"].cohort),
        "test_reading": None if run.reading is None else run.reading.to_json(),
        "started": started.isoformat(timespec="seconds"),
        "timings": [
            {"stage": one.stage, "seconds": round(one.seconds, 3), "reused": one.reused}
            for one in run.outcome.timings
        ],
        "peak_memory_mb": peak_memory_mb(),
    }


def _write_card(folder: Path, run: RunResults, provenance: Json) -> None:
    inputs = card_inputs(run, provenance)
    record = build_card(inputs, run.study.disclosure)
    measured = run["measured"]
    drawn = run_figures(
        record,
        curves=measured.curves,
        explanations=run["explained"].overall,
        heterogeneity=measured.heterogeneity,
        learning=_learning(run),
        disclosure=run.study.disclosure,
        frontier=frontier_rows(run["mitigation"], run.study.disclosure),
        recording=run["audited"].recording,
    )
    plots = folder / "plots"
    plots.mkdir()
    for name, svg in drawn.items():
        write_text(plots / f"{name}.svg", svg)
    write_card(record, folder, figures=drawn)


def card_inputs(run: RunResults, provenance: Json) -> CardInputs:
    """Return what the card is made of, from a run's results."""
    study, measured, audited = run.study, run["measured"], run["audited"]
    part = audit_part(run["population"], run["split"])
    return CardInputs(
        study=study.model_dump(mode="json"),
        outcome=chosen_outcome(study),
        attrition=run["population"].attrition,
        metrics=measured.metrics,
        fairness=_public_fairness(run),
        policies=policies(
            measured.metrics,
            split=part.name,
            offered_share=study.capacity.share,
            everyone=measured.everyone.to_json(),
            referral=measured.referral,
        ),
        words=study.card,
        provenance=provenance,
        label_bias=audited.label_bias,
        proxies=audited.proxies,
        privacy=audited.privacy,
        selection=run["models"].selection.to_json(),
        importance=run["explained"].overall,
        notes=(*run["population"].notes, *run["models"].leaks.warnings, *_unlearned(run), *_not_fitted(run)),
        referral_recorded=measured.referral is not None,
        alternatives=_outcomes(study),
        features=feature_facts(run["features"].infos),
        n_offers=_n_offers(measured, part.name),
        checks=[one.to_json() for one in _checks(run)],
    )


def calibration_record(run: RunResults) -> dict[str, Any]:
    """Return how each family's scores became risk estimates, and how right the selected one's are in each group."""
    fitted = run["models"]
    return {
        "score": "log_loss",
        "families": {
            family: {
                "asked": run.study.models.calibration,
                **fitted.curves[family].to_json(),
                "used": model.calibration.kind,
                "recalibration": None if model.recalibration is None else asdict(model.recalibration),
            }
            for family, model in fitted.models.items()
        },
        "selected": fitted.selection.selected,
        "by_group": [one.to_json() for one in run["audited"].calibration],
    }


def tuning_record(run: RunResults) -> dict[str, Any]:
    """Return what tuning did, and what that was worth to each family."""
    record: dict[str, Any] = run["tuning"].to_json()
    return {
        **record,
        "families": {
            family: {
                "gain": {name: one.to_json() for name, one in run["gains"][family].items()},
                "searches": searches,
            }
            for family, searches in record["families"].items()
        },
    }


def _tuning_checks(run: RunResults) -> Iterator[Check]:
    if run["tuning"].searches:
        yield tuning_check(tuning_record(run), run.study.disclosure, past=run.study.card.past)


def _checks(run: RunResults) -> list[Check]:
    """Return the further checks of the card, in the order in which it shows them."""
    metrics = run["measured"].metrics
    reached = metrics["models"][metrics["selected"]]["crossfit"]["auroc"]["estimate"]
    size, spec = run["sample_size"], run.study.validation.sample_size
    division = division_check(
        run.study.split,
        run.study.disclosure,
        set_aside=run["split"].set_aside,
        readings=None if run.reading is None else run.reading.number,
    )
    scorecard = _scorecard(run)
    return [
        division,
        sample_size_check(size, run.study.disclosure, reached=reached, spec=spec),
        *_learning_checks(run),
        leak_check(run["models"].leaks, run["features"].infos),
        uncertainty_check(run["uncertainty"], run.study.disclosure),
        abstention_check(run["uncertainty"], run.study.disclosure),
        robustness_check(run["robustness"], run.study.disclosure),
        mitigation_check(
            run["mitigation"],
            run.study.audit,
            run.study.disclosure,
            past=run.study.card.past,
            outcomes=outcome_words(run.study),
        ),
        input_check(run["inputs"], run.study.disclosure),
        calibration_check(calibration_record(run), run.study.disclosure, past=run.study.card.past),
        *_recording_checks(run),
        *_performance_checks(run),
        *_tuning_checks(run),
        *pairs_checks(run["explained"].overall, min_people=run.study.models.ebm.min_people),
        *([] if scorecard is None else [scorecard_check(scorecard)]),
    ]


def _learning(run: RunResults) -> LearningCurve | None:
    """Return what came of learning from fewer people; None where the study does not ask, or fits no trees."""
    found: LearningCurve | None = run.outcome.results.get("learning_curve")
    return found if found is not None and found.families else None


def _learning_checks(run: RunResults) -> Iterator[Check]:
    if (learning := _learning(run)) is not None:
        yield learning_curve_check(learning, past=run.study.card.past, disclosure=run.study.disclosure)


def _scorecard(run: RunResults) -> dict[str, Any] | None:
    """Return the record of the scorecard; None where there is none."""
    found: ScorecardReport | None = run["scorecard"]
    if found is None:
        return None
    state = found.to_state()
    return scorecard_record(
        ScorecardFacts(
            curves=state["points"]["curves"],
            infos={info.name: info for info in run["features"].infos},
            bands=found.bands,
            band_risk=found.band_risk,
            losses={split: one.to_json() for split, one in found.losses.items()},
            past=run.study.card.past,
            front_door=run.study.card.front_door,
            banner=BANNER if run.study.simulated else None,
            state=state,
        )
    )


def _recording_checks(run: RunResults) -> Iterator[Check]:
    """Return what unequal records would change."""
    found, study = run["audited"].recording, run.study
    need = None if found.need is None else _outcomes(study)[found.need]["description"]
    yield recording_check(found, study.disclosure, past=study.card.past)
    yield no_support_check(
        run["audited"].no_support,
        study.disclosure,
        past=study.card.past,
        justice=any(one["kind"] == "justice" for one in _outcomes(study).values()),
    )
    yield equal_need_check(found, study.disclosure, need=need)


def _performance_checks(run: RunResults) -> Iterator[Check]:
    measured, past, disclosure = run["measured"], run.study.card.past, run.study.disclosure
    curves = measured.curves
    chosen = measured.metrics["models"][curves["family"]][curves["split"]]
    yield distances_check(chosen, split=curves["split"], past=past, disclosure=disclosure)
    yield capacity_check(curves["capacity"], own=curves["own_capacity"], past=past, disclosure=disclosure)
    if measured.heterogeneity is not None:
        yield heterogeneity_check(measured.heterogeneity, past=past, disclosure=disclosure)
    yield optimism_check(measured.optimism["models"][curves["family"]], past=past, disclosure=disclosure)


def _unlearned(run: RunResults) -> Iterator[str]:
    """Say which models have learned nothing that holds for others."""
    for family, model in run["models"].models.items():
        if not model.calibration.learned:
            yield (
                f"{FAMILIES[family]}: this model learned nothing that holds for young people it had not seen. "
                "Its estimate is the same for everybody."
            )


def _not_fitted(run: RunResults) -> Iterator[str]:
    """Say which families were left out for want of what they need."""
    for family in run.study.models.families:
        if family not in run["models"].models:
            yield f"{FAMILIES[family]}: not fitted. {_NEEDS[family]}"


def _n_offers(measured: Measured, split: str) -> float:
    """Return the offers that the selected model would lead to on one split."""
    said = measured.predictions
    chosen = (said.family == measured.metrics["selected"]) & (said.split == split)
    return float(said.offered[chosen].sum())


def _outcomes(study: Study) -> dict[str, Any]:
    if study.outcomes is not None:
        found = {one.name: (one.description, one.kind) for one in study.outcomes.all}
    else:
        table = cast(TableSpec, study.data)
        found = {name: (one.description, one.kind) for name, one in table.outcomes.items()}
    return {name: {"description": words, "kind": kind} for name, (words, kind) in found.items()}


def chosen_outcome(study: Study) -> dict[str, Any]:
    """Return the chosen outcome's name, description, phrase, kind and horizon (null where a table declares none)."""
    if study.outcomes is not None:
        return study.outcomes.chosen_spec.model_dump(mode="json")
    table = cast(TableSpec, study.data)
    return {"name": table.chosen, **table.outcomes[table.chosen].model_dump(mode="json")}
