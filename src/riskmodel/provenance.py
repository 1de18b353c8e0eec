"""Where a result comes from: code, packages, seed, data, time and memory."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from riskmodel.files import digest_bytes

_HOME = Path(__file__).parent
_PACKAGES = (
    "duckdb",
    "interpret-core",
    "mlflow",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "shap",
    "xgboost",
    "xgboost-cpu",
)


@cache
def source_digest(rooms: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of the package's own files: of the named rooms, or of all.

    Parameters
    ----------
    rooms : tuple of str
        Folders and modules below the package, such as ``("tables", "errors.py")``.
    """
    roots = [_HOME / room for room in rooms] or [_HOME]
    files = sorted(file for root in roots for file in _sources(root))
    return digest_bytes(
        *(part for f in files for part in (str(f.relative_to(_HOME)).encode(), f.read_bytes()))
    )


def _sources(root: Path) -> Iterable[Path]:
    if root.is_file():
        return [root]
    return (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


@cache
def package_versions() -> Mapping[str, str]:
    """Return the versions of Python and of the libraries that numbers depend on."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of the two XGBoost builds is always absent, and an extra may be
    return versions


def code_version() -> Mapping[str, Any]:
    """Return the package version, its source digest, and the git revision where there is one."""
    return {
        "riskmodel": metadata.version("riskmodel"),
        "source_sha256": source_digest(),
        "git_revision": _git_revision(),
    }


def _git_revision() -> str | None:
    try:
        found = subprocess.run(  # noqa: S603 - a fixed command
            ["git", "-C", str(_HOME), "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() if found.returncode == 0 else None


def peak_memory_mb() -> int:
    """Return the largest resident memory of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024) if sys.platform == "darwin" else peak // 1024)
