"""The probabilistic pass: how likely two records are of one person, by a Fellegi-Sunter model (splink on DuckDB).

The only door to splink, which comes with ``pip install riskmodel[link]``. One thread, so that sums are added in one
order and the same identities give the same probabilities to the last bit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskmodel.errors import DataError, StudyError

if TYPE_CHECKING:
    from riskmodel.linking.identities import Records

FLOOR = 0.001
"""Pairs less likely than this are not kept."""

LEAST_PAIRS = 50
"""Pairs that must share a birth date, and as many both names, before the model is trained."""

_MEMORY = "3GB"
_SAMPLED_PAIRS = 5_000_000
_RULES_FIND = 0.80
"""Share of true pairs that the deterministic pass finds: sets the share of pairs that match before a comparison.
Measured on the simulated borough; the result hardly depends on it."""


@dataclass(frozen=True)
class Pairs:
    """Scored pairs of records, ``left`` before ``right``, sorted.

    Parameters
    ----------
    left, right : ndarray of int
        Places of the two records.
    probability : ndarray of float
        That they are of one person, by the model.
    weight : ndarray of float
        The same as log2 odds.
    alike : ndarray of bool
        Whether the forenames are alike (not necessarily the same); two records whose forenames are plainly
        different may be twins, whatever else agrees.
    trained : bool
        Whether there were enough records to train the model; if not, there are no pairs.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    alike: npt.NDArray[np.bool_]
    trained: bool = True

    @classmethod
    def none(cls) -> Pairs:
        """Return no pairs, of a model that could not be trained."""
        nobody, nothing = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(nobody, nobody, nothing, nothing, np.empty(0, np.bool_), trained=False)

    def __len__(self) -> int:
        return len(self.left)


def score_pairs(records: Records, *, sure_pairs: int, seed: int) -> Pairs:
    """Train the model on the records themselves and score every pair that shares a blocking key.

    With fewer than 50 pairs to learn from nothing can be said about likelihood, and no pair is returned.

    Parameters
    ----------
    records : Records
        Every agency's records.
    sure_pairs : int
        Pairs that the deterministic pass linked; they set how common matches are.
    seed : int
        For the sample of pairs that shows how often values agree by chance.

    Raises
    ------
    DataError
        If there are too many records for the memory.
    StudyError
        If splink is not installed.
    """
    try:
        import duckdb
        import splink  # noqa: F401  # asked for here, so that the message is ours
        from splink.internals.exceptions import SplinkException
    except ImportError as error:
        raise StudyError(
            ["splink is not installed: run pip install riskmodel[link]"], where="the command"
        ) from error
    if any(_pairs_sharing(records, block) < LEAST_PAIRS for block in _TRAINING_BLOCKS):
        return Pairs.none()
    connection = duckdb.connect()
    try:
        # Names stay in memory: nothing is spilled to a disk.
        connection.execute(
            f"SET threads = 1; SET memory_limit = '{_MEMORY}'; SET temp_directory = ''; SET enable_progress_bar = false"
        )
        return _sorted(_predicted(connection, records, sure_pairs=sure_pairs, seed=seed))
    except (duckdb.OutOfMemoryException, SplinkException) as error:
        if not isinstance(error.__cause__ or error, duckdb.OutOfMemoryException):
            raise
        raise DataError(
            expected=f"identities that can be compared in {_MEMORY} of memory",
            found=f"{len(records)} records",
            where="the identities",
            next_step="Link a part of the area at a time.",
        ) from None
    finally:
        connection.close()


