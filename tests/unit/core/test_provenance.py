from riskmodel import provenance


def test_the_source_digest_tells_rooms_apart_and_is_stable():
    whole, errors, files = (provenance.source_digest(rooms) for rooms in ((), ("errors.py",), ("files.py",)))
    assert len({whole, errors, files}) == 3
    provenance.source_digest.cache_clear()
    assert provenance.source_digest(("errors.py",)) == errors


def test_versions_of_what_numbers_depend_on():
    versions = provenance.package_versions()
    assert {"python", "numpy", "scikit-learn"} <= set(versions)
    assert "xgboost" in versions or "xgboost-cpu" in versions


def test_the_code_version_names_the_revision_or_says_that_there_is_none(monkeypatch):
    assert set(provenance.code_version()) == {"riskmodel", "source_sha256", "git_revision"}

    def no_git(*_args, **_kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(provenance.subprocess, "run", no_git)
    assert provenance.code_version()["git_revision"] is None


def test_peak_memory_is_in_megabytes(monkeypatch):
    assert 20 < provenance.peak_memory_mb() < 20_000
    monkeypatch.setattr(provenance.sys, "platform", "darwin")
    assert provenance.peak_memory_mb() < 20
