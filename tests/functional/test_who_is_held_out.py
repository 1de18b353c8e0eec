"""A study that holds out areas, and asks whether more young people would help its trees."""

import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from running import train

from riskmodel.pipeline import run_stages
from riskmodel.stages import front_end
from riskmodel.stages.back import back_end
from riskmodel.stages.learning import _scores
from riskmodel.study import load_study
from riskmodel.validate.folds import linked_groups
from riskmodel.validate.learning_curve import learning_from_share

ASKED = (
    "split.design=leave_one_area_out", "split.group_people=60", "split.group_outcomes=12",
    "validation.learning_curve.shares=[0.02,0.6]", "validation.learning_curve.draws=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """The finished run."""
    settings = [part for one in ASKED for part in ("--set", one)]
    return train(tmp_path_factory.mktemp("held_out") / "runs", *settings)


def read(held_out, name):
    return json.loads((held_out.folder / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["heterogeneity", "learning_curve"])
def test_files_follow_their_schemas(held_out, name):
    text = resources.files("riskmodel").joinpath(f"publish/schemas/{name}.schema.json").read_text()
    Draft202012Validator(json.loads(text)).validate(read(held_out, name))


def test_neither_file_is_there_unless_a_study_asks(finished):
    names = {path.name for path in finished.folder.rglob("*")}
    assert not names & {
        "heterogeneity.json",
        "heterogeneity.svg",
        "learning_curve.json",
        "learning_curve.svg",
    }


def test_groups_hold_everybody_who_is_judged(held_out):
    groups, whole = read(held_out, "heterogeneity"), read(held_out, "metrics")
    crossfit = whole["models"][whole["selected"]]["crossfit"]["auroc"]
    assert len(groups["groups"]) >= 2
    assert groups["family"] == whole["selected"]
    # Who has moved is in two groups.
    assert sum(one["auroc"]["n_subjects"] for one in groups["groups"]) >= crossfit["n_subjects"]
    assert groups["spread"]["auroc"]["n_groups"] == len(groups["groups"])


def test_the_last_step_is_the_study_itself(held_out):
    curve, metrics = read(held_out, "learning_curve"), read(held_out, "metrics")
    assert [one["share"] for one in curve["steps"]] == [0.02, 0.6, 1.0]
    people = [one["people"] for one in curve["steps"]]
    assert people[1] == pytest.approx(0.6 * people[2], rel=0.1)
    for family, one in curve["families"].items():
        usual = metrics["models"][family]["crossfit"]
        for name in ("auroc", "recall_at_capacity"):
            assert one[name][-1] == usual[name]
            assert (
                one[name][0]["status"] == "undefined"
            )  # two households of a hundred are too few to learn from
        gain = one["auroc"][2]["estimate"] - one["auroc"][1]["estimate"]
        assert one["auroc_gain"]["estimate"] == pytest.approx(gain)


def test_the_card_shows_both(held_out):
    card = (held_out.folder / "card.md").read_text()
    assert "### Would more young people's records help?" in card
    assert "### Does it work as well in every area?" in card
    for name in ("heterogeneity", "learning_curve"):
        assert (held_out.folder / "plots" / f"{name}.svg").exists()
    for group in read(held_out, "heterogeneity")["groups"]:
        assert not any(place in card for place in group["members"])
    (check,) = [one for one in read(held_out, "leaks")["checks"] if one["name"] == "permuted_outcome"]
    assert check["evidence"]["people_in_two_folds"] == 0


def test_learning_from_all_households_gives_the_usual_scores_exactly(held_out):
    study = load_study(held_out.folder / "study.resolved.yaml")
    stages = [*front_end(study), *back_end(study)]
    until = [one.name for one in stages].index("models") + 1
    made = run_stages(stages[:until], study, store=held_out.out / ".store", progress=lambda *_: None).results
    cohort, split = made["population"].cohort, made["split"]
    group, _ = linked_groups(cohort.household_id, cohort.subject_id)
    for share in (1.0, 0.6):
        rounds = [learning_from_share(one, group, share, seed=study.seed) for one in split.rounds]
        usual = made["models"].crossfit["xgboost"][split.judged]
        assert np.array_equal(_scores(study, made, "xgboost", rounds), usual) == (share == 1.0)
