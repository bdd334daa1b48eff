"""A rewrite of ps4's checks keeps its verdicts; every other difference has its line in frozen-differences.md."""

import json
import re

import pytest

from tests.assignments import frozen

DIFFERENCES = frozen.HERE / "frozen-differences.md"


@pytest.fixture(scope="module")
def table():
    return json.loads(frozen.TABLE.read_text("utf-8"))


@pytest.fixture(scope="module")
def now(ps4, sandbox, table):
    return frozen.verdicts(ps4, sandbox, table)


def test_verdicts_are_what_they_were(now, table):
    """But for what is listed, as (submission, check)."""
    listed = set(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", DIFFERENCES.read_text("utf-8"), re.MULTILINE))
    different = frozen.differences(now, table)
    lines = [f"{name} {check}: {before} → {after}" for (name, check), (before, after) in different.items()]
    assert different.keys() <= listed, "\n".join(lines)
    assert listed <= different.keys(), "no longer different"
