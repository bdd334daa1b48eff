"""grader certify --mutate, by the command, of a small assignment, which has few mutants to compare."""

import json

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def mutated(grader, tmp_path_factory):
    """Runs the command on three mutants."""
    folder = str(tmp_path_factory.mktemp("reference"))
    assert grader("new", "line", "--class", "Line", GRADER_ASSIGNMENTS=folder).returncode == 0
    drawn = ("certify", "line", "--mutate", "--mutants", "3", "--seed", "3")
    return lambda *options: grader(*drawn, *options, GRADER_ASSIGNMENTS=folder)


def test_every_mutant_has_a_row_that_a_program_can_read(mutated):
    done = mutated("--json", "--least", "0")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["figures"]["distinct_mutants"] > 50
    assert len(found["mutants"]) == 3
    assert {row["class"] for row in found["mutants"]} >= {"wrong"}
    for row in found["mutants"]:
        assert row["why"]
        assert row["diff"].count("\n@@") == 1
        assert (row["class"] == "wrong") == bool(row["wrong_parts"])
        checks = [check for part in row["report"]["parts"] for check in part["checks"]]
        assert all(check["reason"] for check in checks if check["points"] < check["possible"])


def test_a_score_under_the_least_one_ends_with_3(mutated):
    done = mutated("--least", "1.5")
    assert done.returncode == 3, done.stderr
    assert "score: " in done.stdout
    assert "false charges: " in done.stdout
