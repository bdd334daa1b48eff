"""Hand-ins as students make them, loaded in the real sandbox: what counts, from where, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from grader.guest.entry_points import EntryPoints
from grader.intake.receive import receive_files
from grader.kit.answer import Answer
from grader.kit.student import Student
from grader.model import Limit, Limits, Loaded, Note, NoteKind, Place, Raised, Stopped
from grader.sandbox.contract import Sandbox
from tests.conftest import MakeNotebook

HANDOUT = {
    "utils.py": b"import numpy as np\ndef ten():\n    return 10\ndef data():\n    raise OSError('no data here')\n"
}
NET = EntryPoints("class", ("Net", "OldNet"))
LIMITS = Limits(load_cpu_seconds=2)

Files = dict[str, str | list[str]]
"""A module's text or a notebook's code cells, by file name."""


def net(loss: str = "7", predict: str = "8") -> str:
    return f"class Net:\n    def loss(self):\n        return {loss}\n    def predict(self):\n        return {predict}\n"


GAPS = """\
class Net:
    def __init__(self):
        self.size = 1

    def loss(self):
        size = self.size
        raise NotImplementedError("GAP 1")
        return size

    def predict(self):
        for _ in range(3):
            raise NotImplementedError("GAP 2")
"""
HOLLOW = "class Net:\n    def loss(self):\n        '''The loss.'''\n        pass\n    def predict(self):\n        ...\n"


@contextmanager
def handed_in(
    files: Files, sandbox: Sandbox, make_notebook: MakeNotebook, asked_for: str = "mlp.py"
) -> Iterator[Student]:
    contents = {
        name: content.encode() if isinstance(content, str) else make_notebook(*(("code", c) for c in content))
        for name, content in files.items()
    }
    student = Student(receive_files(contents.items()), sandbox, NET, [asked_for], LIMITS, {}, HANDOUT)
    student.begin()
    try:
        yield student
    finally:
        student.close()


def loaded(student: Student) -> Loaded:
    assert student.loaded is not None, student.load_failure
    return student.loaded


def answers_of(student: Student) -> tuple[object, object]:
    """Of loss() and predict(); the error's kind where one raises."""
    loss, predict = (student.new().call(method) for method in ("loss", "predict"))
    return _value_or_kind(loss), _value_or_kind(predict)


def _value_or_kind(answer: Answer) -> object:
    if answer.failure is None:
        return answer.value
    return answer.failure.kind if isinstance(answer.failure, Raised) else answer.failure


TRAINING = "net = Net()\nstats = [net.loss() for _ in range(3)]\nbest_net = max([net], key=id)\nprint(stats)"

# ── what is graded, and where it was found ───────────────────────────────────────────────────────────

