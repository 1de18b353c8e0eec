from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from riskmodel.pipeline import KEPT_VERSIONS, Stage, run_stages


@dataclass(frozen=True)
class Number:
    value: int

    def save(self, folder: Path) -> None:
        (folder / "n").write_text(str(self.value))


def load(folder):
    return Number(int((folder / "n").read_text()))


class Counting:
    def __init__(self):
        self.calls = []

    def stage(self, name, reads, run, *, kept=True, settings=lambda s: s.x):
        def job(study, inputs, folder):
            self.calls.append(name)
            return run(study, inputs, folder)

        return Stage(
            name, f"Doing {name}", reads, settings, job, rooms=("errors.py",), load=load if kept else None
        )

    def stages(self):
        return [
            self.stage("one", (), lambda s, _i, _f: Number(s.x)),
            self.stage(
                "two", ("one",), lambda s, i, _f: Number(i["one"].value * s.y), settings=lambda s: s.y
            ),
            self.stage(
                "three", ("two",), lambda _s, i, _f: i["two"].value + 1, kept=False, settings=lambda _s: None
            ),
        ]


def run(counting, tmp_path, *, x=2, y=10, seen=None):
    shown = [] if seen is None else seen
    study = SimpleNamespace(x=x, y=y)
    return run_stages(counting.stages(), study, store=tmp_path, progress=lambda *what: shown.append(what))


def test_stages_run_in_order_and_pass_their_results_on(tmp_path):
    counting, seen = Counting(), []
    outcome = run(counting, tmp_path, seen=seen)
    assert outcome.results["three"] == 21
    assert counting.calls == ["one", "two", "three"]
    assert seen[0] == ("Doing one", 0, 3)
    assert [timing.reused for timing in outcome.timings] == [False, False, False]


def test_an_unchanged_stage_is_loaded_and_one_that_is_not_kept_runs_again(tmp_path):
    run(Counting(), tmp_path)
    counting = Counting()
    outcome = run(counting, tmp_path)
    assert counting.calls == ["three"]
    assert outcome.results["three"] == 21
    assert [timing.reused for timing in outcome.timings] == [True, True, False]


def test_a_changed_setting_reruns_its_stage_and_those_after_it(tmp_path):
    run(Counting(), tmp_path)
    counting = Counting()
    assert run(counting, tmp_path, y=20).results["three"] == 41
    assert counting.calls == ["two", "three"]
    counting = Counting()
    assert run(counting, tmp_path, x=3).results["three"] == 31
    assert counting.calls == ["one", "two", "three"]


def test_the_same_result_from_another_path_is_another_address(tmp_path):
    first = run(Counting(), tmp_path, x=2, y=10).addresses
    second = run(Counting(), tmp_path, x=4, y=5).addresses
    assert first["two"] != second["two"]


def test_an_interrupted_stage_leaves_nothing_to_reuse(tmp_path):
    def interrupted(_study, _inputs, folder):
        (folder / "n").write_text("7")
        raise KeyboardInterrupt

    stage = Stage("one", "t", (), lambda _s: None, interrupted, rooms=("errors.py",), load=load)
    with pytest.raises(KeyboardInterrupt):
        run_stages([stage], SimpleNamespace(), store=tmp_path, progress=lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_the_store_forgets_the_least_recently_used(tmp_path):
    for x in range(KEPT_VERSIONS + 3):
        run(Counting(), tmp_path, x=x)
    assert len(list(tmp_path.glob("one-*"))) == KEPT_VERSIONS


def test_changed_source_is_another_address(tmp_path, monkeypatch):
    before = run(Counting(), tmp_path).addresses["one"]
    monkeypatch.setattr("riskmodel.pipeline.source_digest", lambda rooms: "other" + "".join(rooms))
    assert run(Counting(), tmp_path).addresses["one"] != before
