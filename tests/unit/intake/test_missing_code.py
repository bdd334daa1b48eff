"""A submission's text tells, before anything runs, if its code is missing."""

from __future__ import annotations

import pytest

from grader.guest.entry_points import EntryPoints
from grader.intake.missing_code import has_code
from grader.intake.receive import receive_files
from tests.conftest import MakeNotebook

IMPORT, CLASS = "from mlp import TwoLayerMLP", "class TwoLayerMLP:\n    pass"


@pytest.mark.parametrize(
    ("files", "there"),
    [
        ({"ps4.ipynb": IMPORT}, False),
        ({"ps4.ipynb": "import mlp\nnet = mlp.TwoLayerMLP(4, 10, 3)"}, False),
        ({"ps4.ipynb": "x = 1"}, False),
        ({"ps4.ipynb": IMPORT + "\nclass Timer:\n    pass"}, False),
        ({"ps4.ipynb": IMPORT, "utils.py": "import numpy"}, False),
        ({"ps4.ipynb": IMPORT, "layers.py": "def relu(a): ..."}, False),
        ({"ps4.ipynb": IMPORT + "  # class TwoLayerMLP is in mlp.py"}, False),
        ({"ps4.ipynb": CLASS}, True),
        ({"ps4.ipynb": "%%writefile mlp.py\n" + CLASS}, True),
        ({"ps4.ipynb": "class TwoLayerMLP\n    it does not parse"}, True),
        ({"ps4.ipynb": "class Net:\n    pass\n" + IMPORT + "\nTwoLayerMLP = Net"}, True),
        ({"ps4.ipynb": IMPORT, "code/mlp.py": ""}, True),
        ({"ps4.ipynb": IMPORT, "utils.py": CLASS}, True),
        ({"mlp.py": "x = 1"}, True),
    ],
    ids=str,
)
def test_code_is_there_where_a_text_defines_the_class_or_a_file_may(
    files: dict[str, str], there: bool, make_notebook: MakeNotebook
) -> None:
    named = [
        (name, make_notebook(("code", text)) if name.endswith(".ipynb") else text.encode())
        for name, text in files.items()
    ]
    assert (
        has_code(receive_files(named), EntryPoints("class", ("TwoLayerMLP", "OldName")), ["mlp.py"], ["utils.py"])
        is there
    )


def test_words_about_the_class_are_no_code(make_notebook: MakeNotebook) -> None:
    told = make_notebook(("markdown", CLASS), ("code", IMPORT))
    assert not has_code(receive_files([("ps4.ipynb", told)]), EntryPoints("class", ("TwoLayerMLP",)), ["mlp.py"])
