"""What a person sees on the terminal: progress, faults and the closing table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from riskmodel.errors import RiskModelError

Progress = Callable[[str, int, int], None]


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Give a function that shows which stage is running.

    On a terminal it is a bar; elsewhere one quiet line a stage; nothing with ``quiet``.
    """
    if quiet:
        yield lambda _title, _number, _count: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield lambda title, number, count: print(
            f"[{number + 1}/{count}] {title}", file=sys.stderr, flush=True
        )


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Return a function that tells a person one sentence while stages run; nothing with ``quiet``."""
    if quiet:
        return lambda _words: None
    return lambda words: print(f"LOOK AT THIS FIRST: {words}", file=sys.stderr, flush=True)


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<44}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task("starting")

        def show(title: str, number: int, count: int) -> None:
            bars.update(task, description=title, completed=number, total=count)

        yield show
        bars.update(task, description="done", completed=bars.tasks[0].total)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned text: the first column to the left, the others to the right."""
    widths = [max(len(str(row[i])) for row in (columns, *rows)) for i in range(len(columns))]
    lines = [_line(columns, widths), "  ".join("-" * width for width in widths)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (str(cell) for cell in cells)
    return "  ".join(
        [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
    ).rstrip()


def guarded(job: Callable[[], int]) -> int:
    """Run a command and turn what goes wrong into a sentence and an exit code.

    Returns
    -------
    int
        What the job returned; an error's own code; 130 when interrupted; 1 when the disk refused.
        A defect of ours keeps its traceback, which holds no record's content.
    """
    try:
        return job()
    except RiskModelError as error:
        print(f"riskmodel: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("riskmodel: interrupted; nothing half-written was left behind", file=sys.stderr)
        return 130
    except OSError as error:
        print(
            f"riskmodel: the file system refused: {error.strerror}; nothing half-written was left behind",
            file=sys.stderr,
        )
        return 1
