"""Mutants of a file: one fault each, on a line that is known."""

import ast
from textwrap import dedent

import pytest

from grader.authoring.mutate.operators import mutants
from tests.conftest import ROOT

VARIANTS = ROOT / "reference" / "ps4" / "variants"


def made(source, operator):
    """The changed lines of every mutant of one operator."""
    found = mutants("net.py", dedent(source))
    return [
        line[1:].strip() for m in found if m.operator == operator for line in m.diff.splitlines()[2:] if line[0] == "+"
    ]


IN_A_FUNCTION = """
    def f(x, y, W, reg=0.1):
        {}
"""


@pytest.mark.parametrize(
    ("operator", "line", "mutant"),
    [
        ("axis", "return np.sum(x, axis=0)", "return np.sum(x, axis=1)"),
        ("keepdims", "return np.max(x, axis=1, keepdims=True)", "return np.max(x, axis=1)"),
        ("transpose", "return x.T @ y", "return x @ y"),
        ("sign", "return x - y", "return x + y"),
        ("operator", "return x / y", "return x * y"),
        ("dropped operand", "return 0.5 * x", "return x"),
        ("comparison", "return x > 0", "return x >= 0"),
        ("condition", "return x if reg > 0 else y", "return x if True else y"),
        ("swapped operands", "return x @ W", "return W @ x"),
        ("missing copy", "return x.copy()", "return x"),
        ("in-place for copy", "x = x - y", "x -= y"),
        ("in-place for copy", "z = x - y", "x -= y; z = x"),
        ("copy for in-place", "x -= y", "x = x - (y)"),
        ("constant for parameter", "return reg * x", "return 0.1 * x"),
        ("constant", "return 0.5 * x", "return 1.0 * x"),
        ("off by one", "return x[reg:]", "return x[reg + 1:]"),
        ("dropped statement", "x -= y", "pass"),
        ("dropped call", "return np.log(x)", "return x"),
        ("other function", "return np.sum(x)", "return np.max(x)"),
        ("dropped argument", "return f(x, reg=reg)", "return f(x)"),
    ],
)
def test_each_operator_makes_its_fault(operator, line, mutant):
    assert mutant in made(IN_A_FUNCTION.format(line), operator)


def test_what_is_changed_keeps_its_place_among_other_operators():
    assert "return (x + y) * W" in made(IN_A_FUNCTION.format("return (x - y) * W"), "sign")
    assert "return (y - x) * W" in made(IN_A_FUNCTION.format("return (x - y) * W"), "swapped operands")


def test_a_wrong_variable_is_a_parameter_or_has_a_similar_name_and_a_value_by_then():
    source = """
        def f(x, y):
            z1 = x + 1
            z2 = z1
            z3 = 1
            return len(z1)
    """
    assert set(made(source, "wrong variable")) >= {"return len(z2)", "return len(z3)", "z1 = y + 1"}
    assert "z2 = z3" not in made(source, "wrong variable")


def test_statements_move_into_and_out_of_loops():
    source = """
        def f(x):
            for i in range(3):
                x = x + i
                x = x + 2
            x = x * 2
            return x
    """
    assert made(source, "out of the loop") == ["x = x + 2"]
    assert made(source, "into the loop") == ["x = x * 2"]
    moved = [m.source for m in mutants("net.py", dedent(source)) if m.operator == "into the loop"]
    assert "        x = x * 2\n    return x" in moved[0]


def test_annotations_docstrings_and_f_strings_stay():
    source = '''
        def f(x: "tuple[1, 2]"):
            """The axis=0 of x."""
            return f"{x + 1}"
    '''
    assert mutants("net.py", dedent(source)) == []


@pytest.mark.parametrize("name", ["textbook", "loops", "properties"])
def test_a_mutant_compiles_differs_once_and_says_where(name):
    source = (VARIANTS / f"{name}.py").read_text("utf-8")
    found = mutants(f"{name}.py", source)
    assert len({m.id for m in found}) == len({m.source for m in found}) == len(found) > 200
    before = source.splitlines()
    for mutant in found:
        ast.parse(mutant.source)
        after = mutant.source.splitlines()
        first = next(i for i, (old, new) in enumerate(zip(before, after, strict=False), 1) if old != new)
        assert first >= mutant.line
        assert before[: mutant.line - 1] == after[: mutant.line - 1]
        assert mutant.line in mutant.lines
