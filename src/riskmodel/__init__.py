"""Explainable, audited models that help a borough offer early support to young people exposed to violence."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "simulate": "riskmodel.simulate",
    "build_features": "riskmodel.features",
    "load_study": "riskmodel.study",
}

__all__ = sorted(_PUBLIC)  # noqa: PLE0605 - the names are loaded on first use, so that importing the package is quick


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'riskmodel' has no attribute '{name}'")
