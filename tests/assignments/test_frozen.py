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


@pytest.fixture(scope="module")
def listed():
    """(submission, check) of every difference that is listed."""
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", DIFFERENCES.read_text("utf-8"), re.MULTILINE)
    return set(rows)


def test_points_are_what_they_were(now, table, listed):
    different = {
        (name, check): (before[check][:3], now[name].get(check, [])[:3])
        for name, before in table["verdicts"].items()
        for check in before
        if before[check][:3] != now[name].get(check, [])[:3]
    }
    assert not {key: value for key, value in different.items() if key not in listed}


def test_mistakes_are_what_they_were(now, table, listed):
    different = {
        (name, check): (before[check][3], now[name][check][3])
        for name, before in table["verdicts"].items()
        for check in before
        if check in now[name] and before[check][3] != now[name][check][3]
    }
    assert not {key: value for key, value in different.items() if key not in listed}


def test_nothing_else_is_decided(now, table):
    assert {name: sorted(rows) for name, rows in now.items()} == {
        name: sorted(rows) for name, rows in table["verdicts"].items()
    }
