"""What a study's YAML may say. Each room owns its part; this module composes them and explains every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeGuard, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmodel.audit.plans import LABEL, REWEIGHING, choice_faults, chosen_capacity, chosen_point
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.errors import StudyError, did_you_mean
from riskmodel.explain.spec import ExplainSpec
from riskmodel.features.columns import columns_of
from riskmodel.features.spec import CohortSpec, FeaturesSpec, OutcomesSpec, TableSpec, gap_faults
from riskmodel.intake.spec import CsvSpec, DelaySpec, EventsSpec, ExtractsSpec
from riskmodel.models.spec import CapacitySpec, ModelsSpec
from riskmodel.policy import PolicySpec
from riskmodel.publish.spec import CardSpec
from riskmodel.settings import Place, Settings, faults_in, named_at, read_settings, read_text, without_tags
from riskmodel.simulate.spec import SimulateSpec
from riskmodel.tables.catalogue import Catalogue, load_catalogue
from riskmodel.validate.spec import SplitSpec, ValidateSpec

_WITHOUT_GAP = ("cross_validation", "declared")
"""Designs that do not keep a cohort's test dates for a test."""


class SimulatedData(SimulateSpec):
    """``data.kind: simulated``: a borough that does not exist, taken in with the same delays as a real one."""

    kind: Literal["simulated"] = "simulated"
    delays: DelaySpec = DelaySpec()

    @model_validator(mode="after")
    def _is_one_district(self) -> Self:
        if self.shards not in (None, 1):
            raise ValueError("shards: a study takes in one district; leave it out")
        return self

    def borough(self) -> SimulateSpec:
        """Return the borough that is to be simulated: one district, however large."""
        fields = self.model_dump(include=set(SimulateSpec.model_fields))
        return SimulateSpec.model_validate({**fields, "shards": 1})


DataSpec = Annotated[
    SimulatedData | ExtractsSpec | EventsSpec | CsvSpec | TableSpec, Field(discriminator="kind")
]


