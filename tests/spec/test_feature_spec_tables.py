"""Every text table on both engines: events of one subject, one feature, the value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from records_kit import CATALOGUE, cohort, columns, records
from spec_cases import CASES, SPEC, event_rows, observation_rows

from riskmodel.features.matrix import build_columns
from riskmodel.features.reference import reference_features

PARAMETERS = [pytest.param(case, id=name) for name, case in CASES.items()]


@pytest.mark.parametrize("engine", ["kernel", "reference"])
@pytest.mark.parametrize("case", PARAMETERS)
def test_value_worked_out_by_hand(case, engine):
    data = records(events_rows=event_rows(case), observation_rows=observation_rows(case))
    rows, wanted = cohort([(1, str(case["index"]))]), columns(case["feature"])
    assert len(wanted) == 1
    if engine == "kernel":
        found = build_columns(data, rows, wanted, CATALOGUE, threads=1)
    else:
        found = reference_features(data, rows, wanted)
    np.testing.assert_allclose(found, [[float(case["expect"])]], rtol=1e-6)


def test_there_are_enough_cases_and_no_two_share_a_name():
    written = [
        case["case"]
        for path in sorted(SPEC.glob("*.yaml"))
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    assert len(written) == len(CASES) >= 80
