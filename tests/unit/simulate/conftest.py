"""One small borough, simulated once for all tests of this folder."""

from __future__ import annotations

import pytest

from riskmodel.simulate import SimulateSpec, simulate


@pytest.fixture(scope="session")
def small_spec():
    return SimulateSpec(size=2000, years=4, faulty_rows=0.01)


@pytest.fixture(scope="session")
def borough(tmp_path_factory, small_spec):
    out = tmp_path_factory.mktemp("simulated") / "borough"
    report = simulate(small_spec, seed=11, out=out)
    return out, report
