"""An experiment's script as a module, found by its path: experiments are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def load_experiment(folder: str, *names: str) -> ModuleType:
    """Load scripts of one experiment, those that others import first; return the last."""
    for name in names:
        found = importlib.util.spec_from_file_location(name, EXPERIMENTS / folder / f"{name}.py")
        assert found is not None
        assert found.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    return module
