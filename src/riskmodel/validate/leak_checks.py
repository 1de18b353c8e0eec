"""Is the study too good to be true? Checks of the whole study, beside those of each feature (``leaks.py``).

*Permuted outcome.* Outcomes are dealt out at random among people with the same index dates, each person's history as a
whole, and the instrument of ``probe.py`` is fitted out of fold. It cannot do better than chance, unless folds share
people whose outcomes last: then it learns a person in one fold and meets them again in another. That nobody is in two
folds, and that nobody is judged by a model that has learned from them, is looked at by itself, too. It says nothing about
features, and does not see one person under two numbers.

*Shuffled time.* Each row gets the features of the same person's index date before, or after. What a record says about an
outcome fades with the time between them, and most is lost at the first step: the date after, which may have seen the outcome,
against the right date, loses more than the right date against the date before. Where the right date gains much on the
date before and more than the date after gains on it, the right date knows what only the date after should. This sees features
that read (much of) the horizon, such as an undated status joined to every index date; it does not see a feature that is
the same at all dates, nor one that looks ahead a few days.

*Last event.* Days from the last event to the index date, in the ``days_since_last`` columns: no event may lie after the index
date, and a week just before it that is crowded among people with the outcome, and not among others, suggests that index
dates were chosen by, or events recorded with, the outcome itself (in linked national data 13% of permanent exclusions fall
within 30 days of the offence).

*Early outcomes.* A feature that reads past the index date sees the first outcomes of the horizon and none of the later ones, so
early ones are told apart far better. Honest records fade slowly. Late recording of outcomes can look the same.

Each is one-sided: ``clear`` means that this leak was not seen, not that there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from riskmodel.tables.cohort import BoolArray, Cohort, FloatArray, IntArray, Labels
from riskmodel.tables.features import FeatureMatrix
from riskmodel.validate.leaks import (
    SINGLE_FEATURE,
    LeakCheck,
    LeakFinding,
    LeakReport,
    enough_rows,
    hunt_leaks,
)
from riskmodel.validate.probe import (
    RankDesign,
    crossfit,
    influence,
    midranks,
    separation,
    solve,
    standard_error,
)
from riskmodel.validate.spec import LeakSpec

_Z95 = 1.959963984540054
_PERMUTATIONS = 20
_PERMUTED_ROWS = 12_000
_SHUFFLED_OTHERS = 5_000
_STRONGEST = 20
_FEWEST_ALIKE = 20
_FEWEST_EARLY = 20
_WEEK, _FIVE_WEEKS = 8, 36  # days 0 to 7, and 8 to 35
_LATER_BANDS = (91, 182)


@dataclass(frozen=True)
class TrainingRecord:
    """The rows that models learn from, as far as the hunt looks at them; all in the order of the cohort.

    Parameters
    ----------
    features : FeatureMatrix
    labels : Labels
    cohort : Cohort
    fold : ndarray of int64, shape (n,)
        Of the hunt's own fits; rows of fold -1 are left out.
    judged_by_their_own : int
        People whom the study judges by a model that has learned from them.
    """

    features: FeatureMatrix
    labels: Labels
    cohort: Cohort
    fold: IntArray
    judged_by_their_own: int = 0

    @property
    def usable(self) -> BoolArray:
        """Rows that count."""
        return (self.labels.weight > 0) & (self.fold >= 0)

    @property
    def happened(self) -> BoolArray:
        """Rows with the outcome, whether they count or not."""
        return np.asarray(self.labels.outcome == 1)

    def people(self, rows: BoolArray | IntArray) -> int:
        """Return the number of different people in some rows."""
        return len(np.unique(self.cohort.subject_id[rows]))

    def take(self, rows: IntArray) -> TrainingRecord:
        """Return the chosen rows."""
        features, labels, cohort = self.features.take(rows), self.labels.take(rows), self.cohort.take(rows)
        return TrainingRecord(features, labels, cohort, self.fold[rows], self.judged_by_their_own)


def look_for_leaks(record: TrainingRecord, *, spec: LeakSpec, seed: int) -> LeakReport:
    """Look at every feature, then at the whole study.

    Parameters
    ----------
    record : TrainingRecord
    spec : LeakSpec
    seed : int
        Of the permutations.

    Returns
    -------
    LeakReport
        Its findings about features, and five checks.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, user_api="blas"):  # the same bits on any number of cores
        found = hunt_leaks(
            record.features,
            record.labels.outcome,
            weight=record.labels.weight,
            subject_id=record.cohort.subject_id,
            fold=record.fold,
            spec=spec,
        )
        checks = (
            _single_feature(found, spec),
            permuted_outcome(record, spec=spec, seed=seed),
            shuffled_time(record, spec=spec),
            last_event(record, spec=spec),
            early_outcomes(record, spec=spec),
        )
    return LeakReport(found.findings, checks)


