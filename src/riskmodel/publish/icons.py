"""A picture of natural frequencies: one dot a young person, as inline SVG without a script."""

from __future__ import annotations

from html import escape

_STEP = 10
_WIDTH = 20


def icon_array(filled: int, *, total: int, words: str) -> str:
    """Return an SVG of ``total`` dots, the first ``filled`` of them dark.

    Parameters
    ----------
    filled : int
        Dark dots, from 0 to ``total``.
    total : int
        All dots, in rows of 20.
    words : str
        The same in words, for screen readers.

    Raises
    ------
    ValueError
        If ``filled`` is outside 0 to ``total``.
    """
    if not 0 <= filled <= total:
        raise ValueError("a picture shows between none and all of its dots")
    height = -(-total // _WIDTH)
    parts = (("#c3ccd5", 5, range(filled, total)), ("#2b5f82", 8, range(filled)))
    paths = "".join(
        f'<path d="{_dots(places)}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round" fill="none"/>'
        for colour, size, places in parts
        if len(places)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH * _STEP} {height * _STEP}" role="img" '
        f'aria-label="{escape(words)}">{paths}</svg>'
    )


def _dots(places: range) -> str:
    half = _STEP // 2
    return "".join(f"M{place % _WIDTH * _STEP + half} {place // _WIDTH * _STEP + half}h0" for place in places)