def _pairs_sharing(records: Records, columns: tuple[str, ...]) -> int:
    """Return how many pairs agree on every column."""
    codes = np.stack([records.codes(column) for column in columns])
    count = np.unique(codes[:, (codes >= 0).all(axis=0)], axis=1, return_counts=True)[1]
    return int((count * (count - 1) // 2).sum())


def _predicted(connection: Any, records: Records, *, sure_pairs: int, seed: int) -> pa.Table:
    """Return splink's prediction for every blocked pair above the floor."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection)
    all_pairs = len(records) * (len(records) - 1) / 2
    prior = min(0.5, max(sure_pairs, 1) / _RULES_FIND / max(all_pairs, 1.0))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        comparisons=_comparisons(),
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in _BLOCKS],
        probability_two_random_records_match=prior,
        retain_matching_columns=True,  # with them come the levels reached: forenames may agree too little
        linker_uid="riskmodel",
        max_iterations=25,
    )
    linker = Linker(api.register(_features(records), table_name="identities"), settings, log_level=None)
    training = linker.training
    training.estimate_u_using_random_sampling(max_pairs=_SAMPLED_PAIRS, seed=seed, min_count_per_level=None)
    for rule in _TRAINING_BLOCKS:
        training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), estimate_without_term_frequencies=True
        )
    predicted = linker.inference.predict(threshold_match_probability=FLOOR)
    columns = "record_l, record_r, match_probability, match_weight, gamma_forename"
    return connection.table(predicted.physical_name).project(columns).to_arrow_table()


def _features(records: Records) -> pa.Table:
    """Return the columns that the comparisons and blocks look at."""
    table = records.table
    birth, postcode = table["birth_date"], table["postcode"]
    month, day = pc.utf8_slice_codeunits(birth, 5, 7), pc.utf8_slice_codeunits(birth, 8, 10)
    year = pc.utf8_slice_codeunits(birth, 0, 4)
    return pa.table(
        {
            "record": np.arange(len(records), dtype=np.int64),
            **{name: table[name] for name in ("forename", "surname", "forename_sound", "surname_sound")},
            "birth_date": birth,
            "birth_swapped": pc.binary_join_element_wise(year, day, month, "-"),
            "sex": table["sex"],
            "postcode": postcode,
            "sector": pc.utf8_slice_codeunits(postcode, 0, -2),
        }
    )


_BLOCKS = (
    ("birth_date", "forename_sound"),
    ("birth_date", "surname_sound"),
    ("birth_date", "postcode"),
    ("forename", "surname"),
    ("postcode", "forename_sound"),
)
_TRAINING_BLOCKS = (("birth_date",), ("forename", "surname"))


def _comparisons() -> list[Any]:
    """Return how two records are compared: the levels of each field from the same to plainly different.

    Two equal rare names say more than two equal common ones: the levels of equality are adjusted for how common
    the value is (term frequency).
    """
    from splink import comparison_level_library as level
    from splink import comparison_library as library

    def custom(condition: str, label: str) -> Any:
        return level.CustomLevel(condition, label_for_charts=label)

    reversed_names = custom("forename_l = surname_r AND surname_l = forename_r", "names reversed")
    forename = library.CustomComparison(
        output_column_name="forename",
        comparison_levels=[
            level.NullLevel("forename"),
            level.ExactMatchLevel("forename", term_frequency_adjustments=True),
            reversed_names,
            level.ExactMatchLevel("forename_sound"),
            level.JaroWinklerLevel("forename", 0.90),
            custom("left(forename_l, 3) = left(forename_r, 3)", "same beginning"),
            level.JaroWinklerLevel("forename", 0.80),
            level.ElseLevel(),
        ],
    )
    surname = library.CustomComparison(
        output_column_name="surname",
        comparison_levels=[
            level.NullLevel("surname"),
            level.ExactMatchLevel("surname", term_frequency_adjustments=True),
            reversed_names,
            level.ExactMatchLevel("surname_sound"),
            level.JaroWinklerLevel("surname", 0.90),
            custom("starts_with(surname_l, surname_r) OR starts_with(surname_r, surname_l)", "double name"),
            level.ElseLevel(),
        ],
    )
    birth_date = library.CustomComparison(
        output_column_name="birth_date",
        comparison_levels=[
            level.NullLevel("birth_date"),
            level.ExactMatchLevel("birth_date"),
            custom("birth_date_l = birth_swapped_r", "day and month swapped"),
            level.DamerauLevenshteinLevel("birth_date", 1),
            custom(
                "left(birth_date_l, 4) = left(birth_date_r, 4) AND "
                "(right(birth_date_l, 5) = '01-01' OR right(birth_date_r, 5) = '01-01')",
                "first of January",
            ),
            level.DamerauLevenshteinLevel("birth_date", 2),
            level.ElseLevel(),
        ],
    )
    postcode = library.CustomComparison(
        output_column_name="postcode",
        comparison_levels=[
            level.NullLevel("postcode"),
            level.ExactMatchLevel("postcode"),
            level.ExactMatchLevel("sector"),
            level.ElseLevel(),
        ],
    )
    return [forename, surname, birth_date, postcode, library.ExactMatch("sex")]


def _sorted(predicted: pa.Table) -> Pairs:
    """Return splink's table as arrays, in the order of the records."""
    one = np.asarray(predicted["record_l"]).astype(np.int64)
    other = np.asarray(predicted["record_r"]).astype(np.int64)
    left, right = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((right, left))
    level = np.asarray(predicted["gamma_forename"]).astype(np.int64)
    return Pairs(
        left=left[order],
        right=right[order],
        probability=np.asarray(predicted["match_probability"]).astype(np.float64)[order],
        weight=np.asarray(predicted["match_weight"]).astype(np.float64)[order],
        alike=level[order] != 0,
    )
