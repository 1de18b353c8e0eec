import io
import sys

import pytest

from riskmodel.console import guarded, progress, table
from riskmodel.errors import ApprovalError, DataError, PolicyError, RiskModelError, StudyError


def raising(error):
    def job():
        raise error

    return job


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RiskModelError("x"), 1, "x"),
        (StudyError(["wrong"]), 2, "wrong"),
        (PolicyError("no"), 3, "no"),
        (ApprovalError("not yet"), 4, "not yet"),
        (DataError(expected="a", found="b", where="c", next_step="d"), 5, "expected a"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
    ],
)
def test_every_end_has_its_code_and_a_sentence_without_a_traceback(capsys, error, code, said):
    assert guarded(raising(error)) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_a_defect_of_ours_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError()))


def test_what_the_job_returns_is_returned():
    assert guarded(lambda: 7) == 7


def test_quiet_lines_where_there_is_no_terminal(capsys):
    with progress(quiet=False) as show:
        show("Training", 2, 9)
    assert capsys.readouterr().err == "[3/9] Training\n"


def test_nothing_with_quiet(capsys):
    with progress(quiet=True) as show:
        show("Training", 2, 9)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(quiet=False) as show:
        show("Training", 2, 9)
    assert "done" in screen.getvalue()


def test_a_table_is_aligned():
    assert table(["a", "number"], [["long", "1"], ["x", "22"]]) == (
        "a     number\n----  ------\nlong       1\nx         22"
    )
