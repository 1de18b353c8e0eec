"""People bring their own data in four ways; each ends in a run, and none of them scores a real person."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from running import command, train

DEFAULT = Path(__file__).parents[2] / "src" / "riskmodel" / "default_study.yaml"
QUICK = (
    "--set",
    "models.families=[prior, logistic]",
    "--set",
    "validation.replicates=200",
    "--set",
    "tracking.enabled=false",
)


@pytest.fixture(scope="module")
def borough(finished):
    """The extracts and the taken-in records of the shared run."""
    store = finished.out / ".store"
    return {
        "extracts": next(store.glob("extracts-*/borough/extracts")),
        "records": next(store.glob("intake-*")),
    }


def write_study(folder, *, name, data):
    study = yaml.safe_load(DEFAULT.read_text())
    study |= {"name": name, "data": data}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def run(study, out):
    done = command(str(study), *QUICK, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["run"])


@pytest.fixture(scope="module")
def events_run(borough, tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    for part in ("events", "observation", "residence", "attributes"):
        shutil.copy(next(borough["records"].rglob(f"{part}.parquet")), folder / f"{part}.parquet")
    return run(write_study(folder, name="events", data={"kind": "events", "path": "."}), folder / "runs")


def test_official_extracts_give_the_same_metrics_as_the_simulated_study(borough, tmp_path):
    data = {"kind": "extracts", "path": str(borough["extracts"])}
    folder = run(write_study(tmp_path, name="extracts", data=data), tmp_path / "runs")
    same = train(tmp_path / "again", "--set", "models.families=[prior, logistic]")
    ours = json.loads((folder / "metrics.json").read_text())["models"]
    theirs = json.loads((same.folder / "metrics.json").read_text())["models"]
    assert ours == theirs


def test_a_folder_of_events_gives_the_same_metrics_as_the_extracts_it_came_from(events_run, finished):
    ours = json.loads((events_run / "metrics.json").read_text())["models"]["logistic"]
    theirs = json.loads((finished.folder / "metrics.json").read_text())["models"]["logistic"]
    assert ours["train"]["auroc"] == theirs["train"]["auroc"]


def test_real_people_get_row_numbers_without_a_way_back(events_run, finished):
    real = pd.read_parquet(events_run / "predictions.parquet")
    made_up = pd.read_parquet(finished.folder / "predictions.parquet")
    rows = (real.family == "logistic") & (real.split == "test_all")
    same = (made_up.family == "logistic") & (made_up.split == "test_all")
    assert len(real[rows]) == len(made_up[same])
    assert sorted(real[rows].raw_score) == pytest.approx(sorted(made_up[same].raw_score))
    assert not np.array_equal(real[rows].raw_score, made_up[same].raw_score)


def test_a_page_about_a_real_person_is_refused_until_there_is_an_approval(events_run, tmp_path):
    done = command(
        "explain", str(events_run), "--subject", "1", "--out", str(tmp_path / "p.html"), module="riskmodel"
    )
    assert done.returncode == 4
    assert "approval" in done.stderr
    assert not (tmp_path / "p.html").exists()


def test_a_plain_meds_dataset_works_and_the_card_says_what_it_lacks(borough, tmp_path):
    events = pq.read_table(next(borough["records"].rglob("events.parquet")))
    plain = events.select(["subject_id", "time", "code", "numeric_value"])
    plain = plain.set_column(2, "code", plain.column("code").cast(pa.string()))
    (tmp_path / "meds" / "data" / "train").mkdir(parents=True)
    pq.write_table(plain, tmp_path / "meds" / "data" / "train" / "0.parquet")
    data = {
        "kind": "events",
        "path": "meds",
        "observation": {"first_day": "2015-09-01", "last_day": "2025-08-31"},
    }
    study = yaml.safe_load(write_study(tmp_path, name="meds", data=data).read_text())
    study["cohort"]["residence"] = False
    study["audit"] = {"attributes": ["age_band", "sen"], "intersections": []}
    (tmp_path / "meds.yaml").write_text(yaml.safe_dump(study))
    folder = run(tmp_path / "meds.yaml", tmp_path / "runs")
    card = (folder / "card.md").read_text()
    assert "when it could first have been known" in card or "known" in card
    notes = json.loads((folder / "card.json").read_text())["data"]["notes"]
    assert any("known" in note for note in notes)


def test_csv_files_with_a_mapping_work(tmp_path):
    rng = np.random.default_rng(1)
    people = np.arange(3000)
    born = pd.to_datetime("2009-01-01") + pd.to_timedelta(rng.integers(0, 900, 3000), unit="D")
    pd.DataFrame({"who": people, "born": born.strftime("%d/%m/%Y")}).to_csv(
        tmp_path / "births.csv", index=False
    )
    risk = rng.random(3000)
    suspended = rng.poisson(3 * risk)
    when = pd.to_datetime("2020-01-05") + pd.to_timedelta(rng.integers(0, 300, suspended.sum()), unit="D")
    frame = pd.DataFrame(
        {"who": np.repeat(people, suspended), "start": when.strftime("%d/%m/%Y"), "reason": "DB", "n": 4}
    )
    frame.to_csv(tmp_path / "suspensions.csv", index=False)
    harmed = people[rng.random(3000) < 0.25 * risk]
    visits = pd.to_datetime("2021-02-01") + pd.to_timedelta(rng.integers(0, 200, len(harmed)), unit="D")
    pd.DataFrame({"who": harmed, "arrived": visits.strftime("%d/%m/%Y")}).to_csv(
        tmp_path / "visits.csv", index=False
    )
    common = {"subject": "who", "date_format": "%d/%m/%Y", "known_delay_days": 10}
    data = {
        "kind": "csv",
        "path": ".",
        "observation": {"first_day": "2019-01-01", "last_day": "2022-12-31"},
        "files": [
            {**common, "path": "births.csv", "time": "born", "code": "MEDS_BIRTH"},
            {
                **common,
                "path": "suspensions.csv",
                "time": "start",
                "value": "n",
                "code": {"column": "reason", "prefix": "EDU//SUSPENSION//"},
            },
            {**common, "path": "visits.csv", "time": "arrived", "code": "HEALTH//ED//ASSAULT"},
        ],
    }
    study = {
        "name": "csv",
        "purpose": "To try whether files with a mapping are read as declared.",
        "seed": 3,
        "data": data,
        "cohort": {"ages": [10, 17], "train": ["2021-01-01"], "residence": False},
        "outcomes": {"chosen": "harm_health", "alternatives": []},
        "features": {"libraries": ["education", "harm"]},
        "split": {"design": "cross_validation", "reason": "A test of reading files, with one date only."},
        "models": {"families": ["count", "logistic"], "folds": 3},
        "audit": {"attributes": ["age_band"], "intersections": []},
        "capacity": {"share": 0.1},
    }
    (tmp_path / "csv.yaml").write_text(yaml.safe_dump(study))
    done = command(
        str(tmp_path / "csv.yaml"),
        "--set",
        "validation.replicates=200",
        "--set",
        "tracking.enabled=false",
        "--out",
        str(tmp_path / "runs"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["split"] == "crossfit"
    assert 0.6 < found["models"]["logistic"]["auroc"]["estimate"] < 0.8


def test_a_flat_table_works_whatever_the_order_of_its_rows(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=2000)
    frame = pd.DataFrame(
        {
            "id": rng.permutation(2000),
            "susp": np.where(
                rng.random(2000) < 0.1, "", np.maximum(0, np.round(x + 1)).astype(int).astype(str)
            ),
            "sex": rng.choice(["M", "F"], 2000),
            "y": (rng.random(2000) < 1 / (1 + np.exp(2 - x))).astype(int),
        }
    )
    study = {
        "name": "flat",
        "purpose": "To try whether a flat table is read as declared.",
        "seed": 4,
        "data": {
            "kind": "table",
            "path": "table.csv",
            "subject": "id",
            "chosen": "harmed",
            "outcomes": {
                "harmed": {
                    "column": "y",
                    "description": "harm from violence",
                    "phrase": "came to harm",
                    "yes": ["1"],
                    "no": ["0"],
                }
            },
            "features": {
                "suspensions": {
                    "column": "susp",
                    "description": "times suspended from school",
                    "concept": "exclusion from school",
                    "direction": 1,
                }
            },
            "audited": {"sex": {"column": "sex", "values": {"M": "Male", "F": "Female"}}},
        },
        "split": {"design": "cross_validation", "reason": "The table has no dates at all."},
        "models": {"families": ["count", "logistic"], "count": {"lookback": "declared"}, "folds": 3},
        "audit": {"attributes": ["sex"], "intersections": []},
        "capacity": {"share": 0.1},
    }
    (tmp_path / "flat.yaml").write_text(yaml.safe_dump(study))
    seen = []
    for order in (frame, frame.iloc[::-1]):
        order.to_csv(tmp_path / "table.csv", index=False)
        folder = run_flat(tmp_path)
        seen.append((folder / "metrics.json").read_bytes())
    assert seen[0] == seen[1]
    assert "declared, not checked" in (folder / "card.md").read_text()


def test_a_leak_planted_in_a_table_is_named_by_the_command_and_on_the_card(tmp_path):
    rng = np.random.default_rng(5)
    cause = rng.normal(size=4000)
    outcome = (rng.random(4000) < 1 / (1 + np.exp(2.5 - cause))).astype(int)
    honest = {f"honest{i}": np.round(cause + rng.normal(size=4000), 2) for i in range(5)}
    planted = np.where(rng.random(4000) < 0.3, 1 - outcome, outcome)
    pd.DataFrame({"id": np.arange(4000), "y": outcome, "planted": planted, **honest}).to_csv(
        tmp_path / "table.csv", index=False
    )
    study = {
        "name": "flat",
        "purpose": "To try whether a planted leak of the outcome is named.",
        "seed": 6,
        "data": {
            "kind": "table",
            "path": "table.csv",
            "subject": "id",
            "chosen": "harmed",
            "outcomes": {
                "harmed": {
                    "column": "y",
                    "description": "harm from violence",
                    "phrase": "came to harm",
                    "yes": ["1"],
                    "no": ["0"],
                }
            },
            "features": {
                name: {"column": name, "description": f"fact {name}", "concept": "facts"}
                for name in ("planted", *honest)
            },
        },
        "split": {"design": "cross_validation", "reason": "The table has no dates at all."},
        "models": {"families": ["logistic"], "folds": 3},
        "audit": {"attributes": [], "intersections": []},
        "capacity": {"share": 0.1},
    }
    (tmp_path / "flat.yaml").write_text(yaml.safe_dump(study))
    folder = run_flat(tmp_path)
    assert json.loads((folder / "leaks.json").read_text())["suspects"] == ["planted"]
    assert "may have been made from the outcome" in (folder / "card.md").read_text()


def run_flat(tmp_path):
    done = command(
        str(tmp_path / "flat.yaml"),
        "--set",
        "validation.replicates=200",
        "--set",
        "tracking.enabled=false",
        "--out",
        str(tmp_path / "runs"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["run"])


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            lambda study: study["data"]["features"].update(
                religion={"column": "susp", "description": "some belief", "concept": "exclusion"}
            ),
            3,
            "religion",
        ),
        (
            lambda study: study["data"]["features"].update(
                a={"column": "nosuch", "description": "some thing", "concept": "exclusion"}
            ),
            2,
            "nosuch",
        ),
        (lambda study: study["data"].update(path="nosuch.csv"), 2, "nothing at"),
    ],
)
def test_a_table_that_breaks_a_rule_or_is_not_there_is_refused(tmp_path, change, code, said):
    test_a_flat_table = {
        "name": "flat",
        "purpose": "To try whether a flat table is refused as it should be.",
        "seed": 4,
        "data": {
            "kind": "table",
            "path": "table.csv",
            "subject": "id",
            "chosen": "harmed",
            "outcomes": {
                "harmed": {
                    "column": "y",
                    "description": "harm from violence",
                    "phrase": "came to harm",
                    "yes": ["1"],
                    "no": ["0"],
                }
            },
            "features": {"s": {"column": "susp", "description": "times suspended", "concept": "exclusion"}},
        },
        "split": {"design": "cross_validation", "reason": "The table has no dates at all."},
    }
    change(test_a_flat_table)
    (tmp_path / "table.csv").write_text("id,susp,y\n1,2,0\n2,3,1\n")
    (tmp_path / "flat.yaml").write_text(yaml.safe_dump(test_a_flat_table))
    done = command(str(tmp_path / "flat.yaml"), "--out", str(tmp_path / "runs"))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
