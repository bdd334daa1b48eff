"""Which modules a sandbox imports in advance for a submission: each takes as long as many sessions."""

from __future__ import annotations

import pytest

from grader.model import Notebook
from grader.sandbox.launch import COMMON_IMPORTS, imports_of


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import numpy as np", ()),
        ("import matplotlib.pyplot as plt", ("matplotlib.pyplot",)),
        ("from scipy.special import expit", ("scipy.special",)),
        ("from sklearn.datasets import fetch_openml", ("scipy.special",)),
        ("import seaborn", COMMON_IMPORTS),
    ],
)
def test_a_file_needs_what_its_packages_import(source: str, imports: tuple[str, ...]) -> None:
    assert imports_of({"mlp.py": source.encode()}) == imports
    notebook = Notebook("ps.ipynb", (source,), (1,), (("code", source),))
    assert imports_of({}, (notebook,)) == imports
