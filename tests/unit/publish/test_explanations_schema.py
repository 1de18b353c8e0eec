import json
from importlib.resources import files

import jsonschema
import numpy as np

from riskmodel.disclosure import Disclosure
from riskmodel.explain.importance import explanations
from riskmodel.explain.spec import ExplainSpec
from riskmodel.tables.features import FeatureInfo, FeatureMatrix
from riskmodel.tables.predictions import Contributions


def test_global_explanations_follow_their_schema():
    schema = json.loads(
        files("riskmodel.publish").joinpath("schemas/explanations.schema.json").read_text("utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    info = FeatureInfo("a", "times suspended", "school", "EDU", "times", 1, "count", "365d", ("X",))
    values = np.repeat([0.0, 2.0, np.nan], 20).astype(np.float32).reshape(-1, 1)
    moved = Contributions(np.nan_to_num(values.astype(float)), ("a",), 0.0, "log-odds")
    record = explanations(
        moved,
        FeatureMatrix(values, (info,)),
        weight=np.ones(60),
        subject_id=np.arange(60),
        spec=ExplainSpec(),
        disclosure=Disclosure(),
    )
    record["pairs"] = [{"names": ["a", "b"], "descriptions": ["times suspended", "age in years"]}]
    whole = {"selected": "logistic", "models": {"logistic": record}}
    jsonschema.validate(whole, schema)
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
