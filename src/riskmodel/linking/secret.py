"""The linking party's secret, and the pseudonyms that it makes. It never leaves this module."""

from __future__ import annotations

import hashlib
import hmac
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from riskmodel.errors import PolicyError, StudyError

ENVIRONMENT: Final = "RISKMODEL_SECRET"
_BYTES: Final = 32
_HEX_CHARACTERS: Final = frozenset(b"0123456789abcdefABCDEF")
_FEWEST_DIFFERENT: Final = 10
_MAKE_ONE = "Make one with: openssl rand -hex 32"


class Secret:
    """A key for HMAC-SHA256 of at least 32 bytes.

    Without it nobody can go from a pseudonym back to a key, nor try all keys one after another, as with a plain
    hash. The same secret gives the same pseudonyms, so that deliveries join; another secret gives others.

    Parameters
    ----------
    key : bytes
        As read, blanks around it removed.

    Raises
    ------
    PolicyError
        If it is too short or too regular to be random.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        key = key.strip()
        _refuse_weak(key)
        self._key = key

    def __repr__(self) -> str:
        """Return nothing of the secret."""
        return "Secret(...)"

    def pseudonym(self, agency: str, key: str) -> str:
        """Return the pseudonym of an agency's key: 32 hexadecimal characters; no key has none."""
        key = key.strip()
        return self._digest(f"{agency}|{key}").hex()[:32] if key else ""

    def subject(self, agency: str, key: str) -> int:
        """Return the pseudonymous number of a person: 60 bits."""
        return int(self._digest(f"subject|{agency}|{key.strip()}").hex()[:15], 16)

    @property
    def release(self) -> str:
        """What tells the pseudonyms of one secret from those of another, and nothing else."""
        return self._digest("release").hex()[:16]

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)


def read_secret(file: Path | None, environment: Mapping[str, str]) -> Secret:
    """Read the secret from a file that nobody else may read, or else from the environment.

    Raises
    ------
    StudyError
        If there is neither, or the file cannot be read.
    PolicyError
        If others may read the file, or the secret is weak.
    """
    if file is None:
        if ENVIRONMENT not in environment:
            raise _command_error(f"name a file with --secret-file, or set {ENVIRONMENT}. {_MAKE_ONE}")
        return Secret(environment[ENVIRONMENT].encode())
    try:
        mode = file.stat().st_mode
        key = file.read_bytes()
    except OSError as error:
        raise _command_error(f"--secret-file: {error.strerror or 'cannot be read'}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PolicyError(
            "The file with the secret may be used by others on this machine: expected rights for its owner only. "
            "Take them away with: chmod 600 FILE. If others had access to this machine, make a new secret."
        )
    return Secret(key)


def _refuse_weak(key: bytes) -> None:
    characters = set(key)
    hexadecimal = characters <= _HEX_CHARACTERS
    printable = all(32 <= character < 127 for character in key)
    bits = 4 if hexadecimal else 6 if printable else 8
    repeats = key in (key + key)[1:-1]
    if len(key) * bits < _BYTES * 8 or len(characters) < _FEWEST_DIFFERENT or repeats:
        raise PolicyError(
            f"The secret is too weak: expected at least {_BYTES} random bytes (64 hexadecimal characters, or 43 "
            f"letters and digits); found fewer, or a pattern. {_MAKE_ONE}"
        )


def _command_error(fault: str) -> StudyError:
    return StudyError([fault], where="the command")
