import os
import sqlite3
from pathlib import Path

import pytest

from riskmodel.errors import StudyError
from riskmodel.tracking import ALIAS, ChildRecord, MlflowRecorder, NullRecorder, RunRecord

# From MLflow's own use of SQLAlchemy; nothing of ours can mend it.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")


def record(tmp_path: Path, **changes) -> RunRecord:
    card = tmp_path / "card.html"
    card.write_text("<p>card</p>")
    plots = tmp_path / "plots"
    plots.mkdir(exist_ok=True)
    (plots / "a.svg").write_text("<svg/>")
    values = {
        "params": {f"p{i}": "v" * 600 for i in range(130)},
        "metrics": {"xgboost/test_all/auroc": 0.7, "xgboost/test_all/auroc/lower": 0.68},
        "files": (card, plots),
        "dataset": {"name": "default", "digest": "f" * 64, "source": "simulated", "profile": {"rows": 100}},
        "model": {"family": "xgboost", "digest": "a" * 64},
        "tags": {"selected": "xgboost"},
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    recorder = MlflowRecorder(
        uri=f"sqlite:///{folder}/mlflow.db", experiment="default", artifacts=folder / "artifacts"
    )
    recorder.start(run_name="first")
    recorder.finish(record(folder))
    again = MlflowRecorder(
        uri=f"sqlite:///{folder}/mlflow.db", experiment="default", artifacts=folder / "artifacts"
    )
    again.start(run_name="second")
    again.finish(record(folder, model={"family": "logistic", "digest": "b" * 64}))
    return folder


def client(store):
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{store}/mlflow.db")


def test_a_finished_run_shows_its_parameters_metrics_files_and_dataset(store):
    runs = client(store).search_runs(["1"])
    assert sorted(run.info.run_name for run in runs) == ["first", "second"]
    run = next(run for run in runs if run.info.run_name == "first")
    assert run.info.status == "FINISHED"
    assert len(run.data.params) == 130
    assert run.data.metrics["xgboost/test_all/auroc/lower"] == 0.68
    assert run.inputs.dataset_inputs[0].dataset.digest == "f" * 36
    names = {item.path for item in client(store).list_artifacts(run.info.run_id)}
    assert names == {"card.html", "plots", "model"}


def test_the_newest_model_has_the_alias_and_its_digest_and_no_loader(store):
    version = client(store).get_model_version_by_alias("riskmodel-default", ALIAS)
    assert version.tags["digest"] == "b" * 64
    files = {item.path for item in client(store).list_artifacts(version.run_id, "model")}
    assert files == {"model/model.json"}


@pytest.mark.parametrize(("interrupted", "status"), [(True, "KILLED"), (False, "FAILED")])
def test_a_run_that_fails_is_marked(store, interrupted, status):
    recorder = MlflowRecorder(
        uri=f"sqlite:///{store}/mlflow.db", experiment="broken", artifacts=store / "artifacts"
    )
    recorder.start(run_name=f"ends-{status}")
    recorder.fail(interrupted=interrupted)
    found = client(store).get_experiment_by_name("broken")
    runs = client(store).search_runs([found.experiment_id], filter_string=f"run_name = 'ends-{status}'")
    assert [run.info.status for run in runs] == [status]


def test_a_child_is_a_finished_run_of_its_own_below_the_open_one(store):
    recorder = MlflowRecorder(
        uri=f"sqlite:///{store}/mlflow.db", experiment="tuned", artifacts=store / "artifacts"
    )
    child = ChildRecord(
        "xgboost-all-0", {"models.xgboost.depth": "3"}, {"utility": 0.21}, {"state": "complete"}
    )
    with pytest.raises(RuntimeError, match="start a run"):
        recorder.child(child)
    recorder.start(run_name="parent")
    recorder.child(child)
    recorder.fail(interrupted=True)
    found = client(store).get_experiment_by_name("tuned")
    runs = {run.info.run_name: run for run in client(store).search_runs([found.experiment_id])}
    own = runs["xgboost-all-0"]
    assert own.data.tags["mlflow.parentRunId"] == runs["parent"].info.run_id
    assert own.data.tags["state"] == "complete"
    assert (own.data.params, own.data.metrics) == ({"models.xgboost.depth": "3"}, {"utility": 0.21})
    assert {name: run.info.status for name, run in runs.items()} == {
        "parent": "KILLED",
        "xgboost-all-0": "FINISHED",
    }


def test_failing_before_the_start_needs_no_run(store):
    recorder = MlflowRecorder(
        uri=f"sqlite:///{store}/mlflow.db", experiment="broken", artifacts=store / "artifacts"
    )
    recorder.fail(interrupted=False)
    with pytest.raises(RuntimeError, match="start a run"):
        recorder.finish(record(store))


def test_no_usage_statistics_are_sent(store):
    assert store
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_database_holds_no_file_content(store):
    with sqlite3.connect(store / "mlflow.db") as database:
        assert "<svg" not in "\n".join(database.iterdump())
    database.close()


def test_an_address_that_mlflow_cannot_open_is_a_fault_of_the_study(tmp_path):
    with pytest.raises(StudyError, match=r"tracking\.uri"):
        MlflowRecorder(uri="nosuch://x", experiment="e", artifacts=tmp_path)


def test_the_null_recorder_does_nothing(tmp_path):
    recorder = NullRecorder()
    recorder.start(run_name="x")
    recorder.child(ChildRecord("y", {}, {}))
    recorder.finish(record(tmp_path))
    recorder.fail(interrupted=True)
    assert not list(tmp_path.glob("*.db"))