class TrackingSpec(BaseModel):
    """Where the run is logged.

    Parameters
    ----------
    enabled : bool
        False logs nothing.
    uri : str, optional
        MLflow tracking address; by default an SQLite file in the folder of runs.
    experiment : str, optional
        By default the study's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    uri: str | None = None
    experiment: str | None = None


class Study(BaseModel):
    """Everything that decides a run's numbers.

    Parameters
    ----------
    name : str
        Short name; part of the run folder's name.
    purpose : str
        One sentence for the card: what decision the model would inform.
    seed : int
        Required: every random choice derives from it.
    threads : int
        Results are the same bytes for the same number of threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    purpose: str = Field(min_length=20)
    seed: int = Field(ge=0, lt=2**32)
    threads: int = Field(default=2, ge=1, le=64)
    data: DataSpec
    cohort: CohortSpec | None = None
    outcomes: OutcomesSpec | None = None
    features: FeaturesSpec | None = None
    split: SplitSpec = SplitSpec()
    models: ModelsSpec = ModelsSpec()
    capacity: CapacitySpec = CapacitySpec()
    validation: ValidateSpec = ValidateSpec()
    audit: AuditSpec = AuditSpec()
    explain: ExplainSpec = ExplainSpec()
    card: CardSpec = CardSpec()
    policy: PolicySpec = PolicySpec()
    disclosure: Disclosure = Disclosure()
    tracking: TrackingSpec = TrackingSpec()

    @model_validator(mode="before")
    @classmethod
    def _table_has_its_own_defaults(cls, written: Any) -> Any:
        data = written.get("data") if isinstance(written, Mapping) else None
        return {**written, **_for_a_table(written, data)} if _is_table(data) else written

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        event_parts = {"cohort": self.cohort, "outcomes": self.outcomes, "features": self.features}
        if self.data.kind == "table":
            extra = [name for name, part in event_parts.items() if part is not None]
            if extra:
                raise ValueError(f"a table declares these itself, under 'data': {', '.join(extra)}")
            if self.validation.robustness.late:
                raise ValueError("validation.robustness.late needs dated events; a table has none")
            self._check_audited()
        else:
            absent = [name for name, part in event_parts.items() if part is None]
            if absent:
                raise ValueError(f"data.kind '{self.data.kind}' needs: {', '.join(absent)}")
        self._check_gap()
        self._check_fairness_limit()
        self._check_choice()
        self._check_need()
        return self

    def _check_audited(self) -> None:
        known = self.data.audited if isinstance(self.data, TableSpec) else {}
        wanted = {*self.audit.attributes, *(name for some in self.audit.intersections for name in some)}
        faults = [
            f"'audit': '{name}' is not under 'data.audited'; {did_you_mean(name, known) if known else 'nothing is'}"
            for name in wanted - {*known}
        ]
        if faults:
            raise ValueError("; ".join(sorted(faults)))

    def _check_fairness_limit(self) -> None:
        limit = self.models.tuning.fairness
        audited = self.audit.attributes
        faults = [
            f"'models.tuning.fairness': '{name}' is not under 'audit.attributes'; {did_you_mean(name, audited)}"
            for name in (() if limit is None else limit.attributes)
            if name not in audited
        ]
        if faults:
            raise ValueError("; ".join(faults))

    def _check_gap(self) -> None:
        if self.cohort is not None and self.outcomes is not None and self.split.design not in _WITHOUT_GAP:
            faults = gap_faults(self.cohort, self.outcomes)
            if faults:
                raise ValueError("; ".join(faults))

    def _check_choice(self) -> None:
        faults, point = choice_faults(self.audit, self._other_outcomes()), chosen_point(self.audit)
        learned_otherwise = point == REWEIGHING or point.startswith(LABEL)
        if learned_otherwise and self.models.uncertainty.method == "bagged":
            faults.append(
                f"models.uncertainty.method: bagged learns as it is and not by '{point}'; use monotone"
            )
        if point.startswith(LABEL) and self.split.design == "rolling_origin":
            faults.append(
                f"audit.mitigation.chosen.point: '{point}' cannot be learned from under a rolling origin"
            )
        if faults:
            raise ValueError("; ".join(faults))

    def _other_outcomes(self) -> tuple[str, ...]:
        if isinstance(self.data, TableSpec):
            return tuple(name for name in self.data.outcomes if name != self.data.chosen)
        assert self.outcomes is not None  # noqa: S101 - checked before
        return tuple(one.name for one in self.outcomes.all if one.name != self.outcomes.chosen)

    def _check_need(self) -> None:
        need = self.audit.recording.need
        if need is None:
            return
        table = self.data if isinstance(self.data, TableSpec) else None
        events = self.outcomes.all if self.outcomes is not None else ()
        known = {*table.outcomes} if table is not None else {one.name for one in events}
        chosen = table.chosen if table is not None else events[0].name
        if need not in known:
            raise ValueError(
                f"audit.recording.need: there is no outcome '{need}', {did_you_mean(need, known)}"
            )
        if need == chosen:
            raise ValueError(
                f"audit.recording.need: '{need}' is the outcome that the model learns; need must be another"
            )

    @property
    def simulated(self) -> bool:
        """Whether every young person in it is made up by us."""
        return self.data.kind == "simulated"


