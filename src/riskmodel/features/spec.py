"""What a study may say about who is looked at, what may happen to them, and what is read from their records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from riskmodel.errors import did_you_mean
from riskmodel.features.windows import EVER, read_window
from riskmodel.intake.spec import DeclaredUse

Aggregation = Literal[
    "count",
    "any",
    "distinct",
    "days_since_last",
    "days_since_first",
    "sum",
    "mean",
    "max",
    "min",
    "last",
    "trend",
    "spell_days",
    "in_spell",
    "ratio",
    "moves",
]
AGGREGATIONS: tuple[str, ...] = get_args(Aggregation)
OF_SPELLS = ("spell_days", "in_spell", "moves")
OF_RATIOS = ("ratio",)
SINCE = ("days_since_last", "days_since_first")
SELECTIONS = ("events", "start", "end", "numerator", "denominator")
"""Parts of a feature that name codes."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Phrase = Annotated[str, Field(min_length=3)]
Codes = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple)]
OutcomeKind = Literal["harm", "victim", "justice"]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CohortSpec(_Spec):
    """Who is looked at, and on which dates.

    Parameters
    ----------
    ages : tuple of two int
        Youngest and oldest completed years at the index date, both included.
    train : tuple of date
        Early index dates, to learn from.
    test : tuple of date
        The latest index dates, read once. Empty under cross-validation.
    residence : bool
        Whether only young people known to live in the borough on the index date are looked at.
    objection_codes : tuple of str
        Somebody with one of these, known before the index date, is left out (UK GDPR Article 21).
    """

    ages: tuple[int, int]
    train: tuple[date, ...] = Field(min_length=1)
    test: tuple[date, ...] = ()
    residence: bool = True
    objection_codes: Codes = ("PERSON//OBJECTION",)

    @field_validator("ages")
    @classmethod
    def _ages_in_order(cls, ages: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= ages[0] <= ages[1]:
            raise ValueError("expected [youngest, oldest], both from 0 on, such as [10, 17]")
        return ages

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        for name, dates in (("train", self.train), ("test", self.test)):
            if list(dates) != sorted(set(dates)):
                raise ValueError(f"'{name}': dates must be in order and stand once each")
        if self.test and self.train[-1] >= self.test[0]:
            raise ValueError("the last training date must lie before the first test date")
        return self


class OutcomeSpec(_Spec):
    """One thing that may happen after the index date.

    Parameters
    ----------
    name : str
    description : str
        What it is, in plain words, without the horizon.
    phrase : str
        Past tense after "who", such as "came to harm from violence".
    codes : tuple of str
        Code patterns; any of them is the outcome.
    kind : str
        ``harm`` (any record of harm), ``victim`` (police-recorded harm) or ``justice`` (made by enforcement).
    horizon_days : int
        The outcome counts in ``[index, index + horizon_days)``.
    washout_days : int
        Somebody with the outcome known in so many days before the index date is not in the cohort. Only the chosen
        outcome's washout is used.
    """

    name: Name
    description: Phrase
    phrase: Phrase
    codes: Codes = Field(min_length=1)
    kind: OutcomeKind = "harm"
    horizon_days: int = Field(default=365, ge=1, le=3650)
    washout_days: int = Field(default=0, ge=0, le=3650)


_HEALTH_HARM = ("HEALTH//ED//ASSAULT", "HEALTH//ADMISSION//ASSAULT")
_POLICE_HARM = ("POLICE//VICTIM//VIOLENCE_INJURY",)

OUTCOMES: tuple[OutcomeSpec, ...] = (
    OutcomeSpec(
        name="harm",
        description="harm from violence: an emergency visit or admission after an assault, or being recorded by the police as a victim of violence with injury",
        phrase="came to harm from violence",
        codes=_HEALTH_HARM + _POLICE_HARM,
    ),
    OutcomeSpec(
        name="harm_health",
        description="an emergency visit or admission after an assault",
        phrase="needed emergency care after an assault",
        codes=_HEALTH_HARM,
    ),
    OutcomeSpec(
        name="victim",
        description="being recorded by the police as a victim of violence with injury",
        phrase="were recorded by the police as a victim of violence with injury",
        codes=_POLICE_HARM,
        kind="victim",
    ),
    OutcomeSpec(
        name="suspect_violence",
        description="being named by the police as a suspect of violence",
        phrase="were named by the police as a suspect of violence",
        codes=("POLICE//SUSPECT//VIOLENCE_*",),
        kind="justice",
    ),
    OutcomeSpec(
        name="proven_violence",
        description="a proven violent offence",
        phrase="had a violent offence proven",
        codes=("YJ//OFFENCE//VIOLENCE",),
        kind="justice",
    ),
)


class OutcomesSpec(_Spec):
    """The outcome a model is trained for, and those that every audit compares it with.

    Parameters
    ----------
    chosen : str
        Name of a packaged outcome (harm, harm_health, victim, suspect_violence, proven_violence) or of an own one.
    alternatives : tuple of str
        Names of the outcomes to compare with.
    own : tuple of OutcomeSpec
        A study's own outcomes; one with a packaged name replaces it.
    recording_lag_days : int
        How long after an outcome its record may still arrive; part of the gap before the first test date.
    residence_gap_days : int
        A gap between two addresses of up to so many days is not counted as having left the borough.
    """

    chosen: Name = "harm"
    alternatives: tuple[Name, ...] = ("harm_health", "victim", "suspect_violence", "proven_violence")
    own: tuple[OutcomeSpec, ...] = ()
    recording_lag_days: int = Field(default=90, ge=0, le=3650)
    residence_gap_days: int = Field(default=30, ge=0, le=365)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = self._by_name()
        wrong = [name for name in (self.chosen, *self.alternatives) if name not in known]
        if wrong:
            raise ValueError(
                "; ".join(f"there is no outcome '{name}', {did_you_mean(name, known)}" for name in wrong)
            )
        return self

    @property
    def all(self) -> tuple[OutcomeSpec, ...]:
        """The chosen outcome, then the alternatives, each once."""
        known = self._by_name()
        return tuple(known[name] for name in dict.fromkeys((self.chosen, *self.alternatives)))

    @property
    def chosen_spec(self) -> OutcomeSpec:
        """The outcome a model is trained for."""
        return self._by_name()[self.chosen]

    def _by_name(self) -> dict[str, OutcomeSpec]:
        return {outcome.name: outcome for outcome in (*OUTCOMES, *self.own)}


def gap_faults(cohort: CohortSpec, outcomes: OutcomesSpec) -> tuple[str, ...]:
    """Return what is wrong with the gap between training and test dates; empty when it is long enough.

    The outcomes of the last training date, and the lag until they are recorded, must be over on the first test date.
    """
    if not cohort.test:
        return ()
    needed = outcomes.chosen_spec.horizon_days + outcomes.recording_lag_days
    found = (cohort.test[0] - cohort.train[-1]).days
    if found >= needed:
        return ()
    return (
        f"'cohort': expected at least {needed} days (horizon and recording lag) between the last training date and the first test date; found {found}",
    )


class FeatureSpec(_Spec):
    """One selection of events, seen through some windows and aggregations: one column for each pair.

    Parameters
    ----------
    stem : str
        First part of the column's name, such as ``edu_suspension``.
    words : str
        What happened, such as "suspended from school"; follows "times", "whether" or "days", and for a ratio, a
        number or a trend it is the whole phrase without the window.
    noun : str, optional
        Follows "days since the last": "suspension from school". Needed for ``days_since_*``.
    events : tuple of str
        Code patterns (``*`` stands for any text).
    start, end : tuple of str
        Patterns of the events that begin and end a spell, for ``spell_days``, ``in_spell`` and ``moves``: beginnings
        while the day before was already inside a spell, such as a new placement of somebody in care.
    numerator, denominator : tuple of str
        Patterns whose values are summed and divided, for ``ratio``.
    aggregations : tuple of str
    windows : tuple of str
        ``365d`` (the past 365 days), ``365d_to_730d`` (a band of days back), ``before_5y`` (before the 5th birthday),
        ``5y_to_11y`` (between two birthdays), ``since_birth``, or ``ever``. ``in_spell`` needs none: it is about the
        index date.
    recorded_by : tuple of str
        Only events that these agencies recorded; by default any.
    value_least, value_below : float, optional
        Only events whose value is at least, and below, these; an event without a value is then not read.
    complement : bool
        ``any``, ``in_spell`` and ``ratio`` only: one minus the value ("no unauthorised absence").
    direction : int, optional
        Instead of the catalogue's.
    concept : str, optional
        Instead of the catalogue's.
    unit : str, optional
        Instead of the aggregation's.
    observed_by : tuple of str, optional
        Agencies that must have been observing before nothing may count as zero. By default those of the codes.
    min_observed : float
        Least share of the window in which they observed. For ``ever``, any observation is enough.
    ever_reason : str, optional
        Why a fact may count for ever, and when it lapses. Needed for the window ``ever``.
    ever_expires : str, optional
        When that is, so that the engine keeps to it: ``3650d`` (an event so long ago counts no more; facts without a
        date are not read), ``age_18y`` (the column is missing from that birthday on, or if no birth is known), or
        ``never`` while the young person is looked at. Needed for the window ``ever``.
    evidence : str, optional
        Where the association with harm is reported.
    """

    stem: Name
    words: Phrase
    noun: Phrase | None = None
    events: Codes = ()
    start: Codes = ()
    end: Codes = ()
    numerator: Codes = ()
    denominator: Codes = ()
    aggregations: Annotated[tuple[Aggregation, ...], BeforeValidator(_as_tuple)] = Field(min_length=1)
    windows: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    complement: bool = False
    direction: Literal[-1, 0, 1] | None = None
    concept: Phrase | None = None
    unit: Phrase | None = None
    observed_by: Codes = ()
    min_observed: float = Field(default=0.5, gt=0.0, le=1.0)
    ever_reason: str | None = Field(default=None, min_length=20)
    ever_expires: str | None = None
    recorded_by: Codes = ()
    value_least: float | None = Field(default=None, allow_inf_nan=False)
    value_below: float | None = Field(default=None, allow_inf_nan=False)
    evidence: str | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every code pattern it reads."""
        return tuple(pattern for part in SELECTIONS for pattern in getattr(self, part))

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        faults = [*self._selection_faults(), *self._window_faults(), *self._word_faults()]
        if faults:
            raise ValueError(f"'{self.stem}': " + "; ".join(faults))
        return self

    def _selection_faults(self) -> list[str]:
        used = set(self.aggregations)
        needs = {
            "start": bool(used & set(OF_SPELLS)),
            "end": bool(used & set(OF_SPELLS)),
            "numerator": bool(used & set(OF_RATIOS)),
            "denominator": bool(used & set(OF_RATIOS)),
            "events": bool(used - {*OF_SPELLS, *OF_RATIOS}),
        }
        absent = [
            f"'{name}' is needed for {', '.join(sorted(used))}"
            for name, need in needs.items()
            if need and not getattr(self, name)
        ]
        idle = [
            f"'{name}' is not used by {', '.join(sorted(used))}"
            for name, need in needs.items()
            if not need and getattr(self, name)
        ]
        if self.complement and used - {"any", "in_spell", "ratio"}:
            idle.append("'complement' is for any, in_spell and ratio only")
        return absent + idle + self._range_faults()

    def _range_faults(self) -> list[str]:
        least, below = self.value_least, self.value_below
        if least is None and below is None:
            return []
        faults = []
        if set(self.aggregations) & {*OF_SPELLS, *OF_RATIOS}:
            faults.append("'value_least' and 'value_below' are for aggregations of 'events' only")
        if least is not None and below is not None and least >= below:
            faults.append("'value_least' must be less than 'value_below'")
        return faults

    def _window_faults(self) -> list[str]:
        wrong = [fault for w in self.windows if (fault := _window_fault(w, None))]
        if len(set(self.windows)) < len(self.windows):
            wrong.append("a window stands twice")
        if not self.windows and set(self.aggregations) != {"in_spell"}:
            wrong.append("'windows' is missing")
        if EVER in self.windows and self.ever_reason is None:
            wrong.append(
                "the window 'ever' needs 'ever_reason': why the fact may count for ever and when it lapses"
            )
        if EVER in self.windows and self.ever_expires is None:
            wrong.append("the window 'ever' needs 'ever_expires': such as 3650d, age_18y or never")
        if self.ever_expires is not None and EVER not in self.windows:
            wrong.append("'ever_expires' is for the window 'ever' only")
        if self.ever_expires is not None and (fault := _window_fault(EVER, self.ever_expires)):
            wrong.append(f"'ever_expires': {fault}")
        return wrong

    def _word_faults(self) -> list[str]:
        since = set(self.aggregations) & set(SINCE)
        return ["'noun' is needed for days_since_*"] if since and self.noun is None else []


def _window_fault(name: str, expires: str | None) -> str | None:
    try:
        read_window(name, expires=expires)
    except ValueError as error:
        return str(error)
    return None


class FeaturesSpec(_Spec):
    """What is read from the records: packaged libraries, own libraries, and features written in the study.

    Parameters
    ----------
    libraries : tuple of str
        ``default`` is all packaged ones; or names of packaged ones (education, social_care, health, home, harm,
        support); or paths of own YAML files.
    own : tuple of FeatureSpec
    leave_out : tuple of str
        Column names to drop; ``*`` stands for any text.
    catalogue : Path, optional
        A file that describes the study's own codes.
    engine : str
        ``local``, or ``spark``: the same kernel and the same values on a Spark session (the ``[spark]`` extra and
        Java 17), for records that outgrow one machine.
    """

    libraries: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ("default",)
    own: tuple[FeatureSpec, ...] = ()
    leave_out: Codes = ()
    catalogue: Path | None = None
    engine: Literal["local", "spark"] = "local"

    @model_validator(mode="after")
    def _something_is_read(self) -> Self:
        if not self.libraries and not self.own:
            raise ValueError("expected at least one library or one own feature")
        return self


def _spell_out(raw: object) -> object:
    """Give back the keys that YAML reads as true and false where a study writes yes and no."""
    if not isinstance(raw, Mapping):
        return raw
    return {
        {True: "yes", False: "no"}.get(key, key) if isinstance(key, bool) else key: value
        for key, value in raw.items()
    }


class _YesNo(_Spec):
    """A part with keys called yes and no."""

    @model_validator(mode="before")
    @classmethod
    def _yes_and_no(cls, raw: object) -> object:
        return _spell_out(raw)


class TableFeature(_YesNo):
    """What one column of a flat table means.

    Parameters
    ----------
    column : str
        Header in the file.
    description, concept : str
        As in ``FeatureInfo``.
    kind : str
        ``number``; ``yes_no`` (needs ``yes`` and ``no``); ``category`` (one yes-or-no column for each of ``values``).
    unit : str
    direction : int
    yes, no : tuple of str
        Texts that mean yes, and no.
    levels : mapping of str to float
        ``number`` only: texts that stand for numbers, such as ``{Low: 0, High: 2}``; any other must be a number.
    values : mapping of str to str
        ``category`` only: text in the file → its plain words. Every text that occurs must be listed.
    missing : tuple of str
        Texts that mean "not known", beside the table's own.
    agency : str
    enforcement_made, police_recorded, safe_to_share : bool
    """

    column: str
    description: Phrase
    concept: Phrase
    kind: Literal["number", "yes_no", "category"] = "number"
    unit: str = "number"
    direction: Literal[-1, 0, 1] = 0
    yes: Codes = ()
    no: Codes = ()
    levels: Mapping[str, float] = {}
    values: Mapping[str, str] = {}
    missing: Codes = ()
    agency: str = "declared"
    enforcement_made: bool = False
    police_recorded: bool = False
    safe_to_share: bool = True

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> Self:
        needed = {"number": (), "yes_no": ("yes", "no"), "category": ("values",)}[self.kind]
        allowed = {"number": ("levels",)}.get(self.kind, needed)
        parts = ("yes", "no", "levels", "values")
        faults = [f"kind '{self.kind}' needs '{part}'" for part in needed if not getattr(self, part)]
        faults += [
            f"kind '{self.kind}' does not use '{part}'"
            for part in parts
            if part not in allowed and getattr(self, part)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self


class TableOutcome(_YesNo):
    """What one outcome column of a flat table means; texts that are neither yes, no nor missing are a fault."""

    column: str
    description: Phrase
    phrase: Phrase
    yes: Codes = Field(min_length=1)
    no: Codes = Field(min_length=1)
    missing: Codes = ()
    kind: OutcomeKind = "harm"
    horizon_days: int | None = Field(default=None, ge=1)


class TableAttribute(_Spec):
    """What one audited column of a flat table means: text in the file → group name; missing is ``Unknown``."""

    column: str
    values: Mapping[str, str]
    missing: Codes = ()


class TableSpec(_Spec):
    """``data.kind: table``: a flat file with one row for each subject, or for each subject and index date.

    Parameters
    ----------
    path : Path
    subject : str
        Column that tells young people apart.
    index_date : str, optional
        Column with the index date, written YYYY-MM-DD.
    household : str, optional
        Column that tells households apart; by default everybody is a household of their own.
    delimiter, encoding : str
    missing : tuple of str
        Texts that mean "not known" in any column; an empty field always does.
    chosen : str
        Which of ``outcomes`` is trained for.
    outcomes, features, audited : mappings by name
    declared_use : mapping
        For each column that looks like a direct identifier: why it is not one. Without it, it is refused.
    """

    kind: Literal["table"] = "table"
    path: Path
    subject: str
    index_date: str | None = None
    household: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    missing: Codes = ()
    chosen: Name
    outcomes: Mapping[Name, TableOutcome] = Field(min_length=1)
    features: Mapping[Name, TableFeature] = Field(min_length=1)
    audited: Mapping[Name, TableAttribute] = {}
    declared_use: DeclaredUse = {}

    @model_validator(mode="after")
    def _chosen_exists(self) -> Self:
        if self.chosen not in self.outcomes:
            raise ValueError(
                f"'chosen': there is no outcome '{self.chosen}'; {did_you_mean(self.chosen, self.outcomes)}"
            )
        return self
