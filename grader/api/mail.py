"""E-mail, such as login links, through the mail server in the setting GRADER_SMTP_URL."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import ssl
from collections.abc import Coroutine
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from fastapi.concurrency import run_in_threadpool

from grader.errors import BadCall
from grader.render.text import one_line
from grader.service import Service, login_link
from grader.settings import Settings
from grader.store import people

log = structlog.get_logger()

LINK_DURATION = dt.timedelta(minutes=30)
_WAIT_SECONDS = 20.0
"""Longest time without an answer of the mail server."""
_CONNECTIONS = 4
"""Number of connections to the mail server at the same time."""
_DELAY_SECONDS = 0.5
"""Time until a link is made. Work for a known address would slow down the response, which must not tell that it is."""
_LOOPBACK = ("localhost", "127.0.0.1")
_TEXT = """This link logs you in to the grader. It works once, within 30 minutes:

{link}

If you have not asked for it, ignore this message.
"""


class Mailer:
    """A mail server that takes messages from this service."""

    def __init__(self, settings: Settings) -> None:
        """Read the settings of the mail server. Raise `BadCall` if they are wrong."""
        # the message does not repeat the URL, which contains a password
        if not re.fullmatch(r"smtps?://([^@/\s]+@)?[^@:/\s]+(:\d{1,5})?/?", settings.smtp_url):
            raise BadCall("GRADER_SMTP_URL must be smtp://user:password@host:port or smtps://user:password@host:port")
        if not re.fullmatch(r"[^\n\r]*[^@\s]@[^@\s]+", settings.mail_from):
            raise BadCall("GRADER_MAIL_FROM must be the address from which messages are sent: grader@example.edu")
        self._sender = settings.mail_from
        self._url = urlsplit(settings.smtp_url)
        self._tls = ssl.create_default_context()
        self._connections = asyncio.Semaphore(_CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()
        """Tasks that send messages. Without a reference, the event loop could lose them."""

    def in_background(self, sending: Coroutine[None, None, None]) -> None:
        """Run a function that sends a message, without waiting for it."""
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(self, to: str, subject: str, text: str, id: str = "") -> None:
        """Send a message. Raise `SMTPException` or `OSError` if the server does not take it. Messages with the same
        `id` have the same Message-ID."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{id}@{self._url.hostname}>" if id else make_msgid(domain=self._url.hostname)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        async with self._connections:
            await aiosmtplib.send(
                message,
                hostname=self._url.hostname,
                port=self._url.port,
                username=unquote(self._url.username or "") or None,
                password=unquote(self._url.password or ""),
                use_tls=self._url.scheme == "smtps",
                start_tls=self._starts_tls(),
                tls_context=self._tls,
                timeout=_WAIT_SECONDS,
            )

    def _starts_tls(self) -> bool | None:
        """Return whether a connection without TLS must begin it; None if the server decides. A password is never sent
        to another machine without TLS. On this machine, certificates are rarely made for its name."""
        if self._url.scheme == "smtps" or self._url.hostname in _LOOPBACK:
            return False
        return True if self._url.username else None


def mailer_of(settings: Settings) -> Mailer | None:
    """Return the mail server that the settings name; None if they name none. Raise `BadCall` if they are wrong."""
    return Mailer(settings) if settings.smtp_url else None


async def send_login_link(service: Service, mailer: Mailer, login: str, next: str) -> None:
    """Send a login link to the person with this login, if there is one. The link leads to the path `next`. Log
    failures: the person has got their response already."""
    await asyncio.sleep(_DELAY_SECONDS)
    try:
        link = await run_in_threadpool(_new_link, service, login, next)
        if link:
            await mailer.send(login, "Your login link", _TEXT.format(link=link))
    except Exception as failure:  # noqa: BLE001 (odd addresses raise anything, and nobody else would log it)
        log.error("a login link was not sent", why=f"{type(failure).__name__}: {one_line(str(failure))}")


def _new_link(service: Service, login: str, next: str) -> str | None:
    """Return a login link for the person with this login; None if there is none, or the login is no e-mail address."""
    with service.store.read() as tx:
        person = people.person_by_login(tx, login)
    if person is None or "@" not in login:
        return None
    with service.store.write() as tx:
        people.forget_expired_tokens(tx)
        return login_link(tx, service.settings, person, LINK_DURATION, next)
