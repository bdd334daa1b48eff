"""Plain data that represents the tables of pandas.

A DataFrame is a dict of its columns. Their names are under `COLUMNS`, and the names of those that are its index under
`INDEX`. A Series or Index is a DataFrame of one column with the key `SERIES`. A column is an array of numbers, or a
dict: texts are indices of categories (-1 if missing), times are nanoseconds. These keys are in parentheses, since names
of columns rarely are.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import Any

import numpy as np

from .wire import Opaque

COLUMNS, INDEX, SERIES, TEXTS, CATEGORIES = "(columns of a DataFrame)", "(index)", "(Series)", "(texts)", "(categories)"
TIMES = {"M": "(datetime64[ns])", "m": "(timedelta64[ns])"}
"""Kind of a dtype → key of the nanoseconds of such a column."""

MAX_TEXTS = 100_000
"""Largest number of texts in a column."""


def plain_table(value: Any) -> Any:
    """Return a DataFrame, Series or Index as plain data; `Opaque` for any other object of pandas. An index that counts
    from 0 is left out."""
    pandas: Any = sys.modules["pandas"]
    if isinstance(value, pandas.Series | pandas.Index):
        return {**plain_table(value.to_frame()), SERIES: True}
    if not isinstance(value, pandas.DataFrame):
        return Opaque(type(value).__name__)
    levels = []
    if value.index.names != [None] or not value.index.equals(pandas.RangeIndex(len(value))):
        levels = [f"({name or ''})" for name in value.index.names]
        value = value.rename_axis(levels).reset_index()
    names = [str(name) for name in value.columns]
    columns = {name: _column(pandas, value.iloc[:, place]) for place, name in enumerate(names)}
    return {COLUMNS: names, INDEX: levels, **columns}


def _column(pandas: Any, column: Any) -> Any:
    """Return a column as plain data. Missing numbers become NaN."""
    column = column.infer_objects()  # rows that were filled one by one have objects
    if column.dtype.kind in "fiub":
        return column.to_numpy(np.float64, na_value=np.nan) if column.hasnans else column.to_numpy()
    array = np.asarray(column)
    kind = array.dtype.kind
    if kind in TIMES:
        return {TIMES[kind]: array.astype(f"{kind}8[ns]").astype(np.int64)}
    with suppress(TypeError):  # of objects that cannot be compared
        numbers, categories = pandas.factorize(array, sort=True)
        if all(type(category) is str for category in categories):
            return {TEXTS: numbers.astype(np.int64), CATEGORIES: list(categories)}
    return array if kind in "fiub" else Opaque(f"column of dtype {column.dtype}")  # categories that are numbers


def texts_of(value: Any) -> list[Any] | None:
    """Return the texts of a column, with None for missing ones; None if the value is not such a column. In inputs drawn
    around an example, indices may exceed the number of categories."""
    match value:
        case {"(texts)": np.ndarray(ndim=1, dtype=np.dtype(kind="i")) as numbers, "(categories)": [*texts]}:
            if len(numbers) <= MAX_TEXTS and all(type(text) is str for text in texts):
                return [texts[number % len(texts)] if texts and number >= 0 else None for number in numbers.tolist()]
    return None


def table_of(entries: dict[str, Any]) -> Any:
    """Return the table or column that a dict represents, or the dict itself. The columns of a table must have been
    converted already."""
    texts = texts_of(entries)
    if texts is not None:
        return np.array(texts, object)
    for kind, key in TIMES.items():
        if key in entries:
            return entries[key].view(f"{kind}8[ns]")
    if COLUMNS not in entries:
        return entries
    pandas: Any = importlib.import_module("pandas")  # which other assignments need not have
    table = pandas.DataFrame({name: entries[name] for name in entries[COLUMNS]})
    levels = entries[INDEX]
    if levels:
        table = table.set_index(levels).rename_axis([level[1:-1] or None for level in levels])
    return table.iloc[:, 0] if SERIES in entries else table
