"""The modules beside a notebook: those that it imports come along, and nothing that it says ends the command."""

import json
from pathlib import Path

import pytest

from grader.intake.modules import with_modules


def notebook(file: Path, *sources: str) -> Path:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    file.write_text(json.dumps({"cells": cells}), "utf-8")
    return file


def test_modules_come_along_also_those_of_modules(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("from second import x\n", "utf-8")
    (tmp_path / "second.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "unused.py").write_text("", "utf-8")
    paths = with_modules([notebook(tmp_path / "a.ipynb", "import numpy as np, first.part as f")])
    assert [path.name for path in paths] == ["a.ipynb", "first.py", "second.py"]


@pytest.mark.parametrize(
    "text",
    ["import data/cifar10 here.", "import https://x.edu", f"from {'a' * 300} import b", "import ,"],
)
def test_words_of_a_text_are_no_modules(tmp_path: Path, text: str) -> None:
    assert len(with_modules([notebook(tmp_path / "a.ipynb", text)])) == 1


def test_a_notebook_that_cannot_be_read_brings_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deep.ipynb"
    file.write_text("[" * 100_000, "utf-8")
    assert with_modules([file]) == [file]


def test_a_name_is_taken_once_and_what_is_given_comes_first(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "utils.py").write_text("", "utf-8")
    one, two = (notebook(tmp_path / folder / f"{folder}.ipynb", "import utils") for folder in ("one", "two"))
    assert with_modules([one, two]) == [one, two, tmp_path / "one" / "utils.py"]
    assert with_modules([one, tmp_path / "two"]) == [one, tmp_path / "two"]
