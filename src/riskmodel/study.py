"""What a study's YAML may say. Each room owns its part; this module composes them and explains every fault at once."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.errors import StudyError, did_you_mean
from riskmodel.explain.spec import ExplainSpec
from riskmodel.features.spec import CohortSpec, FeaturesSpec, OutcomesSpec, TableSpec, gap_faults
from riskmodel.intake.spec import CsvSpec, DelaySpec, EventsSpec, ExtractsSpec
from riskmodel.models.spec import CapacitySpec, ModelsSpec
from riskmodel.policy import PolicySpec
from riskmodel.publish.spec import CardSpec
from riskmodel.simulate.spec import SimulateSpec
from riskmodel.validate.spec import SplitSpec, ValidateSpec


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

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        event_parts = {"cohort": self.cohort, "outcomes": self.outcomes, "features": self.features}
        if self.data.kind == "table":
            extra = [name for name, part in event_parts.items() if part is not None]
            if extra:
                raise ValueError(f"a table declares these itself, under 'data': {', '.join(extra)}")
        else:
            absent = [name for name, part in event_parts.items() if part is None]
            if absent:
                raise ValueError(f"data.kind '{self.data.kind}' needs: {', '.join(absent)}")
        self._check_gap()
        return self

    def _check_gap(self) -> None:
        if self.cohort is not None and self.outcomes is not None and self.split.design == "temporal":
            faults = gap_faults(self.cohort, self.outcomes)
            if faults:
                raise ValueError("; ".join(faults))

    @property
    def simulated(self) -> bool:
        """Whether every young person in it is made up by us."""
        return self.data.kind == "simulated"


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
        With every fault found, each with the nearest valid names.
    """
    where = "the default study" if path is None else str(path)
    text = _read(path)
    raw = _parse(text, where=where)
    faults = [fault for setting in settings for fault in _apply(raw, setting)]
    if faults:
        raise StudyError(faults, where="--set")
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError([_explain(item) for item in error.errors()], where=where) from None
    return _relative_to(study, path)


def resolved_yaml(study: Study) -> str:
    """Return the study with every default written out, as YAML that loads back to the same study."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def _read(path: Path | None) -> str:
    if path is None:
        return resources.files("riskmodel").joinpath("default_study.yaml").read_text(encoding="utf-8")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        siblings = [
            str(p) for folder in (path.parent, Path("configs/studies")) for p in folder.glob("*.y*ml")
        ]
        raise StudyError(
            [f"there is no file '{path}'; {did_you_mean(str(path), siblings)}"], where="the command"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(
            [f"'{path}' cannot be read as UTF-8 text ({type(error).__name__})"], where="the command"
        ) from None


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key may stand only once."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.MarkedYAMLError(problem=f"'{key}' is written twice", problem_mark=node.start_mark)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _parse(text: str, *, where: str) -> dict[str, Any]:
    try:
        raw = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader with one more check
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise StudyError([f"{line}not valid YAML: {error.problem}"], where=where) from None
    except yaml.YAMLError:
        raise StudyError(
            ["not valid YAML: it holds characters that YAML does not allow"], where=where
        ) from None
    if not isinstance(raw, dict):
        raise StudyError(
            ["expected a mapping of names to values at the top, such as 'name: my-study'"], where=where
        )
    return raw


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


def _explain(item: Mapping[str, Any]) -> str:
    location = tuple(item["loc"])
    shown = ".".join(str(part) for part in _without_tags(location)) or "the study"
    if item["type"] == "extra_forbidden":
        return (
            f"'{shown}' is not a setting; {did_you_mean(str(location[-1]), _fields_at(Study, location[:-1]))}"
        )
    if item["type"] == "union_tag_invalid":
        return f"'{shown}.kind': found '{item['ctx']['tag']}'; {did_you_mean(item['ctx']['tag'], _tags())}"
    if item["type"] == "union_tag_not_found":
        return f"'{shown}.kind' is missing; valid: {', '.join(_tags())}"
    if item["type"] == "missing":
        return f"'{shown}' is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "value_error":
        return message if shown == "the study" else f"'{shown}': {message}"
    return f"'{shown}': {message[0].lower()}{message[1:]}; found {_short(item.get('input'))}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _tags() -> list[str]:
    return [str(get_args(kind.model_fields["kind"].annotation)[0]) for kind in data_kinds()]


def data_kinds() -> tuple[type[BaseModel], ...]:
    """Return the classes of ``data``, one for each ``kind``."""
    return get_args(get_args(DataSpec)[0])


def _without_tags(location: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(location) > 1 and location[0] == "data" and location[1] in _tags():
        return (location[0], *location[2:])
    return location


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Return the setting names that are valid at a place in the study."""
    if not location:
        return list(model.model_fields)
    head, *rest = location
    if model is Study and head == "data" and rest:
        chosen = next(kind for kind, tag in zip(data_kinds(), _tags(), strict=True) if tag == rest[0])
        return _fields_at(chosen, tuple(rest[1:]))
    inner = models_in(model.model_fields[head].annotation) if head in model.model_fields else []
    names = tuple(part for part in rest if not isinstance(part, int))
    found = [name for kind in inner for name in _fields_below(kind, names)]
    return found or list(model.model_fields)


def _fields_below(kind: type[BaseModel], names: tuple[Any, ...]) -> list[str]:
    if names and names[0] not in kind.model_fields:
        return _fields_below(kind, names[1:])  # the key of a mapping of specs
    return _fields_at(kind, names)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the settings classes that a field's annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, tuple, list, dict, Annotated) or get_args(
        annotation
    ):
        return [kind for part in get_args(annotation) for kind in models_in(part)]
    return []


def _relative_to(study: Study, path: Path | None) -> Study:
    """Resolve a relative data path against the study's own folder, as a reader of the file would expect."""
    data_path = getattr(study.data, "path", None)
    if data_path is None or path is None or Path(data_path).is_absolute():
        return study
    data = study.data.model_copy(update={"path": path.parent / data_path})
    return study.model_copy(update={"data": data})
