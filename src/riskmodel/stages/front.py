"""The list of stages: what each reads, what decides it, and the function that makes it.

Everything up to the feature matrix is kept in the store; models and all that follows run each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from riskmodel.audit.plans import WITHOUT_ENFORCEMENT, as_chosen, chosen_point
from riskmodel.errors import StudyError
from riskmodel.features.spec import TableSpec
from riskmodel.files import read_json, write_json
from riskmodel.intake.left_out import digest_data
from riskmodel.pipeline import Stage
from riskmodel.study import SimulatedData, Study
from riskmodel.tables.cohort import AuditedAttributes, BoolArray, Cohort, OutcomeTable
from riskmodel.tables.days import NEVER, to_day
from riskmodel.tables.features import FeatureMatrix
from riskmodel.tables.records import Records
from riskmodel.tables.sampling import SamplingDesign

if TYPE_CHECKING:
    from riskmodel.features import TableData

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Extracts:
    """A folder of simulated extracts and, beside it, the truth that no stage but the comparison reads."""

    folder: Path

    def save(self, folder: Path) -> None:
        """Do nothing: the simulation has already written there."""


@dataclass(frozen=True)
class Population:
    """Who is looked at, what happened to them, and how they are audited.

    ``attrition`` is JSON-ready; ``notes`` are sentences for the card; ``inferred`` are the features of a flat table that
    nobody declared, as a study would declare them.
    """

    cohort: Cohort
    outcomes: OutcomeTable
    audited: AuditedAttributes
    sampling: SamplingDesign
    attrition: Mapping[str, Any]
    referred: BoolArray | None
    notes: tuple[str, ...]
    inferred: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write Parquet and JSON into a folder."""
        self.cohort.save(folder)
        self.outcomes.save(folder)
        self.audited.save(folder)
        self.sampling.save(folder)
        if self.referred is not None:
            np.save(folder / "referred.npy", self.referred, allow_pickle=False)
        words = {"attrition": self.attrition, "notes": list(self.notes), "inferred": self.inferred}
        write_json(folder / "population.json", words)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote."""
        record = read_json(folder / "population.json")
        referred = folder / "referred.npy"
        return cls(
            cohort=Cohort.load(folder),
            outcomes=OutcomeTable.load(folder),
            audited=AuditedAttributes.load(folder),
            sampling=SamplingDesign.load(folder),
            attrition=record["attrition"],
            referred=np.load(referred, allow_pickle=False) if referred.exists() else None,
            notes=tuple(record["notes"]),
            inferred=record["inferred"],
        )


def front_end(study: Study) -> list[Stage]:
    """Return the stages from data to feature matrix, for the kind of data that a study has."""
    if study.data.kind == "table":
        return [_TABLE_POPULATION, _TABLE_FEATURES]
    simulated = [_SIMULATE] if study.simulated else []
    intake = _intake_stage(reads=("extracts",) if study.simulated else ())
    return [*simulated, intake, _POPULATION, _FEATURES]


def _simulate(study: Study, _inputs: Inputs, folder: Path) -> Extracts:
    from riskmodel.simulate import simulate

    simulate(cast(SimulatedData, study.data).borough(), seed=study.seed, out=folder / "borough")
    return Extracts(folder)


def _intake(study: Study, inputs: Inputs, _folder: Path) -> Any:
    from riskmodel import intake

    data = study.data
    if isinstance(data, SimulatedData):
        return intake.take_in(
            inputs["extracts"].folder / "borough" / "extracts", delays=data.delays, threads=study.threads
        )
    if isinstance(data, intake.ExtractsSpec):
        return intake.take_in(data.path, delays=data.delays, threads=study.threads)
    if isinstance(data, intake.EventsSpec):
        return intake.read_events(data, threads=study.threads)
    return intake.read_csv_files(cast(intake.CsvSpec, data), threads=study.threads)


def _population(study: Study, inputs: Inputs, _folder: Path) -> Population:
    from riskmodel import features

    assert study.cohort is not None and study.outcomes is not None  # noqa: S101, PT018 - the study checks it
    records = inputs["intake"].records
    cohort, attrition = features.build_cohort(records, study.cohort, outcomes=study.outcomes)
    return Population(
        cohort=replace(cohort, school=features.schools(records, cohort)),
        outcomes=features.label_outcomes(
            records,
            cohort,
            study.outcomes,
            training_cutoff_day=_cutoff(study),
            last_day=_last_day(study, inputs["intake"]),
            origins=_origins(study),
        ),
        audited=features.audited_attributes(records, cohort, audited_names(study)),
        sampling=SamplingDesign.of_people(cohort),
        attrition=attrition.to_json(),
        referred=_referred(records, cohort),
        notes=records.notes,
    )


def _cutoff(study: Study) -> int:
    """Return the day before which a training label must have been known: the first test date, if there is one."""
    assert study.cohort is not None  # noqa: S101 - the study checks it
    return to_day(min(study.cohort.test)) if study.cohort.test else int(NEVER)


def _origins(study: Study) -> list[int]:
    """Return the days on which a rolling origin learns anew: what was known then must be told from what came later."""
    assert study.cohort is not None  # noqa: S101 - the study checks it
    rolling = study.split.design == "rolling_origin"
    return [to_day(date) for date in study.cohort.train] if rolling else []


def _last_day(study: Study, taken: Any) -> int | None:
    """Return the last day that can be in the data, where the sender or the study said so."""
    said = taken.report.extract_date
    if said is not None:
        return to_day(date.fromisoformat(said))
    declared = getattr(study.data, "observation", None)
    return None if declared is None else to_day(declared.last_day)


def audited_names(study: Study) -> tuple[str, ...]:
    """Return the attributes that the audit needs, alone or in intersections, each once."""
    crossed = (name for some in study.audit.intersections for name in some)
    return tuple(dict.fromkeys((*study.audit.attributes, *crossed)))


def outcome_words(study: Study) -> dict[str, str]:
    """Return each outcome's plain words, by name."""
    if isinstance(study.data, TableSpec):
        return {name: one.description for name, one in study.data.outcomes.items()}
    assert study.outcomes is not None  # noqa: S101 - the study checks it
    return {one.name: one.description for one in study.outcomes.all}


