"""The rules of the house that a reader relies on, checked on the source itself."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "riskmodel"

ORDER = [
    "errors", "settings", "files", "disclosure", "provenance", "tables", "policy", "simulate", "intake", "linking", "rights", "features", "models", "validate", "audit", "stop_search",
    "explain", "publish", "tracking",
]  # fmt: skip
TOP = {
    "study",
    "pipeline",
    "stages",
    "runfolder",
    "featurefolder",
    "comparing",
    "readings",
    "jobs",
    "train",
    "cli",
    "console",
    "verbs",
    "reference",
    "__init__",
    "__main__",
}

DOORS = {
    "mlflow": {"tracking.py"},
    "shap": {"explain/"},
    "xgboost": {"models/xgboost.py"},
    "interpret": {"models/ebm.py"},
    "matplotlib": {"publish/figures/"},
    "duckdb": {"intake/", "linking/"},
    "splink": {"linking/linkage.py"},
    "optuna": {"models/tuning.py"},
    "fairlearn": {"audit/reduction.py"},
    "pyspark": {"features/spark.py"},
    "python_calamine": {"intake/workbook.py"},
    "sklearn": {"models/", "audit/", "validate/"},
    "jinja2": {"publish/"},
    "scipy": {
        "validate/heterogeneity.py",
        "audit/pooling.py",
        "audit/exact.py",
        "audit/offer_hazard.py",
        "stop_search/clusters.py",
    },
    "numpyro": {"stop_search/threshold_model.py"},
    "jax": {"stop_search/threshold_model.py"},
    "pickle": set(),
    "joblib": set(),
    "cloudpickle": set(),
}


def modules():
    return sorted(SOURCE.rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def room(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def test_there_is_something_to_check():
    assert len(modules()) > 40


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_from_later_rooms_to_earlier_ones(path):
    here = room(path)
    if here in TOP:
        return
    for name in imports(path):
        if name.startswith("riskmodel."):
            there = name.split(".")[1]
            assert there in ORDER, f"{path.name} imports {name}, which only the top may"
            assert ORDER.index(there) <= ORDER.index(here), f"{path.name} imports {name} backwards"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_each_large_library_has_one_door(path):
    where = path.relative_to(SOURCE).as_posix()
    for name in imports(path):
        library = name.split(".")[0]
        if library in DOORS:
            assert any(where.startswith(door) for door in DOORS[library]), f"{where} imports {library}"


def test_a_study_is_read_without_loading_a_large_library():
    heavy = [
        "sklearn",
        "xgboost",
        "shap",
        "mlflow",
        "optuna",
        "interpret",
        "matplotlib",
        "numba",
        "duckdb",
        "pandas",
    ]
    code = f"import sys, riskmodel.study; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_model_knows_an_audited_attribute():
    """Not in fitting, calibration or recalibration, nor in tuning, whose fairness limit is a function given from outside."""
    for path in sorted((SOURCE / "models").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        assert "AuditedAttributes" not in names, path.name
        assert not [name for name in imports(path) if name.startswith("riskmodel.audit")], path.name
        assert not {"group", "groups", "audited", "attributes", "ethnicity", "sex"} & (arguments | used), (
            path.name
        )


def tracked():
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines()]


def text_files():
    kinds = {
        ".py",
        ".md",
        ".yaml",
        ".yml",
        ".toml",
        ".cff",
        ".json",
        ".html",
        ".j2",
        ".txt",
        ".in",
        ".lock",
        "",
    }
    return [p for p in tracked() if p.suffix in kinds and p.is_file() and p.name != "LICENSE"]


def test_no_machine_path_and_no_registry_address_is_committed():
    machine = re.compile("/" + "work/|/" + "root/|/" + r"tmp/bash|pypi\." + r"org|files\.python" + "hosted")
    assert [str(p) for p in text_files() if machine.search(p.read_text(encoding="utf-8"))] == []


WRITING = ROOT / "docs" / "explanation" / "writing-about-fairness.md"


def barred_words():
    """The first column of the table that binds every text."""
    rows = [
        line.split("|")[1]
        for line in WRITING.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    return [word.strip() for row in rows[1:] for word in row.split(";")]


def test_words_about_people_and_fairness():
    words = barred_words()
    assert len(words) > 20
    barred = re.compile("|".join(rf"\b{re.escape(word)}s?\b" for word in words), re.IGNORECASE)
    # Names of published data and their column values, and the pages that list the barred words, may hold them.
    allowed = {"CONTRIBUTING.md", "test_structure.py", "test_card.py", WRITING.name}
    quoted = re.compile(
        r"Offender (given|cautioned)|offenders_2023|young offender(s|ing)? (team|institution)", re.IGNORECASE
    )
    found = [
        f"{p.relative_to(ROOT)}: {m.group(0)}"
        for p in text_files()
        if p.name not in allowed
        for m in [barred.search(quoted.sub("", p.read_text(encoding="utf-8")))]
        if m
    ]
    assert found == []


def public_definitions(body):
    """Functions and classes that a reader can import, and the methods of those classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def test_every_public_function_says_what_it_does():
    silent = [
        f"{path.relative_to(SOURCE)}: {node.name}"
        for path in modules()
        for node in public_definitions(ast.parse(path.read_text(encoding="utf-8")).body)
        if not ast.get_docstring(node)
    ]
    properties = {name for name in silent if name.startswith("models/protocol.py")}  # documented by the class
    assert sorted(set(silent) - properties) == []


def test_no_function_is_longer_than_a_screen():
    long = [
        f"{path.relative_to(SOURCE)}: {node.name} ({node.end_lineno - node.lineno + 1})"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > 70
    ]
    assert long == []


def test_no_error_is_swallowed():
    bare = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(b, ast.Pass) for b in node.body)
    ]
    assert bare == []


def test_every_test_file_is_collected():
    strays = [
        p
        for p in (ROOT / "tests").rglob("*.py")
        if "def test_" in p.read_text() and not p.name.startswith("test_")
    ]
    assert strays == []


def test_every_page_is_in_the_navigation_and_back():
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    nav = set(re.findall(r": ([\w/.-]+\.md)", (ROOT / "mkdocs.yml").read_text()))
    notes = {p for p in pages if p.startswith("decisions/") and p != "decisions/index.md"}
    index = (ROOT / "docs" / "decisions" / "index.md").read_text()
    assert pages - notes == nav
    assert [p for p in notes if p.removeprefix("decisions/") not in index] == []


def test_the_pages_made_from_code_are_current():
    import importlib.util

    place = importlib.util.spec_from_file_location("make_pages", ROOT / "docs" / "make_pages.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    for name, text in module.pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == text, (
            f"run make docs: {name}"
        )


def test_a_search_is_never_a_feature_and_never_an_outcome():
    learning = {
        "tables",
        "policy",
        "intake",
        "linking",
        "features",
        "models",
        "validate",
        "audit",
        "explain",
        "stages",
    }
    found = [
        str(path.relative_to(SOURCE))
        for path in modules()
        if room(path) in learning
        for name in imports(path)
        if name.startswith("riskmodel.stop_search")
    ]
    assert found == []
