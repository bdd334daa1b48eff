"""A rewrite of ps4's checks keeps its verdicts; every other difference has its line in frozen-differences.md."""

import json

import pytest

from tests.assignments import frozen

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def table():
    return json.loads(frozen.TABLE.read_text("utf-8"))


@pytest.mark.parametrize("every", [30, pytest.param(1, marks=pytest.mark.proof)])
def test_verdicts_are_what_they_were(ps4, sandbox, table, every):
    """But for what is listed, as (submission, check). All of them in `make proof`."""
    listed = frozen.listed_differences()
    different = frozen.differences(frozen.verdicts(ps4, sandbox, table, every=every), table)
    lines = [f"{name} {check}: {before} → {after}" for (name, check), (before, after) in different.items()]
    assert different.keys() <= listed, "\n".join(lines)
    assert every > 1 or listed <= different.keys(), "no longer different"
