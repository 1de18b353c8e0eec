"""One search for the settings of one family: the only importer of Optuna.

Trials are asked for and told one by one. Each draws from a random stream of its own number, so that a search that was
killed goes on from its journal to the same answer. The journal is Optuna's own, a file of JSON lines; nothing in it names
anybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from riskmodel.errors import StudyError
from riskmodel.models.spec import SearchRange, SearchSpace
from riskmodel.tables.cohort import FloatArray

STARTUP = 8
"""So many trials are drawn at random before the search learns from them; the first is the study's own settings."""

_PRUNE_AFTER = 4
_KEPT = 75.0
"""Settings that are among the worst quarter after as many folds are given up, once so many trials are complete."""

_STUDY = "search"

Settings = Mapping[str, float]


@dataclass(frozen=True)
class Judged:
    """What came of some settings, when every fold was scored.

    Parameters
    ----------
    utility : float
        Mean over a band of capacities: of those who came to harm, the share who would have been offered support.
    log_loss : float
    excess : float or None
        How far the study's fairness limit is exceeded, at most 0 if it is kept; None without a limit or when groups are
        too small to judge.
    reached, weight : ndarray of float64, shape (outcomes,)
        Each row's part in ``utility`` above and below the line; the same rows for all settings, to compare in pairs.
    """

    utility: float
    log_loss: float
    excess: float | None
    reached: FloatArray
    weight: FloatArray


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Parameters
    ----------
    number : int
        From 0; that of the study's own settings.
    settings : mapping of str to number
    seconds : float
    judged : Judged or None
        None if they were given up before the last fold.
    resumed : bool
        Read from the journal of an earlier run.
    """

    number: int
    settings: Settings
    seconds: float
    judged: Judged | None
    resumed: bool

    @property
    def state(self) -> Literal["complete", "pruned"]:
        """Whether every fold was scored."""
        return "pruned" if self.judged is None else "complete"

    @property
    def feasible(self) -> bool:
        """Whether every fold was scored and no fairness limit exceeded."""
        return self.judged is not None and (self.judged.excess is None or self.judged.excess <= 0)


GoOn = Callable[[int, float], bool]
Evaluate = Callable[[Settings, GoOn], Judged | None]


def require_optuna() -> None:
    """Refuse to tune without Optuna.

    Raises
    ------
    StudyError
        Saying what to install.
    """
    if find_spec("optuna") is None:
        raise StudyError(
            [
                "'models.tuning.trials': Optuna is not installed. Install the extra: pip install 'riskmodel[tune]', or set it to 0"
            ]
        )


def search(
    space: SearchSpace,
    start: Settings,
    evaluate: Evaluate,
    *,
    trials: int,
    seconds: float | None,
    seed: int,
    journal: Path,
    on_trial: Callable[[Trial], None] = lambda _trial: None,
) -> tuple[Trial, ...]:
    """Try settings: the study's own, some at random, then where a tree-structured Parzen estimator expects more.

    Parameters
    ----------
    space : mapping of str to SearchRange
        Widened to hold ``start``.
    start : mapping of str to number
        The study's own settings, tried first.
    evaluate : callable
        ``evaluate(settings, go_on)`` calls ``go_on(step, utility so far)`` after each fold but the last, and returns None
        as soon as that is False.
    trials : int
        At most; those in the journal count.
    seconds : float, optional
        No trial starts when so much time was spent in trials, before and after interruptions; one is always made.
    seed : int
    journal : Path
        Made if it is not there; continued if it is.
    on_trial : callable, optional
        Called with every trial, those of the journal first.

    Returns
    -------
    tuple of Trial
        In the order in which they were tried; the first is ``start``.

    References
    ----------
    Bergstra, Bardenet, Bengio and Kégl 2011, Algorithms for hyper-parameter optimization; Watanabe and Hutter 2023 for the
    constraint.
    """
    study = _opened(journal)
    ranges = {name: _widened(space[name], start[name]) for name in space}
    done = [_read(one, number, resumed=True) for number, one in enumerate(_finished(study)[:trials])]
    for trial in done:
        on_trial(trial)
    spent = sum(trial.seconds for trial in done)
    while len(done) < trials and not (done and seconds is not None and spent >= seconds):
        trial = _next(study, ranges, start, evaluate, number=len(done), seed=seed)
        done.append(trial)
        spent += trial.seconds
        on_trial(trial)
    return tuple(done)


def best(trials: tuple[Trial, ...]) -> Trial | None:
    """Return the settings to use.

    Of those whose utility is within one standard error of the best (paired, over rows with the outcome), those with the
    lowest log loss: utility moves by chance with every person at the cut, and log loss tells apart what it cannot
    (decision note 14).

    Parameters
    ----------
    trials : tuple of Trial

    Returns
    -------
    Trial or None
        None if no trial kept the fairness limit.
    """
    judged = [(trial, trial.judged) for trial in trials if trial.feasible and trial.judged is not None]
    if not judged:
        return None
    top = max((one for _, one in judged), key=lambda one: one.utility)
    near = [(trial, one) for trial, one in judged if top.utility - one.utility <= _error(top, one)]
    return min(near, key=lambda pair: pair[1].log_loss)[0]


def _error(one: Judged, other: Judged) -> float:
    """Return the standard error of the difference of two utilities, over rows with the outcome (ratio estimator)."""
    difference, total = one.reached - other.reached, one.weight.sum()
    return float(np.sqrt(np.sum((difference - difference.sum() / total * one.weight) ** 2)) / total)


def _opened(journal: Path) -> Any:
    require_optuna()
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    _mend(journal)
    backend = JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal)))
    study = optuna.create_study(
        storage=JournalStorage(backend),
        study_name=_STUDY,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.PercentilePruner(_KEPT, n_startup_trials=_PRUNE_AFTER),
    )
    for cut_off in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
    return study


def _mend(journal: Path) -> None:
    """Take away what a kill may leave: a half-written last line, and a lock that nobody holds any more.

    One process works on a store at a time, so a lock that is there before we begin is a dead one.
    """
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    if journal.exists():
        text = journal.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            journal.write_bytes(whole)


def _finished(study: Any) -> list[Any]:
    from optuna.trial import TrialState

    found: list[Any] = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return found


def _next(
    study: Any, ranges: SearchSpace, start: Settings, evaluate: Evaluate, *, number: int, seed: int
) -> Trial:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    own = np.random.SeedSequence([seed, number]).generate_state(1)[0]
    study.sampler = TPESampler(seed=int(own), n_startup_trials=STARTUP)
    if number == 0 and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(dict(start))
    asked = study.ask()
    settings = {name: _suggested(asked, name, one) for name, one in ranges.items()}
    began = time.monotonic()

    def go_on(step: int, so_far: float) -> bool:
        asked.report(so_far, step)
        return not asked.should_prune()

    judged = evaluate(settings, go_on)
    asked.set_user_attr("seconds", time.monotonic() - began)
    if judged is None:
        study.tell(asked, state=TrialState.PRUNED)
    else:
        _write(asked, judged)
        study.tell(asked, judged.utility)
    return _read(_finished(study)[-1], number, resumed=False)


def _suggested(asked: Any, name: str, one: SearchRange) -> float:
    if isinstance(one.low, int) and isinstance(one.high, int):
        return int(asked.suggest_int(name, one.low, one.high, log=one.log))
    return float(asked.suggest_float(name, one.low, one.high, log=one.log))


def _widened(one: SearchRange, start: float) -> SearchRange:
    return SearchRange(min(one.low, start), max(one.high, start), one.log)


def _write(asked: Any, judged: Judged) -> None:
    asked.set_user_attr("log_loss", judged.log_loss)
    asked.set_user_attr("reached", judged.reached.tolist())
    asked.set_user_attr("weight", judged.weight.tolist())
    if judged.excess is not None:
        asked.set_constraint("fairness", judged.excess)


def _read(one: Any, number: int, *, resumed: bool) -> Trial:
    kept, judged = one.user_attrs, None
    if "log_loss" in kept:
        judged = Judged(
            utility=float(one.value),
            log_loss=kept["log_loss"],
            excess=one.constraints.get("fairness"),
            reached=np.array(kept["reached"], dtype=np.float64),
            weight=np.array(kept["weight"], dtype=np.float64),
        )
    return Trial(number, dict(one.params), kept["seconds"], judged, resumed)