def _is_table(data: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(data, Mapping) and data.get("kind") == "table"


def _for_a_table(written: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a study of a flat table means where it does not say: how it is divided, and who is compared.

    It is divided by its own training and test rows, or else by cross-validation; every declared attribute is audited.
    """
    design = "cross_validation" if data.get("side") is None else "declared"
    audited = data.get("audited")
    defaults: dict[str, dict[str, Any]] = {
        "split": {"design": design},
        "audit": {"attributes": list(audited) if isinstance(audited, Mapping) else [], "intersections": []},
    }
    said = {part: written.get(part) or {} for part in defaults}
    return {part: {**defaults[part], **said[part]} for part in defaults if isinstance(said[part], Mapping)}


def load_study(path: Path | None, *, settings: Sequence[str] = ()) -> Study:
    """Read a study and apply ``key=value`` settings to it.

    Parameters
    ----------
    path : Path, optional
        A YAML file; the embedded default study when None.
    settings : sequence of str
        Such as ``data.size=4000`` or ``models.families=[logistic,xgboost]``; values are YAML.

    Raises
    ------
    StudyError
        With every fault of the study, its feature libraries and its catalogue, each with file and line and the
        nearest valid names.
    """
    where = "the default study" if path is None else str(path)
    written = _read(path)
    faults = [fault for setting in settings for fault in _apply(written.value, setting)]
    if faults:
        raise StudyError(faults, where="--set")
    changed = [tuple(setting.partition("=")[0].strip().split(".")) for setting in settings]

    def _at(place: Place) -> str:
        # A place is a setting's if it lies within it, or holds it and is not in the text.
        said = without_tags(Study, place)
        parts = tuple(map(str, said))
        within = any(parts[: len(key)] == key for key in changed)
        made = any(key[: len(parts)] == parts for key in changed) and not written.holds(said)
        return "--set" if within or made else written.at(place)

    study = None
    try:
        study = Study.model_validate(written.value)
    except ValidationError as error:
        faults = faults_in(error, Study, _at)
    faults += _faults_of_parts(written.value, _at)
    if faults or study is None:
        raise StudyError(faults, where=where)
    return _with_chosen_capacity(_relative_to(study, path))


def _with_chosen_capacity(study: Study) -> Study:
    share = chosen_capacity(study.audit)
    if share is None:
        return study
    return study.model_copy(update={"capacity": study.capacity.model_copy(update={"share": share})})


def _faults_of_parts(raw: Mapping[str, Any], at: Callable[[Place], str]) -> list[str]:
    """Return what is wrong in the feature libraries and the catalogue of a study, and with the codes that it names."""
    try:
        features = FeaturesSpec.model_validate(raw.get("features"))
    except ValidationError:
        return []  # told with the study's own faults
    faults: list[str] = []
    catalogue = None
    try:
        catalogue = load_catalogue(features.catalogue)
    except StudyError as error:
        line = at(("features", "catalogue"))
        faults += [named_at(fault, str(features.catalogue), line) for fault in error.faults]
    try:
        columns_of(features, catalogue, at=lambda place: at(("features", *place)))
    except StudyError as error:
        faults += error.faults
    return faults if catalogue is None else [*faults, *_unknown_outcomes(raw, catalogue, at)]


def _unknown_outcomes(
    raw: Mapping[str, Any], catalogue: Catalogue, at: Callable[[Place], str]
) -> Iterator[str]:
    """Give the codes of outcomes that nobody described: whether enforcement makes them could not be told."""
    try:
        outcomes = OutcomesSpec.model_validate(raw.get("outcomes"))
    except ValidationError:
        return
    for number, outcome in enumerate(outcomes.own):
        for pattern in outcome.codes:
            if not catalogue.match(pattern):
                yield f"{at(('outcomes', 'own', number, 'codes'))}: '{outcome.name}': {catalogue.unknown(pattern)}"


def resolved_yaml(study: Study) -> str:
    """Return the study with every default written out, as YAML that loads back to the same study."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def features_yaml(features: Mapping[str, Any]) -> str:
    """Return features of a flat table as a study would declare them under ``data``."""
    return yaml.safe_dump({"features": features}, allow_unicode=True, width=100)


def _read(path: Path | None) -> Settings:
    if path is None:
        text = resources.files("riskmodel").joinpath("default_study.yaml").read_text(encoding="utf-8")
        return read_settings(text, "default_study.yaml", kind=dict)
    if not path.exists():
        siblings = [
            str(p) for folder in (path.parent, Path("configs/studies")) for p in folder.glob("*.y*ml")
        ]
        raise StudyError(
            [f"there is no file '{path}'; {did_you_mean(str(path), siblings)}"], where="the command"
        )
    return read_settings(read_text(path, where="the command"), str(path), kind=dict)


def _apply(raw: dict[str, Any], setting: str) -> Iterator[str]:
    key, equals, value = setting.partition("=")
    if not equals or not key.strip():
        yield f"'{setting}': expected key=value, such as data.size=4000"
        return
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        yield f"'{key}': the value is not valid YAML"
        return
    *parents, last = key.strip().split(".")
    place = raw
    for parent in parents:
        inner = place.setdefault(parent, {})
        if not isinstance(inner, dict):
            yield f"'{key}': '{parent}' holds a value, not a mapping"
            return
        place = inner
    place[last] = parsed


def data_kinds() -> tuple[type[BaseModel], ...]:
    """Return the classes of ``data``, one for each ``kind``."""
    return get_args(get_args(DataSpec)[0])


def _relative_to(study: Study, path: Path | None) -> Study:
    """Resolve relative paths of files against the study's own folder, as a reader of the file would expect."""
    if path is None:
        return study
    changes: dict[str, BaseModel] = {}
    data_path = getattr(study.data, "path", None)
    if data_path is not None:
        changes["data"] = study.data.model_copy(update={"path": path.parent / data_path})
    measured = study.audit.recording.stop_search
    if measured is not None:
        found = measured.model_copy(update={"report": path.parent / measured.report})
        recording = study.audit.recording.model_copy(update={"stop_search": found})
        changes["audit"] = study.audit.model_copy(update={"recording": recording})
    return study.model_copy(update=changes)
