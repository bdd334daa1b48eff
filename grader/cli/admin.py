"""`grader admin`: manage courses, people, tokens and offered assignments in the service's database, whether or not the
service is running."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from grader.assignments import catalogue
from grader.batch.people import local_date
from grader.cli.common import (
    CourseArgument,
    DryRunOption,
    JsonOption,
    OfferedArgument,
    err,
    out,
    print_json,
    print_line,
)
from grader.course import offerings as offers
from grader.course import roster
from grader.course.csv_people import content_of
from grader.course.late import MOST_DAYS, late_policy
from grader.errors import BadCall
from grader.render.text import one_line
from grader.service import login_link, open_store, server_without_workers
from grader.settings import Settings
from grader.store import erasure, lti, offerings, people
from grader.store import late_days as store_late_days
from grader.store.database import Tx
from grader.store.recording import Author
from grader.store.records import EVERY_SCOPE, Counts, Course, Offering, Person, PrecheckDetail, TokenKind, TokenScope

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Manage courses, people, tokens and offered assignments."
)

LoginArgument = Annotated[str, typer.Argument(help="E-mail address or account name.")]

OPERATOR = Author(None, "grader admin")
"""The author of these commands' changes in the audit."""
_DATE = '"2026-12-01 23:59" (local time) or "2026-12-01T23:59+01:00"; none removes it'
_MOST_COLUMNS = 6
"""A single row with more columns than this is printed with a line for each column."""
_MOST_DRAWN = 1_000
"""Largest number of rows that are drawn as a table. Longer lists are printed faster, as tab-separated text."""


