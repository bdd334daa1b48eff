"""The same submission gives the same report. What a full grading gives is in test_documentation.py."""

import json

import pytest

pytestmark = pytest.mark.long


@pytest.mark.parametrize("options", [("--code",), pytest.param((), marks=pytest.mark.proof)], ids=["code", "MNIST"])
def test_the_same_submission_gives_the_same_report_to_the_byte(grader, options):
    first, second = (json.loads(grader("check", "submissions/perfect", "--json", *options).stdout) for _ in range(2))
    for report in (first, second):
        report.pop("usage", None)
    assert json.dumps(first) == json.dumps(second)
