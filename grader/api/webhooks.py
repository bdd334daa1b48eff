"""Requests to the operator's webhook, signed as the Standard Webhooks specification says."""

from __future__ import annotations

import json
import re

import httpx2
from standardwebhooks import Webhook as Signer

from grader.errors import BadCall
from grader.model import Json
from grader.settings import Settings
from grader.store.database import now

_WAIT_SECONDS = 20.0
_DIGIT = "[A-Za-z0-9+/]"
_SECRET = re.compile(f"(whsec_)?({_DIGIT}{{4}}){{7,21}}({_DIGIT}{{4}}|{_DIGIT}{{3}}=|{_DIGIT}{{2}}==)")


class Webhook:
    """A URL that takes the events of this service."""

    def __init__(self, settings: Settings) -> None:
        """Read the settings of the webhook. Raise `BadCall` if they are wrong."""
        if not _SECRET.fullmatch(settings.webhook_secret):  # the message does not repeat the secret
            raise BadCall("GRADER_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64: openssl rand -base64 32")
        self._url = settings.webhook_url
        self._signer = Signer(settings.webhook_secret)
        self._tls = httpx2.create_ssl_context()

    async def send(self, body: Json, id: str) -> None:
        """Send a request. Raise an exception unless the response has a status of success. Follow no redirect, and do
        not read the body of the response."""
        moment = now()
        content = json.dumps(body)
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._signer.sign(id, moment, content),
        }
        async with (
            httpx2.AsyncClient(verify=self._tls, timeout=_WAIT_SECONDS) as client,
            client.stream("POST", self._url, content=content, headers=headers) as response,
        ):
            if not response.is_success:  # an exception of the library would name the URL, which may contain a secret
                raise OSError(f"the webhook answered {response.status_code}")
