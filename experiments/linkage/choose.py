"""Choose the threshold of a link on simulated boroughs whose truth is known, and measure it on another one.

    python experiments/linkage/choose.py            # everything, about 20 minutes on two cores; writes results.json
    python experiments/linkage/choose.py --page     # README.md from results.json

The threshold is chosen on six boroughs of 15,000 (three seeds, ordinary errors and twice the errors). What is
reported is measured on boroughs that had no say in the choice: 45,000 residents aged 5 to 17, about 120,000 people.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from riskmodel.files import write_json, write_text
from riskmodel.linking.clusters import Clusters
from riskmodel.linking.link import Evidence, gather_evidence
from riskmodel.linking.measuring import rates, read_truth, tally
from riskmodel.linking.rules import link_by_rules
from riskmodel.simulate import SimulateSpec, identities, simulate

HERE = Path(__file__).parent
SEEDS = (1, 2, 3)
TROUBLES = (1.0, 2.0)
SIZE, FINAL_SIZE, FINAL_SEED = 15_000, 45_000, 11
THRESHOLDS = (0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
WORSE = 20
"""How many missed links one false link is worth: a false link shows one child's record under another's name, and
a missed one hides a part of a child's own. A judgement, said before the curve was drawn; the README shows others."""


def borough(folder: Path, *, size: int, seed: int, trouble: float) -> Path:
    """Simulate a borough with so many times the errors; return its folder."""
    writer = partial(identities.write_identities, trouble=trouble)
    with mock.patch.object(identities, "write_identities", writer):
        simulate(SimulateSpec(size=size), seed=seed, out=folder, identities=True)
    return folder


def score(person: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Return precision, recall and the pairs behind them."""
    counts = tally(person, truth)
    return rates(counts, np.ones(len(counts.found), np.bool_), rng=np.random.default_rng(0))


def rules_alone(evidence: Evidence, truth: np.ndarray) -> dict[str, Any]:
    """Score the deterministic pass by itself."""
    clusters = Clusters(evidence.records)
    link_by_rules(evidence.records, clusters)
    return score(np.unique(clusters.labels(), return_inverse=True)[1], truth)


def curve(seed: int, trouble: float) -> dict[str, Any]:
    """Return precision and recall at every threshold in one borough."""
    with tempfile.TemporaryDirectory() as place:
        folder = borough(Path(place) / "borough", size=SIZE, seed=seed, trouble=trouble)
        evidence = gather_evidence(folder / "identities", seed=seed)
        truth = read_truth(folder / "truth" / "identities.parquet", evidence.records)
    points = [{"threshold": cut, **score(evidence.at(cut).person, truth)} for cut in THRESHOLDS]
    return {"seed": seed, "trouble": trouble, "rules_alone": rules_alone(evidence, truth), "points": points}


def cost(curves: list[dict[str, Any]], place: int, worse: float) -> float:
    """Return missed pairs plus so many times the false pairs, over all boroughs, at one threshold."""
    points = [one["points"][place] for one in curves]
    return float(sum(point["missed_pairs"] + worse * point["wrong_pairs"] for point in points))


def chosen(curves: list[dict[str, Any]], worse: float) -> float:
    """Return the threshold of least cost."""
    return min(THRESHOLDS, key=lambda cut: cost(curves, THRESHOLDS.index(cut), worse))


def final(trouble: float, threshold: float) -> dict[str, Any]:
    """Run the command itself on a larger borough, with its time and memory."""
    with tempfile.TemporaryDirectory() as place:
        folder = borough(Path(place) / "borough", size=FINAL_SIZE, seed=FINAL_SEED, trouble=trouble)
        given = folder / "identities"
        command = [
            *(sys.executable, "-m", "riskmodel", "link", str(given), "--out", str(Path(place) / "linkage")),
            *("--seed", "1", "--threshold", str(threshold), "--json"),
            *("--groups", str(given / "groups.csv"), "--truth", str(folder / "truth" / "identities.parquet")),
        ]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"trouble": trouble, "seconds": round(seconds), "peak_mb": round(peak), **json.loads(done.stdout)}


def main() -> None:
    """Measure, choose, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="write README.md from results.json only")
    if not parser.parse_args().page:
        curves = [curve(seed, trouble) for trouble in TROUBLES for seed in SEEDS]
        threshold = chosen(curves, WORSE)
        finals = [final(trouble, threshold) for trouble in TROUBLES]
        by_worth = {str(worse): chosen(curves, worse) for worse in (1, 5, 10, WORSE, 50, 100)}
        found = {"threshold": threshold, "by_worth": by_worth, "curves": curves, "finals": finals}
        write_json(HERE / "results.json", found)
    from readme_page import page

    write_text(HERE / "README.md", page(json.loads((HERE / "results.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
