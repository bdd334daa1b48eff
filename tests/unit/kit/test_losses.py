import pytest

from grader.kit.losses import rounding_remark


@pytest.mark.parametrize(
    ("printed", "explained"),
    [
        ("b1 max relative error: 1.9e-07\n", True),
        ("W1 max relative error: 1.9e-07\nb1 max relative error: 2.1e-09\n", False),
        ("b1 max relative error: 9.1e-01\n", False),
        ("", False),
    ],
)
def test_rounding_is_explained_where_the_notebook_prints_it(printed, explained):
    assert bool(rounding_remark("b1", printed)) == explained
