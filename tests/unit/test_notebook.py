"""Notebooks of every age are read, what is none is refused, and written answers are found where students put them."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.bounds import MAX_CELL_CHARACTERS, MAX_CELLS, MAX_LINES, MAX_NOTEBOOK_VALUES, MAX_PRINTED
from grader.errors import Refused
from grader.model import Notebook
from grader.notebook import answers, notes, read_notebook
from tests.conftest import ROOT, MakeNotebook

PLACEHOLDER = "*Write your answer here.*"


def told(*markdown: str, handed_out: tuple[str, ...] = ()) -> dict[str, str]:
    """The answers in a notebook of these markdown cells."""
    return {question: text for question, (text, _) in answers([of(*markdown)], [of(*handed_out)]).items()}


def of(*markdown: str) -> Notebook:
    return Notebook("ps4.ipynb", (), (), tuple(("markdown", text) for text in markdown))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


def test_code_cells_keep_their_place_among_all_cells(make_notebook: MakeNotebook) -> None:
    notebook = read_notebook("ps4.ipynb", make_notebook(("markdown", "# Q1"), ("code", "x = 1"), ("code", "y = 2")))
    assert (notebook.code, notebook.code_cell_numbers) == (("x = 1", "y = 2"), (2, 3))
    assert notebook.cells[0] == ("markdown", "# Q1")


def test_sources_kept_as_lists_of_lines_are_joined(make_notebook: MakeNotebook) -> None:
    assert read_notebook("ps4.ipynb", make_notebook(("code", ["x = 1\n", "y = 2"]))).code == ("x = 1\ny = 2",)


def test_a_byte_order_mark_does_not_matter(make_notebook: MakeNotebook) -> None:
    assert read_notebook("ps4.ipynb", b"\xef\xbb\xbf" + make_notebook(("code", "x = 1"))).code == ("x = 1",)


def test_raw_cells_are_neither_code_nor_answers(make_notebook: MakeNotebook) -> None:
    notebook = read_notebook("ps4.ipynb", make_notebook(("raw", "Q1.1 solution: x")))
    assert (notebook.code, answers([notebook])) == ((), {})


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
    assert answers([notebook])["q1.1"][0] == "it is x"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{}",
        b'{"cells": []}',
        b'{"nbformat": null}',
        b'{"nbformat": "four"}',
        b"\xff\xfe{\0}\0",
        b"\x89PNG",
        b"class TwoLayerMLP: pass",
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
        {"nbformat": 4},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": {}},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": ["x"]},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code"}]},
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"source": "x"}]},
        {"nbformat": 3, "metadata": {}},
        {"nbformat": 3, "metadata": {}, "worksheets": 5},
        {"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []},
        {"nbformat": -1, "metadata": {}},
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
    answers([notebook])


def test_a_notebook_of_too_many_cells_is_refused(make_notebook: MakeNotebook) -> None:
    with pytest.raises(Refused, match=f"more than {MAX_CELLS} cells"):
        read_notebook("ps4.ipynb", make_notebook(*[("code", "x")] * (MAX_CELLS + 1)))


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
def test_outputs_are_dropped_before_anything_validates_them(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given_to_nbformat: list[str] = []
    reads = nbformat.reads

    def listening(text: str, **options: Any) -> Any:
        given_to_nbformat.append(text)
        return reads(text, **options)

    monkeypatch.setattr("grader.notebook.nbformat.reads", listening)
    assert read_notebook("ps4.ipynb", with_outputs(10_000, version)).code == ("x = 1",)
    assert sum(map(len, given_to_nbformat)) < 1_000


@pytest.mark.parametrize("version", [3, 4])
def test_cells_are_counted_before_they_are_converted(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = json.loads(with_outputs(1, version))
    holder = saved if version == 4 else saved["worksheets"][0]
    holder["cells"] *= MAX_CELLS + 1
    monkeypatch.setattr("grader.notebook.nbformat.reads", lambda *_, **__: pytest.fail("it was converted"))
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


# ── written answers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "label",
    [
        "Q1.2 solution:",
        "Q1.2 Solution",
        "**Q1.2 solution:**",
        "**Q1.2 Solution**:",
        "Solution to Q1.2:",
        "Solution Q1.2",
        "**Answer to Q1.2:**",
        "Answer for Question 1.2:",
        "Question 1.2 answer:",
        "### Q1.2 Solution",
        "## Solution to Q 1.2",
        "[5pts] Q1.2 Solution:",
        "> *Q1.2 solution:*",
        "q1.2 answer.",
        "__Q1.2 solution__",
    ],
)
def test_an_answer_is_found_under_its_label_however_it_is_written(label: str) -> None:
    assert told(f"{label} $\\hat y - y$") == {"q1.2": "$\\hat y - y$"}
    assert told(f"{label}\n\n$\\hat y - y$") == {"q1.2": "$\\hat y - y$"}


def test_an_answer_goes_on_over_several_cells() -> None:
    found = answers([of("**Q1.1 solution:**\n\nfirst", "then", "finally", "**Q1.2 solution:**\n\nother")])
    assert found == {"q1.1": ("first\n\nthen\n\nfinally", (1, 2, 3)), "q1.2": ("other", (4,))}


def test_code_between_the_cells_of_an_answer_is_not_part_of_it() -> None:
    cells = (("markdown", "Q1.1 solution: one"), ("code", "print('two')"), ("markdown", "three"))
    assert answers([Notebook("ps4.ipynb", (), (), cells)]) == {"q1.1": ("one\n\nthree", (1, 3))}


def test_an_answer_in_a_cell_of_code_is_found_and_said() -> None:
    cells = (("markdown", "**Q1.3 solution:**\n\n*Write your answer here.*"), ("code", "dW2 = (yhat - y) @ h1.T"))
    notebook = Notebook("ps4.ipynb", ("dW2 = (yhat - y) @ h1.T",), (2,), cells)
    text, places = answers([notebook])["q1.3"]
    assert (text, places) == ("```\ndW2 = (yhat - y) @ h1.T\n```", (2,))
    assert notes(text, places, [notebook]) == ("the answer stands in a cell of code",)


def test_a_cell_of_latex_is_read_as_text() -> None:
    cells = (("markdown", "**Q1.3 solution:**"), ("code", "%%latex\n$\\hat y - y$\n"))
    assert answers([Notebook("ps4.ipynb", (), (2,), cells)])["q1.3"][0] == "$\\hat y - y$"


def test_the_handouts_code_below_an_answers_label_is_no_answer() -> None:
    given = Notebook("ps4.ipynb", ("print(1)",), (2,), (("markdown", "**Q2.4 solution:**"), ("code", "print(1)")))
    assert answers([given], [given]) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![derivation](attachment:scan.png)", ("the answer is an image",)),
        ('<img src="scan.png" width=300>', ("the answer is an image",)),
        ("see ![it](x.png): $y$", ("an image belongs to the answer",)),
        ("$y$", ()),
    ],
)
def test_an_image_in_an_answer_is_said(text: str, said: tuple[str, ...]) -> None:
    assert notes(text, (1,), [of(text)]) == said


def test_a_heading_ends_an_answer() -> None:
    assert told(
        "Q1.1 solution: x", "### Q1.2 (5 points)\n\nDerive $b$.", "**Q1.2 solution:**\n\ny", "## Q2 Code", "z"
    ) == {
        "q1.1": "x",
        "q1.2": "y",
    }


def test_several_answers_in_one_cell_are_told_apart() -> None:
    assert told("Q1.1 solution: x\n\nQ1.2 solution: y\nmore\n") == {"q1.1": "x", "q1.2": "y\nmore"}


def test_an_answer_in_the_questions_own_cell_is_found() -> None:
    assert told("[5pts] Q1.1: $\\nabla J$\nQ1.1 Solution: $x$\n[5pts] Q1.2: $b$\nQ1.2 Solution: $y$") == {
        "q1.1": "$x$",
        "q1.2": "$y$",
    }


@pytest.mark.parametrize(
    "placeholder",
    [
        PLACEHOLDER,
        "Write your answer here",
        "_Your answer here_",
        "**Put your solution here**",
        "> *Type your derivation here.*",
    ],
)
def test_a_placeholder_alone_is_no_answer(placeholder: str) -> None:
    assert told(f"**Q1.1 solution:**\n\n{placeholder}", "**Q1.2 solution:**") == {}


def test_a_placeholder_left_above_an_answer_is_dropped() -> None:
    assert told(f"**Q1.1 solution:**\n\n{PLACEHOLDER}\n\n$x$") == {"q1.1": "$x$"}
    assert told(f"**Q1.1 solution:**\n\n{PLACEHOLDER}", "$x$") == {"q1.1": "$x$"}


def test_an_answer_that_speaks_of_answers_is_no_placeholder() -> None:
    text = "Write the loss as a sum, term by term; here the answer follows from the chain rule, because f' = f(1-f)."
    assert told(f"**Q1.1 solution:**\n\n{text}") == {"q1.1": text}


def test_an_answer_that_names_another_question_stays_one_answer() -> None:
    text = "as in Q1.1, and by the solution of Q1.2 above, $g$"
    assert told(f"**Q1.3 solution:**\n\n{text}") == {"q1.3": text}


def test_an_answer_below_the_heading_without_a_label_is_found() -> None:
    handed_out = ("### Q1.1 (5 points)\n\nDerive $a$.", f"**Q1.1 solution:**\n\n{PLACEHOLDER}", "### Q1.2 (5 points)")
    assert told("### Q1.1 (5 points)\n\nDerive $a$.", "it is $x$", "### Q1.2 (5 points)", handed_out=handed_out) == {
        "q1.1": "it is $x$"
    }


def test_the_handouts_own_words_are_no_answer() -> None:
    handout = ("### Q1.1 (5 points)\n\nDerive $a$.\n\n*Hint:* simplify.", f"**Q1.1 solution:**\n\n{PLACEHOLDER}")
    assert told(*handout, handed_out=handout) == {}
    assert told(handout[0], handed_out=handout) == {}


def test_the_last_notebook_that_answers_counts() -> None:
    assert answers([of("Q1.1 solution: old"), of("Q1.1 solution: new", "Q1.2 solution:")])["q1.1"][0] == "new"


def test_no_notebook_has_no_answers() -> None:
    assert answers([]) == {}


def test_the_empty_handout_answers_nothing() -> None:
    handout = read_notebook("ps4.ipynb", (ROOT / "reference" / "ps4" / "handout" / "ps4.ipynb").read_bytes())
    assert answers([handout], [handout]) == {}


@pytest.mark.parametrize(("folder", "found"), [("notebook", 10), ("notebook_and_file", 8)])
def test_the_example_notebooks_answers_are_found(folder: str, found: int) -> None:
    handout = read_notebook("ps4.ipynb", (ROOT / "reference" / "ps4" / "handout" / "ps4.ipynb").read_bytes())
    example = read_notebook("ps4.ipynb", (ROOT / "submissions" / folder / "ps4.ipynb").read_bytes())
    assert len(answers([example], [handout])) == found


@given(st.lists(st.text(st.sampled_from("Qq1.2 solutionanswer:*_#>\n$x"), max_size=60), max_size=4))
def test_any_text_can_be_searched_for_answers(cells: list[str]) -> None:
    assert all(text.strip() for text, _ in answers([of(*cells)]).values())


def test_a_long_line_is_searched_in_no_time() -> None:
    assert told("Q1.1 solution: " + "*_#> " * 100_000, "(" * 100_000, "q " * 100_000)


def test_what_cells_have_printed_is_kept_as_far_as_it_is_bounded() -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["b1 1.9e-07\n", "W1 3e-09\n"]}, {"data": {}}, 7]
    cell = {"cell_type": "code", "source": "x", "metadata": {}, "execution_count": 1, "outputs": outputs}
    long = cell | {"outputs": [{"output_type": "stream", "text": "x" * 100_000}]}
    saved = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell, long]}
    printed = read_notebook("a.ipynb", json.dumps(saved).encode()).printed
    assert printed.startswith("b1 1.9e-07\nW1 3e-09\nxxx")
    assert len(printed) == MAX_PRINTED
