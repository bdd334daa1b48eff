"""Pages without JavaScript: what a client that only follows links and sends forms gets to see."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from httpx2 import Response
from sqlalchemy import event
from starlette.testclient import TestClient

from grader.api import assignments, gradebook, scores
from grader.api.failures import StudentResult, common_mistakes
from grader.batch.scores import read_scores
from grader.model import CheckResult, FailedCall, Points, Status
from grader.render import as_json
from grader.store import leases, marks, people
from grader.store.database import now
from grader.store.records import CheckRecord, Counts, Role, TokenKind
from grader.workers.events import CheckEvent, Event
from tests.api.world import ASSIGNMENT, COURSE, LANE, WRONG, World
from tests.conftest import TOY_SOLUTION
from tests.unit.render import samples
from tests.unit.render.samples import HOSTILE

OF_ASSIGNMENT = f"/courses/{COURSE}/assignments/{ASSIGNMENT}"


class Visitor:
    """A browser without JavaScript: it has a session's cookie, and sends what forms hold."""

    def __init__(self, world: World, login: str) -> None:
        self._client = TestClient(world.client.app, headers={"Accept": "text/html"}, follow_redirects=False)
        with world.service.store.write() as tx:
            secret = people.new_token(tx, world.people[login].id, TokenKind.SESSION)
        self._client.cookies.set("grader", secret)

    def get(self, path: str) -> str:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def asks(self, path: str) -> Response:
        return self._client.get(path)

    def sends(self, page: str, action: str, source: str | None = None, name: str = "mlp.py", **fields: str) -> Response:
        """The form on `page` whose action is `action`, with what it holds for a browser to send."""
        csrf = re.search(r'name="csrf" value="(\w+)"', self.get(page))
        assert csrf is not None
        files = [("files", (name, source.encode()))] if source is not None else None
        return self._client.post(action, data={"csrf": csrf[1], **fields}, files=files)

    def hands_in(self, source: str = TOY_SOLUTION, name: str = "mlp.py", **fields: str) -> str:
        """Returns the path of the page that it leads to."""
        answer = self.sends(OF_ASSIGNMENT, OF_ASSIGNMENT, source, name, **fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


def words(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.fixture
def ada(world: World) -> Visitor:
    return Visitor(world, "ada")


# ── the way of a student ─────────────────────────────────────────────────────────────────────────────


def test_from_the_first_page_to_the_report_by_links_and_forms_alone(world: World, ada: Visitor) -> None:
    home = ada.get("/")
    assert f'href="{OF_ASSIGNMENT}"' in home
    assert "not submitted" in words(home)
    submission = ada.hands_in()
    waiting = ada.get(submission)
    assert "Number 1 in the queue" in words(waiting)
    assert '<noscript><meta http-equiv="refresh"' in waiting
    world.grade_next()
    report = ada.get(submission)
    assert "4 of 5.5 points" in words(report)
    assert "refresh" not in report
    assert "4 of 5.5" in words(ada.get("/"))


def test_a_form_that_is_sent_twice_is_one_submission(ada: Visitor) -> None:
    once = re.search(r'name="once" value="(\w+)"', ada.get(OF_ASSIGNMENT))
    assert once is not None
    first, second = (ada.hands_in(once=once[1]) for _ in range(2))
    assert first == second
    assert ada.hands_in(WRONG, once=once[1]) != first  # after "Back"
    assert ada.hands_in() != first


def test_a_form_of_another_site_is_refused(world: World, ada: Visitor) -> None:
    answer = ada._client.post(OF_ASSIGNMENT, data={"csrf": "wrong"}, files=[("files", ("mlp.py", b"x = 1\n"))])
    assert answer.status_code == 403
    assert "The CSRF token is not valid" in words(answer.text)


@pytest.mark.parametrize("name", ["", "mlp.py"])
def test_a_refused_upload_gives_a_page_with_the_reason_and_a_link_back(ada: Visitor, name: str) -> None:
    page = ada.get(OF_ASSIGNMENT)
    csrf = re.search(r'name="csrf" value="(\w+)"', page)
    assert csrf is not None
    answer = ada._client.post(
        OF_ASSIGNMENT,
        data={"csrf": csrf[1]},
        files=[("files", (name, b""))],
        headers={"Referer": f"http://testserver{OF_ASSIGNMENT}"},
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
    assert f'href="{OF_ASSIGNMENT}">Back' in answer.text


# ── progress ─────────────────────────────────────────────────────────────────────────────────────────


def test_progress_shows_decided_checks_and_the_time_of_a_training(world: World, ada: Visitor) -> None:
    submission = ada.hands_in()
    id = submission.rpartition("/")[2]
    grading = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada")).json()["gradings"][0]["id"]
    events = world.service.events
    lost = CheckEvent("q1.1.large", Status.FAILED, 0.0, 0.75, "sums.py:3: it adds one too many")
    events.publish(Event(grading, "section", "q1.1", True, (CheckEvent("q1.1.small", Status.PASSED, 1.25, 1.25),)))
    events.publish(Event(grading, "section", "q1.1", True, (lost, replace(lost, id="q1.1.other"))))  # in two parts
    events.publish(Event(grading, "training", "q1.2", cpu_seconds=12.4, limit=240.0))
    page = ada.get(submission)
    assert "✓ small passed" in words(page)
    assert words(page).count("sums.py:3: it adds one too many") == 1
    assert "trains: 12 of 240 CPU seconds used" in words(page)
    assert re.search(r'<progress max="240.0" value="12.4" aria-label="CPU time used in q1.2">', page)


def test_progress_hides_what_the_report_hides(world: World, ada: Visitor) -> None:
    world.set(held=True)
    submission = ada.hands_in()
    id = submission.rpartition("/")[2]
    grading = world.client.get(f"/api/v1/submissions/{id}", headers=world.headers("ada")).json()["gradings"][0]["id"]
    world.service.events.publish(
        Event(grading, "section", "q1.2", True, (CheckEvent("q1.2.negative", Status.FAILED, 0, 2),))
    )
    assert "negative waiting" in words(ada.get(submission))


# ── what is held back ────────────────────────────────────────────────────────────────────────────────


def test_points_that_are_held_back_are_on_no_page_of_the_student_s(world: World, ada: Visitor) -> None:
    submission = ada.hands_in(WRONG)
    world.grade_next("wrong")
    world.set(held=True)
    reason = world.reports["wrong"].lost[0].reason
    for path in (submission, "/", OF_ASSIGNMENT, f"{submission}/receipt"):
        page = words(ada.get(path))
        assert reason not in page
        assert "2 of 5.5" not in page
    assert "when your teachers release" in words(ada.get(submission))
    assert "not released" in words(ada.get(OF_ASSIGNMENT))


def test_a_hidden_part_s_reason_is_on_no_page_of_the_student_s(world: World, ada: Visitor) -> None:
    world.set(hidden=("q1.2",))
    ada.hands_in()
    world.grade_next("right")
    submission = ada.hands_in(WRONG)
    world.grade_next("wrong")
    reason = world.reports["wrong"].lost[0].reason
    for path in (submission, "/", OF_ASSIGNMENT):
        assert reason not in words(ada.get(path))
    assert "2 of 5.5 points" in words(ada.get(submission))
    assert "the same verdicts" in words(ada.get(OF_ASSIGNMENT))


# ── history and receipt ──────────────────────────────────────────────────────────────────────────────


def test_the_history_shows_the_changes_of_each_attempt(world: World, ada: Visitor) -> None:
    for source, report in ((WRONG, "wrong"), (TOY_SOLUTION, "right"), (WRONG + "\n", "wrong")):
        ada.hands_in(source)
        world.grade_next(report)
    page = words(ada.get(OF_ASSIGNMENT))
    assert "▲ gained q1.2.negative +2 points" in page
    assert "▼ lost q1.2.negative −2 points" in page
    assert page.count("this one counts") == 1


def test_the_receipt_names_every_file_and_its_digest(world: World, ada: Visitor) -> None:
    submission = ada.hands_in()
    page = words(ada.get(f"{submission}/receipt"))
    record = world.client.get(f"/api/v1{submission}", headers=world.headers("ada")).json()
    for fact in (record["digest"], record["files"][0]["sha256"], "mlp.py", "number 1 in the queue"):
        assert fact in page
    assert re.search(r'<time datetime="[-\d]+T[:.\d]+\+00:00">[^<]* UTC</time>', ada.get(f"{submission}/receipt"))


# ── staff ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def grace(world: World) -> Visitor:
    return Visitor(world, "grace")


@pytest.fixture
def graded(world: World) -> dict[str, str]:
    """Login → submission: ada's is right, bob's is wrong."""
    return {login: _graded(world, login, report) for login, report in (("ada", "right"), ("bob", "wrong"))}


def _graded(world: World, login: str, report: str) -> str:
    id = world.hand_in(login, TOY_SOLUTION if report == "right" else WRONG)
    world.grade_next(report)
    return id


def test_staff_see_everybody_s_score_and_how_scores_are_spread(grace: Visitor, graded: dict[str, str]) -> None:
    page = grace.get(f"{OF_ASSIGNMENT}/scores")
    assert "have submitted 2" in words(page)
    assert re.search(r"Ada ada .*?4 of 5.5.*?Bob bob .*?2 of 5.5", words(page))
    assert 'aria-label="Scores of 2 students: 1 from 1.65 to 2.2, 1 from 3.85 to 4.4."' in page


@pytest.mark.parametrize(("counts", "worth"), [(Counts.BEST, "4 of 5.5"), (Counts.LATEST, "2 of 5.5")])
def test_what_counts_is_chosen_from_all_that_there_is(
    grace: Visitor, ada: Visitor, world: World, monkeypatch: pytest.MonkeyPatch, counts: Counts, worth: str
) -> None:
    for module in (assignments, scores):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    world.set(counts=counts)
    for report in ("wrong", "right", "wrong", "wrong", "wrong"):
        _graded(world, "ada", report)
    assert re.search(rf"Ada ada {worth} .*? 5 ✓ graded", words(grace.get(f"{OF_ASSIGNMENT}/scores")))
    assert worth in words(ada.get("/"))
    assert words(ada.get(OF_ASSIGNMENT)).count("this one counts") == 1
    assert words(grace.get(f"{OF_ASSIGNMENT}/students/ada")).count("this one counts") == 1


def table(answer: Response) -> list[dict[str, str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_scores_page_offers_gradebooks_that_come_in_again_with_the_same_scores(
    grace: Visitor, world: World, graded: dict[str, str]
) -> None:
    with world.service.store.write() as tx:
        people.put_member(tx, COURSE, people.put_person(tx, "zoe@x.edu", "=Zoe").id, Role.STUDENT)
    page = grace.get(f"{OF_ASSIGNMENT}/scores")
    offered = re.findall(r'href="(/[^"]+)" download', page)
    assert offered == [f"{OF_ASSIGNMENT}/scores/{name}.csv" for name in get_args(gradebook.Format)]
    canvas, moodle, long = map(grace.asks, offered)
    for answer in (canvas, moodle):
        back = {old.student.name: old.points for old in read_scores(answer.content)}
        assert back == {"Ada": 4, "Bob": 2, "=Zoe": None}
    assert [row["SIS Login ID"] for row in table(canvas)] == ["", "zoe@x.edu", "ada", "bob"]
    assert [row["Email address"] for row in table(moodle)] == ["zoe@x.edu", "", ""]
    assert "5.5" in {row["Maximum Grade"] for row in table(moodle)}
    checks = table(long)
    assert {row["student"] for row in checks} == {"ada", "bob", "zoe@x.edu"}
    assert sum(float(row["points"] or 0) for row in checks if row["student"] == "bob") == 2
    assert [row["status"] for row in checks if row["student"] == "zoe@x.edu"] == ["missing"]


def test_a_gradebook_of_the_service_has_the_late_penalty_and_peoples_marks(
    grace: Visitor, world: World, graded: dict[str, str]
) -> None:
    world.set(due_at=now() - dt.timedelta(hours=1), late={"per_day": "50%"})
    with world.service.store.write() as tx:
        marks.put(tx, graded["ada"], "q1.1.written", Points(1), "", world.people["grace"].id)
    (_, ada, bob) = table(grace.asks(f"{OF_ASSIGNMENT}/scores/canvas.csv"))
    assert (ada["Sums"], bob["Sums"]) == ("2.5", "1")
    rows = table(grace.asks(f"{OF_ASSIGNMENT}/scores/long.csv"))
    marked = [(row["points"], row["status"]) for row in rows if row["check"] == "q1.1.written"]
    assert marked[0] == ("1", "marked")


def test_a_late_student_reads_the_penalty_on_the_page_and_in_the_report_files(
    ada: Visitor, world: World, graded: dict[str, str]
) -> None:
    world.set(due_at=now() - dt.timedelta(hours=1), late={"per_day": "50%"})
    id = graded["ada"]
    says = "penalty 50 % of the points, 50 % a day. Score after the late penalty: 2 points."
    for path in (f"/submissions/{id}", f"/api/v1/submissions/{id}/report.html"):
        assert says in words(ada.get(path))
    report = ada.asks(f"/api/v1/submissions/{id}/report.json").json()
    assert (report["late"]["final"], report["late"]["decided"]) == (2, 4)
    assert says in ada.asks(f"/api/v1/submissions/{id}/results.json").json()["output"]


def test_failures_are_grouped_by_cause_with_counts_and_students(
    grace: Visitor, world: World, graded: dict[str, str]
) -> None:
    with world.service.store.write() as tx:
        carol = people.put_person(tx, "carol", "Carol")
        people.put_member(tx, COURSE, carol.id, Role.STUDENT)
        world.tokens["carol"] = people.new_token(tx, carol.id, TokenKind.PROGRAM)
    _graded(world, "carol", "wrong")
    page = words(grace.get(f"{OF_ASSIGNMENT}/failures"))
    (lost,) = world.reports["wrong"].lost
    assert page.count(lost.reason) == 1
    assert re.search(r"2 67 % .* q1\.2\.negative · 4 points in all Who Bob −2 Carol −2", page)
    assert "q1.2.negative 1 2" in page  # held by one, lost by two


@pytest.mark.parametrize(
    ("reasons", "rows"),
    [
        (("The sum is negative.", "The sum is not a number."), 2),
        ((f"`{'a' * 900}` raised TypeError.", f"`{'b' * 300}` raised TypeError."), 1),
        ((f"`{'a' * 900}` raised TypeError.", f"`{'b' * 900}` raised ValueError."), 2),
    ],
)
def test_undiagnosed_failures_differ_by_their_reason_without_quoted_text(
    reasons: tuple[str, ...], rows: int, world: World
) -> None:
    found = [
        StudentResult(world.people[login], "", CheckRecord("q1.1.a", Points(0), Points(2), Status.FAILED, "", reason))
        for login, reason in zip(("ada", "bob"), reasons, strict=True)
    ]
    assert len(common_mistakes(found)) == rows


def test_what_was_not_begun_is_one_line_whatever_the_gap_says(world: World) -> None:
    unwritten = []
    for login, gap in (("ada", "GAP 1: compute"), ("bob", "GAP 2: draw")):
        failed = FailedCall("loss(X)", f"NotImplementedError: {gap}")
        check = CheckResult("q1.1.a", "", Points(0), Points(2), Status.FAILED, gap, failed_call=failed)
        record = CheckRecord(check.id, check.points, check.possible, check.status, check.group, check.reason)
        unwritten.append(StudentResult(world.people[login], "", record))
    (mistake,) = common_mistakes(unwritten)
    assert mistake.sentence.startswith("Not begun")
    assert len(mistake.students) == 2


def test_staff_see_every_grading_of_a_submission(grace: Visitor, world: World, graded: dict[str, str]) -> None:
    page = grace.get(f"/submissions/{graded['bob']}")
    assert "by Bob bob" in words(page)
    assert re.search(r"✓ graded 2 of 4 grader \d", words(page))
    grading = re.search(r'href="(/gradings/\w+)"', page)
    assert grading is not None
    assert world.reports["wrong"].lost[0].reason in words(grace.get(grading[1]))


def test_a_regrade_is_started_looked_at_and_applied_by_forms(
    grace: Visitor, world: World, graded: dict[str, str]
) -> None:
    regrades = f"{OF_ASSIGNMENT}/regrades"
    regrade = str(grace.sends(regrades, regrades, which="latest").headers["location"])
    assert "0 of 2 graded" in words(grace.get(regrade))
    for _ in range(2):
        world.grade_next("right")
    page = words(grace.get(regrade))
    assert "submissions 2 would change 1 gain points 1 lose points 0" in page
    assert re.search(r"Bob bob 2 4 \+2 The checks have not changed: .* q1\.2\.negative ✗ 0 → becomes ✓ 2", page)
    assert "Ada" not in page  # nothing changes for her
    assert "2 of 5.5" in words(Visitor(world, "bob").get("/"))
    assert grace.sends(regrade, f"{regrade}/apply").status_code == 303
    assert "What it changed" in words(grace.get(regrade))
    assert "4 of 5.5" in words(Visitor(world, "bob").get("/"))


def test_staff_alone_see_why_a_grading_is_broken_and_retry_it(grace: Visitor, world: World, ada: Visitor) -> None:
    submission = ada.hands_in()
    for _ in range(leases.MOST_FAILURES):
        with world.service.store.write() as tx:
            leased = leases.claim(tx, "test worker")
            assert leased is not None
            leases.fail(tx, leased, "the sandbox is gone")
    assert "An internal error stopped the grading" in words(ada.get(submission))
    assert "the sandbox is gone" not in ada.get(submission)
    page = grace.get(submission)
    assert "the sandbox is gone" in page
    retry = re.search(r'action="(/gradings/\w+/retry)"', page)
    assert retry is not None
    assert grace.sends(submission, retry[1]).headers["location"] == submission
    assert "Number 1 in the queue" in words(ada.get(submission))


def test_a_token_is_shown_once_works_and_can_be_revoked(ada: Visitor, world: World) -> None:
    assert ada.sends("/settings", "/settings/tokens", label="for nothing").status_code == 422, "no scope was chosen"
    made = ada.sends("/settings", "/settings/tokens", label="for curl", scopes="read").text
    secret = re.search(r'class="secret">([\w-]+)<', made)
    assert secret is not None
    headers = {"Authorization": f"Bearer {secret[1]}"}
    assert world.client.get("/api/v1/me", headers=headers).json()["login"] == "ada"
    page = ada.get("/settings")
    assert secret[1] not in page
    revoke = re.search(r"for curl.*?action=\"(/settings/tokens/\w+/revoke)\"", page, re.DOTALL)
    assert revoke is not None
    assert ada.sends("/settings", revoke[1]).status_code == 303
    assert world.client.get("/api/v1/me", headers=headers).status_code == 401


# ── hostile words ────────────────────────────────────────────────────────────────────────────────────


class _Acting(HTMLParser):
    """Collects whatever on a page could act: scripts and styles that stand in it, what is loaded from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_ours = tag == "script" and (given.get("src") or "").startswith("/static/")
        if tag in ("script", "style", "img", "iframe", "object", "embed", "base") and not is_ours:
            self.found.append(tag)
        self.found += [name for name in given if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            if not re.match(r"[/?#]|$", given.get(name) or ""):
                self.found.append(f"{name}={given[name]}")


def acting(page: str) -> list[str]:
    return _Acting(page).found


def test_hostile_names_of_people_files_and_courses_change_nothing(world: World) -> None:
    hostile = HOSTILE.replace("\x00", "").replace("\ud800", "")
    with world.service.store.write() as tx:
        people.put_person(tx, "ada", hostile[:200])
    ada = Visitor(world, "ada")
    submission = ada.hands_in(name=f"{hostile[:100].replace('/', '')}.py")
    world.grade_next("wrong")
    grace = Visitor(world, "grace")
    regrade = str(grace.sends(submission, f"{submission}/regrade").headers["location"])
    world.grade_next("right")
    of_staff = (
        regrade,
        f"/courses/{COURSE}/people",
        f"/courses/{COURSE}/people/ada",
        *(f"{OF_ASSIGNMENT}/{name}" for name in ("scores", "failures", "regrades")),
    )
    pages = {path: ada.get(path) for path in ("/", OF_ASSIGNMENT, submission, f"{submission}/receipt")}
    for path, page in (pages | {path: grace.get(path) for path in of_staff}).items():
        assert acting(page) == [], path
        assert path.endswith("/regrades") or "&lt;script&gt;" in page
        assert not any(c in page for c in "\x1b\x9b\u202e")


def test_a_hostile_report_is_words_on_the_page_too(world: World, ada: Visitor) -> None:
    submission = ada.hands_in()
    with world.service.store.write() as tx:
        leased = leases.claim(tx, "test worker")
        assert leased is not None
        text = as_json.dumps(samples.hostile()).replace("\\ud800", "").replace("\\u0000", "")
        leases.finish(tx, leased, as_json.loads(text), LANE)
    for page in (ada.get(submission), Visitor(world, "grace").get(submission)):
        assert acting(page) == []
        assert "&lt;script&gt;document.title" in page
        assert page.count("<h1") == 1
        assert not any(c in page for c in "\x1b\x9b\u202e")


def test_many_own_submissions_do_not_slow_the_start_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two submissions read at a time, the page asks the database as often for six submissions as for two."""
    for module in (assignments, scores):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    statements: list[int] = []
    for _ in range(3):
        for _ in range(2):
            world.hand_in("ada")
            world.grade_next()
        count: list[str] = []

        def note(*arguments: Any, count: list[str] = count) -> None:
            count.append(arguments[2])

        engine = world.service.store._engine
        event.listen(engine, "before_cursor_execute", note)
        assert world.client.get("/", headers=world.headers("ada")).status_code == 200
        event.remove(engine, "before_cursor_execute", note)
        statements.append(len(count))
    assert statements == [statements[0]] * 3
