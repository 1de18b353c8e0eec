"""One district of a borough: settle, live, record, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from riskmodel.simulate.clock import FloatArray
    from riskmodel.simulate.extracts.press import KeyRing, Numbering, Press
    from riskmodel.simulate.hazard import HazardBook
    from riskmodel.simulate.recording import Noted, Scene
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
        Rows of each file below ``truth/``. With several districts, the files of all of them together.
    districts : int
        How many folders ``shard-000``, ``shard-001``, ... were written; 1 means none, just the two.
    """

    people: int
    extracts: dict[str, int]
    truth: dict[str, int]
    districts: int = 1

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON-shaped values."""
        return {
            "people": self.people,
            "districts": self.districts,
            "extracts": self.extracts,
            "truth": self.truth,
        }


def write_district(
    spec: SimulateSpec,
    *,
    seed: int,
    folder: Path,
    progress: Progress,
    identities: bool = False,
    numbering: Numbering | None = None,
) -> SimulateReport:
    """Simulate a borough that is one district, into a folder that exists and is empty.

    Parameters
    ----------
    spec, seed, progress, identities
        As in `simulate`.
    folder : Path
        Where ``extracts/`` and ``truth/`` go.
    numbering : Numbering, optional
        Which district of how many this is: it has its own stream of chance, and its own numbers for people, homes,
        areas and schools.
    """
    import numpy as np

    from riskmodel.simulate.extracts.press import Numbering

    numbering = numbering or Numbering()
    root = np.random.SeedSequence(seed)
    if numbering.districts > 1:
        root = root.spawn(numbering.districts)[numbering.district]
    streams = [np.random.default_rng(stream) for stream in root.spawn(4)]
    progress("drawing households", 0.0)
    scene, book = _live(spec, streams[0], streams[1], progress)
    return _record(
        spec,
        scene,
        book,
        folder=folder,
        streams=_named_streams(streams[2], streams[3]),
        numbering=numbering,
        identities=identities,
        tell=progress,
    )


# One stream of chance for each part, so that a change in one changes no other; new ones go to the end.
_STREAMS = (
    "keys", "severity", "codes", "housing", "school", "cases", "cin_census", "ssda903", "health", "justice", "support",
    "stop_search", "spine", "identities",
)  # fmt: skip


def _named_streams(rng: np.random.Generator, faults: np.random.Generator) -> dict[str, np.random.Generator]:
    """Return one stream a part, and the one that spoils rows."""
    return {**dict(zip(_STREAMS, rng.spawn(len(_STREAMS)), strict=True)), "faults": faults}


def _live(
    spec: SimulateSpec, place: np.random.Generator, chance: np.random.Generator, tell: Progress
) -> tuple[Scene, HazardBook]:
    """Settle the borough and live everyone's life."""
    from riskmodel.simulate.clock import Window
    from riskmodel.simulate.hazard import HazardBook
    from riskmodel.simulate.lives import Living, State, live
    from riskmodel.simulate.population import LAST_AGE, settle
    from riskmodel.simulate.recording import Recording, Scene
    from riskmodel.tables.days import to_day

    window = Window.of(spec)
    borough = settle(spec, window, place)
    book = HazardBook(window)

    def note(living: Living, state: State, age: int) -> None:
        """Keep the hazards of this age and tell how far we are."""
        book.note(living, state, age)
        tell("living lives", 0.05 + 0.5 * age / (12 * LAST_AGE))

    lives = live(borough.people, borough.adversity, spec, window=window, rng=chance, at_month=note)
    opens = {} if spec.new_school is None else {"new_school": to_day(spec.new_school)}
    return Scene(window=window, borough=borough, lives=lives, recording=Recording.of(spec), **opens), book


def _record(
    spec: SimulateSpec,
    scene: Scene,
    book: HazardBook,
    *,
    folder: Path,
    streams: dict[str, np.random.Generator],
    numbering: Numbering,
    identities: bool,
    tell: Progress,
) -> SimulateReport:
    """Write what the agencies recorded, and the truth beside it."""
    from riskmodel.simulate.extracts.press import KeyRing, Press
    from riskmodel.simulate.truth import write_truth

    (folder / "extracts").mkdir()
    (folder / "truth").mkdir()
    keys = KeyRing(len(scene.borough.people), streams["keys"], numbering)
    press = Press(folder / "extracts", faulty=scene.recording.faulty_rows, rng=streams["faults"])
    severity = streams["severity"].random(len(scene.witnessed("harm")))
    noted = _write_extracts(spec, scene, keys, press, severity=severity, streams=streams, tell=tell)
    tell("writing the truth", 0.95)
    truth = write_truth(
        scene, folder / "truth", subject_id=keys.subject_id, severity=severity, book=book, noted=noted
    )
    if identities:
        _write_identities(scene, keys, folder, streams["identities"])
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
    streams: dict[str, np.random.Generator],
    tell: Progress,
) -> tuple[Noted, ...]:
    """Write every agency's files, then the spine that links their keys; return what was noted of true events."""
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

    codes = EthnicCodes(scene.borough.group, unknown=scene.recording.group_unknown, rng=streams["codes"])
    tell("writing school and housing records", 0.55)
    write_housing(scene, keys, press, streams["housing"])
    write_school(scene, keys, press, codes=codes, rng=streams["school"])
    tell("writing social care records", 0.75)
    episodes, placements = open_cases(scene, streams["cases"])
    write_cin_census(scene, keys, press, episodes=episodes, codes=codes, rng=streams["cin_census"])
    write_ssda903(scene, keys, press, placements=placements, codes=codes, rng=streams["ssda903"])
    tell("writing health, justice and support records", 0.85)
    seen = write_health(scene, keys, press, severity=severity, rng=streams["health"])
    caught = write_justice(scene, keys, press, severity=severity, codes=codes, rng=streams["justice"])
    write_support(scene, keys, press, streams["support"])
    write_stop_search(scene, press, size=spec.size, rng=streams["stop_search"])
    press.write("spine.csv", keys.spine(unlinked=scene.recording.unlinked_keys, rng=streams["spine"]))
    _write_manifest(scene, press)
    return *seen, *caught


def _write_manifest(scene: Scene, press: Press) -> None:
    """Say what the data cover; a closed service is a gap, half-open."""
    from riskmodel.files import to_json
    from riskmodel.tables.days import from_day

    manifest: dict[str, object] = {
        "extract_date": from_day(scene.window.last_day).isoformat(),
        "first_date": from_day(scene.window.first_day).isoformat(),
        "synthetic": True,
    }
    closure = scene.recording.closure
    if closure is not None:
        start, end = from_day(closure.first_day), from_day(closure.last_day + 1)
        manifest["gaps"] = [{"agency": closure.agency, "from": start.isoformat(), "to": end.isoformat()}]
    press.write_text("manifest.json", to_json(manifest), rows=1)


def _write_identities(scene: Scene, keys: KeyRing, folder: Path, rng: np.random.Generator) -> None:
    """Write what agencies hand to the linking party."""
    from riskmodel.simulate.identities import write_identities

    write_identities(scene, keys, folder, rng)
