"""Results in words: an estimate with its interval, or a sentence that says why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from riskmodel.disclosure import Disclosure
from riskmodel.explain.words import number_words

Json = Mapping[str, Any]

FAMILIES = {
    "prior": "Past events only",
    "count": "Number of risk factors",
    "logistic": "Logistic regression",
    "ebm": "Additive curves (EBM)",
    "xgboost": "Boosted trees (XGBoost)",
}
SPLITS = {
    "train": "the young people it learned from (always looks too good)",
    "crossfit": "the training data, each young person left out in turn",
    "test_new": "later dates, young people the model never saw",
    "test_all": "later dates, everyone eligible, as in use",
}
# Label and meaning; the meaning is filled with the outcome in the past tense.
METRICS = {
    "auroc": (
        "Ranking (AUROC)",
        (
            "Take one young person who {past} and one who did not: the chance that the first has the higher "
            "estimate. 0.5 is a coin toss, 1 is perfect."
        ),
    ),
    "average_precision": (
        "Average precision",
        "How often the highest estimates are right, over all cut-offs. Chance alone gives the share who {past}.",
    ),
    "recall_at_capacity": (
        "Found at capacity",
        "Of those who {past}, the share who would be offered support with the offers there are.",
    ),
    "precision_at_capacity": ("Right at capacity", "Of those offered support, the share who {past} later."),
    "lift_at_capacity": (
        "Times better than chance",
        "How many times more young people who {past} are found than by offering at random.",
    ),
    "calibration_slope": (
        "Calibration slope",
        (
            "1 means that estimates are as spread out as the truth. Below 1, high estimates are too high and low "
            "ones too low."
        ),
    ),
    "calibration_intercept": (
        "Calibration in the large",
        "0 means that estimates are right on average. Above 0, they are too low.",
    ),
    "brier": (
        "Brier score",
        "Mean squared error of the estimates. Lower is better; it depends on how common the outcome is.",
    ),
    "net_benefit": (
        "Net benefit",
        (
            "Young people rightly offered support, minus a small part for each offer that was not needed, per young "
            "person. The lower the estimate at which an offer is made, the smaller that part. Above 0 is better than "
            "offering to nobody."
        ),
    ),
}
WHY_NOT = {
    "suppressed": "not shown: too few young people",
    "protected": "not shown, so that another group's number cannot be worked out",
    "undefined": "cannot be worked out from these data",
    "insufficient": "too few young people to say",
    "missing": "not measured",
}
COUNTS = ("n_subjects", "n_outcomes")
_DIGITS = {
    "brier": 4,
    "net_benefit": 4,
    "scaled_brier": 3,
    "average_precision": 3,
    "precision_at_capacity": 3,
    "recall_at_capacity": 2,
}


def shown_count(n: int | None, disclosure: Disclosure) -> int | None:
    """Return a count that may be shown; None stays hidden."""
    return None if n is None else disclosure.count(int(n))


def split_words(split: str) -> str:
    """Return what a split's young people are, in words."""
    return SPLITS.get(split, split)


def safe_row(row: Json, disclosure: Disclosure) -> dict[str, Any]:
    """Return a result with its numbers hidden where the people, the outcomes, or those without it are too few."""
    counts = [name for name in COUNTS if name in row]
    known = [row[name] for name in counts]
    rest = known[0] - known[1] if len(known) == len(COUNTS) and None not in known else None
    safe: dict[str, Any] = disclosure.drop_small({**row, "_rest": rest}, counts=(*counts, "_rest"))
    del safe["_rest"]
    return safe


def at_capacity(result: Json | None, recall: Json | None, disclosure: Disclosure) -> Json | None:
    """Return a result about offers, suppressed where too few of those with the outcome were offered or missed.

    Parameters
    ----------
    result : mapping or None
        Precision, recall or lift at capacity.
    recall : mapping or None
        Recall on the same rows, a share of 1, with ``n_outcomes``.
    """
    if result is None or recall is None or recall["estimate"] is None or recall.get("n_outcomes") is None:
        return result
    found = round(recall["estimate"] * recall["n_outcomes"])
    if None not in (disclosure.count(found), disclosure.count(recall["n_outcomes"] - found)):
        return result
    return {**result, "estimate": None, "lower": None, "upper": None, "status": "suppressed"}


def metrics_of(results: Json, disclosure: Disclosure) -> dict[str, dict[str, Any]]:
    """Return every metric of one model on one split as it may be shown."""
    recall = results.get("recall_at_capacity")
    safe = {
        name: at_capacity(results.get(name), recall, disclosure)
        if name.endswith("_at_capacity")
        else results.get(name)
        for name in METRICS
    }
    return {name: metric(name, result, disclosure) for name, result in safe.items()}


def metric(name: str, result: Json | None, disclosure: Disclosure) -> dict[str, Any]:
    """Return one metric as it may be shown: rounded, with an interval and words."""
    digits = _DIGITS.get(name, 2)
    return _shown(result, disclosure, digits=digits, words=lambda value: f"{value:.{digits}f}")


