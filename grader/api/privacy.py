"""Export and erasure of the data of one person, for admins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Annotated
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from grader.api.files import streamed
from grader.api.identity import Caller, TheCaller, require_admin
from grader.api.problems import HttpProblem, not_found
from grader.api.schemas import Login
from grader.api.submissions import get_report, get_submission
from grader.api.visibility import seen_by
from grader.bounds import PIECE_BYTES
from grader.errors import BadAssignment, BadCall
from grader.render.text import file_name
from grader.service import Service
from grader.store import erasure, offerings, people, submissions
from grader.store.audit import ANSWER_MARKS
from grader.store.database import now
from grader.store.recording import Author
from grader.store.records import AccessToken, Person, Role, TokenKind

pages = APIRouter(include_in_schema=False)

_RESULTS = ("adjustments", "audit", "outbox", "requests")
"""Names of tables whose rows would tell results that staff have not released."""


def export(service: Service, person: Person, to: IO[bytes]) -> None:
    """Write a zip with what is stored about a person: `data.json` with rows of the database, and a folder for each
    submission. Results that the person may not see yet and audit entries about marks of answers are left out."""
    with service.store.read() as tx, ZipFile(to, "w", ZIP_DEFLATED) as archive:
        rows = erasure.rows_of(tx, person)
        own = [submissions.get(tx, row["submission"]) for row in rows["authors"]]
        submitted_in = {submission.course: Role.STUDENT for submission in own if submission}
        token = AccessToken("", TokenKind.SESSION, "", now(), None)
        reader = Caller(person, submitted_in | people.roles(tx, person.id), token, service)
        unreleased = set()
        for course in reader.roles:
            for offering in seen_by(tx, reader, offerings.offerings_of(tx, course)):
                if offering.held or offering.hidden:
                    unreleased.add((course, offering.assignment))
        for name in _RESULTS:
            rows[name] = [row for row in rows[name] if (row["course"], row["assignment"]) not in unreleased]
        # marks that count are in reports; others, such as the first of two, are not for the student
        rows["audit"] = [row for row in rows["audit"] if not row["action"].startswith(ANSWER_MARKS)]
        archive.writestr("data.json", json.dumps(rows, default=str, indent=1))
        for row in rows["authors"]:
            id = row["submission"]
            for number, (name, content) in enumerate(submissions.contents(tx, id)):
                archive.writestr(f"{id}/{number}-{file_name(name).replace('/', '_')}", content)
            with suppress(HttpProblem, BadAssignment):  # it has no report, or its assignment is gone
                archive.writestr(f"{id}/submission.json", get_submission(id, reader).model_dump_json(indent=1))
                archive.writestr(f"{id}/report.json", json.dumps(get_report(id, reader)))


@pages.get("/people/{login}/export.zip")
def get_export(caller: TheCaller, login: Login) -> Response:
    require_admin(caller, "person")
    with caller.read() as tx:
        person = people.person_by_login(tx, login)
    if person is None:
        raise not_found("person")
    file = TemporaryFile()  # noqa: SIM115  closed below
    export(caller.service, person, file)
    size = file.tell()

    def pieces() -> Iterator[bytes]:
        with file:
            file.seek(0)
            yield from iter(partial(file.read, PIECE_BYTES), b"")

    return streamed(f"{login}.zip", size, pieces())


@pages.post("/people/{login}/erase")
def send_erasure(caller: TheCaller, login: Login, confirmation: Annotated[str, Form()] = "") -> Response:
    """Erase a person whose login was typed to confirm it."""
    require_admin(caller, "person")
    if confirmation != login:
        raise BadCall(f"nothing was erased: type {login} to erase this person")
    erasure.erase(caller.service.store, login, Author(caller.person.id, caller.request_id))
    return RedirectResponse("/history", 303)
