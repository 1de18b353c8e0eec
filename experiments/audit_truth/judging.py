"""Holds each audit against what its model does to the young people of other boroughs; counted apart from the audit's own code."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from boroughs_rows import Rows
from truth import line

from riskmodel import models as modelling
from riskmodel.audit.groups import TOGETHER, groupings
from riskmodel.audit.label_bounds import PeopleBehind, bounds, recordings
from riskmodel.audit.recording import recorded_sums
from riskmodel.audit.spec import AuditSpec, RecordingSpec
from riskmodel.files import read_json
from riskmodel.models import CalibratedModel
from riskmodel.models.spec import CapacitySpec
from riskmodel.stages.parts import CHECK_RESAMPLES
from riskmodel.study import Study
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray, Labels
from riskmodel.validate import ScoredRows, resample

Json = Mapping[str, Any]
Place = tuple[str, str, str]
"""Attribute, group, metric."""

BINS = 4000
FEW = 50
"""With fewer young people noticed or missed than this, in the pool, a group's recording is not measured."""
FAR = 4.0
"""Standard deviations beyond which the audit's model of recording says that the odds of being noticed change no further."""
KINDS = ("recorded", "true")
WAYS = ("cut", "share")
"""Offers as far as the audited borough's own cut-off in score, or to the same share of each other borough."""
SHOWN = ("ethnicity",)


@dataclass(frozen=True)
class Pool:
    """All boroughs of a kind, row after row.

    Parameters
    ----------
    boroughs : tuple of Rows
    number : ndarray of int64, shape (n,)
        Which borough each row is of.
    codes : mapping of str to (names, ndarray of int64)
        For each attribute and intersection, its groups and the group of each row.
    labels : mapping of str to (outcome, weight)
        As recorded, and as it truly was.
    subject : ndarray of int64, shape (n,)
        Numbers within a borough.
    """

    boroughs: tuple[Rows, ...]
    number: IntArray
    codes: Mapping[str, tuple[tuple[str, ...], IntArray]]
    labels: Mapping[str, tuple[FloatArray, FloatArray]]
    subject: IntArray

    @classmethod
    def of(cls, boroughs: Sequence[Rows], study: Study) -> Pool:
        """Put boroughs together."""
        number = np.repeat(np.arange(len(boroughs)), [len(one.cohort) for one in boroughs])
        wanted = [(name,) for name in study.audit.attributes] + list(study.audit.intersections)
        columns = {
            name: np.concatenate([one.audited.columns[name] for one in boroughs])
            for name in {part for names in wanted for part in names}
        }
        codes = {}
        for names in wanted:
            joined = [TOGETHER.join(some) for some in zip(*(columns[part] for part in names), strict=True)]
            groups, code = np.unique(joined, return_inverse=True)
            codes[TOGETHER.join(names)] = (tuple(groups.tolist()), code.astype(np.int64))
        labels = {kind: _together([getattr(one, kind) for one in boroughs]) for kind in KINDS}
        subject = np.concatenate([one.cohort.subject_id for one in boroughs])
        return cls(tuple(boroughs), number, codes, labels, subject)


@dataclass(frozen=True)
class Use:
    """What one model does with the pool: raw scores, risk estimates, and offers made in either way."""

    raw: FloatArray
    risk: FloatArray
    offered: Mapping[str, FloatArray]

    @classmethod
    def of(
        cls,
        model: CalibratedModel,
        boroughs: Sequence[Rows],
        cuts: Mapping[str, Sequence[float]],
        capacity: CapacitySpec,
    ) -> Use:
        """Score every borough, and make offers."""
        raw, by_cut, by_share = [], [], []
        for one in boroughs:
            own, thin = model.model.raw_score(one.features), model.too_thin(one.features)
            raw.append(own)
            by_cut.append(np.where(thin, 0.0, up_to(own, one.cohort.index_day, cuts)))
            by_share.append(modelling.offers(own, one.cohort, capacity, withheld=thin))
        score = np.concatenate(raw)
        offered = {"cut": np.concatenate(by_cut), "share": np.concatenate(by_share)}
        return cls(score, model.risk(score), offered)

    def scored(self, own: Rows, rows: BoolArray | slice = slice(None)) -> ScoredRows:
        """Return some of it as an audit takes it: the rows of one borough, as recorded."""
        return ScoredRows(
            self.raw[rows],
            self.risk[rows],
            own.recorded.outcome,
            own.recorded.weight,
            self.offered["cut"][rows],
            own.cohort.subject_id,
        )


