"""Notebooks of every age are read, and what is none is refused."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.bounds import MAX_CELL_CHARACTERS, MAX_CELLS, MAX_LINES, MAX_NOTEBOOK_VALUES
from grader.errors import Refused
from grader.intake.notebook import read_notebook
from tests.conftest import MakeNotebook

# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


def test_code_cells_keep_their_place_among_all_cells(make_notebook: MakeNotebook) -> None:
    notebook = read_notebook("ps4.ipynb", make_notebook(("markdown", "# Q1"), ("code", "x = 1"), ("code", "y = 2")))
    assert (notebook.code, notebook.code_cell_numbers) == (("x = 1", "y = 2"), (2, 3))
    assert notebook.cells[0] == ("markdown", "# Q1")


def test_odd_characters_are_replaced_so_that_pages_and_databases_take_the_text(make_notebook: MakeNotebook) -> None:
    notebook = read_notebook("ps4.ipynb", make_notebook(("markdown", "a\ud800b\0c \U0001d6fc")))
    assert notebook.cells[0][1] == "a\ufffdb\ufffdc \U0001d6fc"


def test_a_byte_order_mark_does_not_matter(make_notebook: MakeNotebook) -> None:
    assert read_notebook("ps4.ipynb", b"\xef\xbb\xbf" + make_notebook(("code", "x = 1"))).code == ("x = 1",)


def test_an_ancient_notebook_is_read_as_today() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Q1"], "metadata": {}},
        {"cell_type": "markdown", "source": ["Q1.1 solution: it is x"], "metadata": {}},
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"], "outputs": [], "collapsed": False,
         "metadata": {}, "prompt_number": 3},
    ]  # fmt: skip
    ancient = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    notebook = read_notebook("ps4.ipynb", json.dumps(ancient).encode())
    assert notebook.code == ("x = 1\ny = 2",)
    assert notebook.cells[:2] == (("markdown", "# Q1"), ("markdown", "Q1.1 solution: it is x"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"nbformat": null}',
        b"\xff\xfe{\0}\0",
        b"[" * 100_000,
        b'{"nbformat": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_notebook_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(Refused, match=r"ps4.ipynb is not a notebook: open it in Jupyter and save it again"):
        read_notebook("ps4.ipynb", content)


@pytest.mark.parametrize(
    "notebook",
    [
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": {}},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": ["x"]},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code"}]},
        {"nbformat": 3, "metadata": {}, "worksheets": 5},
        {"nbformat": 2, "metadata": {}, "worksheets": [{"cells": [{"cell_type": "code", "input": ["x", "y"]}]}]},
        {"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []},
    ],
    ids=lambda notebook: json.dumps(notebook)[:70],
)
def test_a_notebook_that_jupyter_could_not_open_is_refused_with_what_to_do(notebook: Any) -> None:
    with pytest.raises(Refused, match=r"ps4\.ipynb .*save it again"):
        read_notebook("ps4.ipynb", json.dumps(notebook).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cell_type", "source", "cells", "metadata", "outputs"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.sampled_from([1, 2, 3, 4, 5]), json_values)
def test_any_json_is_read_or_refused(version: int, cells: Any) -> None:
    content = {"nbformat": version, "nbformat_minor": 2, "metadata": {}, "cells": cells, "worksheets": cells}
    try:
        notebook = read_notebook("ps4.ipynb", json.dumps(content).encode())
    except Refused:
        return
    assert all(type(source) is str for source in notebook.code)


@pytest.mark.parametrize("end", ["\n", "\r", "\x1e", "\u2028"])
def test_a_notebook_of_too_many_lines_is_refused(end: str, make_notebook: MakeNotebook) -> None:
    cells = [("markdown", end * (MAX_LINES // 2 + 1))] * 2
    with pytest.raises(Refused, match="more than 100,000 lines"):
        read_notebook("ps4.ipynb", make_notebook(*cells))


def with_outputs(number: int, version: int) -> bytes:
    output = {"output_type": "stream", "name": "stdout", "stream": "stdout", "text": "x"}
    cell = {"cell_type": "code", "metadata": {}, "outputs": [output] * number, "language": "python"}
    cell |= {"source": "x = 1"} if version == 4 else {"input": "x = 1", "collapsed": False, "prompt_number": 1}
    holder = {"cells": [cell]} if version == 4 else {"worksheets": [{"cells": [cell], "metadata": {}}]}
    return json.dumps({"nbformat": version, "nbformat_minor": 0, "metadata": {}} | holder).encode()


@pytest.mark.parametrize("version", [3, 4])
def test_outputs_are_left_out(version: int) -> None:
    notebook = read_notebook("ps4.ipynb", with_outputs(10_000, version))
    assert notebook.cells == (("code", "x = 1"),)


@pytest.mark.parametrize("version", [3, 4])
def test_the_cells_of_every_format_are_counted(version: int) -> None:
    saved = json.loads(with_outputs(1, version))
    holder = saved if version == 4 else saved["worksheets"][0]
    holder["cells"] *= MAX_CELLS + 1
    with pytest.raises(Refused, match=f"more than {MAX_CELLS} cells"):
        read_notebook("ps4.ipynb", json.dumps(saved).encode())


def test_a_notebook_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    content = b'{"nbformat": 4, "cells": [' + b"[]," * MAX_NOTEBOOK_VALUES + b"[]]}"
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="clear the outputs"):
            read_notebook("ps4.ipynb", content)
        assert tracemalloc.get_traced_memory()[1] < len(content) / 10
    finally:
        tracemalloc.stop()


def test_a_cell_of_too_many_characters_is_refused(make_notebook: MakeNotebook) -> None:
    with pytest.raises(Refused, match="1,000,000 characters"):
        read_notebook("ps4.ipynb", make_notebook(("code", "x" * (MAX_CELL_CHARACTERS + 1))))