def horizon_and_lag(study: Study) -> tuple[int, int]:
    """Return the chosen outcome's horizon and the recording lag, in days; for a flat table what it declares, or zeros."""
    if isinstance(study.data, TableSpec):
        return study.data.outcomes[study.data.chosen].horizon_days or 0, 0
    assert study.outcomes is not None  # noqa: S101 - the study checks it
    return study.outcomes.chosen_spec.horizon_days, study.outcomes.recording_lag_days


def _referred(records: Records, cohort: Cohort) -> BoolArray | None:
    """Return who came by the present route: referred to support in the year before the index date.

    None where the data hold no referral at all, so that nobody is compared with a route that is not recorded.
    """
    from riskmodel import features
    from riskmodel.tables.catalogue import load_catalogue

    codes = records.events.table.column("code").chunk(0).dictionary.to_pylist() if len(records.events) else []
    if not any(code.startswith("SUPPORT//REFERRED//") for code in codes):
        return None
    referral = features.FeatureSpec(
        stem="support_referred",
        words="referred to support",
        events=("SUPPORT//REFERRED//*",),
        windows=("365d",),
        aggregations=("any",),
    )
    wanted = features.FeaturesSpec(libraries=(), own=(referral,))
    found: BoolArray = features.build_features(records, cohort, wanted, load_catalogue()).values[:, 0] > 0
    return found


def _features(study: Study, inputs: Inputs, _folder: Path) -> FeatureMatrix:
    from riskmodel import features
    from riskmodel.tables.catalogue import load_catalogue

    assert study.features is not None  # noqa: S101 - the study checks it
    built = features.builder(study.features.engine)(
        inputs["intake"].records,
        inputs["population"].cohort,
        study.features,
        load_catalogue(study.features.catalogue),
        threads=study.threads,
    )
    return as_chosen(built, study.audit)


def _table_population(study: Study, _inputs: Inputs, _folder: Path) -> Population:
    found = _read_table(study)
    return Population(
        cohort=found.cohort,
        outcomes=found.outcomes,
        audited=found.audited,
        sampling=found.sampling,
        attrition=found.attrition.to_json(),
        referred=None,
        notes=found.notes,
        inferred=found.inferred,
    )


def _table_features(study: Study, _inputs: Inputs, _folder: Path) -> FeatureMatrix:
    return as_chosen(_read_table(study).features, study.audit)


def _read_table(study: Study) -> TableData:
    from riskmodel import features

    return features.read_table(
        cast(features.TableSpec, study.data), policy=study.policy, disclosure=study.disclosure
    )


def _feature_settings(study: Study) -> Any:
    left_out = {"left_out": "enforcement"} if chosen_point(study.audit) == WITHOUT_ENFORCEMENT else {}
    return {**study.model_dump(mode="json", include={"features"}), **left_out}


def _table_settings(study: Study) -> Any:
    return [_fingerprint(study), study.model_dump(mode="json", include={"policy", "disclosure"})]


def _fingerprint(study: Study) -> Any:
    """Return what decides the data: the simulation's settings, or the digest of the files and how to read them."""
    settings = study.data.model_dump(mode="json")
    if isinstance(study.data, SimulatedData):
        return {"data": settings, "seed": study.seed}
    path = Path(study.data.path)
    if not path.exists():
        raise StudyError([f"'data.path': there is nothing at '{path}'"])
    return {"data": {**settings, "path": None}, "files": digest_data(path)}


def _load_intake(folder: Path) -> Any:
    from riskmodel.intake import Intake

    return Intake.load(folder)


_SIMULATE = Stage(
    "extracts",
    "Simulating a borough",
    (),
    settings=_fingerprint,
    run=_simulate,
    rooms=("simulate",),
    load=Extracts,
)


def _intake_stage(*, reads: tuple[str, ...]) -> Stage:
    return Stage(
        "intake",
        "Taking in the records",
        reads,
        settings=_fingerprint,
        run=_intake,
        rooms=("intake",),
        load=_load_intake,
    )


_POPULATION = Stage(
    "population",
    "Finding the cohort and its outcomes",
    ("intake",),
    settings=lambda study: [
        study.model_dump(mode="json", include={"cohort", "outcomes"}),
        audited_names(study),
        *_origins(study),
    ],
    run=_population,
    rooms=("features", "stages/front.py"),
    load=Population.load,
)
_FEATURES = Stage(
    "features",
    "Building features",
    ("intake", "population"),
    settings=_feature_settings,
    run=_features,
    rooms=("features",),
    load=FeatureMatrix.load,
)
_TABLE_POPULATION = Stage(
    "population",
    "Reading the table",
    (),
    settings=_table_settings,
    run=_table_population,
    rooms=("features", "intake", "policy", "stages/front.py"),
    load=Population.load,
)
_TABLE_FEATURES = Stage(
    "features",
    "Reading the features",
    ("population",),
    settings=lambda study: [_table_settings(study), _feature_settings(study)],
    run=_table_features,
    rooms=("features", "intake", "policy", "stages/front.py"),
    load=FeatureMatrix.load,
)