@app.command("course")
def course_(
    id: Annotated[str, typer.Argument(help="The course's id, used in URLs: ml101.")],
    title: Annotated[str, typer.Option(help="The title shown to people.")],
    late_days: Annotated[
        int | None, typer.Option(min=0, max=MOST_DAYS, help="Late days of each student. By default, unchanged.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a course, or change its title and late days."""
    new = Course(roster.course_of(id), roster.name_of(title))
    with writing() as tx:
        people.put_course(tx, new)
        if late_days is not None:
            store_late_days.put_budget(tx, new.id, late_days)
        course = people.course(tx, new.id) or new
    _print_rows([{"course": course.id, "title": course.title, "late days": course.late_days}], as_json)


@app.command()
def courses(as_json: JsonOption = False) -> None:
    """List the courses."""
    rows = []
    with writing() as tx:
        for course in people.all_courses(tx):
            members = len(people.roster(tx, course.id))
            rows.append({"course": course.id, "title": course.title, "members": members})
    _print_rows(rows, as_json)


@app.command("person")
def person_(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="The person's name. By default, unchanged.")] = "",
    admin: Annotated[bool | None, typer.Option("--admin/--no-admin", help="Make them an administrator.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a person, or change their name or administrator rights."""
    with writing() as tx:
        person = people.put_person(tx, roster.login_of(login), roster.name_of(name), admin=admin)
    row = _person_row(person) | {"admin": person.admin}
    _print_rows([row], as_json)


@app.command("roster")
def roster_(
    course: CourseArgument,
    file: Annotated[Path | None, typer.Argument(help="CSV with the columns login, name and role.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add and update people from a CSV file, or list the members. People are never removed."""
    if file is None:
        with writing() as tx:
            _require_course(tx, course)
            rows = []
            for member in people.roster(tx, course):
                rows.append(_person_row(member.person) | {"role": member.role, "labels": member.labels})
        _print_rows(rows, as_json)
        return
    new_members = roster.read(content_of(file))
    with writing() as tx:
        _require_course(tx, course)
        changes = roster.compare(tx, course, new_members)
        if not dry_run:
            roster.enrol(tx, course, changes)
    rows = list(_change_rows(changes))
    if as_json:
        _print_rows([*rows, *_missing_rows(changes)], as_json)
    else:
        if rows:
            _print_rows(rows, as_json)
        would = "would be " if dry_run else ""
        print_line(
            f"{len(changes.added)} {would}added, {len(changes.changed)} {would}changed, {changes.unchanged} unchanged, "
            f"{len(changes.missing)} not in the file and kept (grader admin remove removes them)"
        )


def _change_rows(changes: roster.RosterChanges) -> Iterator[dict[str, Any]]:
    """Yield a row for each person whom a roster file adds or changes. "was" has the earlier name and role of a changed
    member."""
    for row in changes.added:
        yield {"what": "added", "login": row.login, "name": row.name or row.login, "role": row.role, "was": ""}
    for member, row in changes.changed:
        name = row.name or member.person.name
        was = ", ".join((member.person.name, member.role, *member.labels))
        yield {"what": "changed", "login": row.login, "name": name, "role": row.role, "was": was}


def _missing_rows(changes: roster.RosterChanges) -> Iterator[dict[str, Any]]:
    """Yield a row for each member who is not in the roster file, like those of `_change_rows`."""
    for member in changes.missing:
        yield {"what": "not in the file", **_person_row(member.person), "role": member.role, "was": ""}


@app.command()
def remove(course: CourseArgument, login: LoginArgument) -> None:
    """Remove one person from a course. Their submissions stay."""
    with writing() as tx:
        person = _existing_person(tx, login)
        if course not in people.roles(tx, person.id):
            raise BadCall(f"{person.login} is not in the course {course}")
        people.remove_member(tx, course, person.id)


@app.command()
def offer(
    course: CourseArgument,
    assignment: OfferedArgument,
    opens: Annotated[str | None, typer.Option(help=_DATE)] = None,
    due: Annotated[str | None, typer.Option(help=_DATE)] = None,
    closes: Annotated[str | None, typer.Option(help=_DATE)] = None,
    late: Annotated[str | None, typer.Option(help='Late penalty: {"per_day": "10%", "most_days": 5}')] = None,
    counts: Annotated[Counts | None, typer.Option(help="Which submission counts.")] = None,
    attempts_per_hour: Annotated[int | None, typer.Option(help="Attempts per hour; 0 for no limit.")] = None,
    held: Annotated[bool | None, typer.Option("--held/--released", help="Hide points until they are released.")] = None,
    release: Annotated[str | None, typer.Option(help=f"When held points are released: {_DATE}")] = None,
    hidden: Annotated[str | None, typer.Option(help="Parts or checks hidden from students: q2.5,q2.2.W1.")] = None,
    requests_until: Annotated[str | None, typer.Option(help=f"Last date for requests of a regrade: {_DATE}")] = None,
    group_size: Annotated[int | None, typer.Option(help="Most students who submit together; 1 for no groups.")] = None,
    prechecks_per_day: Annotated[int | None, typer.Option(help="Pre-checks in 24 hours; 0 for no limit.")] = None,
    precheck_detail: Annotated[
        PrecheckDetail | None, typer.Option(help="What pre-checks tell until the due date; lines for everything.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Offer an assignment in a course, or change the given settings of an offered assignment."""
    task = catalogue.find(assignment, Settings().assignments)
    options = {
        "opens_at": opens,
        "due_at": due,
        "closes_at": closes,
        "late": late,
        "counts": counts,
        "attempts_per_hour": attempts_per_hour,
        "held": held,
        "release_at": release,
        "hidden": hidden,
        "requests_until": requests_until,
        "group_size": group_size,
        "prechecks_per_day": prechecks_per_day,
        "precheck_detail": precheck_detail,
    }
    changes = {name: _setting(name, value) for name, value in options.items() if value is not None}
    if held is False:
        changes.setdefault("release_at", None)
    with writing() as tx:
        _require_course(tx, course)
        current = offerings.offering(tx, course, task.id) or Offering(course, task.id)
        offering = offers.checked(replace(current, **changes), task)
        rubrics = offers.offer(tx, offering, task)
        expected_load = offers.load(tx, offering, Settings().workers)
    print_line(f"{expected_load}\n{rubrics.sentence}".rstrip(), console=err)
    row = {setting.removesuffix("_at"): value for setting, value in asdict(offering).items()}
    _print_rows([row], as_json)


def _setting(name: str, option: Any) -> Any:
    """Return the value of a setting of an offering from the value of its command-line option."""
    if name.endswith(("_at", "_until")):
        if len(option) == len("2026-12-01"):  # a day alone would mean its first minute
            raise BadCall(f"--{name.removesuffix('_at')} is not a valid date: write {_DATE}")
        return None if option == "none" else local_date(option)
    if name == "late":
        return late_policy(option)
    if name in ("attempts_per_hour", "prechecks_per_day"):
        return option or None
    if name == "hidden":
        return () if option == "none" else tuple(option.replace(",", " ").split())
    return option


@app.command()
def rotate_key(as_json: JsonOption = False) -> None:
    """Replace the key that signs messages to learning platforms. The old public key stays published."""
    with writing() as tx:
        id = lti.rotate_tool_key(tx)
    _print_rows([{"key": id}], as_json)


@app.command("token")
def token_(
    login: LoginArgument,
    label: Annotated[str, typer.Option(help="The token's purpose.")],
    days: Annotated[
        int | None, typer.Option(min=1, max=3660, help="Days until the token expires. By default, never.")
    ] = None,
    scope: Annotated[list[TokenScope] | None, typer.Option(help="Allowed uses. By default, everything.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token for a program. The token is shown only once."""
    lasts = dt.timedelta(days=days) if days else None
    with writing() as tx:
        person = _existing_person(tx, login)
        secret = people.new_token(tx, person.id, TokenKind.PROGRAM, roster.name_of(label), lasts, scope or EVERY_SCOPE)
    if as_json:
        print_json([{"login": person.login, "label": label, "token": secret}])
    else:
        sys.stdout.write(secret + "\n")  # nothing else, for scripts: TOKEN=$(grader admin token …)


@app.command()
def tokens(
    login: LoginArgument,
    revoke: Annotated[str, typer.Option(help="Id of a token to revoke.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List a person's tokens and logins, or revoke one of them."""
    with writing() as tx:
        person = _existing_person(tx, login)
        if revoke and not people.revoke_token(tx, person.id, revoke):
            raise BadCall(
                f"{person.login} has no token {revoke}: list the tokens with grader admin tokens {person.login}"
            )
        stored_tokens = people.tokens_of(tx, person.id)
    rows = []
    for token in stored_tokens:
        row = {"id": token.id, "kind": token.kind, "label": token.label, "scopes": token.scopes}
        rows.append(row | {"made": token.created_at, "expires": token.expires_at})
    _print_rows(rows, as_json)


@app.command("link")
def link_(
    logins: Annotated[list[str] | None, typer.Argument(help="Logins of the people.")] = None,
    course: Annotated[str, typer.Option(help="Create links for all members of this course.")] = "",
    days: Annotated[int, typer.Option(min=1, max=60, help="Days until the link expires.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Create one-time login links, for people without a university login."""
    settings = Settings()
    with writing() as tx:
        receivers = [_existing_person(tx, login) for login in logins or ()]
        if course:
            _require_course(tx, course)
            receivers += [member.person for member in people.roster(tx, course)]
        if not receivers:
            raise BadCall("no person is given: name logins, or a course with --course COURSE")
        rows = []
        for person in dict.fromkeys(receivers):
            link = login_link(tx, settings, person, dt.timedelta(days=days))
            rows.append(_person_row(person) | {"link": link})
    if as_json:
        print_json(rows)
    else:  # no table, which would break long links
        for row in rows:
            sys.stdout.write(f"{row['link']}\t{one_line(row['login'])}\n")


@app.command()
def export_person(
    login: LoginArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The zip to write.")],
) -> None:
    """Write what is stored about a person to a zip."""
    from grader.api.privacy import export  # importing FastAPI takes longer than the other commands do

    service, _ = server_without_workers(Settings())
    with closing(service.store):
        with service.store.read() as tx:
            person = _existing_person(tx, login)
        output.touch(0o600)
        with output.open("wb") as file:
            export(service, person, file)
    print_line(f"written: {output}")


@app.command()
def erase_person(
    login: LoginArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person: put a pseudonym in their place, and delete files, reports and texts. Points stay."""
    if not yes:
        typer.confirm(f"Erase {login} for ever?", abort=True, err=True)
    with closing(open_store(Settings())) as store:
        pseudonym = erasure.erase(store, login, OPERATOR)
    print_line(f"erased: now {pseudonym}; copies that were made earlier still have the data")


# ── what the commands share ──────────────────────────────────────────────────────────────────────────


@contextmanager
def writing() -> Iterator[Tx]:
    """Begin a read-write transaction of the service's database, whose changes are recorded in the audit. Close the
    database at the end of the `with` block."""
    with closing(open_store(Settings())) as store, store.write(OPERATOR) as tx:
        yield tx


def _require_course(tx: Tx, id: str) -> None:
    if people.course(tx, id) is None:
        raise BadCall(f"there is no course {id}: create it with grader admin course {id} --title …")


def _existing_person(tx: Tx, login: str) -> Person:
    person = people.person_by_login(tx, login)
    if person is None:
        raise BadCall(f"there is no person {login}: add them with grader admin person {login} --name …")
    return person


def _person_row(person: Person) -> dict[str, Any]:
    return {"login": person.login, "name": person.name}


def _print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows, which have the same columns, as a table or as JSON. A single row with many columns is printed as a
    table of settings and values, and a very long list as tab-separated text."""
    rows = [_plain_row(row) for row in rows]
    if as_json:
        print_json(rows)
        return
    if len(rows) == 1 and len(rows[0]) > _MOST_COLUMNS:
        rows = [{"setting": name, "value": value} for name, value in rows[0].items()]
    header = list(rows[0]) if rows else ["none"]
    lines = [list(map(_cell, row.values())) for row in rows]
    if len(lines) > _MOST_DRAWN:
        for line in [header, *lines]:
            sys.stdout.write("\t".join(line) + "\n")
        return
    table = Table()
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    out.print(table)


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with dates as text in local time, and tuples and sets as lists."""
    plain_row = dict(row)
    for name, value in row.items():
        if isinstance(value, dt.datetime):
            plain_row[name] = value.astimezone().isoformat(timespec="minutes")
        elif isinstance(value, tuple | frozenset):
            plain_row[name] = sorted(value)
    return plain_row


def _cell(value: object) -> str:
    """Return a value as the text of a table's cell, on one line; "—" for an empty value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not value and value != 0:
        return "—"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else one_line(str(value))
