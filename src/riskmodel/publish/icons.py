"""A picture of natural frequencies: one dot a young person, as inline SVG without a script."""

from __future__ import annotations

from html import escape

_STEP = 10


def icon_array(filled: int, *, total: int, words: str) -> str:
    """Return an SVG of ``total`` dots, the first ``filled`` of them dark.

    Parameters
    ----------
    filled : int
        Dark dots, from 0 to ``total``.
    total : int
        All dots; rows hold 40 (or 10 for 100 dots).
    words : str
        The same in words, for screen readers.

    Raises
    ------
    ValueError
        If ``filled`` is outside 0 to ``total``.
    """
    if not 0 <= filled <= total:
        raise ValueError("a picture shows between none and all of its dots")
    width = 10 if total <= 100 else 40
    height = -(-total // width)
    parts = (("#b9c4d0", 5, range(filled, total)), ("#7a2e00", 8, range(filled)))
    paths = "".join(
        f'<path d="{_dots(places, width)}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round" fill="none"/>'
        for colour, size, places in parts
        if len(places)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * _STEP} {height * _STEP}" role="img" '
        f'aria-label="{escape(words)}">{paths}</svg>'
    )


def _dots(places: range, width: int) -> str:
    half = _STEP // 2
    return "".join(f"M{place % width * _STEP + half} {place // width * _STEP + half}h0" for place in places)
