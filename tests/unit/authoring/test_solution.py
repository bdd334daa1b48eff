"""A marked notebook is read whatever stands at a cell's end."""

from __future__ import annotations

import pytest

from grader.authoring import solution
from grader.errors import BadCall

FUNCTION = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
CLASS = "class C:\n    def g(self, x):\n        ### BEGIN SOLUTION\n        return x - 1\n        ### END SOLUTION"
SPACED = FUNCTION.replace("\n    ### END", "\n\n    # that is all\n    ### END").replace("def f", "def spaced")


@pytest.fixture
def read(tmp_path):
    import nbformat

    def of_cells(*cells):
        kinds = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
        notebook = nbformat.v4.new_notebook(cells=[kinds[kind](source) for kind, source in cells])
        path = tmp_path / "solution.ipynb"
        nbformat.write(notebook, path)
        return solution.read(path, "given")

    return of_cells


@pytest.mark.parametrize("first", [FUNCTION, SPACED])
def test_a_solution_may_end_with_its_cell(read, first):
    import nbformat

    found = read(("code", first), ("code", CLASS), ("markdown", "## Why?"), ("code", "f(1)"))
    assert ("SOLUTION" in found.module, found.calls.strip()) == (False, "f(1)")
    assert (found.functions, found.classes) == ([first[4:].partition("(")[0]], {"C": ["g"]})
    handout = nbformat.reads(found.handout[1].decode(), as_version=4)
    assert all(cell.source.endswith("raise NotImplementedError\n") for cell in handout.cells[:2])


def test_a_call_may_stand_below_a_solution_in_its_cell(read):
    found = read(("code", f"{FUNCTION}\n\n# an example\nf(1)"), ("code", CLASS))
    assert found.calls.strip() == "# an example\nf(1)"
    assert found.classes == {"C": ["g"]}


def test_a_method_that_is_given_is_not_graded_unless_it_uses_one_that_is_not(read):
    given = "\n\n    def given(self):\n        return 1\n\n    def whole(self, x):\n        return self._between(x)\n\n"
    given += "    def _between(self, x):\n        return self._part(x)\n\n"
    part = "    def _part(self, x):\n        ### BEGIN SOLUTION\n        return x\n        ### END SOLUTION"
    found = read(("code", CLASS + given + part))
    assert (found.classes, found.unchecked) == ({"C": ["g", "whole"]}, [])


@pytest.mark.parametrize(
    ("code", "unchecked"),
    [
        (CLASS.replace("def g", "def __call__"), "C.__call__"),
        (CLASS.replace("def g", "def _unused"), "C._unused"),
        ("class C:\n    ### BEGIN SOLUTION\n    def g(self, x):\n        return x\n    ### END SOLUTION", "C.g"),
        ("### BEGIN SOLUTION\ndef whole(x):\n    return x\n### END SOLUTION", "whole"),
    ],
)
def test_what_students_write_and_no_check_can_call_is_told(read, code, unchecked):
    assert read(("code", code)).unchecked == [unchecked]


TESTS = "### BEGIN HIDDEN TESTS\nimport math\nassert f(1) == 2\n### END HIDDEN TESTS"


def test_other_regions_are_hidden_from_students_in_every_cell_and_solutions_of_nbgrader_as_a_whole(read, tmp_path):
    import nbformat

    scheme = "Why?\n=== BEGIN MARK SCHEME ===\nBecause.\n=== END MARK SCHEME ==="
    found = read(("code", FUNCTION), ("code", f"f(0)\n{TESTS}\nf(3)"), ("markdown", scheme))
    sources = [cell.source for cell in nbformat.reads(found.handout[1].decode(), as_version=4).cells]
    assert sources[1:] == ["f(0)\nf(3)\n", "Why?\n"]
    assert "assert f(1) == 2" in found.calls
    assert solution.of_text("reference.py", found.reference, "").calls.strip() == found.calls.strip()
    notebook = nbformat.read(tmp_path / "solution.ipynb", as_version=4)
    notebook.cells[2].metadata["nbgrader"] = {"solution": True}
    notebook.cells[2].source = "Because."
    nbformat.write(notebook, tmp_path / "solution.ipynb")
    assert b"Because" not in solution.read(tmp_path / "solution.ipynb", "given").handout[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FUNCTION + "\n" + TESTS.replace("### END", "# the end of"), "line 5: '### BEGIN HIDDEN TESTS' without"),
        (TESTS.replace("### END", "# the end of") + "\n" + TESTS, "line 1: '### BEGIN HIDDEN TESTS' without"),
        (FUNCTION.replace("    ### BEGIN SOLUTION\n", ""), "line 3: '### END SOLUTION' without '### BEGIN SOLUTION'"),
        (f"def g():\n    {TESTS.replace(chr(10), chr(10) + '    ')}", "without its solutions, line 1: Python cannot"),
    ],
)
def test_a_region_without_its_end_is_refused_with_its_line(text, message):
    with pytest.raises(BadCall, match=message):
        solution.of_text("f.py", text, "f")


def test_ordinary_comments_are_no_marks():
    text = "# begin with the largest\nx = 1\n# END OF YOUR CODE\n"
    assert solution.gaps(text, "f.py") == text