def up_to(raw: FloatArray, index_day: IntArray | Any, cuts: Mapping[str, Sequence[float]]) -> FloatArray:
    """Return each row's chance of an offer: 1 above its date's cut-off, a share at it, 0 below."""
    offered = np.zeros(len(raw))
    for day, (cut, share) in cuts.items():
        here = index_day == int(day)
        offered[here] = np.where(raw[here] > cut, 1.0, np.where(raw[here] == cut, share, 0.0))
    return offered


def judge(
    folders: Sequence[Path],
    study: Study,
    *,
    beside: Sequence[Path] = (),
    restated: RecordingSpec | None = None,
) -> dict[str, Any]:
    """Hold every borough's audit against all the others, and add up.

    Parameters
    ----------
    folders : sequence of Path
        What was kept of each borough.
    study : Study
        For what is the same in all of them.
    beside : sequence of Path
        Further boroughs of their kind, whose audits are not held against anything here.
    restated : RecordingSpec, optional
        Another range of recordings, such as people would state who knew how these records are made.
    """
    pool = Pool.of([Rows.load(folder) for folder in (*folders, *beside)], study)
    audits, found = [], Tally(study.audit)
    for number, folder in enumerate(folders):
        print(f"judging {folder.name}", file=sys.stderr, flush=True)
        audit = read_json(folder / "audit.json")
        model = CalibratedModel.from_state(audit["model"])
        use = Use.of(model, pool.boroughs, audit["cuts"], study.capacity)
        others = pool.number != number
        truths = {(kind, way): truth(pool, use, others, kind=kind, way=way) for kind in KINDS for way in WAYS}
        smaller = smaller_sides(pool, use, ~others)
        audits.append({"seed": audit["seed"], **held(audit, truths, smaller, study.audit.minimum_cell)})
        made = recording(pool, use, others)
        found.add(audit, truths, smaller)
        found.add_bounds("stated", study.audit.recording, audit["recording"]["bounds"], truths, made)
        if restated is not None:
            again = bounds_again(pool, use, ~others, study, restated, seed=audit["seed"])
            found.add_bounds("restated", restated, again, truths, made)
    return {
        "boroughs": len(folders),
        "pool_rows": int(min((pool.number != i).sum() for i in range(len(folders)))),
        "pool_people": min(_people(pool, leave=i) for i in range(len(folders))),
        "minimum_cell": study.audit.minimum_cell,
        "minimum_outcomes": study.audit.minimum_outcomes,
        "stated": _ends(study.audit.recording),
        "restated": None if restated is None else _ends(restated),
        "audits": audits,
        **found.to_json(),
    }


