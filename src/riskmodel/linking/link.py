"""Agencies' identities in, a spine out: numbers and equality first, likelihood second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskmodel.linking.clusters import Clusters
from riskmodel.linking.identities import Records, read_identities
from riskmodel.linking.linkage import Pairs, score_pairs
from riskmodel.linking.rules import link_by_rules
from riskmodel.linking.spec import LinkSpec

if TYPE_CHECKING:
    import pyarrow as pa

IntArray = npt.NDArray[np.int64]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Linkage:
    """Which records are of one person, and how that was found.

    Parameters
    ----------
    spec : LinkSpec
        What was asked for.
    records : Records
        Every agency's records.
    person : ndarray of int
        For each record, a number of its person, 0 to people - 1.
    joins : dict of str to int
        How many joins each pass made: ``upn``, ``nhs_number``, ``exact``, ``model``.
    pairs : Pairs
        The scored pairs, for estimates of what went wrong.
    """

    spec: LinkSpec
    records: Records
    person: IntArray
    joins: dict[str, int]
    pairs: Pairs

    @property
    def people(self) -> int:
        """How many people there are, as far as linked."""
        return int(self.person.max(initial=-1)) + 1


@dataclass(frozen=True)
class Evidence:
    """Records joined by rule, and the scored pairs that are left to join at some threshold."""

    records: Records
    pairs: Pairs
    seed: int

    def at(self, threshold: float) -> Linkage:
        """Return the linkage at a threshold."""
        clusters = Clusters(self.records)
        joins = link_by_rules(self.records, clusters)
        joins["model"] = clusters.join_likely(self.pairs, threshold=threshold)
        person = np.unique(clusters.labels(), return_inverse=True)[1].astype(np.int64)
        return Linkage(LinkSpec(seed=self.seed, threshold=threshold), self.records, person, joins, self.pairs)


def gather_evidence(folder: Path, *, seed: int, progress: Progress | None = None) -> Evidence:
    """Read the identities and score every pair that may be one person.

    Parameters
    ----------
    folder : Path
        Holds ``<AGENCY>.csv`` for some of the agencies.
    seed : int
        Of the sample that trains the model.
    progress : callable, optional
        Called with a phrase and the share done.

    Raises
    ------
    DataError
        If a file cannot be used.
    StudyError
        If splink is not installed.
    """
    tell = progress or _say_nothing
    tell("reading identities", 0.0)
    records = read_identities(folder)
    tell("linking by rules", 0.1)
    clusters = Clusters(records)
    link_by_rules(records, clusters)
    sizes = np.unique(clusters.labels(), return_counts=True)[1]
    tell("comparing names, birth dates and postcodes", 0.2)
    pairs = score_pairs(records, sure_pairs=int((sizes * (sizes - 1) // 2).sum()), seed=seed)
    return Evidence(records, pairs, seed)


def link(folder: Path, spec: LinkSpec, *, progress: Progress | None = None) -> Linkage:
    """Link the identities in a folder; see `gather_evidence` for what may go wrong."""
    return gather_evidence(folder, seed=spec.seed, progress=progress).at(spec.threshold)


def spine(linkage: Linkage) -> pa.Table:
    """Return ``agency``, ``key`` and ``subject_id``, a number of nine digits drawn at random for each person."""
    rng = np.random.default_rng(linkage.spec.seed)
    number = 100_000_000 + rng.choice(900_000_000, linkage.people, replace=False)
    table = linkage.records.table.select(["agency", "key"])
    return table.append_column("subject_id", [number[linkage.person]])


def _say_nothing(_phrase: str, _share: float) -> None:
    """Progress nobody asked for."""