def per_100(result: Json, disclosure: Disclosure) -> dict[str, Any]:
    """Return a rate "of 100" as it may be shown: whole people, or one decimal where the rate is below 10."""
    return _shown(result, disclosure, digits=None, words=number_words)


def of_100(result: Json, disclosure: Disclosure) -> dict[str, Any]:
    """Return a share of 1 as ``per_100`` shows it."""
    ends = {end: None if result[end] is None else 100 * result[end] for end in ("estimate", "lower", "upper")}
    return per_100({**result, **ends}, disclosure)


def about(n: int | None) -> str:
    """Return a count that has passed the disclosure rules in words."""
    return "too few to show" if n is None else f"about {n:,}"


def policies(
    metrics: Json, *, split: str, offered_share: float, everyone: Json | None, referral: Json | None = None
) -> list[dict[str, Any]]:
    """Return the ways of choosing whom to offer support: selected model, both baselines, referrals, everyone.

    Parameters
    ----------
    metrics : mapping
        ``metrics.json``; ``precision_at_capacity`` and ``recall_at_capacity`` of the split are used.
    split : str
        Such as ``test_all``.
    offered_share : float
        Share of those eligible who can be offered support.
    everyone : mapping or None
        The share with the outcome among everyone eligible, as a result (``estimate``, ``lower``, ``upper``,
        ``n_subjects``, ``n_outcomes``, ``status``), as shares of 1.
    referral : mapping, optional
        The present route, where the data hold it: ``offered_share``, ``precision`` and ``recall``, results as above;
        under ``at_capacity`` precision and recall of as many offers as the models make, to those referred first.
    """
    selected = str(metrics["selected"])
    names = list(dict.fromkeys([selected, "count", "prior"]))
    rows = [
        policy_row(name, FAMILIES.get(name, name), offered_share, metrics["models"][name].get(split, {}))
        for name in names
        if name in metrics["models"]
    ]
    if referral is not None:
        equal = referral["at_capacity"]
        ways = (
            ("referral_at_capacity", "As many offers, to those referred first", offered_share, equal),
            ("referral", "Referrals as made today", referral["offered_share"], referral),
        )
        rows += [
            _policy_row(name, label, share, of["precision"], of["recall"]) for name, label, share, of in ways
        ]
    if everyone is not None:
        found = {**everyone, "estimate": 1.0, "lower": None, "upper": None}
        rows.append(_policy_row("everyone", "Offering to everyone", 1.0, everyone, found))
    return rows


def policy_row(name: str, label: str, share: float | None, results: Json) -> dict[str, Any]:
    """Return one way of choosing, from the results of one model on one split.

    Parameters
    ----------
    name, label : str
    share : float or None
        Share of those eligible who are offered support.
    results : mapping
        By metric; ``precision_at_capacity`` and ``recall_at_capacity`` are used.
    """
    return _policy_row(
        name, label, share, results.get("precision_at_capacity"), results.get("recall_at_capacity")
    )


def _policy_row(
    name: str, label: str, share: float | None, precision: Json | None, recall: Json | None
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "offered_share": share,
        "harmed_per_100_offered": _times_100(precision),
        "offered_per_100_harmed": _times_100(recall),
    }


def _times_100(result: Json | None) -> dict[str, Any]:
    if result is None:
        return {
            "estimate": None,
            "lower": None,
            "upper": None,
            "n_subjects": None,
            "n_outcomes": None,
            "status": "missing",
        }
    scaled = {
        end: None if result[end] is None else 100 * result[end] for end in ("estimate", "lower", "upper")
    }
    return {**result, **scaled}


def _shown(
    result: Json | None, disclosure: Disclosure, *, digits: int | None, words: Callable[[float], str]
) -> dict[str, Any]:
    if result is None:
        return _nothing("missing")
    safe = safe_row(result, disclosure)
    if safe["estimate"] is None or safe.get("status", "ok") != "ok":
        return _nothing(str(safe.get("status", "missing")))
    places = digits if digits is not None else (0 if abs(safe["estimate"]) >= 10 else 1)
    middle = round(float(safe["estimate"]), places) + 0.0
    low, high = (_rounded(safe.get(end), places) for end in ("lower", "upper"))
    interval = "" if low is None or high is None else f" ({words(low)} to {words(high)})"
    return {
        "estimate": middle,
        "lower": low,
        "upper": high,
        "status": "ok",
        "words": f"{words(middle)}{interval}",
    }


def _rounded(value: float | None, places: int) -> float | None:
    return None if value is None else round(float(value), places) + 0.0


def _nothing(status: str) -> dict[str, Any]:
    known = status if status in WHY_NOT else "missing"
    return {"estimate": None, "lower": None, "upper": None, "status": known, "words": WHY_NOT[known]}
