"""Raw scores and risk estimates for feature parts that are larger than memory, on this machine or on Spark.

This is arithmetic and no permission: nobody real is scored before an approval that is bound to the model's digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from riskmodel.errors import DataError
from riskmodel.features.streaming import read_part, write_part
from riskmodel.files import digest_bytes, to_json, whole_folder
from riskmodel.models.calibration import CalibratedModel
from riskmodel.tables.features import FeatureMatrix, infos_of


def score_parts(
    model: CalibratedModel,
    parts: Sequence[Path],
    folder: Path,
    *,
    engine: Literal["local", "spark"] = "local",
    threads: int = 2,
) -> tuple[Path, ...]:
    """Score every row of some feature parts.

    Parameters
    ----------
    model : CalibratedModel
    parts : sequence of Path
        As ``write_features`` wrote them.
    folder : Path
        Appears, with one file of scores for each part, when all are there; is replaced if it is there.
    engine : str
        Both give the same numbers.
    threads : int

    Returns
    -------
    tuple of Path
        ``scores-00000.parquet`` and so on: ``subject_id``, ``index_date``, ``raw_score``, ``risk_estimate``,
        ``lower``, ``upper``, ``abstained``; the three numbers after the score are null where the model abstained, and
        the limits also where it has no intervals.

    Raises
    ------
    DataError
        If there is no part, or one was made from another specification than the model was trained on.
    """
    if not parts:
        raise DataError(
            expected="at least one part of features",
            found="none",
            where="scoring",
            next_step="Build the features first.",
        )
    with whole_folder(folder) as out:
        one = partial(_score_part, model.to_state(), out)
        if engine == "spark":
            from riskmodel.features.spark import each_part

            for part in parts:  # told here rather than by a worker
                _check(part, model)
            each_part(parts, one, threads=threads)
        else:
            with ThreadPoolExecutor(max(threads, 1)) as pool:
                for done in [pool.submit(one, part) for part in parts]:
                    done.result()
    return tuple(sorted(folder.glob("scores-*.parquet")))


def _check(part: Path, model: CalibratedModel) -> None:
    import pyarrow.parquet as pq

    from riskmodel.tables.features import require_spec

    facts = pq.read_schema(part).metadata or {}
    require_spec(facts.get(b"spec_hash", b"none").decode(), model.model.spec_hash, where=part.name)


def _score_part(state: dict[str, object], folder: Path, part: Path) -> None:
    model = CalibratedModel.from_state(state)
    table, facts, values = read_part(part, expected=model.model.spec_hash)
    features = FeatureMatrix(values, infos_of(facts))
    raw, thin = model.model.raw_score(features), model.too_thin(features)
    said_of = dict(
        zip(("risk_estimate", "lower", "upper"), (model.risk(raw), *model.interval(raw)), strict=True)
    )
    scores = pa.table(
        {
            "subject_id": table.column("subject_id"),
            "index_date": table.column("index_date"),
            "raw_score": raw,
            **{name: pa.array(one, mask=thin | np.isnan(one)) for name, one in said_of.items()},
            "abstained": thin,
        }
    )
    said = {"spec_hash": facts["spec_hash"], "model_digest": digest_bytes(to_json(state).encode())}
    write_part(
        [scores.replace_schema_metadata(said)],
        folder / part.name.replace("features", "scores"),
    )
