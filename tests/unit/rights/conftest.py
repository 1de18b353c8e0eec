"""A small delivery, and lists of pseudonyms."""

from __future__ import annotations

from pathlib import Path

import pytest
from rights_kit import FILES, write


@pytest.fixture
def extracts(tmp_path: Path) -> Path:
    return write(tmp_path / "extracts", FILES)


@pytest.fixture
def ask(tmp_path: Path):
    """Write a list of pseudonyms."""

    def asked(*lines: str, header: str = "subject_id") -> Path:
        path = tmp_path / "list.csv"
        path.write_text("\n".join([header, *lines, ""]))
        return path

    return asked
