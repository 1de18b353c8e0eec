"""One call that simulates a borough: settle, live, record, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from riskmodel.simulate.clock import FloatArray
    from riskmodel.simulate.extracts.press import KeyRing, Press
    from riskmodel.simulate.hazard import HazardBook
    from riskmodel.simulate.recording import Scene
    from riskmodel.simulate.spec import SimulateSpec

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class SimulateReport:
    """What was written.

    Parameters
    ----------
    people : int
        Everyone aged 0 to 18 who lived in the borough at some time in the window.
    extracts : dict of str to int
        Rows (children, for the XML files) of each file below ``extracts/``.
    truth : dict of str to int
        Rows of each file below ``truth/``.
    """

    people: int
    extracts: dict[str, int]
    truth: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON-shaped values."""
        return {"people": self.people, "extracts": self.extracts, "truth": self.truth}


def simulate(spec: SimulateSpec, *, seed: int, out: Path, progress: Progress | None = None) -> SimulateReport:
    """Simulate a borough and write ``extracts/`` and ``truth/`` below a folder.

    Parameters
    ----------
    spec : SimulateSpec
        What borough is wanted.
    seed : int
        Same spec and seed, same bytes in every file.
    out : Path
        The folder to make; an existing one is replaced only when everything has been written.
    progress : callable, optional
        Called with a phrase and the share done, 0 to 1.

    Returns
    -------
    SimulateReport
        Row counts of every file.
    """
    import numpy as np

    from riskmodel.files import whole_folder

    tell = progress or _say_nothing
    streams = [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(4)]
    tell("drawing households", 0.0)
    scene, book = _live(spec, streams[0], streams[1], tell)
    with whole_folder(out) as folder:
        return _record(spec, scene, book, folder=folder, streams=(streams[2], streams[3]), tell=tell)


def _say_nothing(_phrase: str, _share: float) -> None:
    """Progress nobody asked for."""


def _live(
    spec: SimulateSpec, place: np.random.Generator, chance: np.random.Generator, tell: Progress
) -> tuple[Scene, HazardBook]:
    """Settle the borough and live everyone's life."""
    from riskmodel.simulate.clock import Window
    from riskmodel.simulate.hazard import HazardBook
    from riskmodel.simulate.lives import Living, State, live
    from riskmodel.simulate.population import LAST_AGE, settle
    from riskmodel.simulate.recording import Recording, Scene

    window = Window.of(spec)
    borough = settle(spec, window, place)
    book = HazardBook(window)

    def note(living: Living, state: State, age: int) -> None:
        """Keep the hazards of this age and tell how far we are."""
        book.note(living, state, age)
        tell("living lives", 0.05 + 0.5 * age / (12 * LAST_AGE))

    lives = live(borough.people, borough.adversity, spec, window=window, rng=chance, at_month=note)
    return Scene(window=window, borough=borough, lives=lives, recording=Recording.of(spec)), book


def _record(
    spec: SimulateSpec,
    scene: Scene,
    book: HazardBook,
    *,
    folder: Path,
    streams: tuple[np.random.Generator, np.random.Generator],
    tell: Progress,
) -> SimulateReport:
    """Write what the agencies recorded, and the truth beside it."""
    from riskmodel.simulate.extracts.press import KeyRing, Press
    from riskmodel.simulate.truth import write_truth

    rng, fault_rng = streams
    (folder / "extracts").mkdir()
    (folder / "truth").mkdir()
    keys = KeyRing(len(scene.borough.people), rng)
    press = Press(folder / "extracts", faulty=scene.recording.faulty_rows, rng=fault_rng)
    severity = rng.random(len(scene.witnessed("harm")))
    _write_extracts(spec, scene, keys, press, severity=severity, rng=rng, tell=tell)
    tell("writing the truth", 0.95)
    truth = write_truth(scene, folder / "truth", subject_id=keys.subject_id, severity=severity, book=book)
    tell("borough written", 1.0)
    return SimulateReport(
        people=len(scene.borough.people), extracts=dict(sorted(press.rows.items())), truth=truth
    )


def _write_extracts(
    spec: SimulateSpec,
    scene: Scene,
    keys: KeyRing,
    press: Press,
    *,
    severity: FloatArray,
    rng: np.random.Generator,
    tell: Progress,
) -> None:
    """Write every agency's files, then the spine that links their keys."""
    from riskmodel.files import to_json
    from riskmodel.simulate.extracts.cin_census import write_cin_census
    from riskmodel.simulate.extracts.ethnicity import EthnicCodes
    from riskmodel.simulate.extracts.health import write_health
    from riskmodel.simulate.extracts.housing import write_housing
    from riskmodel.simulate.extracts.justice import write_justice
    from riskmodel.simulate.extracts.school import write_school
    from riskmodel.simulate.extracts.social_care import open_cases
    from riskmodel.simulate.extracts.ssda903 import write_ssda903
    from riskmodel.simulate.extracts.stop_search import write_stop_search
    from riskmodel.simulate.extracts.support import write_support
    from riskmodel.tables.days import from_day

    codes = EthnicCodes(scene.borough.group, unknown=scene.recording.group_unknown, rng=rng)
    tell("writing school and housing records", 0.55)
    write_housing(scene, keys, press, rng)
    write_school(scene, keys, press, codes=codes, rng=rng)
    tell("writing social care records", 0.75)
    episodes, placements = open_cases(scene, rng)
    write_cin_census(scene, keys, press, episodes=episodes, codes=codes, rng=rng)
    write_ssda903(scene, keys, press, placements=placements, codes=codes, rng=rng)
    tell("writing health, justice and support records", 0.85)
    write_health(scene, keys, press, severity=severity, rng=rng)
    write_justice(scene, keys, press, severity=severity, codes=codes, rng=rng)
    write_support(scene, keys, press, rng)
    write_stop_search(scene, press, size=spec.size, rng=rng)
    press.write("spine.csv", keys.spine(unlinked=scene.recording.unlinked_keys, rng=rng))
    manifest = {
        "extract_date": from_day(scene.window.last_day).isoformat(),
        "first_date": from_day(scene.window.first_day).isoformat(),
        "synthetic": True,
    }
    press.write_text("manifest.json", to_json(manifest), rows=1)
