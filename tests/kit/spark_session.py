"""A real Spark session for tests, on this machine; skipped without pyspark or Java unless RISKMODEL_REQUIRE_SPARK=1."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from riskmodel.features import spark

INSTALLED = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
_needs_spark = pytest.mark.skipif(
    not INSTALLED and os.environ.get("RISKMODEL_REQUIRE_SPARK") != "1",
    reason="pyspark or Java is not installed: make setup-spark, and Java 17",
)
# pyspark's gateway leaves its sockets to the garbage collector.
_sockets = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def needs_spark(test: Any) -> Any:
    """Skip the test without Spark; it takes the fixture ``session``, which its module makes with ``running``."""
    return _needs_spark(_sockets(pytest.mark.usefixtures("session")(test)))


@contextmanager
def running(threads: int = 2) -> Iterator[Any]:
    """Give a session, and end it."""
    with warnings.catch_warnings():
        # pyspark forks to start Java and nothing else: jax, which other tests load, warns of what a fork might do besides.
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        session = spark.session(threads)
    yield session
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        session.stop()
        gc.collect()