def _single_feature(found: LeakReport, spec: LeakSpec) -> LeakCheck:
    strongest = next(iter(found.findings), None)
    if strongest is None or strongest.auroc is None:
        return LeakCheck(
            SINGLE_FEATURE, "insufficient", "Too few people with the outcome to judge a feature.", {}
        )
    evidence = {"strongest": strongest.feature, "auroc": strongest.auroc, "bound": spec.bound}
    if found.suspects:
        words = f"Too good to be true alone: {', '.join(found.suspects)}."
        return LeakCheck(SINGLE_FEATURE, "suspect", words, evidence | {"suspects": list(found.suspects)})
    return LeakCheck(SINGLE_FEATURE, "clear", _strongest_words(strongest), evidence)


def _strongest_words(strongest: LeakFinding) -> str:
    return f"No feature is too good to be true alone. The strongest is {strongest.feature} (AUROC {strongest.auroc:.2f})."


def permuted_outcome(record: TrainingRecord, *, spec: LeakSpec, seed: int) -> LeakCheck:
    """Fit out of fold to outcomes that were dealt out at random.

    Parameters
    ----------
    record : TrainingRecord
    spec : LeakSpec
    seed : int

    Returns
    -------
    LeakCheck
        ``suspect`` if somebody is in two folds, or judged by a model that learned from them, or the mean AUROC is surely
        above ``spec.permuted``.
    """
    name = "permuted_outcome"
    shared = max(_people_in_two_folds(record), record.judged_by_their_own)
    evidence: dict[str, Any] = {"people_in_two_folds": shared}
    rows, blocks = _blocks(record)
    happened = record.happened[rows]
    if min(record.people(rows[happened]), record.people(rows[~happened])) >= spec.minimum_outcomes:
        real, dealt = _aurocs_by_chance(record, rows, blocks, seed=seed)
        mean, error = float(dealt.mean()), float(dealt.std(ddof=1)) / math.sqrt(len(dealt))
        evidence |= {"auroc": mean, "standard_error": error, "auroc_of_real_outcome": real}
        words = f"With outcomes dealt out at random, AUROC out of fold is {mean:.2f} (with the real ones {real:.2f}; chance is 0.50)."
        leaks = mean - 3 * error > spec.permuted
    else:
        words, leaks = "Too few people with the outcome to deal it out again.", False
    if shared or leaks:
        why = "somebody is on both sides" if shared else "the folds are not apart"
        return LeakCheck(
            name, "suspect", f"{words} A model is judged on people it has learned from: {why}.", evidence
        )
    return LeakCheck(name, "clear" if "auroc" in evidence else "insufficient", words, evidence)


def _aurocs_by_chance(
    record: TrainingRecord, rows: IntArray, blocks: list[IntArray], *, seed: int
) -> tuple[float, FloatArray]:
    """Return the AUROC out of fold for the real outcome, and for each time it is dealt out.

    Scores are ranked among people with the same dates at the same date: which dates somebody has (their age, say) may well
    go with the outcome, and dealing outcomes out among their like keeps that.
    """
    rng = np.random.default_rng(seed)
    outcome = record.labels.outcome[rows].astype(np.float64)
    dealt = [_dealt(outcome, blocks, rng) for _ in range(_PERMUTATIONS)]
    targets = np.column_stack([outcome, *dealt])
    scores = crossfit(RankDesign.of(record.features.take(rows)).values, targets, record.fold[rows])
    for block in blocks:
        for alike in block.T:
            scores[alike] = np.column_stack([midranks(score) for score in scores[alike].T])
    real, *by_chance = (
        separation(score, target == 1) for score, target in zip(scores.T, targets.T, strict=True)
    )
    return real, np.array(by_chance)


