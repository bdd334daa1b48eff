"""`grader xqueue`: grade the submissions that Open edX offers to external graders."""

from __future__ import annotations

import io
import threading
from html import escape
from typing import Annotated

import structlog
import typer
from rich.console import Console

from grader.assignments.catalogue import Assignment
from grader.cli.common import (
    AssignmentOption,
    ServiceSandboxOption,
    assignment_of,
    prepared,
    sandbox_for,
    seed,
    signals_handled,
)
from grader.cli.logs import configure_logging
from grader.engine.grade import grade
from grader.errors import BadCall, Refused
from grader.intake.receive import receive_all
from grader.lms.xqueue import Offer, XQueue
from grader.model import Json
from grader.render.terminal import Terminal
from grader.render.text import clean
from grader.sandbox import selftest
from grader.sandbox.contract import Sandbox
from grader.settings import Settings

IDLE_SECONDS = 5.0
"""Pause while the queue is empty."""
MOST_PAUSE_SECONDS = 60.0
"""Longest pause after failures in a row."""

log = structlog.get_logger()


def xqueue(
    url: Annotated[str, typer.Option(help="XQueue's URL, such as https://lms.example.edu/xqueue.")],
    queue: Annotated[str, typer.Option(help="The queue to pull from.")],
    assignment: AssignmentOption = "",
    files_from: Annotated[
        list[str] | None, typer.Option(help="URL of a further server from which uploaded files may be downloaded.")
    ] = None,
    sandbox: ServiceSandboxOption = "bubblewrap",
) -> None:
    """Grade the submissions of an Open edX queue (XQueue) until SIGTERM or Ctrl-C."""
    settings = Settings()
    configure_logging()
    if not (settings.xqueue_user and settings.xqueue_password and settings.secret):
        raise BadCall("set GRADER_XQUEUE_USER, GRADER_XQUEUE_PASSWORD and GRADER_SECRET (docs/operator.md, Open edX)")
    task = assignment_of(assignment)
    selftest.prove(sandbox, prepared(settings, sandbox).runtime)
    shutdown = threading.Event()
    client: XQueue | None = None
    pause = 0.0
    with sandbox_for(sandbox, assignment=task) as chosen, signals_handled(lambda *_: shutdown.set()):
        while not shutdown.wait(pause):
            try:
                structlog.contextvars.clear_contextvars()
                client = client or XQueue(url, settings.xqueue_user, settings.xqueue_password, files_from or ())
                offer = client.pull(queue)
                if offer is not None:
                    structlog.contextvars.bind_contextvars(submission=offer.xqueue_header["submission_id"])
                    # if this fails, there is no result, and XQueue offers the submission again
                    result = _result(client, offer, task, chosen)
                    client.put(offer, result)
                    log.info("graded", score=result["score"])
                pause = 0.0 if offer else IDLE_SECONDS
            except Exception as failure:  # noqa: BLE001  a bug must not end it
                log.error("failed", why=repr(failure))
                client = None  # its session may have ended
                pause = min(2 * pause + 1, MOST_PAUSE_SECONDS)


def _result(client: XQueue, offer: Offer, task: Assignment, sandbox: Sandbox) -> Json:
    """Return the result of a submission: uploaded files, or else the text that the student typed."""
    score, text = 0.0, io.StringIO()
    try:
        typed = str(offer.xqueue_body["student_response"])
        files = client.download(offer) or [(task.files[0], typed.encode("utf-8", "replace"))]
        submission = receive_all(files, task.files[0])
    except Refused as why:
        text.write(clean(str(why)))
    else:
        report = grade(submission, task, sandbox, seed())
        # written answers cannot be marked there; without code, nothing is decided
        score = float(report.points / report.decided) if report.decided else 0.0
        Console(file=text, width=100).print(Terminal(report))
    # Open edX shows no message that is not well-formed XML
    return {"correct": score == 1, "score": score, "msg": f"<pre>{escape(text.getvalue())}</pre>"}
