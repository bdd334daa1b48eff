"""`grader admin`: manage courses, people, tokens and offered assignments in the service's database, whether or not the
service is running."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from grader.assignments import catalogue
from grader.cli.common import out, print_json
from grader.course import offerings as offers
from grader.course import roster
from grader.course.csv_people import content_of
from grader.course.late import checked_date, late_policy
from grader.errors import BadCall
from grader.render.text import one_line
from grader.service import login_link, open_store
from grader.settings import Settings
from grader.store import offerings, people
from grader.store.database import Tx
from grader.store.records import EVERY_SCOPE, Counts, Course, Offering, Person, TokenKind, TokenScope

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Manage courses, people, tokens and offered assignments."
)

CourseArgument = Annotated[str, typer.Argument(help="The course's id.")]
LoginArgument = Annotated[str, typer.Argument(help="E-mail address or account name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]

_DATE = '"2026-12-01 23:59" (local time) or "2026-12-01T23:59+01:00"; none removes it'
_MOST_COLUMNS = 6
_MOST_DRAWN = 1_000
"""Largest number of rows that are drawn as a table. Longer lists are printed faster, as tab-separated text."""


@app.command()
def course(
    id: Annotated[str, typer.Argument(help="The course's id, used in URLs: ml101.")],
    title: Annotated[str, typer.Option(help="The title shown to people.")],
    as_json: JsonOption = False,
) -> None:
    """Create a course, or change its title."""
    made = Course(roster.course_of(id), roster.name_of(title))
    with _writing() as tx:
        people.put_course(tx, made)
    _print_rows([{"course": made.id, "title": made.title}], as_json)


@app.command()
def courses(as_json: JsonOption = False) -> None:
    """List the courses."""
    with _writing() as tx:
        rows = [
            {"course": c.id, "title": c.title, "members": len(people.roster(tx, c.id))} for c in people.all_courses(tx)
        ]
    _print_rows(rows, as_json)


@app.command()
def person(
    login: LoginArgument,
    name: Annotated[str, typer.Option(help="The person's name. By default, unchanged.")] = "",
    admin: Annotated[bool | None, typer.Option("--admin/--no-admin", help="Make them an administrator.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a person, or change their name or administrator rights."""
    with _writing() as tx:
        known = people.put_person(tx, roster.login_of(login), roster.name_of(name), admin=admin)
    _print_rows([_person_row(known) | {"admin": known.admin}], as_json)