def _people_in_two_folds(record: TrainingRecord) -> int:
    rows = record.usable
    pairs = np.unique(np.stack([record.cohort.subject_id[rows], record.fold[rows]]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _blocks(record: TrainingRecord) -> tuple[IntArray, list[IntArray]]:
    """Return rows of an even spread of people, and blocks of them: one row of the block a person, dates across.

    A block holds people with the same index dates; people with few of their like are left out, because their outcomes could
    hardly move.
    """
    usable = np.flatnonzero(record.usable)
    people, person = np.unique(record.cohort.subject_id[usable], return_inverse=True)
    step = max(1, -(-len(usable) // _PERMUTED_ROWS))
    usable, person = usable[person % step == 0], person[person % step == 0]
    dates, date = np.unique(record.cohort.index_day[usable], return_inverse=True)
    present = np.zeros((len(people), len(dates)), dtype=np.bool_)
    present[person, date] = True
    pattern = np.unique(np.packbits(present, axis=1), axis=0, return_inverse=True)[1].reshape(-1)[person]
    rows, blocks, at = [], [], 0
    for one in np.unique(pattern):
        own = np.flatnonzero(pattern == one)
        own = own[np.lexsort((date[own], person[own]))]
        n = len(np.unique(person[own]))
        if n >= _FEWEST_ALIKE:
            rows.append(usable[own])
            blocks.append(np.arange(at, at + len(own)).reshape(n, -1))
            at += len(own)
    return np.concatenate(rows) if rows else np.array([], dtype=np.int64), blocks


def _dealt(outcome: FloatArray, blocks: list[IntArray], rng: np.random.Generator) -> FloatArray:
    dealt = np.empty_like(outcome)
    for block in blocks:
        dealt[block] = outcome[block[rng.permutation(len(block))]]
    return dealt


def shuffled_time(record: TrainingRecord, *, spec: LeakSpec) -> LeakCheck:
    """Compare features of the right date with those of the same person's date before and date after.

    Parameters
    ----------
    record : TrainingRecord
    spec : LeakSpec

    Returns
    -------
    LeakCheck
        ``suspect`` if, for one of the strongest features or for all together, the right date surely gains more than
        ``spec.right_date_gain`` on the date before, and surely more than the date after gains on it.
    """
    name = "shuffled_time"
    before, after = _neighbours(record.cohort)
    if not (before >= 0).any():
        return LeakCheck(name, "not_applicable", "Nobody has more than one index date.", {})
    own = enough_rows(
        record.usable & ((before >= 0) | (after >= 0)), record.happened, others=_SHUFFLED_OTHERS
    )
    sides = [
        record.people(own[rows & (there[own] >= 0)])
        for there in (before, after)
        for rows in (record.happened[own], ~record.happened[own])
    ]
    if min(sides) < spec.minimum_outcomes:
        return LeakCheck(
            name, "insufficient", "Too few people with the outcome have more than one index date.", {}
        )
    steps = _Steps.of(record, own, before[own], after[own])
    found = [_gain(label, scores, steps) for label, scores in steps.scores()]
    named = [one for one in found if one["gain_lower"] > spec.right_date_gain and one["excess_lower"] > 0]
    worst = max(named or found[:1], key=lambda one: one["gain"])
    words = (
        f"{worst['of'][:1].upper()}{worst['of'][1:]}: AUROC {worst['right']:.2f} with features of the right date, {worst['before']:.2f} with those of "
        f"the date before, {worst['after']:.2f} with those of the date after."
    )
    if not named:
        return LeakCheck(name, "clear", words, {"all": found[0]})
    return LeakCheck(
        name,
        "suspect",
        f"{words} The right date seems to know what only the date after should.",
        {"all": found[0], "named": named},
    )


def _neighbours(cohort: Cohort) -> tuple[IntArray, IntArray]:
    """Return each row's row of the same person at the index date before and after; -1 where there is none."""
    order = np.lexsort((cohort.index_day, cohort.subject_id))
    same = np.diff(cohort.subject_id[order]) == 0
    before, after = np.full(len(order), -1), np.full(len(order), -1)
    before[order[1:][same]] = order[:-1][same]
    after[order[:-1][same]] = order[1:][same]
    return before, after


@dataclass(frozen=True)
class _Steps:
    """Ranks of the right date, the date before and the date after, row by row; rows without one repeat the right date."""

    right: FloatArray
    before: FloatArray
    after: FloatArray
    has_before: BoolArray
    has_after: BoolArray
    happened: BoolArray
    person: IntArray
    fold: IntArray
    names: tuple[str, ...]

    @classmethod
    def of(cls, record: TrainingRecord, own: IntArray, before: IntArray, after: IntArray) -> _Steps:
        n, rows = len(own), [own, np.where(before >= 0, before, own), np.where(after >= 0, after, own)]
        design = RankDesign.of(record.features.take(np.concatenate(rows)))
        return cls(
            right=design.values[:n],
            before=design.values[n : 2 * n],
            after=design.values[2 * n :],
            has_before=before >= 0,
            has_after=after >= 0,
            happened=record.happened[own],
            person=np.unique(record.cohort.subject_id[own], return_inverse=True)[1].astype(np.int64),
            fold=record.fold[own],
            names=tuple(record.features.names[j] for j in design.feature),
        )

    def scores(self) -> Iterator[tuple[str, tuple[FloatArray, FloatArray, FloatArray]]]:
        """Give all features together, then each of the strongest columns, so turned that more means more risk."""
        yield "all features together", self._together()
        alone = np.array([separation(column, self.happened) for column in self.right.T])
        for j in np.argsort(-np.abs(alone - 0.5), kind="stable")[:_STRONGEST]:
            sign = 1.0 if alone[j] >= 0.5 else -1.0
            yield (
                self.names[j],
                (sign * self.right[:, j], sign * self.before[:, j], sign * self.after[:, j]),
            )

    def _together(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return scores of the three by one fit to the right date, out of fold."""
        centre = self.right.mean(axis=0)
        right, before, after = self.right - centre, self.before - centre, self.after - centre
        target = self.happened - self.happened.mean()
        out = np.empty((3, len(target)))
        for one in np.unique(self.fold):
            held = self.fold == one
            beta = solve(right[~held].T @ right[~held], right[~held].T @ target[~held])
            out[:, held] = right[held] @ beta, before[held] @ beta, after[held] @ beta
        return out[0], out[1], out[2]


def _gain(label: str, scores: tuple[FloatArray, FloatArray, FloatArray], steps: _Steps) -> dict[str, Any]:
    right, before, after = scores
    first = [_auroc(score, steps, steps.has_before) for score in (right, before)]
    second = [_auroc(score, steps, steps.has_after) for score in (after, right)]
    gain, moved = first[0][0] - first[1][0], first[0][1] - first[1][1]
    later, later_moved = second[0][0] - second[1][0], second[0][1] - second[1][1]
    return {
        "of": label,
        "before": first[1][0],
        "right": first[0][0],
        "after": second[0][0],
        "gain": gain,
        "gain_lower": gain - _Z95 * standard_error(moved, steps.person),
        "excess_lower": gain - later - _Z95 * standard_error(moved - later_moved, steps.person),
    }


def _auroc(score: FloatArray, steps: _Steps, rows: BoolArray) -> tuple[float, FloatArray]:
    return influence(score, rows & steps.happened, rows & ~steps.happened)


def last_event(record: TrainingRecord, *, spec: LeakSpec) -> LeakCheck:
    """Look at how close the last event lies to the index date, among people with the outcome and among others.

    Parameters
    ----------
    record : TrainingRecord
    spec : LeakSpec

    Returns
    -------
    LeakCheck
        ``suspect`` if an event lies after the index date, or the last week is surely crowded more than ``spec.spike`` times as
        much among people with the outcome as among others.
    """
    name = "last_event"
    columns = [info.name for info in record.features.infos if info.aggregation == "days_since_last"]
    if not columns:
        return LeakCheck(name, "not_applicable", "No feature counts the days since a last event.", {})
    late = [one for one in columns if (record.features.column(one)[record.usable] < 0).any()]
    if late:
        words = f"Events after the index date in {', '.join(late)}."
        return LeakCheck(name, "suspect", words, {"after_the_index_date": late})
    judged = [one for column in columns if (one := _crowding(record, column)) is not None]
    if not judged:
        words = "Too few people with the outcome had a last event in the five weeks before the index date."
        return LeakCheck(name, "insufficient", words, {})
    reach = NormalDist().inv_cdf(1 - 0.025 / len(judged))
    found = [one | {"times_lower": math.exp(one["log"] - reach * one["error"])} for one in judged]
    worst = max(found, key=lambda one: one["times_lower"])
    crowded = worst["times_lower"] > spec.spike
    words = (
        f"{worst['feature']}: the week before the index date is {'' if crowded else 'not '}clearly more crowded with last events among people "
        "with the outcome than among others."
    )
    if crowded:
        words += " They may be the outcome's own record."
    return LeakCheck(name, "suspect" if crowded else "clear", words, {"features": found})


def _crowding(record: TrainingRecord, column: str) -> dict[str, Any] | None:
    """Return the log odds ratio (Haldane) of the last week, with people counted; None with too few of them."""
    days = record.features.column(column)
    week = record.usable & (days < _WEEK)
    weeks = record.usable & (days >= _WEEK) & (days < _FIVE_WEEKS)
    counts = [
        record.people(rows & side) for side in (record.happened, ~record.happened) for rows in (week, weeks)
    ]
    if counts[0] + counts[1] < _FEWEST_EARLY:
        return None
    a, b, c, d = (count + 0.5 for count in counts)
    return {
        "feature": column,
        "counts": counts,
        "log": math.log(a * d / (b * c)),
        "error": math.sqrt(1 / a + 1 / b + 1 / c + 1 / d),
    }


def early_outcomes(record: TrainingRecord, *, spec: LeakSpec) -> LeakCheck:
    """Compare how well early and later outcomes of the horizon are told from none.

    Parameters
    ----------
    record : TrainingRecord
    spec : LeakSpec

    Returns
    -------
    LeakCheck
        ``suspect`` if the AUROC for early outcomes is surely more than ``spec.early_gain`` above that for later ones.
    """
    name = "early_outcomes"
    rows = enough_rows(record.usable, record.happened)
    part = record.take(rows)
    days = part.labels.first_day.astype(np.int64) - part.cohort.index_day
    early, late = part.happened & (days < spec.early_days), part.happened & (days >= spec.early_days)
    if part.happened.any() and (not late.any() or not early.any()):
        return LeakCheck(
            name, "not_applicable", "The data do not say when in the horizon an outcome happened.", {}
        )
    if (
        min(part.people(early), part.people(late)) < _FEWEST_EARLY
        or part.people(part.happened) < spec.minimum_outcomes
    ):
        return LeakCheck(name, "insufficient", "Too few people with an early, or a later, outcome.", {})
    design = RankDesign.of(part.features)
    score = crossfit(design.values, part.labels.outcome[:, None].astype(np.float64), part.fold)[:, 0]
    first, moved_first = influence(score, early, ~part.happened)
    then, moved_then = influence(score, late, ~part.happened)
    person = np.unique(part.cohort.subject_id, return_inverse=True)[1].astype(np.int64)
    lower = first - then - _Z95 * standard_error(moved_first - moved_then, person)
    evidence = {
        "auroc_early": first,
        "auroc_later": then,
        "difference_lower": lower,
        "bands": _bands(score, days, part, spec.early_days),
    }
    words = f"Outcomes of the first {spec.early_days} days are told from none with AUROC {first:.2f}, later ones with {then:.2f}."
    if lower <= spec.early_gain:
        return LeakCheck(name, "clear", words, evidence)
    culprit = part.features.names[_most_early(design, early, late, part.happened)]
    words += f" Features may read past the index date; look first at {culprit}."
    return LeakCheck(name, "suspect", words, evidence | {"feature": culprit})


def _bands(score: FloatArray, days: IntArray, part: TrainingRecord, early_days: int) -> list[dict[str, Any]]:
    edges = [0, *sorted({early_days, *(one for one in _LATER_BANDS if one > early_days)})]
    bands = []
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        own = part.happened & (days >= start) & (days < (np.inf if end is None else end))
        auroc = influence(score, own, ~part.happened)[0] if own.any() else None
        bands.append({"from_day": start, "to_day": end, "n_outcomes": int(own.sum()), "auroc": auroc})
    return bands


def _most_early(design: RankDesign, early: BoolArray, late: BoolArray, happened: BoolArray) -> int:
    """Return the feature whose AUROC for early outcomes is furthest from that for later ones."""
    apart = [
        influence(column, early, ~happened)[0] - influence(column, late, ~happened)[0]
        for column in design.values.T
    ]
    return int(design.feature[int(np.abs(apart).argmax())])
