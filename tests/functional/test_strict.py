"""A study that is too small, and one with a leak: what is told, and what `--strict` stops."""

import csv
import json
import shutil

import numpy as np
import pytest
from running import SETTINGS, command

WORDS = "The study is too small for"


def strict(out, *arguments):
    return command(*arguments, "--strict", "--set", "tracking.enabled=false", "--out", str(out))


def runs(out):
    return [one for one in out.iterdir() if not one.name.startswith(".")] if out.exists() else []


def test_a_small_study_is_told_in_the_metrics_on_the_card_and_on_the_terminal(finished):
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    assert [one["code"] for one in metrics["warnings"]] == ["sample_size"]
    assert metrics["warnings"][0]["words"].startswith(WORDS)
    assert finished.printed["warnings"] == metrics["warnings"]
    assert json.loads((finished.folder / "sample_size.json").read_text())["verdict"] == "too_small"
    card = (finished.folder / "card.md").read_text()
    assert "There are too few young people" in card
    assert "Is it too good to be true?" in card
    leaks = json.loads((finished.folder / "leaks.json").read_text())
    assert leaks["checks"][0]["name"] == "single_feature"
    named = [one["words"] for one in leaks["checks"] if "__" in one["words"]]
    assert all(one["words"] in card for one in leaks["checks"] if one["words"] not in named)
    assert len(named) == 1  # the strongest feature, of which the card says what it means
    assert "The strongest is “" in card


@pytest.fixture(scope="module")
def refused(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("strict")
    shutil.copytree(finished.out / ".store", out / ".store")  # what is kept need not be made again
    return out, strict(out, *(part for one in SETTINGS for part in ("--set", one)))


def test_strict_stops_a_small_study_before_training_in_one_sentence(refused):
    out, done = refused
    assert done.returncode == 5
    assert done.stdout == ""
    assert "Training the models" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("riskmodel: sample size: expected at least")
    assert runs(out) == []


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """A flat table, large enough, in which one column is the outcome with three in ten flipped."""
    folder = tmp_path_factory.mktemp("leaky")
    rng = np.random.default_rng(0)
    n = 3000
    x = rng.normal(size=(n, 3))
    outcome = rng.random(n) < 1 / (1 + np.exp(1.5 - 0.5 * x[:, 0] - 0.4 * x[:, 1]))
    planted = np.where(rng.random(n) < 0.3, ~outcome, outcome).astype(int)
    with (folder / "people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "a", "b", "c", "planted", "y"])
        rows.writerows([i, *(f"{v:.3f}" for v in x[i]), planted[i], int(outcome[i])] for i in range(n))
    feature = "    {0}: {{column: {0}, description: the number {0}, concept: number {0}, kind: number}}\n"
    (folder / "study.yaml").write_text(
        "name: leaky\npurpose: To see that a planted leak is named and stops a strict run.\nseed: 1\nthreads: 1\n"
        "data:\n  kind: table\n  path: people.csv\n  subject: id\n  chosen: y\n  outcomes:\n"
        "    y: {column: y, description: harm, phrase: came to harm, yes: ['1'], no: ['0']}\n"
        f"  features:\n{''.join(feature.format(name) for name in ('a', 'b', 'c', 'planted'))}"
        "split: {design: cross_validation, reason: the table has no dates}\nmodels: {families: [logistic]}\nvalidation: {replicates: 100}\naudit: {attributes: [], intersections: []}\n"
        "tracking: {enabled: false}\n"
    )
    return folder


def test_a_planted_leak_is_named_with_its_evidence(leaky):
    done = command(str(leaky / "study.yaml"), "--out", str(leaky / "runs"))
    assert done.returncode == 0, done.stderr
    assert "LOOK AT THIS FIRST: planted" in done.stdout
    assert "SUSPECT. Too good to be true alone: planted." in done.stdout
    (run,) = runs(leaky / "runs")
    metrics = json.loads((run / "metrics.json").read_text())
    assert [one["code"] for one in metrics["warnings"]] == ["leak_feature"]
    assert "look at this" in (run / "card.md").read_text()


def test_strict_writes_no_run_with_a_planted_leak(leaky):
    done = strict(leaky / "strict", str(leaky / "study.yaml"))
    assert done.returncode == 5
    assert done.stderr.strip().splitlines()[-1].startswith("riskmodel: --strict: expected no reason to doubt")
    assert "planted" in done.stderr
    assert runs(leaky / "strict") == []
