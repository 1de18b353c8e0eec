"""Files that are either whole or absent: write to a temporary place, then rename."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes ``target`` when the block ends without an error.

    Parameters
    ----------
    target : Path
        The folder to make. Its parent is made if needed; an existing folder is replaced at the end.

    Yields
    ------
    Path
        A folder beside the target, removed again if the block raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=target.parent))
    try:
        yield part
        part.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a temporary path that becomes ``target`` when the block ends without an error.

    A file that was there keeps its permissions.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.part-", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with whole_file(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def to_json(value: Any) -> str:
    """Return canonical JSON: sorted keys, two spaces, no NaN, one newline at the end.

    Raises
    ------
    ValueError
        If a number is not finite: undefined must be null with a status.
    """
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(target: Path, value: Any) -> None:
    """Write canonical JSON whole or not at all."""
    write_text(target, to_json(value))


def read_json(path: Path) -> Any:
    """Read UTF-8 JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest_bytes(*parts: bytes) -> str:
    """Return the SHA-256 of length-prefixed parts, as hexadecimal."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "little"))
        sha.update(part)
    return sha.hexdigest()


def digest_path(path: Path, *, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a file, or of every file below a folder with its relative name.

    Files whose name is in ``without`` do not count, such as a log of what was done to the folder.
    """
    sha = hashlib.sha256()
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    files = [file for file in found if file.name not in without]
    for file in files:
        sha.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()
