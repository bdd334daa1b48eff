"""The same bytes, assignment and seed give the same report, whichever door they came through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from grader.store import offerings, people
from grader.store.records import Offering, Role, TokenKind
from tests.conftest import ROOT, TOY_SOLUTION, Command
from tests.running import Running, running, until_final

pytestmark = pytest.mark.long

SECRET = "the same at every door"
SUBMISSIONS = ROOT / "submissions"
HANDED_IN = ("perfect/mlp.py", "partly/mlp.py", "notebook/ps4.ipynb", "hostile/mlp.py")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With the toy assignment, and the real one. The second token is that of staff, from whom nothing is hidden."""
    with running(tmp_path_factory.mktemp("service"), students=1, GRADER_SECRET=SECRET, GRADER_WORKERS="1") as service:
        (service.assignments / "ps4").symlink_to(ROOT / "reference" / "ps4")
        store = service.open_store()
        with store.write() as tx:
            offerings.put_offering(tx, Offering("ml", "ps4"))
            grace = people.put_person(tx, "grace", "Grace").id
            people.put_member(tx, "ml", grace, Role.STAFF)
            service.tokens.append(people.new_token(tx, grace, TokenKind.PROGRAM))
        store.close()
        service.start()
        yield service


def by_http(service: Running, file: Path, assignment: str, kind: str) -> dict[str, Any]:
    with httpx.Client(headers={"Authorization": f"Bearer {service.tokens[0]}"}, timeout=60) as client:
        place = f"{service.url}/api/v1/courses/ml/assignments/{assignment}/submissions"
        receipt = client.post(place, files={"files": (file.name, file.read_bytes())}, data={"kind": kind})
        assert receipt.status_code == 202, receipt.text
        submission = f"{service.url}{receipt.headers['location']}"
        assert until_final(client, submission) == "graded"
        staff = {"Authorization": f"Bearer {service.tokens[1]}"}
        report: dict[str, Any] = client.get(f"{submission}/report.json", headers=staff).json()
        return report


def by_command(
    grader: Command, service: Running, file: Path, assignment: str, *options: str, **environment: str
) -> dict[str, Any]:
    here = {"GRADER_ASSIGNMENTS": str(service.assignments)} | environment
    done = grader("check", file, "--assignment", assignment, "--json", "--sandbox", "bubblewrap", *options, **here)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    """Which sections there were is compared, what they used is not."""
    return report | {"usage": sorted(report["usage"])}


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_pre_check_says_what_the_command_says(name: str, service: Running, grader: Command) -> None:
    """The public seed; every check but the trainings."""
    there = by_http(service, SUBMISSIONS / name, "ps4", "precheck")
    here = by_command(grader, service, SUBMISSIONS / name, "ps4", "--code")
    assert without_times(there) == without_times(here)
    assert here["seed"] == "public"
    assert here["points"]["decided"] > 0


def test_a_submission_is_graded_as_the_command_grades_with_the_same_secret(
    tmp_path: Path, service: Running, grader: Command
) -> None:
    """Everything, so that it is the grade."""
    file = tmp_path / "mlp.py"
    file.write_text(TOY_SOLUTION.replace("return -a", "return a"), "utf-8")
    there = by_http(service, file, "toy", "submission")
    here = by_command(grader, service, file, "toy", GRADER_SECRET=SECRET)
    assert without_times(there) == without_times(here)
    assert (here["scope"]["label"], here["seed"] == "public") == ("full", False)
    assert here["points"]["earned"] == 2


@pytest.mark.proof
@pytest.mark.parametrize("name", HANDED_IN)
def test_trainings_give_the_same_report_too(name: str, service: Running, grader: Command) -> None:
    there = by_http(service, SUBMISSIONS / name, "ps4", "submission")
    here = by_command(grader, service, SUBMISSIONS / name, "ps4", GRADER_SECRET=SECRET)
    assert without_times(there) == without_times(here)
