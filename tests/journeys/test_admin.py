"""`grader admin`: from nothing to a course that takes hand-ins, without a running service."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.cli import admin
from grader.course import roster
from grader.errors import BadCall
from tests.conftest import Command, MakeAssignment

Call = Callable[..., str]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command here, on a database of the test's own; returns what it printed. A process takes two seconds."""
    monkeypatch.setenv("GRADER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADER_URL", "https://grader.example")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> str:
        admin.app([str(a) for a in arguments], standalone_mode=False)
        return capsys.readouterr().out

    return run


@pytest.fixture
def course(call: Call, tmp_path: Path) -> str:
    """Of grace, who teaches, and ada, who learns."""
    file = tmp_path / "roster.csv"
    file.write_text("email,name,role\nada@x.edu,Ada,\ngrace@x.edu,Grace,instructor\n", "utf-8")
    call("course", "ml101", "--title", "Machine Learning")
    call("roster", "ml101", file)
    return "ml101"


def rows(printed: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(printed)
    return found


def test_the_command_prints_a_token_alone_or_says_what_is_wrong(grader: Command, course: str, tmp_path: Path) -> None:
    home = {"GRADER_HOME": str(tmp_path / "home")}
    done = grader("admin", "token", "ada@x.edu", "--label", "laptop", **home)
    assert (done.returncode, len(done.stdout.strip()), done.stderr) == (0, 43, "")
    wrong = grader("admin", "token", "nobody", "--label", "x", **home)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "add them with grader admin person nobody --name …" in wrong.stderr


def test_a_new_database_is_announced_with_its_place_and_only_once(grader: Command, tmp_path: Path) -> None:
    home = {"GRADER_HOME": str(tmp_path / "new")}
    first, second = (grader("admin", "course", "ml101", "--title", "ML", "--json", **home) for _ in range(2))
    assert first.stderr.startswith(f"There was no database, so a new one was created: {tmp_path}/new/grader.db; if")
    assert (rows(first.stdout), second.stderr) == (rows(second.stdout), "")


def test_a_dry_run_takes_little_longer_than_reading_the_file(call: Call, course: str, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("login,name\n" + "".join(f"s{n}@x.edu,Student {n}\n" for n in range(20_000)), "utf-8")
    call("roster", course, "--json")  # what is imported and opened once
    began = time.process_time()
    roster.read(file.read_bytes())
    reading = time.process_time() - began
    began = time.process_time()
    printed = call("roster", course, file, "--dry-run")
    assert (time.process_time() - began) / reading < 30  # about 8; a drawn table took over a hundred times as long
    assert "added\ts19999@x.edu\tStudent 19999\tstudent\t—" in printed
    assert "20000 would be added" in printed


def test_a_roster_prints_what_it_changes_and_counts_the_rest(call: Call, course: str, tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("login,name\nzoe@x.edu,Zoe\n", "utf-8")
    printed = call("roster", course, file)
    assert "zoe@x.edu" in printed
    assert "ada@x.edu" not in printed
    assert "1 added, 0 changed, 0 unchanged, 2 not in the file and kept" in printed
    assert [row["what"] for row in rows(call("roster", course, file, "--json"))] == ["not in the file"] * 2


def test_what_an_offer_does_not_say_stays_as_it_was(call: Call, course: str) -> None:
    late = '{"per_day": "10%"}'
    call("offer", course, "ps4", "--due", "2026-12-01T23:59+01:00", "--late", late, "--held", "--hidden", "q2.5")
    call("offer", course, "ps4", "--group-size", "3")
    call("offer", course, "ps4", "--prechecks-per-day", "3", "--precheck-detail", "checks")
    (kept,) = rows(call("offer", course, "ps4", "--counts", "best", "--due", "none", "--json"))
    assert (kept["due"], kept["counts"], kept["held"], kept["hidden"]) == (None, "best", True, ["q2.5"])
    assert (kept["late"], kept["group_size"]) == ({"per_day": "10%"}, 3)
    assert (kept["prechecks_per_day"], kept["precheck_detail"]) == (3, "checks")
    (free,) = rows(call("offer", course, "ps4", "--prechecks-per-day", "0", "--json"))
    assert free["prechecks_per_day"] is None
    assert '{"per_day": "10%"}' in call("offer", course, "ps4")


def test_the_first_offer_adds_rubrics_and_says_so_and_later_ones_add_none(
    call: Call, course: str, make_assignment: MakeAssignment, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_assignment()
    (folder / "rubric.toml").write_text('["q1.1.written"]\nphrases = ["Why?"]\n', "utf-8")
    counts = []
    for _ in range(2):
        admin.app(["offer", course, str(folder)], standalone_mode=False)
        counts.append(re.findall(r"Rubrics added from rubric.toml: (\d)", capsys.readouterr().err))
    assert counts == [["1"], []]


def test_a_course_keeps_its_late_days_until_others_are_set(call: Call, course: str) -> None:
    call("course", course, "--title", "ML", "--late-days", "4")
    (row,) = rows(call("course", course, "--title", "Machine Learning", "--json"))
    assert row == {"course": course, "title": "Machine Learning", "late days": 4}


def test_tokens_are_listed_without_themselves_and_revoked(call: Call, course: str) -> None:
    secret = call("token", "ada@x.edu", "--label", "laptop", "--days", "30").strip()
    listed = call("tokens", "ada@x.edu", "--json")
    assert secret not in listed
    (row,) = rows(listed)
    assert (row["kind"], row["label"]) == ("program", "laptop")
    assert row["expires"] is not None
    assert rows(call("tokens", "ada@x.edu", "--revoke", row["id"], "--json")) == []


def test_links_for_a_course_stand_on_a_line_each(call: Call, course: str) -> None:
    lines = call("link", "ada@x.edu", "--course", course).splitlines()
    assert [line.split("\t")[1] for line in lines] == ["ada@x.edu", "grace@x.edu"]
    assert all(line.startswith("https://grader.example/login#token=") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["roster", "none"], "there is no course none: create it with grader admin course none --title"),
        (["course", "ML 101", "--title", "x"], "not a valid course id: write lower-case letters and digits"),
        (["roster", "ml101", "/nowhere/roster.csv"], "/nowhere/roster.csv cannot be read"),
        (["offer", "ml101", "ps4", "--due", "2026-12-01"], "--due is not a valid date"),
        (["offer", "ml101", "ps4", "--opens", "0001-01-01T00:00+14:00"], "not a valid date for a course"),
        (["offer", "ml101", "ps4", "--late", "ten"], "--late must be JSON"),
        (["offer", "ml101", "ps4", "--group-size", "0"], "the group size must be from 1"),
        (["link"], "no person is given"),
    ],
)
def test_a_wrong_call_says_what_to_do(call: Call, course: str, arguments: list[str], says: str) -> None:
    with pytest.raises(BadCall, match=says):
        call(*arguments)
