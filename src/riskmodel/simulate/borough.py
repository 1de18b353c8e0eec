"""One call that simulates a borough, whole or in districts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskmodel.simulate.district import SimulateReport

if TYPE_CHECKING:
    from riskmodel.simulate.district import Progress
    from riskmodel.simulate.spec import SimulateSpec


def simulate(
    spec: SimulateSpec, *, seed: int, out: Path, progress: Progress | None = None, identities: bool = False
) -> SimulateReport:
    """Simulate a borough and write ``extracts/`` and ``truth/`` below a folder.

    A large borough is written as districts, each in its own ``shard-000``, ``shard-001``, ... with ``extracts/`` and
    ``truth/`` (see `SimulateSpec.shards`), two at a time.

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
    identities : bool
        Also write ``identities/``, what agencies hand to a linking party (names, birth dates and numbers that
        nobody has). Every other file is the same with and without it.

    Returns
    -------
    SimulateReport
        Row counts of every file.
    """
    from riskmodel.files import whole_folder
    from riskmodel.simulate.district import write_district
    from riskmodel.simulate.shards import write_districts

    tell = progress or _say_nothing
    with whole_folder(out) as folder:
        if spec.districts == 1:
            return write_district(spec, seed=seed, folder=folder, progress=tell, identities=identities)
        return write_districts(spec, seed=seed, folder=folder, progress=tell, identities=identities)


def _say_nothing(_phrase: str, _share: float) -> None:
    """Progress nobody asked for."""
