"""The statements of a student's functions, and the data flow of one call."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.guest import tracing
from grader.guest.describe import FOLDER
from grader.guest.structure import MAX_ROWS, structure
from grader.guest.tracing import MAX_EVENTS, Trace

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Source text → the module, as a student's file of that text."""

    def make(source: str) -> ModuleType:
        file = tmp_path / FOLDER / "mlp.py"
        file.parent.mkdir()
        file.write_text(source)
        spec = importlib.util.spec_from_file_location("traced_mlp", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield make
    sys.modules.pop("traced_mlp", None)


def content(source: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(source.encode(), np.uint8)


def follow(source: str, load: Load, *arguments: Any) -> tuple[Trace, Callable[[str], set[int]]]:
    """The trace of Net().f(…), and the lines that an output comes from."""
    net = load(source).Net()
    trace = Trace(structure({"mlp.py": content(source)}, []))
    trace.follow(lambda: net.f(*arguments), net)

    def lines(output: str) -> set[int]:
        reached = set(trace.outputs[output])
        for start, end in sorted(zip(trace.starts, trace.ends, strict=True), key=lambda pair: -pair[1]):
            if end in reached:
                reached.add(start)
        return {trace.structure.rows[trace.rows[e]].line for e in reached}

    return trace, lines


# ── statements ───────────────────────────────────────────────────────────────────────────────────────

ROWS = """\
class Net:
    def f(self, x):
        a, b = x, self.g(x)
        grads = {
            'W1': a.T @ b,
            'b1': b.sum(axis=0),
        }
        for name in grads:
            self.params[name] -= grads[name]
        losses.append(a)
        return b, grads
"""


def test_each_assignment_is_a_row_of_its_own() -> None:
    rows = structure({"mlp.py": content(ROWS)}, []).rows
    assert [(r.line, r.kind, [str(p) for p in r.writes]) for r in rows] == [
        (3, "assign", ["a"]),
        (3, "assign", ["b"]),
        (4, "assign", ["grads"]),
        (5, "assign", ["grads['W1']"]),
        (6, "assign", ["grads['b1']"]),
        (8, "for", ["name"]),
        (9, "augmented", ["self.params[name]"]),
        (10, "call", ["losses", "a"]),
        (11, "return", []),
        (11, "return", []),
    ]
    assert (rows[4].calls, rows[6].parent) == (["b.sum"], 5)


def test_what_cannot_be_read_has_no_rows() -> None:
    files = {"mlp.py": content("def f(:"), "other.py": content("def f(): return 1")}
    assert structure(files, []).rows[0].file == "other.py"


def test_only_so_many_rows_are_told() -> None:
    many = "def f():\n" + "    x = 1\n" * (MAX_ROWS + 10)
    assert len(structure({"mlp.py": content(many)}, []).plain()) == MAX_ROWS


# ── one call ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_output_comes_from_what_was_read_on_the_way(load: Load) -> None:
    source = "class Net:\n def f(self, x):\n  a = x + 1\n  b = x + 2\n  c = a * 2\n  return c, b\n"
    _, lines = follow(source, load, 1.5)
    assert (lines("[0]"), lines("[1]")) == ({3, 5, 6}, {4, 6})


def test_entries_of_one_dict_come_from_different_lines(load: Load) -> None:
    source = (
        "class Net:\n def f(self, x):\n  g = {}\n  g['W1'] = x * 2\n  g['b1'] = x * 3\n  g['W1'] += x\n  return x, g\n"
    )
    _, lines = follow(source, load, np.ones(2))
    assert lines("[1]['b1']") == {5}
    assert lines("[1]['W1']") == {4, 6}


def test_a_called_function_belongs_to_the_way(load: Load) -> None:
    source = "def double(v):\n return v * 2\nclass Net:\n def f(self, x):\n  a = x + 1\n  return double(a)\n"
    _, lines = follow(source, load, np.ones(2))
    assert lines("") == {2, 5, 6}


def test_an_alias_is_the_same_thing(load: Load) -> None:
    source = (
        "class Net:\n def __init__(self):\n  self.params = {'W': 1.5}\n"
        " def f(self):\n  p = self.params\n  p['W'] = 2.5\n  return self.params['W']\n"
    )
    _, lines = follow(source, load)
    assert lines("") == {6, 7}
    assert lines("self.params['W']") == {6}


def test_a_statement_depends_on_the_loop_and_the_if_around_it(load: Load) -> None:
    source = "class Net:\n def f(self, x):\n  t = 0.5\n  for i in range(3):\n   if x > 1:\n    t = t + i\n  return t\n"
    _, lines = follow(source, load, 1.5)
    assert lines("") == {3, 4, 5, 6, 7}


def test_where_a_call_raised_is_its_output(load: Load) -> None:
    source = "class Net:\n def f(self, x):\n  a = x + 1\n  b = a @ a.T @ a\n  return b\n"
    _, lines = follow(source, load, 1.5)
    assert lines("raised") == {3, 4}


def test_where_a_called_function_raised_is_the_output(load: Load) -> None:
    source = "def bad(v):\n w = v + 1\n return w @ v\nclass Net:\n def f(self, x):\n  return bad(x)\n"
    trace, _ = follow(source, load, 1.5)
    assert {trace.structure.rows[trace.rows[event]].line for event in trace.outputs["raised"]} == {3}


PARTS = """\
def parts(v):
    low = v / 2
    high = v * 2
    return low, high
class Net:
    def f(self, x):
        a, b = parts(x)
        return b, a
"""


def test_arguments_and_each_item_that_a_call_returns_come_with_their_values(load: Load) -> None:
    trace, lines = follow(PARTS, load, np.array([2.0, 4.0]))
    plain = trace.plain()
    assert (lines("[0]"), lines("[1]")) == ({3, 4, 7, 8}, {2, 4, 7, 8})
    assert (plain["is_whole"], plain["results"]["[0]"].tolist()) == (True, [4.0, 8.0])
    ((function, ((parameter, event),)),) = plain["calls"]
    assert (function, parameter, trace.structure.rows[plain["rows"][event]].line) == ("parts", "v", 7)
    assert [value["numbers"].tolist() for value in plain["values"] if value["event"] == event] == [[2.0, 4.0]]


@pytest.mark.parametrize(("bound", "recorded"), [("VALUES", "values"), ("NUMBERS", "values"), ("CALLS", "calls"),
                                                 ("SOURCES", "starts"), ("EVENTS", "rows")])  # fmt: skip
def test_what_is_beyond_a_bound_is_left_out_and_said(
    load: Load, monkeypatch: pytest.MonkeyPatch, bound: str, recorded: str
) -> None:
    monkeypatch.setattr(tracing, f"MAX_{bound}", 0)
    trace, _ = follow(PARTS, load, np.array([2.0, 4.0]))
    assert trace.plain()["is_whole"] is False
    assert len(trace.plain()[recorded]) == 0


def test_a_long_call_is_followed_as_far_as_there_is_room(load: Load) -> None:
    source = f"class Net:\n def f(self):\n  for i in [None] * {MAX_EVENTS}:\n   t = i\n  return t\n"
    trace, _ = follow(source, load)
    assert (len(trace.rows), trace.is_whole) == (MAX_EVENTS, False)


def test_an_object_that_answers_nothing_spoils_only_the_trace(load: Load) -> None:
    source = (
        "class Odd:\n def __getattribute__(self, name):\n  raise ValueError(name)\n"
        "class Net:\n def f(self, seen):\n  odd = Odd()\n  x = odd\n  seen.append(1)\n  return 1.5\n"
    )
    seen: list[int] = []
    follow(source, load, seen)
    assert seen == [1]
