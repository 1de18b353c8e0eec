"""The two claims of ``protocol.md``, judged by its rules on the rows of ``results.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

Record = Mapping[str, Any]
Verdict = Literal["holds", "does not hold", "cannot be told"]
Overall = Literal["holds", "holds in part", "does not hold", "cannot be told"]

SAVRY = "savry_total"
ATTRIBUTES = ("foreign", "sex")
RATES = ("false_positive_rate", "false_negative_rate")


def judge(outcome: Mapping[str, Any], families: Sequence[str]) -> dict[str, Any]:
    """Return both claims for one outcome.

    Parameters
    ----------
    outcome : mapping
        One entry of ``outcomes`` in the results.
    families : sequence of str
        The learned families that were fitted.

    Returns
    -------
    dict
        ``better``: claim A, and ``nearer``: claim B, one row for each attribute and rate; each with the verdict for every
        family and the overall one.
    """
    better = {family: _above(_row(outcome["advantage"], scorer=family)) for family in families}
    return {
        "better": {"families": better, "overall": overall(list(better.values()))},
        "nearer": list(_nearer(outcome["gap_advantage"], families)),
    }


def _nearer(records: Sequence[Record], families: Sequence[str]) -> Iterator[dict[str, Any]]:
    for attribute in ATTRIBUTES:
        for rate in RATES:
            found = {}
            for family in families:
                less, plus = (
                    _row(records, scorer=family, attribute=attribute, metric=f"{rate}_gap_{how}_{SAVRY}")
                    for how in ("less", "plus")
                )
                found[family] = larger(less, plus)
            yield {
                "attribute": attribute,
                "rate": rate,
                "families": found,
                "overall": overall(list(found.values())),
            }


def larger(less: Record, plus: Record) -> Verdict:
    """Return whether one gap is surely larger in size than another, from their difference and their sum.

    An intersection-union test (Berger 1982): the sizes differ as difference and sum have one sign or not.
    """
    signs = [_sign(one) for one in (less, plus)]
    if 0 in signs:
        return "cannot be told"
    return "holds" if signs[0] == signs[1] else "does not hold"


def overall(verdicts: Sequence[Verdict]) -> Overall:
    """Return what a claim comes to over all learned families."""
    if all(one == "holds" for one in verdicts):
        return "holds"
    if "holds" in verdicts:
        return "holds in part"
    return "does not hold" if all(one == "does not hold" for one in verdicts) else "cannot be told"


def _above(record: Record) -> Verdict:
    sign = _sign(record)
    return "cannot be told" if sign == 0 else "holds" if sign > 0 else "does not hold"


def _sign(record: Record) -> int:
    """Return the sign of an interval that lies on one side of 0; 0 where it does not, or is hidden."""
    if record["status"] != "ok":
        return 0
    return 1 if record["lower"] > 0 else -1 if record["upper"] < 0 else 0


def _row(records: Sequence[Record], **wanted: str) -> Record:
    found = [one for one in records if all(one[name] == value for name, value in wanted.items())]
    if len(found) != 1:
        raise LookupError(f"expected one record with {wanted}, found {len(found)}")
    return found[0]
