"""Commands for students who use the service: login, logout, submit, status."""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import (
    AssignmentOption,
    FilesArgument,
    JsonOption,
    default_assignment,
    print_json,
    print_line,
    progress,
    require_writable,
    submitted,
)
from grader.client import login as logins
from grader.client.login import Login
from grader.client.service import ServiceClient
from grader.course.late import MOST_DAYS, count_of
from grader.errors import BadCall
from grader.intake.receive import uploads
from grader.render.text import one_line
from grader.settings import Settings

SHOWN = 5
"""Number of submissions that `grader status` shows."""
_GRADED = ("graded", "partly_graded")


def login_(
    url: Annotated[str, typer.Argument(help="The service's URL: https://grader.example.edu.")],
    course: Annotated[str, typer.Argument(help="The course's id: ml101.")],
) -> None:
    """Log in at a service, with a token from its page Settings. The token is read from the terminal or from standard
    input, and kept in the system's keyring, or in a file that only you can read."""
    url = url.rstrip("/")
    token = _read_token(url)
    login = Login(url, course, token)
    with progress(f"logging in at {url}"):
        me = ServiceClient(login).me()
    if course not in me["roles"] and not me["admin"]:
        courses = ", ".join(me["roles"]) or "none"
        raise BadCall(f"{me['login']} is not in the course {course} (courses: {courses})")
    place = logins.save(login)
    _print(f"logged in as {me['name']} ({me['login']}), course {course}")
    _print(f"the token is in {place}", "dim")


def _read_token(url: str) -> str:
    """Read a token: without echo if standard input is a terminal, otherwise the first line. Raise `BadCall` if it
    cannot be a token. `url` is the service's URL, for messages."""
    if sys.stdin.isatty():
        token: str = typer.prompt(f"Token (make one at {url}/settings)", hide_input=True, err=True)
    else:
        token = sys.stdin.readline()
    token = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise BadCall(f"a token is one word without spaces: create a token at {url}/settings")
    return token


def _login() -> Login:
    """Return the stored login. If there is none, and this is a notebook server of a JupyterHub whose operator has set
    GRADER_URL and GRADER_COURSE, return a login for this command. The server's token is sent nowhere else."""
    settings, hub_token = Settings(), os.environ.get("JUPYTERHUB_API_TOKEN")
    if not (settings.url and settings.course and hub_token) or logins.login_file().exists():
        return logins.load()
    url = settings.url.rstrip("/")
    token = ServiceClient(Login(url, settings.course, "")).token_for(hub_token)
    return Login(url, settings.course, token)


def logout() -> None:
    """Remove the stored login. The token stays valid until it is revoked on the service's page Settings."""
    logins.remove()
    print_line("logged out")


def submit(
    files: FilesArgument,
    assignment: AssignmentOption = "",
    late_days: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_DAYS, help="The most late days to use. By default you are asked, on a terminal."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Submit files to the service that you are logged in at. All files together are one submission."""
    contents = uploads(submitted(files))
    login = _login()
    task = Path(assignment or default_assignment()).name  # the name of a folder is the assignment's id
    client = ServiceClient(login)
    if late_days is None:
        late_days = _agreed_late_days(client, task) if sys.stdin.isatty() else 0
    with progress(f"submitting to {login.url}"):
        receipt = client.submit(task, contents, late_days)
    if as_json:
        print_json(receipt)
        return
    names = [file["name"] for file in receipt["files"]]
    _print(f"Submitted to {receipt['course']}, {receipt['assignment']}: {', '.join(names)}", "bold")
    authors = [author["name"] for author in receipt["authors"]]
    if len(authors) > 1:
        _print(f"It counts for {', '.join(authors)}.")
    for remark in receipt["remarks"]:
        _print(remark, "yellow")
    if not receipt["code_submitted"]:
        _print("The code was not submitted: submit it too.", "yellow")
    if receipt["late"]["is_late"]:
        _print(receipt["late"]["sentence"], "yellow")
    if receipt["late_days"]:
        _print(f"You agreed to use up to {count_of(receipt['late_days'], 'late day')}.")
    submission = receipt["submission"]
    _print(f"Receipt {submission}, {_local_time(receipt['received_at'])}")
    _print(f"The result will be at {_page(login, submission)} (grader status shows it here)")


def _agreed_late_days(client: ServiceClient, assignment: str) -> int:
    """Ask whether to use late days, if a submission would be late and days are left. Return the number of days."""
    own = client.assignment(assignment).get("late_days")  # services of older versions do not have it
    if not own or not own["days"]:
        return 0
    question = one_line(f"{own['question']} Use {own['days']}?", 600)
    days: int = own["days"] if typer.confirm(question, err=True) else 0
    return days


def status_(
    assignment: AssignmentOption = "",
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the report of the newest submission to this file, if graded.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show your newest submissions, with their scores."""
    if html_file:
        require_writable(html_file)
    login = _login()
    task = Path(assignment or default_assignment()).name  # the name of a folder is the assignment's id
    client = ServiceClient(login)
    with progress(f"asking {login.url}"):
        rows = client.latest(task, SHOWN)
    if as_json:
        print_json(rows)
        return
    if not rows:
        _print(f"Nothing submitted yet to {login.course}, {task}.")
        return
    for row in rows:
        kind = "" if row["kind"] == "submission" else "pre-check, "
        state = row["state"].replace("_", " ")
        score = f": {row['score']['sentence']}" if row["state"] in _GRADED and row["score"] else ""
        _print(f"{_local_time(row['received_at'])}  {kind}{state}{score}")
        _print(f"  {_page(login, row['id'])}", "dim")
    if html_file:
        submissions = [row for row in rows if row["kind"] == "submission"] or rows  # or only pre-checks
        newest = submissions[0]
        if newest["state"] not in _GRADED:
            _print(f"not written: {html_file} (the newest submission is not graded yet)", "yellow")
            return
        html_file.write_text(client.report_page(newest["id"]), "utf-8")
        _print(f"written: {html_file}", "dim")


def _page(login: Login, submission: str) -> str:
    return f"{login.url}/submissions/{submission}"


def _local_time(text: str) -> str:
    moment = dt.datetime.fromisoformat(text)
    return moment.astimezone().strftime("%d %b %Y, %H:%M")


def _print(line: str, style: str = "") -> None:
    """Print a line that contains text from the service."""
    print_line(one_line(line, 600), style)