GRADED: dict[str, tuple[Files, str, Sequence[int]]] = {
    "a module": ({"mlp.py": net()}, "mlp.py", []),
    "a notebook": ({"ps4.ipynb": ["x = 1", net(), TRAINING]}, "ps4.ipynb", [2]),
    "two cells through an alias": (
        {"ps4.ipynb": [net(predict="0"), "Base = Net", "class Net(Base):\n    def predict(self): return 8"]},
        "ps4.ipynb", [1, 2, 3],
    ),
    "assigned methods": (
        {"ps4.ipynb": ["class Net:\n    pass", "def loss(self): return 7\nNet.loss = loss",
                       "def predict(self): return 8\nsetattr(Net, 'predict', predict)"]}, "ps4.ipynb", [1, 2, 3],
    ),
    "methods in a loop of pairs": (
        {"ps4.ipynb": ["class Net:\n    pass", "def loss(self): return 7\ndef predict(self): return 8",
                       "for name, f in [('loss', loss), ('predict', predict)]:\n    setattr(Net, name, f)"]},
        "ps4.ipynb", [1, 2, 3],
    ),
    "a method whose name a later cell gives to a number": (
        {"ps4.ipynb": [HOLLOW, "def loss(self): return 7\nNet.loss = loss\nNet.predict = lambda self: 8",
                       "loss, grads = Net().loss(), {}"]}, "ps4.ipynb", [1, 2, 3],
    ),
    "a decorator of their own": (
        {"ps4.ipynb": ["def add_to_class(C):\n    def put(f):\n        setattr(C, f.__name__, f)\n    return put",
                       "class Net:\n    def predict(self): return 8",
                       "@add_to_class(Net)\ndef loss(self):\n    return 7"]}, "ps4.ipynb", [1, 2, 3],
    ),
    "an indented cell": ({"ps4.ipynb": ["    " + net().replace("\n", "\n    ")]}, "ps4.ipynb", [1]),
    "gaps below the answer": ({"ps4.ipynb": [net(), GAPS]}, "ps4.ipynb", [1]),
    "the answer below the gaps": ({"ps4.ipynb": [GAPS, net()]}, "ps4.ipynb", [2]),
    "an answer in two cells above the gaps": (
        {"ps4.ipynb": [HOLLOW, "Net.loss = lambda self: 7", "Net.predict = lambda self: 8", HOLLOW]},
        "ps4.ipynb", [1, 2, 3],
    ),
    "a notebook that imports": ({"mlp.py": net(), "ps4.ipynb": ["from mlp import Net", TRAINING]}, "mlp.py", []),
    "a notebook that runs": ({"mlp.py": net(), "ps4.ipynb": ["%matplotlib inline\n%run mlp.py"]}, "mlp.py", []),
    "a module that a cell writes": (
        {"ps4.ipynb": ["%%writefile mlp.py\n" + net(), "from mlp import Net"]}, "ps4.ipynb", [1],
    ),
    "an import of a file that is missing, above the class and below it": (
        {"ps4.ipynb": ["from mlp import *\nfrom mlp import Net", net(), "from mlp import Net"]}, "ps4.ipynb", [2],
    ),
    "gaps in the file, the answer in the notebook": (
        {"mlp.py": GAPS, "ps4.ipynb": [net(), "from mlp import Net"]}, "ps4.ipynb", [1],
    ),
    "the answer in the file, a draft in the notebook": (
        {"mlp.py": net(), "ps4.ipynb": [net(loss="0")]}, "mlp.py", [],
    ),
    "an import of the file, and a later version in the notebook": (
        {"mlp.py": net(loss="0"), "ps4.ipynb": ["from mlp import Net", net()]}, "ps4.ipynb", [2],
    ),
    "the answer in the notebook, a gap in the file": (
        {"mlp.py": net(loss="0", predict="8").replace("return 8", "pass"), "ps4.ipynb": [net()]}, "ps4.ipynb", [1],
    ),
    "a copy": ({"mlp.py": net(), "mlp - Copy.py": net(loss="0")}, "mlp.py", []),
    "a checkpoint": (
        {"ps4.ipynb": [net()], ".ipynb_checkpoints/ps4-checkpoint.ipynb": [net(loss="0")]}, "ps4.ipynb", [1],
    ),
    "nothing but a copy": ({"mlp (1).py": net(), "ps4.ipynb": ["from mlp import Net"]}, "mlp (1).py", []),
    "the handout's module": ({"mlp.py": "from utils import ten\n" + net(loss="ten() - 3")}, "mlp.py", []),
    "their own in its place": (
        {"mlp.py": "import utils\n" + net(loss="utils.ten()"), "utils.py": "def ten(): return 7\n"}, "mlp.py", [],
    ),
    "packages that students reach for": (
        {"mlp.py": "import pandas as pd\nimport seaborn as sns\nfrom tqdm import tqdm, trange\n"
                   + net(loss="int(pd.Series(tqdm([3, 4])).sum())")}, "mlp.py", [],
    ),
    "relative imports": (
        {"ps4/mlp.py": "from .layers import seven\nfrom . import acts\n" + net(loss="seven()"),
         "ps4/__init__.py": "", "ps4/layers.py": "from .acts import number\ndef seven(): return number",
         "ps4/acts.py": "number = 7"}, "mlp.py", [],
    ),
    "relative imports across folders, of a package that imports its parts": (
        {"src/net/mlp.py": "from ..layers import seven\nfrom . import EIGHT\n" + net(loss="seven()", predict="EIGHT"),
         "src/layers.py": "def seven(): return 7", "src/net/__init__.py": "EIGHT = 8\nfrom .mlp import Net",
         "README.md": ""}, "src/net/mlp.py", [],
    ),
    "a package whose folder was the whole hand-in": (
        {"cs231n/mlp.py": "from cs231n.layers import seven\n" + net(loss="seven()"), "cs231n/__init__.py": "",
         "cs231n/layers.py": "from cs231n.acts import number\ndef seven(): return number",
         "cs231n/acts.py": "number = 7"}, "mlp.py", [],
    ),
    "a block for running it": ({"mlp.py": net() + "if __name__ == '__main__':\n    Net().train()\n"}, "mlp.py", []),
    "an exit below the class": ({"mlp.py": net() + "import sys\nsys.exit()\n"}, "mlp.py", []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "source", "cells"), GRADED.values(), ids=GRADED)
