"""Which codes, attributes and purposes a study may use.

Two kinds of rule. *Barred* holds in every study, without a switch. *Off* holds unless the study writes down its
lawful basis. A breach stops the run before training with exit code 3, naming the feature and the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from riskmodel.errors import PolicyError
from riskmodel.tables.features import FeatureInfo


class PolicySpec(BaseModel):
    """The lawful bases a study writes down, each in a full sentence.

    Parameters
    ----------
    sex : str, optional
        Why sex may be a feature.
    enforcement : str, optional
        Why enforcement-made codes may be features or outcomes. Analysis only: a bundle with them cannot score.
    other_person : str, optional
        Why features from another person's record (a parent's, a sibling's) may be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sex: str | None = Field(default=None, min_length=20)
    enforcement: str | None = Field(default=None, min_length=20)
    other_person: str | None = Field(default=None, min_length=20)


@dataclass(frozen=True)
class Rule:
    """One reason to refuse: what is matched, and the rule in words."""

    name: str
    pattern: re.Pattern[str]
    words: str


def _rule(name: str, pattern: str, words: str) -> Rule:
    return Rule(name, re.compile(pattern, re.IGNORECASE), words)


# A token stands between non-letters, so that "stopwatch" or "sextant" is not mistaken for a stop or for sex.
_START, _END = r"(?:^|[^a-z])", r"(?:$|[^a-z])"

BARRED = (
    _rule(
        "stop and search",
        rf"{_START}(stop[ _/-]*(and|&)?[ _/-]*search(es|ed)?|stops?|searche[sd])({_END})",
        "stop and search is evidence about bias, never a feature and never an outcome",
    ),
    _rule(
        "ethnicity",
        rf"{_START}(ethnic(ity|_group|_origin)?|ethnic[a-z_ ]*|race|racial[a-z_]*|skin[ _]?colou?r){_END}",
        "ethnicity is audited and never a feature",
    ),
    _rule("religion", rf"{_START}(religio(n|us)|faith|belief){_END}", "religion is never a feature"),
    _rule(
        "language",
        rf"{_START}(languages?|eal|mother[ _]tongue|first[ _]language){_END}",
        "language is never a feature",
    ),
    _rule(
        "nationality",
        rf"{_START}(national(ity)?|foreign(er)?|citizenship|country[ _]of[ _]birth|birth[ _]country|immigra(nt|tion)|estranger){_END}",
        "nationality is never a feature",
    ),
    _rule(
        "name",
        rf"{_START}(surname|forename|first[ _]?name|last[ _]?name|full[ _]?name|initials|name[ _]derived){_END}",
        "a fact derived from a name is never a feature",
    ),
)
_SEX = _rule("sex", rf"{_START}(sex|gender|male|female|boy|girl){_END}", "sex")
_OTHER = _rule(
    "another person's record",
    r"(^|//)(PARENT|SIBLING|MOTHER|FATHER|HOUSEHOLD_MEMBER)//",
    "a feature from another person's record",
)


def check_features(infos: Sequence[FeatureInfo], spec: PolicySpec) -> None:
    """Refuse features that a policy bars.

    Parameters
    ----------
    infos : sequence of FeatureInfo
        What the study would train on.
    spec : PolicySpec
        The lawful bases it writes down.

    Raises
    ------
    PolicyError
        Naming every refused feature and the rule it breaks.
    """
    _refuse([breach for info in infos for breach in breaches(info, spec)], kind="feature")


def check_outcome(
    name: str, codes: Iterable[str], *, enforcement_made: bool, spec: PolicySpec, used_for: str
) -> None:
    """Refuse an outcome that is made of stops, or of enforcement without a lawful basis.

    Parameters
    ----------
    name : str
        The outcome's name.
    codes : iterable of str
        Its code patterns.
    enforcement_made : bool
        Whether the catalogue says that any of them is enforcement-made.
    spec : PolicySpec
        The lawful bases the study writes down.
    used_for : str
        ``"training"`` or ``"audit"``. An enforcement-made outcome may always be audited against.

    Raises
    ------
    PolicyError
        Naming the outcome and the rule.
    """
    found = [
        f"'{name}' reads '{code}': {rule.words}"
        for code in codes
        for rule in BARRED
        if rule.pattern.search(code)
    ]
    if used_for == "training" and enforcement_made and spec.enforcement is None:
        found.append(_needs_basis(f"'{name}'", "an enforcement-made outcome", "policy.enforcement"))
    _refuse(found, kind="outcome")


def breaches(info: FeatureInfo, spec: PolicySpec) -> list[str]:
    """Return every rule that a feature breaks, in words; none where it may be used."""
    said = (info.name.replace("__", " "), *info.codes)
    found = [
        f"'{info.name}': {rule.words}" for rule in BARRED if any(rule.pattern.search(text) for text in said)
    ]
    off: Mapping[str, tuple[bool, str | None, str]] = {
        "policy.sex": (any(_SEX.pattern.search(text) for text in said), spec.sex, "sex as a feature"),
        "policy.enforcement": (info.enforcement_made, spec.enforcement, "an enforcement-made feature"),
        "policy.other_person": (
            any(_OTHER.pattern.search(text) for text in info.codes),
            spec.other_person,
            _OTHER.words,
        ),
    }
    needed = [
        _needs_basis(f"'{info.name}'", what, key)
        for key, (concerned, basis, what) in off.items()
        if concerned and basis is None
    ]
    return found + needed


def _needs_basis(subject: str, what: str, key: str) -> str:
    return f"{subject}: {what} is off unless the study writes down its lawful basis under '{key}'"


def _refuse(found: list[str], *, kind: str) -> None:
    if found:
        listed = "\n".join(f"  - {breach}" for breach in sorted(set(found)))
        raise PolicyError(
            f"The policy refuses {len(set(found))} {kind}{'s' if len(set(found)) > 1 else ''}; nothing was trained.\n"
            f"{listed}\nTake them out of the study, or ask the ethics board about those marked 'off'."
        )
