"""The canvas that every figure is drawn on: SVG with real text, a title, a description, and the same bytes each time.

Figures are drawn narrow, so that their text stays readable at the width of a phone.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

Rows = Sequence[Mapping[str, Any]]

# Okabe and Ito (2008): told apart with any kind of colour vision; markers and line styles differ as well.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#00785A", "#595959", "#1a1a1a"
_WIDTH = 4.4


def wrapped(text: str, width: int) -> str:
    """Return text in lines of at most so many letters."""
    return "\n".join(textwrap.wrap(text, width))


def say(axis: Any, words: str) -> None:
    """Write words in the middle of an empty axis."""
    axis.text(0.5, 0.5, words, ha="center", va="center", transform=axis.transAxes)
    axis.set_axis_off()


def few_ticks() -> Any:
    """Return a locator of few, whole ticks."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, integer=True)


def _style(name: str) -> dict[str, Any]:
    return {
        "svg.hashsalt": f"riskmodel-{name}",
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.size": 10.5,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10.5,
        "xtick.labelsize": 10.5,
        "ytick.labelsize": 10.5,
        "legend.fontsize": 9.5,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }


def svg(
    name: str, title: str, words: str, draw: Callable[[Any], None], *, height: float, panels: int = 1
) -> str:
    """Return a figure as SVG.

    Parameters
    ----------
    name : str
        Makes its ids unique on a page.
    title, words : str
        What screen readers say: its name, and what it shows.
    draw : callable
        Draws on the axis, or on the axes if there are several panels.
    height : float
        In inches; the width is always the same.
    panels : int
        Axes, one above the other.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A user's own matplotlibrc must not change the bytes; the backend is left alone, because none is started.
    settings: dict[Any, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"}
    with mpl.rc_context(settings | _style(name)):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots(panels, 1))
        stream = io.StringIO()
        figure.savefig(
            stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return _accessible(
        stream.getvalue(), name=re.sub(r"[^a-z0-9]+", "-", name.lower()), title=title, words=words
    )


def _accessible(svg: str, *, name: str, title: str, words: str) -> str:
    """Keep only the ``<svg>`` element, make it scale, name it for screen readers, and its ids unique on a page."""
    body = svg[svg.index("<svg") :]
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    if box is None:
        raise ValueError("an SVG figure has a viewBox")
    rest = re.sub(r"\s*<metadata>.*?</metadata>", "", rest, flags=re.DOTALL)
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'(url\(|href=")#', rf"\g<1>#{name}-", rest)
    opened = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box.group()} '
        f'role="img" aria-labelledby="{name}-t {name}-d">'
    )
    return f'{opened}<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(words)}</desc>{rest}'
