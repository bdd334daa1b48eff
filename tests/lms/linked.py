"""A course of a learning platform that is linked to the course of a test's world, with columns for its assignment."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import insert, select, update

from grader.api.sender import Sender
from grader.store import lti, outbox
from grader.store.database import Store, now
from grader.store.records import Channel, new_id
from grader.store.tables import lti_contexts, lti_line_items, lti_members, lti_platforms, lti_scores
from grader.store.tables import outbox as table
from tests.api.world import ASSIGNMENT, COURSE, World
from tests.lms.platforms import Platform


@contextlib.contextmanager
def keys_of(store: Store) -> Iterator[str]:
    """Yield a URL with the service's public keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with store.read() as tx:
                body = json.dumps({"keys": lti.public_tool_keys(tx)}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/lti/jwks.json"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Linked:
    """A platform's course that belongs to the world's course. Subjects are the logins with the prefix "lti-"."""

    world: World
    platform: Platform
    course: str
    """Id of the course at the platform."""
    context: str
    """Id of the linked context here."""
    line_item: str

    def scores(self) -> list[dict[str, Any]]:
        """The requests about scores that this course has received, without those of other tests."""
        return [score for score in self.platform.scores() if f"/{self.course}/" in score["line_item"]]

    def bodies(self, login: str = "ada") -> list[dict[str, Any]]:
        """The bodies of the accepted ones about a student."""
        accepted = [score["body"] for score in self.scores() if score["status"] in (200, 201)]
        return [body for body in accepted if body["userId"] == f"lti-{login}"]

    def grade(self, login: str = "ada") -> float | None:
        """The number in the platform's gradebook."""
        return self.platform.grade_of(self.course, self.line_item, f"lti-{login}")

    def problem(self, login: str = "ada") -> str:
        with self.world.service.store.read() as tx:
            query = select(lti_scores.c.problem).filter_by(context=self.context, person=self.world.people[login].id)
            return tx.scalar(query) or ""

    def deliver(self) -> int:
        """Send the messages that are due, as the service does. Return their number."""
        sender, count = Sender(self.world.service, None), 0
        while message := outbox.claim(self.world.service.store, Channel.PLATFORM):
            asyncio.run(sender._handle(message))
            count += 1
        return count

    def hasten(self) -> None:
        """Let the time until the next attempts pass."""
        with self.world.service.store.write() as tx:
            tx.execute(update(table).where(table.c.due_at.is_not(None)).values(due_at=now()))

    def waiting(self) -> list[dt.datetime | None]:
        """When the messages in the outbox are due."""
        with self.world.service.store.read() as tx:
            return list(tx.scalars(select(table.c.due_at).filter_by(channel=Channel.PLATFORM)))


def put_platform(store: Store, platform: Platform, jwks_url: str, url: str = "http://127.0.0.1") -> tuple[str, str]:
    """Register the service at a platform and the platform here. Return the platform's id and a deployment."""
    tool = platform.add_tool(
        login_url=f"{url}/lti/login",
        launch_url=f"{url}/lti/launch",
        redirect_uris=[f"{url}/lti/launch"],
        jwks_uri=jwks_url,
        deep_link_url=f"{url}/lti/launch",
    )
    id = new_id()
    with store.write() as tx:
        lti.tool_key(tx)
        row = {"id": id, "name": "Campus", "issuer": platform.issuer, "client_id": tool["client_id"]}
        row |= {"login_url": tool["authorization_endpoint"], "token_url": tool["token_endpoint"]}
        row |= {"keys_url": tool["jwks_uri"], "domains": ["example.edu"], "created_at": now()}
        row["deployments"] = tool["deployments"]
        tx.execute(insert(lti_platforms).values(row))
    return id, tool["deployments"][0]


def put_context(store: Store, id: str, deployment: str, course: str, memberships: str, line_items: str) -> str:
    """Link a platform's course to the course of the world. Return the id of the context."""
    context = new_id()
    row = {"id": context, "platform": id, "deployment": deployment, "context": course, "title": course.title()}
    row |= {"course": COURSE, "memberships_url": memberships, "line_items_url": line_items}
    with store.write() as tx:
        tx.execute(insert(lti_contexts).values(row))
    return context


def put_students(store: Store, platform: Platform, context: str, course: str, people: dict[str, str]) -> None:
    """Make people students of the platform's course. `people` are their ids here, by login."""
    for login, person in people.items():
        platform.add_person(f"lti-{login}", login.title(), f"{login}@example.edu")
        platform.put_member(course, f"lti-{login}", "Learner")
        with store.write() as tx:
            tx.execute(insert(lti_members).values(context=context, subject=f"lti-{login}", person=person))


_courses = iter(range(1_000_000))


@contextlib.contextmanager
def linked(world: World, platform: Platform, maximum: float = 5.5, has_column: bool = True) -> Iterator[Linked]:
    """Link a new course of a platform, with ada and bob as students and a column for the toy assignment."""
    store, course = world.service.store, f"course-{next(_courses)}"
    with keys_of(store) as jwks_url:
        id, deployment = put_platform(store, platform, jwks_url)
        platform.add_course(course, course.title(), deployment)
        urls = [f"{platform.issuer}/courses/{course}/{name}" for name in ("members", "line_items")]
        context = put_context(store, id, deployment, course, *urls)
        put_students(store, platform, context, course, {login: world.people[login].id for login in ("ada", "bob")})
        line_item = ""
        if has_column:
            item = {"scoreMaximum": maximum, "resourceId": f"{COURSE}/{ASSIGNMENT}"}
            link = platform.add_link(course, "Toy", custom={"assignment": ASSIGNMENT}, lineItem=item)
            line_item = link["line_item"]
            with store.write() as tx:
                tx.execute(insert(lti_line_items).values(context=context, assignment=ASSIGNMENT, url=line_item))
        yield Linked(world, platform, course, context, line_item)
