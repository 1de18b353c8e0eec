import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from riskmodel.audit import Structure, audit_fairness, audit_records, label_choice, privacy, proxies
from riskmodel.audit.spec import AuditSpec
from riskmodel.disclosure import Disclosure
from riskmodel.files import to_json
from riskmodel.tables.cohort import Labels
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.validate import all_curves, draw_metrics, evaluate, optimism
from riskmodel.validate.spec import ValidateSpec


def schema(name):
    text = (
        resources.files("riskmodel")
        .joinpath(f"publish/schemas/{name}.schema.json")
        .read_text(encoding="utf-8")
    )
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


@pytest.fixture(scope="module")
def records(borough):
    rows, drawn = borough.rows, borough.resamples
    spec = AuditSpec(attributes=("ethnicity", "sex"))
    fairness = audit_fairness({"logistic": rows}, borough.attributes, drawn, spec)
    metrics = {name: one.to_json() for name, one in evaluate(rows, drawn, ValidateSpec()).items()}
    labels = Labels(rows.outcome, np.zeros(len(rows), dtype=np.int32), rows.weight == 0, rows.weight)
    infos = (FeatureInfo("f", "d", "c", "EDU", "times", 0, "count", "365d", ()),)
    features = FeatureMatrix(rows.raw.astype(np.float32)[:, None], infos)
    who = {"subject_id": rows.subject_id, "spec": spec}
    codes = np.digitize(rows.raw, [-1, 0, 1])[:, None]
    drawn_metrics = draw_metrics(rows, drawn, ValidateSpec())
    pairs = {
        name: {column: one.to_json() for column, one in found.items()}
        for name, found in optimism(rows, drawn_metrics, drawn_metrics).items()
    }
    curves = all_curves(rows, {0.02: rows.offered, 0.01: np.zeros(len(rows))}, drawn, ValidateSpec())
    return {
        "optimism": {"models": {"logistic": pairs}, "selected": "logistic"},
        "curves": {"family": "logistic", "split": "test_all", "own_capacity": 0.02, **curves},
        "metrics": {
            "models": {"logistic": {"crossfit": metrics}},
            "selected": "logistic",
            "warnings": [{"code": "sample_size", "words": "The study is too small for 'ebm'."}],
        },
        "fairness": fairness.to_json(),
        "fairness.public": fairness.public(Disclosure(), selected="logistic"),
        "label_bias": label_choice(
            rows.offered,
            {"harm": labels},
            {"harm": rows.offered},
            borough.attributes,
            chosen="harm",
            resamples=drawn,
            **who,
        ).to_json(),
        "recording": audit_records(
            rows, drawn, fairness, family="logistic", need=("harm_health", labels)
        ).to_json(),
        "proxies": proxies(
            features, rows.raw, borough.attributes, household_id=rows.subject_id, **who
        ).to_json(),
        "privacy": privacy(
            [Structure("ebm", "bin", ("f",), codes)],
            {"ebm": rows.offered},
            borough.attributes,
            training_subject_id=rows.subject_id,
            **who,
        ).to_json(),
    }


NAMES = [
    "metrics",
    "curves",
    "optimism",
    "fairness",
    "fairness.public",
    "label_bias",
    "recording",
    "proxies",
    "privacy",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_we_write_has_the_shape_we_promise(records, name):
    schema(name).validate(json.loads(to_json(records[name])))


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_its_parts_is_refused(name):
    assert not schema(name).is_valid({})


@pytest.mark.parametrize("name", ["fairness", "fairness.public", "label_bias", "proxies"])
def test_a_number_beside_a_reason_why_there_is_none_is_refused(records, name):
    record = json.loads(to_json(records[name]))
    shown = next(row for row in record["rows"] if row["status"] == "ok")
    shown["status"] = "suppressed"
    assert not schema(name).is_valid(record)


@pytest.mark.parametrize("part", ["bounds", "equal_need"])
def test_a_bound_or_a_need_beside_a_reason_why_there_is_none_is_refused(records, part):
    record = json.loads(to_json(records["recording"]))
    shown = next(row for row in record[part] if row["status"] == "ok")
    shown["status"] = "suppressed"
    assert not schema("recording").is_valid(record)


def test_a_metric_may_not_be_left_out(records):
    record = json.loads(to_json(records["metrics"]))
    del record["models"]["logistic"]["crossfit"]["brier"]
    assert not schema("metrics").is_valid(record)
