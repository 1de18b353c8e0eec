"""Same spec and seed, same bytes; progress is told; a failed run leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from riskmodel.files import digest_path
from riskmodel.simulate import SimulateSpec, simulate, truth
from riskmodel.simulate.hazard import HazardBook


def test_same_seed_same_bytes_in_another_process(borough, small_spec, tmp_path):
    code = (
        "import sys; from pathlib import Path; from riskmodel.simulate import SimulateSpec, simulate;"
        "simulate(SimulateSpec.model_validate_json(sys.argv[1]), seed=11, out=Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, small_spec.model_dump_json(), str(tmp_path / "again")],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert digest_path(tmp_path / "again") == digest_path(borough[0])


def test_another_seed_gives_another_borough(borough, small_spec, tmp_path):
    simulate(small_spec, seed=12, out=tmp_path / "other")
    assert digest_path(tmp_path / "other" / "truth") != digest_path(borough[0] / "truth")
    assert digest_path(tmp_path / "other" / "extracts") != digest_path(borough[0] / "extracts")


def test_progress_goes_from_nothing_to_all(tmp_path):
    told = []
    simulate(
        SimulateSpec(size=500, years=2),
        seed=1,
        out=tmp_path / "b",
        progress=lambda words, share: told.append((words, share)),
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len({words for words, _ in told}) >= 5


def test_a_run_that_stops_leaves_no_folder_that_looks_whole(tmp_path):
    def stop(words, _share):
        if words == "writing the truth":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(SimulateSpec(size=500, years=2), seed=1, out=tmp_path / "b", progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 100},
        {"last_day": "2025-08-30"},
        {"last_day": "1999-12-31"},
        {"prevalence": 0.0},
        {"residents": 5},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulateSpec.model_validate(wrong)


def test_noise_in_place_of_the_truth_changes_no_byte_of_the_extracts(
    borough, small_spec, tmp_path, monkeypatch
):
    def noise(scene, folder, **_kept):
        (folder / "hazard.parquet").write_bytes(os.urandom(1000))
        return {"hazard.parquet": len(scene.borough.people)}

    monkeypatch.setattr(truth, "write_truth", noise)
    monkeypatch.setattr(HazardBook, "note", lambda *_whatever: None)
    simulate(small_spec, seed=11, out=tmp_path / "noise")
    assert digest_path(tmp_path / "noise/extracts") == digest_path(borough[0] / "extracts")
    assert digest_path(tmp_path / "noise/truth") != digest_path(borough[0] / "truth")


def test_identities_change_no_other_file(borough, small_spec, tmp_path):
    simulate(small_spec, seed=11, out=tmp_path / "named", identities=True)
    assert {path.name for path in (tmp_path / "named").iterdir()} == {"extracts", "truth", "identities"}
    assert digest_path(tmp_path / "named/extracts") == digest_path(borough[0] / "extracts")
    (tmp_path / "named/truth/identities.parquet").unlink()
    assert digest_path(tmp_path / "named/truth") == digest_path(borough[0] / "truth")
