"""Settings of every family, tuned in nested folds: whoever judges a model had no part in choosing its settings.

For each fold of the out-of-fold scores a family is searched on the rows that the fold's model may learn from, and that
model has the settings of that search. Calibration and selection therefore see the whole procedure, tuning included, at
work on people that no part of it has seen (Varma and Simon 2006, BMC Bioinformatics 7:91). The final model's settings come
from one more search, on all training rows. The price is ``folds + 1`` searches for each family.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from riskmodel.models.spec import ModelsSpec, TunedFamily
from riskmodel.models.trying import BAND
from riskmodel.models.tuning import Settings, Trial, best

SearchStatus = Literal["tuned", "too_few_outcomes", "none_within_limit"]


@dataclass(frozen=True)
class Search:
    """One search and what came of it.

    Parameters
    ----------
    family : str
    held_out : int or None
        The fold that it never looked at; None for the search on all training rows.
    start : mapping of str to number
        The study's own settings.
    design : str or None
        How settings were tried: ``time_ordered`` or ``all_dates``; None where outcomes were too few.
    n_outcomes : int
        Rows with the outcome that settings were judged by.
    trials : tuple of Trial
    """

    family: TunedFamily
    held_out: int | None
    start: Settings
    design: str | None
    n_outcomes: int
    trials: tuple[Trial, ...] = ()

    @cached_property
    def _best(self) -> Trial | None:
        return best(self.trials)

    @property
    def chosen(self) -> Settings:
        """The settings to use."""
        return self.start if self._best is None else self._best.settings

    @property
    def status(self) -> SearchStatus:
        """Whether settings were chosen, or the study's own kept and why."""
        if self.design is None:
            return "too_few_outcomes"
        return "none_within_limit" if self._best is None else "tuned"

    @property
    def place(self) -> str:
        """A name for files and logs."""
        return f"{self.family}-{'all' if self.held_out is None else f'without-{self.held_out}'}"

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        states = Counter(trial.state for trial in self.trials)
        judged = [trial.judged for trial in self.trials if trial.judged is not None]
        return {
            "held_out": self.held_out,
            "status": self.status,
            "design": self.design,
            "n_outcomes": self.n_outcomes,
            "limit_judged": any(one.excess is not None for one in judged),
            "start": dict(self.start),
            "chosen": dict(self.chosen),
            "complete": states["complete"],
            "pruned": states["pruned"],
            "over_limit": sum(one.excess is not None and one.excess > 0 for one in judged),
            "seconds": round(sum(trial.seconds for trial in self.trials), 1),
            "trials": [_trial(trial) for trial in self.trials],
        }


def _trial(trial: Trial) -> dict[str, Any]:
    measured = {name: getattr(trial.judged, name, None) for name in ("utility", "log_loss", "excess")}
    return {"settings": dict(trial.settings), "state": trial.state, **measured}


@dataclass(frozen=True)
class Tuned:
    """The searches of a study, and the settings that follow; without searches the study's own.

    Parameters
    ----------
    own : ModelsSpec
        The study's.
    searches : tuple of Search
    """

    own: ModelsSpec
    searches: Sequence[Search] = ()

    @cached_property
    def spec(self) -> ModelsSpec:
        """Settings of the final models."""
        return self._without(None)

    @cached_property
    def by_fold(self) -> dict[int, ModelsSpec]:
        """Settings of the models that score each fold; empty if nothing was tuned."""
        folds = sorted({one.held_out for one in self.searches if one.held_out is not None})
        return {fold: self._without(fold) for fold in folds}

    def _without(self, held_out: int | None) -> ModelsSpec:
        spec = self.own
        for one in self.searches:
            if one.held_out == held_out:
                spec = spec.with_settings(one.family, one.chosen)
        return spec

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data: budget, objective, and the searches of each family."""
        asked = self.own.tuning
        return {
            "budget": {"trials": asked.trials, "minutes": asked.minutes, "searches": len(self.searches)},
            "objective": {"metric": "recall_at_capacity", "band": list(BAND), "tie_break": "log_loss"},
            "fairness": None if asked.fairness is None else asked.fairness.model_dump(mode="json"),
            "families": {
                family: [one.to_json() for one in self.searches if one.family == family]
                for family in self.own.tuned_families
            },
        }