def test_the_class_is_found_and_its_place_is_told(
    files: Files, source: str, cells: Sequence[int], sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    with handed_in(files, sandbox, make_notebook) as student:
        assert answers_of(student) == (7, 8)
        assert (loaded(student).source, list(loaded(student).cells)) == (source, cells)


@pytest.mark.parametrize("draft", ["a_draft.py", "mlp.py"])
def test_the_file_that_the_handout_asks_for_goes_before_drafts_whatever_it_is_called(
    draft: str, sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    files: Files = {draft: net(loss="0"), "line.py": net()}
    with handed_in(files, sandbox, make_notebook, asked_for="line.py") as student:
        assert answers_of(student) == (7, 8)
        assert loaded(student).source == "line.py"


# ── what fails beside it ─────────────────────────────────────────────────────────────────────────────

MENTIONS = net(loss="len(net.x)")
RAISES = "class Net:\n    x = 1 / 0\n"

NOTED: dict[str, tuple[Files, tuple[object, object], list[tuple[NoteKind, str]]]] = {
    "a trained net": (
        {"a.ipynb": [MENTIONS, "net = Net()\nnet.x = [0] * 7\nnet.train()"]}, (7, 8), [],
    ),
    "what a training returns": (
        {"a.ipynb": [net(loss="best"), "def run(): return Net().train()", "stats = run()", "best = stats['best']"]},
        ("NameError", 8), [(NoteKind.SKIPPED, "a.ipynb cell 3")],
    ),
    "a package that is not here, in a helper": (
        {"mlp.py": "import helper\n" + net(loss="helper.f()"), "helper.py": "import torch\nf = lambda: torch.f()"},
        ("ModuleNotFoundError", 8), [(NoteKind.ABSENT, "torch")],
    ),
    "a package that they do without": (
        {"mlp.py": "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
                   "import importlib.util\nfound = importlib.util.find_spec('jax')\n"
                   + net(loss="7 if torch is None and found is None else 0")}, (7, 8), [],
    ),
    "a name that a package has not got": (
        {"a.ipynb": ["from itertools import izip", net(loss="izip(1)")]}, ("ImportError", 8),
        [(NoteKind.SKIPPED, "a.ipynb cell 1")],
    ),
    "an exit": (
        {"a.ipynb": ["size = exit()", net(loss="size")]}, ("NameError", 8), [(NoteKind.SKIPPED, "a.ipynb cell 1")],
    ),
    "a later definition that cannot be read": (
        {"a.ipynb": [net(), "class Net(\n    pass"]}, (7, 8), [(NoteKind.SKIPPED, "a.ipynb cell 2")],
    ),
    "gaps below the answer": ({"a.ipynb": [net(), GAPS]}, (7, 8), [(NoteKind.EMPTY, "a.ipynb cell 2")]),
    "gaps in another file": ({"a.ipynb": [net()], "mlp.py": GAPS}, (7, 8), [(NoteKind.GAPS, "mlp.py")]),
    "the same in another file": ({"a.ipynb": [net()], "mlp.py": net()}, (7, 8), []),
    "something else in another file": ({"a.ipynb": [net("0")], "mlp.py": net()}, (7, 8), [(NoteKind.OTHER, "a.ipynb")]),
    "a notebook that adds": (
        {"a.ipynb": ["from mlp import Net", "Net.loss = lambda self: 7"], "mlp.py": net("0")},
        (7, 8), [(NoteKind.ADDED, "a.ipynb cell 2")],
    ),
    "a notebook that cannot be read": (
        {"a.ipynb": ["class Net\n    pass"], "mlp.py": net()}, (7, 8), [(NoteKind.FAILED, "a.ipynb")],
    ),
    "a module that cannot be read": (
        {"mlp.py": "class Net\n", "net.py": net()}, (7, 8), [(NoteKind.FAILED, "mlp.py")],
    ),
    "a module that raises is run on": (
        {"mlp.py": "1 / 0\n" + net(), "b.py": net("0")}, (7, 8),
        [(NoteKind.OTHER, "b.py"), (NoteKind.SKIPPED, "mlp.py, line 1")],
    ),
    "a module whose class raises": ({"mlp.py": RAISES, "b.py": net()}, (7, 8), [(NoteKind.FAILED, "mlp.py")]),
    "a folder of an old version": (
        {"v1/mlp.py": "import acts\n" + net("acts.x"), "v1/acts.py": "x = 7", "v2/mlp.py": "import acts\n" + RAISES,
         "v2/acts.py": "x = 0"}, (7, 8), [(NoteKind.OTHER, "v2/mlp.py")],
    ),
    "data above the class that a method uses": (
        {"mlp.py": "SEVEN = 7\nX = open('data.csv').read()\nprint(X)\n" + net("SEVEN", "len(X)")}, (7, "NameError"),
        [(NoteKind.SKIPPED, "mlp.py, line 2")],
    ),
    "an endless loop above the class": (
        {"mlp.py": "while True: pass\n" + net()}, (7, 8), [(NoteKind.SKIPPED, "mlp.py, line 1")],
    ),
    "an earlier definition": (
        {"a.ipynb": [net("0"), net()]}, (7, 8), [(NoteKind.REPLACED, "a.ipynb cell 1")],
    ),
    "a training below the class": ({"mlp.py": net() + "1 / 0\n"}, (7, 8), []),
    "an endless training below it": ({"mlp.py": net() + "while True: pass\n"}, (7, 8), []),
    "the same below an import of it": (
        {"a.ipynb": ["from mlp import Net"], "mlp.py": net() + "while True: pass\n"}, (7, 8), [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "answers", "notes"), NOTED.values(), ids=NOTED)
def test_what_fails_beside_the_class_costs_only_what_needs_it_and_is_noted(
    files: Files,
    answers: tuple[object, object],
    notes: list[tuple[NoteKind, str]],
    sandbox: Sandbox,
    make_notebook: MakeNotebook,
) -> None:
    with handed_in(files, sandbox, make_notebook) as student:
        assert answers_of(student) == answers
        assert [(note.kind, note.where) for note in loaded(student).notes] == notes


WITHOUT_PICKLE = "import cPickle\n" + net() + "    cPickle.load()\n"


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"a.ipynb": [RAISES], "mlp.py": WITHOUT_PICKLE}, "ModuleNotFoundError"),
        ({"mlp.py": WITHOUT_PICKLE, "b.py": RAISES}, "ModuleNotFoundError"),
        ({"mlp.py": RAISES, "mlp (1).py": WITHOUT_PICKLE}, "ZeroDivisionError"),
        ({"a.ipynb": ["from mlp import Net"]}, "ModuleNotFoundError"),
        ({"mlp.py": "from net import Net"}, "ModuleNotFoundError"),
        ({"a.ipynb": ["def half(:", "class Net:\n  x = = 1"]}, "SyntaxError"),
        ({"mlp.py": "exit()\nclass Net:\n    exit()\n"}, "SystemExit"),
    ],
)
def test_where_nothing_works_the_likeliest_files_failure_is_told(
    files: Files, kind: str, sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    with handed_in(files, sandbox, make_notebook) as student:
        assert isinstance(student.load_failure, Raised)
        assert student.load_failure.kind == kind


def test_an_import_that_never_ends_is_stopped_at_the_limit(sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    with handed_in({"mlp.py": "class Net:\n    while True: pass\n"}, sandbox, make_notebook) as student:
        assert student.load_failure == Stopped(Limit.CPU, LIMITS.load_cpu_seconds, before="mlp.py cannot be loaded")


def test_a_note_says_why_in_one_line(sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    files: Files = {"mlp.py": "x = 1\nraise ValueError('two\\nlines')\n" + net()}
    with handed_in(files, sandbox, make_notebook) as student:
        why = "ValueError: two lines (mlp.py, line 2)"
        assert loaded(student).notes == (Note(NoteKind.SKIPPED, "mlp.py, line 2", why),)


def test_what_is_not_there_is_told_with_its_import_and_where_it_is_used(
    sandbox: Sandbox, make_notebook: MakeNotebook
) -> None:
    files: Files = {"mlp.py": "import os\nimport torch\n" + net(loss="torch.sum(1)")}
    with handed_in(files, sandbox, make_notebook) as student:
        assert student.new().call("loss").failure == Raised(
            "ModuleNotFoundError",
            "No module named 'torch' (imported in mlp.py, line 2)",
            Place("mlp.py", 5),
            "return torch.sum(1)",
        )


def test_a_name_whose_cell_failed_says_why(sandbox: Sandbox, make_notebook: MakeNotebook) -> None:
    files: Files = {"a.ipynb": ["from utils import data\nX = data()", net(loss="X + 1")]}
    with handed_in(files, sandbox, make_notebook) as student:
        failure = student.new().call("loss").failure
        assert isinstance(failure, Raised)
        why = "OSError: no data here (a.ipynb cell 1, line 2)"
        assert failure.message == f"name 'X' is not defined, because the statement that defines it failed ({why})"
        assert failure.place == Place("a.ipynb cell 2", 3)