def _ends(spec: RecordingSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", include={"detection", "false_recording", "gamma"})


def _people(pool: Pool, *, leave: int) -> int:
    """Return how many different young people there are in the other boroughs."""
    sizes = [len(np.unique(one.cohort.subject_id)) for one in pool.boroughs]
    return sum(sizes) - sizes[leave]


def _together(labels: Sequence[Labels]) -> tuple[FloatArray, FloatArray]:
    outcome = np.concatenate([one.outcome for one in labels]).astype(np.float64)
    return outcome, np.concatenate([one.weight for one in labels])


def truth(pool: Pool, use: Use, rows: BoolArray, *, kind: str, way: str) -> dict[Place, tuple[float, float]]:
    """Return, for every attribute, group and metric, its value in the pool and how far it is from everyone else's.

    The rates are sums over rows; for calibration, log-odds are put in narrow bins.
    """
    outcome, weight = (one[rows] for one in pool.labels[kind])
    offered, risk = use.offered[way][rows], use.risk[rows]
    happened, others = weight * outcome, weight * (1 - outcome)
    columns = (
        np.ones(len(risk)),
        offered,
        happened,
        others,
        happened * offered,
        others * offered,
        weight * risk,
    )
    if not ((risk > 0) & (risk < 1)).all():
        raise ValueError("an estimate of exactly 0 or 1 has no log-odds")
    log_odds = np.log(risk) - np.log1p(-risk)
    edges = np.linspace(log_odds.min(), log_odds.max() + 1e-9, BINS + 1)
    bin_ = np.searchsorted(edges, log_odds, side="right") - 1
    middle = (edges[:-1] + edges[1:]) / 2
    found: dict[Place, tuple[float, float]] = {}
    for attribute, (groups, codes) in pool.codes.items():
        code = codes[rows]
        sums = np.stack([np.bincount(code, one, minlength=len(groups)) for one in columns], axis=1)
        cells = [
            np.bincount(code * BINS + bin_, one, minlength=len(groups) * BINS).reshape(-1, BINS)
            for one in (weight, happened)
        ]
        for g, group in enumerate(groups):
            own = _metrics(sums[g], middle, *(one[g] for one in cells))
            rest = _metrics(sums.sum(axis=0) - sums[g], middle, *(one.sum(axis=0) - one[g] for one in cells))
            found |= {(attribute, group, metric): (own[metric], own[metric] - rest[metric]) for metric in own}
    return found


def _metrics(
    sums: FloatArray, middle: FloatArray, people: FloatArray, outcomes: FloatArray
) -> dict[str, float]:
    """Return every metric of some rows; NaN where the pool itself holds too few to tell."""
    found, enough = rates(sums), min(outcomes.sum(), (people - outcomes).sum()) >= FEW
    intercept, slope = line(middle, people, outcomes) if enough else (np.nan, np.nan)
    found |= {"calibration_intercept": intercept, "calibration_slope": slope}
    unknown = set() if enough else found.keys() - {"selection_rate"}
    if sums[1] < FEW:
        unknown |= {"ppv"}
    return found | dict.fromkeys(unknown, np.nan)


def rates(sums: FloatArray) -> dict[str, float]:
    """Return the rates of some rows from sums over them; NaN where there is nothing to divide by."""
    n, offers, happened, others, reached, needless, expected = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "selection_rate": float(offers / n),
            "tpr": float(reached / happened),
            "fnr": float((happened - reached) / happened),
            "fpr": float(needless / others),
            "ppv": float(reached / (reached + needless)),
            "prevalence": float(happened / (happened + others)),
            "observed_to_expected": float(happened / expected),
        }


