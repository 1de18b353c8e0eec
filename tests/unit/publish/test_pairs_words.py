from riskmodel.publish.pairs import pairs_checks


def explained(pairs, selected="ebm"):
    return {"selected": selected, "models": {"ebm": {"pairs": pairs}, "logistic": {"pairs": []}}}


def pair(*words):
    return {"names": ["a", "b"], "descriptions": list(words)}


def test_the_pairs_are_named_in_words():
    pairs = [pair("age in years", "times suspended in the past year"), pair("days in care", "age in years")]
    (check,) = pairs_checks(explained(pairs), min_people=15)
    assert check.name == "pairs"
    assert check.sentences[0] == (
        "The model also looks at these facts together: “age in years” with “times suspended in the past year”; "
        "“days in care” with “age in years”."
    )
    assert "at least 15 young people" in " ".join(check.sentences)


def test_a_model_without_pairs_has_no_such_section():
    assert pairs_checks(explained([]), min_people=10) == ()
    assert pairs_checks(explained([pair("x", "y")], selected="logistic"), min_people=10) == ()
