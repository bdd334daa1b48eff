"""grader certify --mutate, by the command."""

import json

import pytest

pytestmark = pytest.mark.long

DRAWN = ("--mutate", "--mutants", "3", "--seed", "3")


def test_every_mutant_has_a_row_that_a_program_can_read(grader):
    done = grader("certify", "ps4", *DRAWN, "--json", "--least", "0")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["figures"]["distinct_mutants"] > 800
    assert len(found["mutants"]) == 3
    for row in found["mutants"]:
        assert row["class"] in ("same", "allowed", "wrong", "undecided")
        assert row["why"]
        assert row["diff"].count("\n@@") == 1
        assert (row["class"] == "wrong") == bool(row["wrong_parts"])
        assert all(check["reason"] for check in row["checks"] if check["points"] < check["possible"])


def test_a_score_under_the_least_one_ends_with_3(grader, tmp_path):
    """Of a small assignment, which has few mutants to compare."""
    grader("new", "line", "--class", "Line", GRADER_ASSIGNMENTS=str(tmp_path))
    done = grader("certify", "line", *DRAWN, "--least", "1.5", GRADER_ASSIGNMENTS=str(tmp_path))
    assert done.returncode == 3, done.stderr
    assert "score: " in done.stdout
    assert "false charges: " in done.stdout
