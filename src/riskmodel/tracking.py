"""The logbook: the only importer of MLflow.

MLflow receives what may leave the secure environment and nothing else: parameters, metrics with intervals from
counts that pass the disclosure rules, figures, the card, and a description of the selected model bound to its digest.
It never receives a person's row, nor a model's file, and nothing is ever loaded from it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from riskmodel.errors import StudyError

ALIAS = "candidate"
"""What a registered model version is until the ethics board has approved its digest."""


@dataclass(frozen=True)
class RunRecord:
    """What one run tells the logbook.

    Parameters
    ----------
    params : mapping of str to str
        The resolved study, flattened.
    metrics : mapping of str to float
        Such as ``xgboost/test_all/auroc``, with ``.../lower`` and ``.../upper``.
    files : sequence of Path
        Files and folders that may leave.
    dataset : mapping
        ``name``, ``digest``, ``source`` and a profile of rounded counts.
    model : mapping
        Family, digest and feature names of the selected model.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    files: tuple[Path, ...]
    dataset: Mapping[str, Any]
    model: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChildRecord:
    """One attempt within a run, such as settings that tuning tried.

    Parameters
    ----------
    name : str
    params, tags : mapping of str to str
    metrics : mapping of str to float
        Empty where too few people stand behind them.
    """

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


class Recorder(Protocol):
    """What the pipeline may do with a logbook."""

    def start(self, *, run_name: str) -> None:
        """Open a run."""
        ...

    def child(self, record: ChildRecord) -> None:
        """Log a finished run that belongs to the open one."""
        ...

    def finish(self, record: RunRecord) -> None:
        """Log everything and close the run as finished."""
        ...

    def fail(self, *, interrupted: bool) -> None:
        """Close the run as failed, or as killed when a person interrupted it."""
        ...


class NullRecorder:
    """A logbook that writes nothing, for studies with ``tracking.enabled: false``."""

    def start(self, *, run_name: str) -> None:
        """Do nothing."""

    def child(self, record: ChildRecord) -> None:
        """Do nothing."""

    def finish(self, record: RunRecord) -> None:
        """Do nothing."""

    def fail(self, *, interrupted: bool) -> None:
        """Do nothing."""


class MlflowRecorder:
    """Logs one run to an MLflow tracking store.

    Parameters
    ----------
    uri : str
        Such as ``sqlite:///runs/mlflow.db``.
    experiment : str
    artifacts : Path
        Where MLflow keeps files, when the store is a local database.
    """

    def __init__(self, *, uri: str, experiment: str, artifacts: Path) -> None:
        self._client = _client(uri)
        self._experiment = experiment
        self._artifacts = artifacts
        self._experiment_id = ""
        self._run_id: str | None = None

    def start(self, *, run_name: str) -> None:
        """Open a run in the experiment, making the experiment if it is new."""
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            place = (self._artifacts / self._experiment).resolve().as_uri()
            experiment_id = self._client.create_experiment(self._experiment, artifact_location=place)
        else:
            experiment_id = found.experiment_id
        self._experiment_id = experiment_id
        self._run_id = self._client.create_run(experiment_id, run_name=run_name).info.run_id

    def child(self, record: ChildRecord) -> None:
        """Log a run whose parent is the open one; MLflow's page folds it under its parent."""
        from mlflow.entities import Metric, Param

        tags = {**record.tags, "mlflow.parentRunId": self._opened()}
        run_id = self._client.create_run(self._experiment_id, run_name=record.name, tags=tags).info.run_id
        params = [Param(key, value[:500]) for key, value in record.params.items()]
        metrics = [Metric(key, value, 0, 0) for key, value in record.metrics.items()]
        self._client.log_batch(run_id, metrics=metrics, params=params)
        self._client.set_terminated(run_id, "FINISHED")

    def finish(self, record: RunRecord) -> None:
        """Log everything, register the model's description under the alias, and close the run."""
        run_id = self._opened()
        self._log_values(run_id, record)
        for path in record.files:
            if path.is_dir():
                self._client.log_artifacts(run_id, str(path), path.name)
            else:
                self._client.log_artifact(run_id, str(path))
        self._register(run_id, record.model)
        self._client.set_terminated(run_id, "FINISHED")

    def fail(self, *, interrupted: bool) -> None:
        """Close the run so that nobody takes it for a finished one."""
        if self._run_id is not None:
            self._client.set_terminated(self._run_id, "KILLED" if interrupted else "FAILED")

    def _opened(self) -> str:
        if self._run_id is None:
            raise RuntimeError("start a run before logging to it")
        return self._run_id

    def _log_values(self, run_id: str, record: RunRecord) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

        params = [Param(key, value[:500]) for key, value in record.params.items()]
        for begin in range(0, len(params), 100):
            self._client.log_batch(run_id, params=params[begin : begin + 100])
        metrics = [Metric(key, value, 0, 0) for key, value in record.metrics.items()]
        for begin in range(0, len(metrics), 1000):
            self._client.log_batch(run_id, metrics=metrics[begin : begin + 1000])
        self._client.log_batch(run_id, tags=[RunTag(key, value) for key, value in record.tags.items()])
        dataset = Dataset(
            name=record.dataset["name"],
            digest=record.dataset["digest"][:36],
            source_type="local",
            source=json.dumps({"uri": record.dataset["source"]}),
            profile=json.dumps(record.dataset["profile"]),
        )
        self._client.log_inputs(run_id, [DatasetInput(dataset, tags=[])])

    def _register(self, run_id: str, model: Mapping[str, Any]) -> None:
        name = f"riskmodel-{self._experiment}"
        self._client.log_dict(run_id, dict(model), "model/model.json")
        if not self._client.search_registered_models(filter_string=f"name = '{name}'"):
            self._client.create_registered_model(
                name,
                description="Descriptions bound to a digest. A model scores nobody before the ethics board approves it.",
            )
        version = self._client.create_model_version(
            name, source=f"runs:/{run_id}/model", run_id=run_id, tags={"digest": str(model["digest"])}
        )
        self._client.set_registered_model_alias(name, ALIAS, version.version)


def _client(uri: str) -> Any:
    # No usage statistics leave the secure environment, and its chatter stays out of our progress lines.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    for noisy in ("mlflow", "alembic"):  # importing MLflow sets these to INFO
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except MlflowException as error:
        raise StudyError(
            [
                f"'tracking.uri': MLflow cannot open it ({error.error_code}); expected an address such as sqlite:///runs/mlflow.db"
            ],
            where="the study",
        ) from error
    return client
