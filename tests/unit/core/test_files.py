import pytest

from riskmodel.files import (
    digest_bytes,
    digest_path,
    read_json,
    to_json,
    whole_file,
    whole_folder,
    write_json,
)


def test_a_folder_appears_whole(tmp_path):
    with whole_folder(tmp_path / "a" / "run") as part:
        (part / "x").write_text("1")
        assert not (tmp_path / "a" / "run").exists()
    assert (tmp_path / "a" / "run" / "x").read_text() == "1"


def test_a_folder_that_fails_leaves_nothing_and_keeps_the_old_one(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("kept")
    with pytest.raises(KeyboardInterrupt), whole_folder(target) as part:
        (part / "x").write_text("1")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert (target / "old").read_text() == "kept"


def test_an_existing_folder_is_replaced_not_merged(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("gone")
    with whole_folder(target) as part:
        (part / "new").write_text("1")
    assert [p.name for p in target.iterdir()] == ["new"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    target = tmp_path / "f.json"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(target) as part:
        part.write_text("half")
        raise OSError("full")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]


def test_json_is_canonical_and_refuses_numbers_that_are_not_finite(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [0.1]})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": [\n    0.1\n  ],\n  "b": 1\n}\n'
    assert read_json(tmp_path / "a.json") == {"a": [0.1], "b": 1}
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"x": float("nan")})


def test_digests_tell_boundaries_names_and_contents_apart(tmp_path):
    assert digest_bytes(b"ab", b"c") != digest_bytes(b"a", b"bc")
    (tmp_path / "a").write_text("1")
    before = digest_path(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = digest_path(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, digest_path(tmp_path), digest_path(tmp_path / "b")}) == 4