@app.command("roster")
def roster_(
    course: CourseArgument,
    file: Annotated[Path | None, typer.Argument(help="CSV with the columns login, name and role.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add and update people from a CSV file, or list the members. People are never removed."""
    if file is None:
        with _writing() as tx:
            _require_course(tx, course)
            rows = [_person_row(m.person) | {"role": m.role} for m in people.roster(tx, course)]
        _print_rows(rows, as_json)
        return
    wanted = roster.read(content_of(file))
    with _writing() as tx:
        _require_course(tx, course)
        changes = roster.compare(tx, course, wanted)
        if not dry_run:
            roster.enrol(tx, course, changes)
    _print_rows([*_change_rows(changes)], as_json)
    if not as_json:
        done = "would be " if dry_run else ""
        out.print(
            f"{len(changes.added)} {done}added, {len(changes.changed)} {done}changed, {changes.unchanged} unchanged, "
            f"{len(changes.missing)} not in the file and kept (grader admin remove removes them)"
        )


def _change_rows(changes: roster.RosterChanges) -> Iterator[dict[str, Any]]:
    for row in changes.added:
        yield {"what": "added", "login": row.login, "name": row.name or row.login, "role": row.role, "was": ""}
    for old, row in changes.changed:
        after = {"login": row.login, "name": row.name or old.person.name, "role": row.role}
        yield {"what": "changed"} | after | {"was": f"{old.person.name}, {old.role}"}
    for member in changes.missing:
        yield {"what": "not in the file"} | _person_row(member.person) | {"role": member.role, "was": ""}


@app.command()
def remove(course: CourseArgument, login: LoginArgument) -> None:
    """Remove one person from a course. Their submissions stay."""
    with _writing() as tx:
        who = _known_person(tx, login)
        if people.role_of(tx, course, who.id) is None:
            raise BadCall(f"{who.login} is not in the course {course}")
        people.remove_member(tx, course, who.id)


@app.command()
def offer(
    course: CourseArgument,
    assignment: Annotated[str, typer.Argument(help="The assignment's id.")],
    opens: Annotated[str | None, typer.Option(help=_DATE)] = None,
    due: Annotated[str | None, typer.Option(help=_DATE)] = None,
    closes: Annotated[str | None, typer.Option(help=_DATE)] = None,
    late: Annotated[str | None, typer.Option(help='Late penalty: {"per_day": "10%", "most_days": 5}')] = None,
    counts: Annotated[Counts | None, typer.Option(help="Which submission counts.")] = None,
    attempts_per_hour: Annotated[int | None, typer.Option(help="Attempts per hour; 0 for no limit.")] = None,
    held: Annotated[bool | None, typer.Option("--held/--released", help="Hide points until they are released.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Parts or checks hidden from students: q2.5,q2.2.W1.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Offer an assignment in a course, or change the given settings of an offered assignment."""
    task = catalogue.find(assignment, Settings().assignments)
    dates = {"opens": opens, "due": due, "closes": closes}
    given: dict[str, Any] = {f"{name}_at": _date_option(name, text) for name, text in dates.items() if text is not None}
    given |= {} if late is None else {"late": late_policy(late)}
    given |= {} if counts is None else {"counts": counts}
    given |= {} if attempts_per_hour is None else {"attempts_per_hour": attempts_per_hour or None}
    given |= {} if held is None else {"held": held}
    given |= {} if hidden is None else {"hidden": () if hidden == "none" else tuple(hidden.replace(",", " ").split())}
    with _writing() as tx:
        _require_course(tx, course)
        before = offerings.offering(tx, course, task.id) or Offering(course, task.id)
        after = offers.checked(replace(before, **given), task)
        offerings.put_offering(tx, after)
    _print_rows([_offering_row(after)], as_json)


def _offering_row(offering: Offering) -> dict[str, Any]:
    dates = {"opens": offering.opens_at, "due": offering.due_at, "closes": offering.closes_at}
    return {
        "course": offering.course,
        "assignment": offering.assignment,
        **{name: _iso_date(date) for name, date in dates.items()},
        "late": dict(offering.late),
        "counts": offering.counts,
        "attempts_per_hour": offering.attempts_per_hour,
        "held": offering.held,
        "hidden": list(offering.hidden),
    }


@app.command()
def token(
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
    with _writing() as tx:
        who = _known_person(tx, login)
        secret = people.new_token(tx, who.id, TokenKind.PROGRAM, roster.name_of(label), lasts, scope or EVERY_SCOPE)
    if as_json:
        _print_rows([{"login": who.login, "label": label, "token": secret}], as_json)
    else:
        sys.stdout.write(secret + "\n")  # nothing else, for scripts: TOKEN=$(grader admin token …)


@app.command()
def tokens(
    login: LoginArgument,
    revoke: Annotated[str, typer.Option(help="Id of a token to revoke.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List a person's tokens and logins, or revoke one of them."""
    with _writing() as tx:
        who = _known_person(tx, login)
        if revoke and not people.revoke_token(tx, who.id, revoke):
            raise BadCall(f"{who.login} has no token {revoke}: list the tokens with grader admin tokens {who.login}")
        rows = [
            {
                "id": t.id,
                "kind": t.kind,
                "label": t.label,
                "scopes": sorted(t.scopes),
                "made": _iso_date(t.created_at),
                "expires": _iso_date(t.expires_at),
            }
            for t in people.tokens_of(tx, who.id)
        ]
    _print_rows(rows, as_json)


@app.command()
def link(
    logins: Annotated[list[str] | None, typer.Argument(help="Logins of the people.")] = None,
    course: Annotated[str, typer.Option(help="Create links for all members of this course.")] = "",
    days: Annotated[int, typer.Option(min=1, max=60, help="Days until the link expires.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Create one-time login links, for people without a university login."""
    settings = Settings()
    with _writing() as tx:
        whom = [_known_person(tx, login) for login in logins or ()]
        if course:
            _require_course(tx, course)
            whom += [member.person for member in people.roster(tx, course)]
        if not whom:
            raise BadCall("no person is given: name logins, or a course with --course COURSE")
        lasts = dt.timedelta(days=days)
        rows = [_person_row(who) | {"link": login_link(tx, settings, who, lasts)} for who in dict.fromkeys(whom)]
    if as_json:
        _print_rows(rows, as_json)
    else:  # no table, which would break long links
        for row in rows:
            sys.stdout.write(f"{row['link']}\t{one_line(row['login'])}\n")


# ── what the commands share ──────────────────────────────────────────────────────────────────────────


@contextmanager
def _writing() -> Iterator[Tx]:
    with closing(open_store(Settings())) as store, store.write() as tx:
        yield tx


def _require_course(tx: Tx, id: str) -> None:
    if people.course(tx, id) is None:
        raise BadCall(f"there is no course {id[:60]}: create it with grader admin course {id[:60]} --title …")


def _known_person(tx: Tx, login: str) -> Person:
    found = people.person_by_login(tx, login)
    if found is None:
        raise BadCall(f"there is no person {login[:60]}: add them with grader admin person {login[:60]} --name …")
    return found


def _person_row(person: Person) -> dict[str, Any]:
    return {"login": person.login, "name": person.name}


def _date_option(option: str, text: str) -> dt.datetime | None:
    if text == "none":
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or len(text) <= len("2026-12-01"):
        raise BadCall(f"--{option} is not a valid date: write {_DATE}")
    return checked_date(moment).astimezone()  # without a time zone, local time


def _iso_date(moment: dt.datetime | None) -> str | None:
    return moment.astimezone().isoformat(timespec="minutes") if moment else None


def _print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    if len(rows) == 1 and len(rows[0]) > _MOST_COLUMNS:
        rows = [{"setting": name, "value": value} for name, value in rows[0].items()]
    if len(rows) > _MOST_DRAWN:
        sys.stdout.write("\t".join(rows[0]) + "\n")
        sys.stdout.writelines("\t".join(_cell_text(value).plain for value in row.values()) + "\n" for row in rows)
        return
    table = Table()
    for name in rows[0] if rows else ("none",):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell_text(value) for value in row.values()))
    out.print(table)


def _cell_text(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if not value and value != 0:
        return Text("—")
    if isinstance(value, list):
        return Text(", ".join(map(str, value)))
    return Text(json.dumps(value) if isinstance(value, dict) else one_line(str(value)))
