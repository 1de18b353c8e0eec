"""The columns of a delimited file as texts: each different text once, and which row has it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from riskmodel.errors import StudyError
from riskmodel.tables.cohort import BoolArray, FloatArray, IntArray

_WHOLE = re.compile(r"0|[1-9]\d{0,17}")
_OTHER_ENCODING = "expected text in '{}'; found bytes of another encoding. Files from Windows are often cp1252: say data.encoding: cp1252"
_DELIMITERS = {";": "';'", "\t": "'\\t'", "|": "'|'", ",": "','"}


@dataclass(frozen=True)
class TextColumn:
    """One column, without surrounding blanks.

    Parameters
    ----------
    texts : tuple of str
        Every different text, in alphabetical order, whatever the order of the rows.
    code : ndarray of int64, shape (n,)
        Place in ``texts`` of each row's text.
    """

    texts: tuple[str, ...]
    code: IntArray

    @classmethod
    def of(cls, texts: Sequence[str], code: npt.NDArray[np.integer]) -> TextColumn:
        """Return the column of some texts, which may repeat, be padded or be unused."""
        different, place = np.unique(
            np.array([text.strip() for text in texts], dtype=object), return_inverse=True
        )
        used, again = np.unique(place[code], return_inverse=True)
        return cls(tuple(str(different[i]) for i in used), again.astype(np.int64))

    def __len__(self) -> int:
        return len(self.code)

    def take(self, rows: npt.NDArray[np.integer] | BoolArray) -> TextColumn:
        """Return the chosen rows, with the texts that occur in them."""
        return TextColumn.of(self.texts, self.code[rows])

    def isin(self, texts: Collection[str]) -> BoolArray:
        """Return which rows have one of some texts."""
        wanted = set(texts)
        return self.where(lambda text: text in wanted)

    def where(self, rule: Callable[[str], bool]) -> BoolArray:
        """Return in which rows the text follows a rule."""
        return np.array([rule(text) for text in self.texts], dtype=np.bool_)[self.code]

    def numbers(self, number: Callable[[str], float | None]) -> FloatArray:
        """Return each row's text as a number; NaN where it is none."""
        read = [number(text) for text in self.texts]
        return np.array([np.nan if one is None else one for one in read], dtype=np.float64)[self.code]

    def said(self) -> npt.NDArray[np.str_]:
        """Return the text of every row."""
        return np.array(self.texts, dtype=np.str_)[self.code]

    def ids(self) -> IntArray:
        """Return whole numbers as they are, and other texts by their place in alphabetical order."""
        if all(_WHOLE.fullmatch(text) for text in self.texts):
            return np.array([int(text) for text in self.texts], dtype=np.int64)[self.code]
        return self.code


def read_header(path: Path, *, delimiter: str, encoding: str) -> tuple[str, ...]:
    """Return the names in the first line of a file.

    Raises
    ------
    StudyError
        If the file cannot be read as declared, or is empty.
    """
    where = f"the table '{path.name}'"
    try:
        with path.open(encoding=_with_mark(encoding), newline="") as stream:
            first = stream.readline()
    except UnicodeDecodeError:
        raise StudyError([_OTHER_ENCODING.format(encoding)], where=where) from None
    except (OSError, LookupError) as error:
        raise StudyError(
            [f"cannot be read as '{encoding}' text ({type(error).__name__})"], where=where
        ) from None
    if not first.strip():
        raise StudyError(["expected a header in the first line; found an empty file"], where=where)
    header = tuple(name.strip() for name in next(csv.reader([first], delimiter=delimiter)))
    other = [words for sign, words in _DELIMITERS.items() if len(header) == 1 and sign in first]
    if other:
        fault = f"expected columns parted by '{delimiter}'; found one column, with {other[0]} in its name: say data.delimiter: {other[0]}"
        raise StudyError([fault], where=where)
    return header


def read_texts(
    path: Path, header: Sequence[str], wanted: Sequence[str], *, delimiter: str, encoding: str
) -> dict[str, TextColumn]:
    """Return some columns of a file, by name.

    Raises
    ------
    StudyError
        If a row has more or fewer fields than the header, or text in another encoding.
    """
    # Columns are numbered, so that a header that stands twice does not stop the reading: it is a fault told with the rest.
    numbered = [str(i) for i in range(len(header))]
    chosen = [str(header.index(name)) for name in wanted]
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(column_names=numbered, skip_rows=1, encoding=encoding),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(numbered, pa.dictionary(pa.int32(), pa.string())),
                strings_can_be_null=False,
                include_columns=chosen,
            ),
        )
    except pa.ArrowInvalid as error:
        raise StudyError(
            [_unreadable(str(error), len(header), encoding)], where=f"the table '{path.name}'"
        ) from error
    return dict(zip(wanted, map(_text_column, table.unify_dictionaries().columns), strict=True))


def _text_column(column: pa.ChunkedArray) -> TextColumn:
    if column.num_chunks == 0:
        return TextColumn((), np.zeros(0, dtype=np.int64))
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])
    return TextColumn.of(column.chunk(0).dictionary.to_pylist(), codes)


def _unreadable(said: str, fields: int, encoding: str) -> str:
    if "utf" in said.lower():
        return _OTHER_ENCODING.format(encoding)
    return f"expected {fields} fields in every row; found a row with more or fewer fields than the header, or text in another encoding"


def _with_mark(encoding: str) -> str:
    """Return the encoding that reads a byte order mark away."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def by_content(columns: Sequence[TextColumn]) -> IntArray:
    """Return a number for each row that depends on what the row says and not on its place in the file.

    Rows that say the same get different numbers, but as they are alike it does not matter which gets which.
    """
    order = np.lexsort([column.code for column in columns])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


def linked(*keys: IntArray) -> IntArray:
    """Return a number for each group of rows that hang together because they share a value of any key.

    Parameters
    ----------
    *keys : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0, in the order of the first key.
    """
    first, *others = [np.unique(key, return_inverse=True)[1] for key in keys]
    label = np.arange(int(first.max(initial=-1)) + 1)
    while True:
        spread = label.copy()
        for key in others:
            least = np.full(int(key.max(initial=-1)) + 1, len(label))
            np.minimum.at(least, key, spread[first])
            np.minimum.at(spread, first, least[key])
        if np.array_equal(spread, label):
            return np.unique(label[first], return_inverse=True)[1].astype(np.int64)
        label = spread


def slugs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each of some words with a short name of letters, digits and underscores that no other of them has."""
    taken: set[str] = set()
    for one in words:
        plain = re.sub(r"[^a-z0-9]+", "_", one.lower()).strip("_") or "text"
        slug, number = plain, 2
        while slug in taken:
            slug, number = f"{plain}_{number}", number + 1
        taken.add(slug)
        yield one, slug
