"""A marked notebook is read whatever stands at a cell's end."""

from __future__ import annotations

import pytest

from grader.authoring import solution

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
    assert found.functions + found.classes + found.methods == (first[4:].partition("(")[0], "C", "g")
    handout = nbformat.reads(found.handout[1].decode(), as_version=4)
    assert all(cell.source.endswith("raise NotImplementedError\n") for cell in handout.cells[:2])


def test_a_call_may_stand_below_a_solution_in_its_cell(read):
    found = read(("code", f"{FUNCTION}\n\n# an example\nf(1)"), ("code", CLASS))
    assert found.calls.strip() == "# an example\nf(1)"
    assert found.methods == ("g",)


def test_a_method_that_is_given_is_not_graded_unless_it_uses_one_that_is_not(read):
    given = "\n\n    def given(self):\n        return 1\n\n    def whole(self, x):\n        return self._part(x)\n\n"
    part = "    def _part(self, x):\n        ### BEGIN SOLUTION\n        return x\n        ### END SOLUTION"
    assert read(("code", CLASS + given + part)).methods == ("g", "whole")
