"""The secret is strong, for its owner only, and is never shown."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_kit import OTHER_SECRET, SECRET

from riskmodel.errors import PolicyError, StudyError
from riskmodel.linking.secret import Secret, read_secret


def test_pseudonyms_are_the_first_half_of_an_hmac_of_agency_and_key() -> None:
    expected = hmac.new(SECRET, b"EDU|B801200005001", hashlib.sha256).hexdigest()[:32]
    assert Secret(SECRET).pseudonym("EDU", " B801200005001 ") == expected
    assert Secret(SECRET).pseudonym("EDU", " ") == ""
    assert Secret(SECRET).pseudonym("CSC", "B801200005001") != expected


@given(key=st.text(min_size=1).filter(str.strip), agency=st.sampled_from(["EDU", "CLA"]))
def test_same_secret_same_pseudonym_other_secret_another(key: str, agency: str) -> None:
    ours, again, theirs = Secret(SECRET), Secret(SECRET + b"\n"), Secret(OTHER_SECRET)
    assert ours.pseudonym(agency, key) == again.pseudonym(agency, key) != theirs.pseudonym(agency, key)
    assert ours.subject(agency, key) == again.subject(agency, key) != theirs.subject(agency, key)
    assert ours.release == again.release != theirs.release


@pytest.mark.parametrize(
    "weak",
    [
        b"",
        b"swordfish",
        b"a" * 64,
        b"0123456789abcdef" * 4,
        SECRET[:63],
        b"correct horse battery staple",
        bytes(range(31)),
    ],
)
def test_a_weak_secret_is_refused_without_showing_it(weak: bytes) -> None:
    with pytest.raises(PolicyError, match="too weak") as caught:
        Secret(weak)
    assert not weak or weak.decode() not in str(caught.value)


@pytest.mark.parametrize("make", [lambda: secrets.token_hex(32), lambda: secrets.token_urlsafe(32)])
def test_random_secrets_are_strong_enough(make) -> None:
    for _ in range(200):
        Secret(make().encode())
        Secret(secrets.token_bytes(40))


def test_a_secret_shows_nothing() -> None:
    assert repr(Secret(SECRET)) == f"{Secret(SECRET)}" == "Secret(...)"


def test_it_comes_from_a_file_or_else_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    file.chmod(0o600)
    there = {"RISKMODEL_SECRET": OTHER_SECRET.decode()}
    assert read_secret(file, there).release == Secret(SECRET).release
    assert read_secret(None, there).release == Secret(OTHER_SECRET).release
    with pytest.raises(StudyError, match="name a file with --secret-file, or set RISKMODEL_SECRET"):
        read_secret(None, {})
    with pytest.raises(StudyError, match="--secret-file: No such file"):
        read_secret(tmp_path / "none", there)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET)
    file.chmod(mode)
    with pytest.raises(PolicyError, match="chmod 600") as caught:
        read_secret(file, {})
    assert SECRET.decode() not in str(caught.value)
