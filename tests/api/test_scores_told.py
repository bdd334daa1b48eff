"""No route changes what a learning platform should get of a student without a message about it."""

from __future__ import annotations

from sqlalchemy import delete, select

from grader.api.platform_scores import current_score
from grader.lms.scores import PlatformScore
from grader.store import lti
from grader.store.database import now
from grader.store.records import Channel, EventKind, Message
from grader.store.tables import outbox
from tests.api.test_who_sees_what import TABLE, Row, Scene, _parameters, scene
from tests.api.world import ASSIGNMENT, COURSE

__all__ = ["scene"]

STUDENTS = ("ada", "bob")
MORE = (
    Row("PUT /api/v1/courses/{course}/assignments/{assignment}", "", {"json": {"held": True}}),
    Row("PUT /api/v1/courses/{course}/assignments/{assignment}", "", {"json": {"hidden": ["q1.2"]}}),
    Row(
        "PUT /api/v1/courses/{course}/assignments/{assignment}",
        "",
        {"json": {"due_at": "2020-01-01T00:00:00Z", "late": {"per_day": "100%"}}},
    ),
    Row(
        "PUT /api/v1/courses/{course}/assignments/{assignment}/extensions",
        "",
        {"json": {"label": "", "due_at": "2100-01-01T00:00:00Z"}},
    ),
    Row("POST /courses/{course}/assignments/{assignment}/students/{login}/hold", "", {"data": {"hold": "held"}}),
    Row("POST /courses/{course}/assignments/{assignment}/students/{login}/hold", "", {"data": {"hold": "as all"}}),
    Row("PUT /api/v1/submissions/{id}/marks/{rest}", "", {"json": {"points": 1}}),
    Row("POST /requests/{request}/answer", "", {"data": {"text": "So.", "points": "1"}}),
    Row("PUT /api/v1/submissions/{id}/marks/q1.2.negative", "", {"json": {"points": 0}}),
    Row("DELETE /api/v1/submissions/{id}/marks/q1.2.negative", ""),
)
"""Requests that change scores where those of the table do not, before the table's."""


def scores(scene: Scene) -> dict[str, PlatformScore | None]:
    found = {}
    for login in STUDENTS:
        person = scene.world.people[login].id
        event, channel = EventKind.SCORED, Channel.PLATFORM
        message = Message("", event, channel, COURSE, ASSIGNMENT, "", person, login, False, now(), 0)
        found[login] = current_score(scene.world.service, message)
    return found


def told(scene: Scene) -> set[str]:
    with scene.world.service.store.write() as tx:
        persons = set(tx.scalars(select(outbox.c.person).filter_by(channel=Channel.PLATFORM)))
        tx.execute(delete(outbox))
    return {login for login in STUDENTS if scene.world.people[login].id in persons}


def test_no_route_changes_a_score_without_a_message(scene: Scene) -> None:
    with scene.world.service.store.write() as tx:
        lti.put_line_item(tx, scene.known["context"], ASSIGNMENT, "http://127.0.0.1:9/columns/1")
    changing = set()
    for row in (*MORE, *TABLE):
        if row.route.startswith("GET") or row.route.endswith("/unlink"):  # without a column, nothing is told
            continue
        for who in ("ada", "grace", "root"):
            before = scores(scene)
            told(scene)
            answer = scene.ask(row, who, _parameters(scene, row))
            after, persons = scores(scene), told(scene)
            changed = {login for login in STUDENTS if before[login] != after[login]}
            assert changed <= persons, f"{row.route} as {who}: {answer.status_code}, {before} → {after}"
            if changed:
                changing.add(row.route)
    assert len(changing) >= 8, changing
