"""`grader mark`: answers go out as a file without names, and points come in from it, all of them or none."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.cli import mark
from grader.errors import BadCall
from grader.model import Json
from grader.store.records import Counts
from tests.api.test_marking import QUESTION, answer, ask, item, listed, room, suggest, worth
from tests.api.test_marking_groups import OTHER, RIGHT, read, undo
from tests.api.test_marking_groups import points as marks_by_text
from tests.api.world import ASSIGNMENT, COURSE, World

__all__ = ["room"]  # a fixture

Call = Callable[..., str]
OPINION = [
    {
        "asked": "g",
        "comparison": "differs",
        "points": None,
        "possible": 1.5,
        "words": "It is 2 times the true one.",
        "evidence": "=1+1",
    }
]


@pytest.fixture
def call(room: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command on the world's database; returns what it printed."""
    folder = next(iter(room.service.assignments.values())).folder
    monkeypatch.setenv("GRADER_HOME", str(room.service.settings.home))
    monkeypatch.setenv("GRADER_ASSIGNMENTS", str(folder.parent))

    def run(*arguments: str | Path) -> str:
        mark.app([str(a) for a in arguments], standalone_mode=False)
        return capsys.readouterr().out

    return run


def export(call: Call, to: Path, marker: str = "grace") -> list[dict[str, str]]:
    call("export", COURSE, ASSIGNMENT, "q1.1.written", "--marker", marker, "--to", to)
    return list(csv.DictReader(io.StringIO(to.read_text("utf-8-sig"), newline="")))


def fill(file: Path, rows: list[dict[str, str]], **cells: str) -> None:
    """The first answer gets these cells."""
    rows[0] |= cells
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def own(room: World) -> Json:
    found: Json = listed(room)[0]["own"]
    return found


def test_answers_are_exported_once_without_names_and_escaped(room: World, call: Call, tmp_path: Path) -> None:
    for login in ("ada", "bob"):
        answer(room, login, "=HYPERLINK(1) because")
    suggest(room, OPINION)
    (row,) = export(call, tmp_path / "q.csv")
    assert (row["text"], row["students"]) == ("'=HYPERLINK(1) because", "2")
    assert row["by machine"] == "It is 2 times the true one. =1+1"
    assert not any(login in json.dumps(row) for login in ("ada", "bob"))


def test_points_and_comments_come_in_and_count(room: World, call: Call, tmp_path: Path) -> None:
    submission = answer(room, "ada", "because")
    file = tmp_path / "q.csv"
    fill(file, export(call, file), points="1,25", comment="-1 for the sign")
    assert "1 marked, 0 as they were" in call("import", file, "--marker", "grace")
    assert (own(room)["points"], own(room)["comment"]) == (1.25, "-1 for the sign")
    assert worth(room, submission)["final"] == 4 + 1.25


def test_a_file_makes_none_of_two_readers_their_own_moderator(room: World, call: Call, tmp_path: Path) -> None:
    submission = answer(room, "ada", "because")
    ask(room, "PUT", QUESTION, body={"markers": 2})
    for marker, points in (("grace", "1"), ("mary", "0.5"), ("grace", "0.75")):
        file = tmp_path / f"{marker}.csv"
        fill(file, export(call, file, marker), points=points)
        call("import", file, "--marker", marker)
    assert (listed(room)[0]["stage"], worth(room, submission)["written"]) == ("moderator", None)


def test_the_same_file_again_changes_nothing_and_an_item_still_follows_the_rubric(
    room: World, call: Call, tmp_path: Path
) -> None:
    answer(room, "ada", "because")
    id = item(room, 1)
    file = tmp_path / "q.csv"
    rows = export(call, file)
    ticked = next(name for name in rows[0] if name.startswith("["))
    fill(file, rows, **{ticked: "x", "comment": "good"})
    assert "1 marked" in call("import", file, "--marker", "grace")
    assert "0 marked, 1 as they were" in call("import", file, "--marker", "grace")
    (again,) = export(call, file)
    assert again["points"] == ""
    assert "0 marked, 1 as they were" in call("import", file, "--marker", "grace")
    assert (own(room)["items"][0]["id"], own(room)["adjustment"]) == (id, 0)


def test_a_dry_run_keeps_nothing(room: World, call: Call, tmp_path: Path) -> None:
    answer(room, "ada", "because")
    file = tmp_path / "q.csv"
    fill(file, export(call, file), points="1")
    assert "1 would be marked" in call("import", file, "--marker", "grace", "--dry-run")
    assert own(room) is None


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"points": "9"}, "line 2: the question is worth 1.5 points, less than 9"),
        (
            {"answer": "0" * 64, "points": "1"},
            "line 2: 'ml toy q1.1.written' has no answer '000000000000'",
        ),
        ({"question": "ml toy q9", "points": "1"}, "has no written question 'q9'"),
        ({"question": "q1.1.written", "points": "1"}, "use grader mark import-reports"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_kept(
    room: World, call: Call, tmp_path: Path, cells: dict[str, str], why: str
) -> None:
    answer(room, "ada", "because")
    file = tmp_path / "q.csv"
    fill(file, export(call, file), **cells)
    with pytest.raises(BadCall, match=why):
        call("import", file, "--marker", "grace")
    assert own(room) is None


@pytest.mark.parametrize("who", ["ada", "eve", "nobody"])
def test_only_staff_read(room: World, call: Call, tmp_path: Path, who: str) -> None:
    with pytest.raises(BadCall, match="not on the staff"):
        export(call, tmp_path / "q.csv", who)


@pytest.fixture
def grouped(room: World) -> World:
    """Two answers of one group, and one of another."""
    room.set(counts=Counts.BEST)
    for login, text in (("ada", "r1"), ("bob", "r2"), ("ada", "o1")):
        answer(room, login, text)
        read(room, text, OTHER if text == "o1" else RIGHT)
    return room


def test_rows_stand_shelf_by_shelf_and_name_their_group(grouped: World, call: Call, tmp_path: Path) -> None:
    found = export(call, tmp_path / "q.csv")
    assert [row["group"] for row in found] == ["1", "1", "2"]
    assert [row["shelf"] for row in found] == ["Right value, and nothing disagrees"] * 2 + ["Another value"]


def test_a_row_gives_its_whole_group_a_mark_and_undo_takes_it_back(grouped: World, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    fill(file, export(call, file), points="1.25", **{"whole group": "x"})
    assert "2 marked" in call("import", file, "--marker", "grace")
    assert marks_by_text(grouped) == {"r1": 1.25, "r2": 1.25, "o1": None}
    undo(grouped)
    assert marks_by_text(grouped) == {"r1": None, "r2": None, "o1": None}
