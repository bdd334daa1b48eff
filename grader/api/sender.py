"""Send the messages of the outbox by e-mail, to the webhook and to learning platforms."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from grader.api.mail import Mailer
from grader.api.platform_scores import send_score
from grader.api.rendering import mail_texts
from grader.api.webhooks import Webhook
from grader.errors import StoreUnavailable
from grader.service import Service
from grader.store import outbox
from grader.store.records import Channel, Message

log = structlog.get_logger()

POLL_SECONDS = 2.0
"""Interval at which the outbox is polled while no message is due."""
_LONGEST_SECONDS = 60.0
"""Longest duration of an attempt, less than `outbox.LEASE`."""


class Sender:
    """Sends the messages of all channels, one at a time in each."""

    def __init__(self, service: Service, mailer: Mailer | None) -> None:
        """Create a sender. Raise `BadCall` if the settings of the webhook are wrong."""
        self._service = service
        self._mailer = mailer
        self._webhook = Webhook(service.settings) if service.settings.webhook_url else None

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Send messages while the application runs."""
        names = (*self._service.settings.channels, Channel.PLATFORM)
        tasks = [asyncio.create_task(self._run(Channel(name))) for name in names]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, channel: Channel) -> None:
        """Send the messages of a channel until this task is cancelled."""
        store = self._service.store
        while True:
            try:
                message = await run_in_threadpool(outbox.claim, store, channel)
                if message is not None:
                    await self._handle(message)
                    continue
            except StoreUnavailable as gone:
                log.warning("the database cannot be used", why=str(gone))
            except Exception:  # a bug must not end the sender
                log.exception("internal error")
            await asyncio.sleep(POLL_SECONDS)

    async def _handle(self, message: Message) -> None:
        """Send a message, and record whether the receiver has accepted it."""
        store = self._service.store
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                until = await self._send(message)
        except Exception as failure:  # noqa: BLE001 (odd addresses raise anything)
            log.warning("message not sent", message=message.id, why=f"{type(failure).__name__}: {failure}")
            await run_in_threadpool(outbox.postpone, store, message)
        else:
            await run_in_threadpool(outbox.remove, store, message, until)

    async def _send(self, message: Message) -> dt.datetime | None:
        """Send a message, unless it is an e-mail that the person has chosen not to get. Return the time at which it
        must be sent again; None if it need not be."""
        if message.channel is Channel.PLATFORM:
            return await run_in_threadpool(send_score, self._service, message)
        url = self._service.settings.url
        if message.channel is Channel.WEBHOOK and self._webhook:
            data = {
                "course": message.course,
                "assignment": message.assignment,
                "submission": message.submission,
                "person": message.login,
                "url": f"{url}/submissions/{message.submission}",
            }
            body = {"type": f"submission.{message.event}", "timestamp": message.at.isoformat(), "data": data}
            await self._webhook.send(body, message.id)
        elif self._mailer and message.is_mailed:
            title = self._service.assignments[message.assignment].title
            subject, text = mail_texts(message=message, title=title, url=url)
            await self._mailer.send(message.login, subject, text, message.id)
        return None
