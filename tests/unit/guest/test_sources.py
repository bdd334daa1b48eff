"""Of a notebook only what the class needs is run: found by what it defines, wherever it stands."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from grader.guest.sources import Source, Statement, read_file, read_notebook

NET = "class TwoLayerMLP:\n    def loss(self, X):\n        return X"


NAMES = ("TwoLayerMLP", "TwoLayerNet")


def notebook(*cells: str) -> Source:
    return read_notebook({"path": "a.ipynb", "code": cells, "numbers": range(1, len(cells) + 1)})


def selected(*cells: str) -> list[Statement]:
    return notebook(*cells).needed(NAMES)[0]


def kept(*cells: str) -> list[str]:
    """The first line of every statement that is run, in order."""
    return [ast.unparse(s.node).partition("\n")[0] for s in selected(*cells)]


def run(*cells: str) -> dict[str, Any]:
    """The names that running the selected statements leaves."""
    names: dict[str, Any] = {"__name__": "notebook"}
    for statement in selected(*cells):
        exec(compile(ast.Module([statement.node], []), "cell", "exec"), names)
    return names


def test_the_last_definition_of_a_helper_wins() -> None:
    names = run(
        "def act(a):\n    return 1",
        "class TwoLayerMLP:\n    def loss(self):\n        return act(0)",
        "def act(a):\n    return 2",
    )
    assert names["TwoLayerMLP"]().loss() == 2


@pytest.mark.parametrize(
    "cell",
    [
        f"%matplotlib inline\n{NET}",
        f"files = !ls\n{NET}\n%timeit 1 + 1",
        f"np.argmax?\n{NET}\n?np.argmax",
        f"%%time\n{NET}",
        f"{NET}\nprint('what?')  # is this?\n",
    ],
)
def test_magics_and_shell_lines_are_left_out_and_do_not_hide_the_class(cell: str) -> None:
    assert kept(cell) == ["class TwoLayerMLP:"]


def test_a_per_cent_sign_that_is_no_magic_stays() -> None:
    names = run(
        "class TwoLayerMLP:\n    '''\n    %d units,\n    ! and ?\n    '''\n    rest = 7 % 4\n    text = '%d' % 3"
    )
    assert (names["TwoLayerMLP"].rest, names["TwoLayerMLP"].text) == (3, "3")


def test_lines_keep_their_numbers_under_a_cell_magic() -> None:
    assert selected(f"%%time\n\n{NET}")[0].node.lineno == 3


@pytest.mark.parametrize(
    ("magic", "module"),
    [("%run layers.py", "layers"), ("%run -i ./layers.py 3", "layers"), ("%run /tmp/escape.py", None)],
)
def test_a_file_that_a_cell_runs_is_imported(magic: str, module: str | None) -> None:
    assert kept(magic, NET)[:-1] == ([f"from {module} import *"] if module else [])


def test_plots_and_trainings_are_not_run() -> None:
    assert kept(
        "import numpy as np\nimport matplotlib.pyplot as plt",
        "class TwoLayerMLP:\n    def loss(self, X):\n        return np.sum(X)",
        "net = TwoLayerMLP()\nstats = net.train(X, y)\nprint(stats)",
        "plt.plot(stats['loss_history'])\nplt.show()",
        "for epoch in range(1000):\n    net.train(X, y)",
        "with open('log.txt', 'w') as log:\n    log.write('x')",
        "input('continue?')",
    ) == ["import numpy as np", "class TwoLayerMLP:"]


def test_a_methods_own_variables_are_not_taken_for_the_notebooks() -> None:
    net = (
        "class TwoLayerMLP:\n"
        "    def train(self, X, y, *data, reg=0, **options):\n"
        "        net, stats = self, {}\n"
        "        for batch in range(3):\n"
        "            loss = sum(x for x in X)\n"
        "        with open('f') as handle:\n"
        "            pass\n"
        "        def inner(y=loss):\n"
        "            return net, y\n"
        "        import time as clock\n"
        "        return (lambda best: best)(inner)\n"
    )
    notebook = (
        "X, y = get_MNIST_data()\nnet = train_for_hours()\nstats = net.train(X, y)\nloss = 1\nbatch = 100\nreg = 0.5\n"
        "data = 1\noptions = 2\nhandle = 3\nclock = 4\nbest = 5\nx = 6\nself = 7"
    )
    assert kept(notebook, net, notebook) == ["class TwoLayerMLP:"]


def test_helpers_constants_and_imports_are_selected_through_all_their_uses() -> None:
    assert kept(
        "import numpy as np\nfrom scipy.special import expit as squash\nimport os",
        "EPS = 1e-9\nLIMIT: float = 500.0\nunused: int\nlow, (high, *rest) = 0, (1, 2)\nTABLE = {}\nTABLE['x'] = EPS",
        "def clip(a):\n    return np.clip(a, -LIMIT, LIMIT)\ndef sigmoid(a):\n    return squash(clip(a))",
        "def other():\n    pass",
        "class Base:\n    pass",
        "def logged(method):\n    return method",
        "class TwoLayerMLP(Base):\n"
        "    @logged\n"
        "    def loss(self, X, top=high):\n"
        "        return [sigmoid(x) + TABLE['x'] for x in X]",
        "EPS *= 10",
    ) == [
        "import numpy as np",
        "from scipy.special import expit as squash",
        "EPS = 1e-09",
        "LIMIT: float = 500.0",
        "low, (high, *rest) = (0, (1, 2))",
        "TABLE = {}",
        "TABLE['x'] = EPS",
        "def clip(a):",
        "def sigmoid(a):",
        "class Base:",
        "def logged(method):",
        "class TwoLayerMLP(Base):",
        "EPS *= 10",
    ]


def test_a_name_declared_global_in_a_method_is_the_notebooks() -> None:
    assert "calls = 0" in kept(
        "calls = 0", "class TwoLayerMLP:\n    def loss(self):\n        global calls\n        calls += 1"
    )


def test_of_a_file_everything_above_the_class_is_run_and_nothing_below() -> None:
    source = read_file("mlp.py", f"import sys\nprint(1)\n{NET}\nprint(2)\n".encode())
    assert [s.node.lineno for s in source.needed(NAMES)[0]] == [1, 2, 3]


def test_a_file_in_an_unknown_encoding_cannot_be_read() -> None:
    source = read_file("mlp.py", f"# coding: nonsense\n{NET}\n".encode())
    assert (source.statements, len(source.syntax_errors(NAMES))) == ([], 1)


def test_an_expression_of_thousands_of_terms_costs_nothing_else() -> None:
    assert kept("x = 1" + " + 1" * 3000, NET) == ["class TwoLayerMLP:"]


def test_an_import_of_several_names_is_one_statement_for_each() -> None:
    uses = "class TwoLayerMLP:\n    x = os, np, log"
    assert kept("import os, numpy as np\nfrom math import exp, log", uses)[:-1] == [
        "import os", "import numpy as np", "from math import log",
    ]  # fmt: skip


def test_a_broken_cell_of_the_class_knows_its_place() -> None:
    (broken,) = notebook("x = = 1", "class TwoLayerMLP:\n    def loss(self:\n        pass").syntax_errors(NAMES)
    assert (broken.filename, broken.lineno) == ("a.ipynb cell 2", 2)
