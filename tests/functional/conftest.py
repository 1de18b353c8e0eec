"""One small run of the default study, shared by every test that looks at a run."""

from __future__ import annotations

import pytest
from running import Finished, train


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Return the first run."""
    return train(tmp_path_factory.mktemp("functional") / "runs")