def smaller_sides(pool: Pool, use: Use, rows: BoolArray) -> dict[Place, int]:
    """Return how many different young people stand on the smaller side of each metric of each group, such as those offered support."""
    outcome, weight = (one[rows] for one in pool.labels["recorded"])
    offered, subject = use.offered["cut"][rows], pool.subject[rows]
    given, passed = offered > 0, offered < 1
    happened, others = (weight > 0) & (outcome == 1), (weight > 0) & (outcome == 0)
    reached = (happened & given, happened & passed)
    sides = dict.fromkeys(("tpr", "fnr"), reached)
    sides |= {"selection_rate": (given, passed), "fpr": (others & given, others & passed)}
    sides |= {"ppv": (happened & given, others & given)}
    sides |= dict.fromkeys(("calibration_intercept", "calibration_slope"), (happened, others))
    found: dict[Place, int] = {}
    for attribute, (groups, codes) in pool.codes.items():
        one_of = codes[rows] * (subject.max() + 1) + subject
        for metric, pair in sides.items():
            counts = [
                np.bincount(np.unique(one_of[side]) // (subject.max() + 1), minlength=len(groups))
                for side in pair
            ]
            found |= {
                (attribute, group, metric): int(min(c[g] for c in counts)) for g, group in enumerate(groups)
            }
    return found


Recorded = tuple[float, float, float]
"""Detection, false recording, and gamma of one model's score."""


def recording(pool: Pool, use: Use, rows: BoolArray) -> dict[tuple[str, str], Recorded | None]:
    """Return how each group's records were truly made; None where too few can tell."""
    recorded, weight = (one[rows] for one in pool.labels["recorded"])
    true, known = (one[rows] for one in pool.labels["true"])
    raw, seen = use.raw[rows], (weight > 0) & (known > 0)
    found: dict[tuple[str, str], Recorded | None] = {}
    for attribute, (groups, codes) in pool.codes.items():
        for g, group in enumerate(groups):
            own = seen & (codes[rows] == g)
            found[attribute, group] = _recording(raw[own], true[own], recorded[own], weight[own])
    return found


def _recording(
    raw: FloatArray, true: FloatArray, recorded: FloatArray, weight: FloatArray
) -> Recorded | None:
    happened = true == 1
    noticed = recorded[happened] == 1
    if min(noticed.sum(), (~noticed).sum()) < FEW:
        return None
    mean = np.average(raw, weights=weight)
    z = np.clip((raw - mean) / np.sqrt(np.average((raw - mean) ** 2, weights=weight)), -FAR, FAR)
    own = weight[happened]
    _, slope = line(z[happened], own, own * noticed)
    return (
        float(np.average(noticed, weights=own)),
        float(np.average(recorded[~happened], weights=weight[~happened])),
        float(np.exp(slope)),
    )


def bounds_again(
    pool: Pool, use: Use, rows: BoolArray, study: Study, spec: RecordingSpec, *, seed: int
) -> list[dict[str, Any]]:
    """Return the audit's bounds on its own borough's metrics over another range of recordings."""
    own = pool.boroughs[int(pool.number[rows][0])]
    scored = use.scored(own, rows)
    draws = resample(own.cohort.subject_id, replicates=CHECK_RESAMPLES, seed=seed)
    over, cell = recordings(spec), study.audit.minimum_cell
    found = []
    for grouping in groupings(own.audited, study.audit):
        sums = recorded_sums(scored, grouping, draws, {one.gamma for one in over}, threads=1)
        found += bounds(sums, grouping, PeopleBehind(scored, grouping), over=over, minimum_cell=cell)
    return [one.to_json() for one in found]


Truths = Mapping[tuple[str, str], Mapping[Place, tuple[float, float]]]


def held(audit: Json, truths: Truths, smaller: Mapping[Place, int], cell: int) -> dict[str, Any]:
    """Return how many statements of one audit were false, against each truth; ``few`` are those with fewer people on a side than ``cell``."""
    said = [one for one in audit["fairness"]["differences"] if one["estimate"] is not None]
    return {
        "rows": audit["rows"],
        "outcomes": audit["outcomes"],
        "statements": len(said),
        "few": sum(smaller[place_of(one)] < cell for one in said),
        "verdicts": dict(sorted(Counter(one["verdict"] for one in said).items())),
        "warned": _warned(audit, said, truths["true", "cut"]),
        "against": {
            f"{kind}|{way}": _wrong(said, found, smaller, cell) for (kind, way), found in truths.items()
        },
    }


def _warned(audit: Json, said: Sequence[Json], found: Mapping[Place, tuple[float, float]]) -> dict[str, int]:
    """Return how many statements are true, and how many not, and of how many the audit says that the stated range overturns them."""
    tips = {
        place_of(one): one["status"] == "ok"
        for one in audit["recording"]["tipping_points"]
        if one["path"] == "anything" and one["status"] in ("ok", "none")
    }
    counts = dict.fromkeys(("wrong", "wrong_warned", "right", "right_warned"), 0)
    for one in said:
        place = place_of(one)
        if place in tips and np.isfinite(found[place][1]):
            right = (one["verdict"] == "within") == (abs(found[place][1]) <= one["tolerance"])
            counts["right" if right else "wrong"] += 1
            counts["right_warned" if right else "wrong_warned"] += tips[place]
    return counts


def _wrong(
    said: Sequence[Json], found: Mapping[Place, tuple[float, float]], smaller: Mapping[Place, int], cell: int
) -> dict[str, int]:
    gaps = [(one, gap) for one in said for gap in [found[place_of(one)][1]] if np.isfinite(gap)]
    off = [one for one, gap in gaps if not one["lower"] <= gap <= one["upper"]]
    return {
        "alarms": sum(one["verdict"] == "exceeds" and abs(gap) <= one["tolerance"] for one, gap in gaps),
        "reassured": sum(one["verdict"] == "within" and abs(gap) > one["tolerance"] for one, gap in gaps),
        "outside": len(off),
        "outside_few": sum(smaller[place_of(one)] < cell for one in off),
    }


def place_of(one: Json) -> Place:
    """Return what a row of the audit is about."""
    return one["attribute"], one["group"], one["metric"]


class Tally:
    """Adds up over audits: coverage of ranges, of bounds, how records were made, and gaps of the shown attributes."""

    def __init__(self, spec: AuditSpec) -> None:
        self.spec = spec
        self.cells: dict[str, Counter[str]] = {}
        self.bounds: dict[str, Counter[str]] = {}
        self.recordings: dict[tuple[str, str], dict[str, list[tuple[Recorded, bool]]]] = {}
        self.gaps: dict[Place, list[dict[str, Any]]] = {}

    def add(self, audit: Json, truths: Truths, smaller: Mapping[Place, int]) -> None:
        """Add one audit."""
        for row in audit["fairness"]["rows"]:
            self._add_row(row, truths, smaller[place_of(row)])
        for one in audit["fairness"]["differences"]:
            if one["attribute"] in SHOWN:
                gaps = {kind: truths[kind, "cut"][place_of(one)][1] for kind in KINDS}
                kept = {name: one[name] for name in ("verdict", "tolerance")}
                self.gaps.setdefault(place_of(one), []).append({**kept, **gaps})

    def _add_row(self, row: Json, truths: Truths, smaller: int) -> None:
        if row["lower"] is None:
            return
        size = "few" if row["n_outcomes"] < self.spec.minimum_outcomes else "enough"
        if size == "enough" and smaller < self.spec.minimum_cell:
            size = "thin"
        for (kind, way), found in truths.items():
            tally = self.cells.setdefault(f"{kind}|{way}|{row['metric']}|{size}", Counter())
            _count(tally, row, found[place_of(row)][0])

    def add_bounds(
        self,
        name: str,
        spec: RecordingSpec,
        rows: Sequence[Json],
        truths: Truths,
        made: Mapping[tuple[str, str], Recorded | None],
    ) -> None:
        """Add the bounds of one audit over a range of recordings that has a name."""
        for row in rows:
            if row["lower"] is not None:
                own = made[row["attribute"], row["group"]]
                where = "unmeasured" if own is None else "inside" if lies_in(own, spec) else "outside"
                tally = self.bounds.setdefault(f"{name}|{row['metric']}|{where}", Counter())
                _count(tally, row, truths["true", "cut"][place_of(row)][0])
        for place, one in made.items():
            if one is not None:
                found = self.recordings.setdefault(place, {}).setdefault(name, [])
                found.append((one, lies_in(one, spec)))

    def to_json(self) -> dict[str, Any]:
        """Return the sums, and the middle one of what was measured many times."""
        return {
            "cells": {name: dict(one) for name, one in sorted(self.cells.items())},
            "bounds": {name: dict(one) for name, one in sorted(self.bounds.items())},
            "recordings": list(self._recordings()),
            "gaps": [_gap(place, some) for place, some in self.gaps.items()],
        }

    def _recordings(self) -> Iterator[dict[str, Any]]:
        for (attribute, group), some in self.recordings.items():
            detection, false, gamma = np.array([one for one, _ in some["stated"]]).T
            yield {
                "attribute": attribute,
                "group": group,
                "detection": float(np.median(detection)),
                "false_recording": float(np.median(false)),
                "gamma": float(np.median(gamma)),
                "gamma_lowest": float(gamma.min()),
                "gamma_highest": float(gamma.max()),
                "measured": len(detection),
                "in_range": {name: sum(inside for _, inside in own) for name, own in some.items()},
            }


def _count(tally: Counter[str], row: Json, value: float) -> None:
    """Count whether a range holds a value, where the pool can tell the value."""
    if np.isfinite(value):
        tally["inside"] += row["lower"] <= value <= row["upper"]
        tally["total"] += 1


def lies_in(made: Recorded, spec: RecordingSpec) -> bool:
    """Return whether a recording lies in a range."""
    ends = (spec.detection, spec.false_recording, spec.gamma)
    return all(low <= value <= high for value, (low, high) in zip(made, ends, strict=True))


def _gap(place: Place, some: Sequence[Json]) -> dict[str, Any]:
    attribute, group, metric = place
    means = {kind: _mean([one[kind] for one in some]) for kind in KINDS}
    return {
        "attribute": attribute,
        "group": group,
        "metric": metric,
        "tolerance": _mean([one["tolerance"] for one in some]),
        **means,
        "verdicts": dict(sorted(Counter(one["verdict"] for one in some).items())),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean; None where a value is not known."""
    known = [one for one in values if one is not None and np.isfinite(one)]
    return float(np.mean(known)) if len(known) == len(values) else None
