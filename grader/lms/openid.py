"""Requests to other servers, their keys, and the tokens that they sign, for OpenID Connect and LTI 1.3."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import re
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey

from grader.bounds import MIB
from grader.errors import BadCall, OurFailure

WAIT_SECONDS = 5.0
"""Longest time without an answer of another server."""
LEEWAY_SECONDS = 60
"""Largest difference between the clocks of two servers."""
SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Accepted signature algorithms. Unsigned tokens ("none") and shared secrets (HS256 …) are refused."""
_ORIGIN = re.compile(
    r"(https://[\w.-]+(?::\d+)?|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?)(?=[/?#]|$)",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_SECONDS = 10.0
"""Longest duration of a request to another server."""
_MOST_BYTES = MIB
_OLDEST_SECONDS = 3600
"""Greatest age of a token."""
_KEYS_SECONDS = 3600
_REFETCH_SECONDS = 60
"""Least time between two requests for the same keys, so that tokens with forged key ids cost nothing."""


class NoAnswer(OurFailure):
    """Another server does not answer, or its answer is not valid."""


@dataclass(frozen=True)
class RemoteResponse:
    """The response of another server."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body as JSON. Raise `NoAnswer` if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as wrong:
            raise NoAnswer("the answer is not JSON") from wrong


@cache
def tls() -> ssl.SSLContext:
    """Return the certificates to trust. Reading them takes longer than all else in a login, and holds up other
    requests."""
    return httpx2.create_ssl_context()


def origin_of(url: str) -> str:
    """Return the origin of an https address, or of http on this machine; empty for another URL."""
    match = _ORIGIN.match(url)
    return match[1].lower() if match else ""


def is_safe(url: str) -> bool:
    """Return whether a URL is an https address, or http on this machine."""
    return bool(origin_of(url))


def send(method: str, url: str, **arguments: Any) -> RemoteResponse:
    """Send a request to another server, and return its response. Redirects are not followed.

    Args:
        method: The HTTP method.
        url: An https address, or http on this machine.
        **arguments: Arguments of `httpx2.Client.request`, for example `json`.

    Raises:
        NoAnswer: If there is no answer, or it takes longer than `_LONGEST_SECONDS` or is larger than a MiB.
    """
    host = urlsplit(url).netloc
    try:
        return asyncio.run(_exchange(method, url, arguments))
    except TimeoutError:
        raise NoAnswer(f"{host} takes too long to answer") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as gone:
        raise NoAnswer(f"{host} does not answer: {type(gone).__name__}: {gone}") from gone


async def _exchange(method: str, url: str, arguments: Mapping[str, Any]) -> RemoteResponse:
    body = b""
    async with (
        asyncio.timeout(_LONGEST_SECONDS),  # also for a head that comes byte by byte
        httpx2.AsyncClient(timeout=WAIT_SECONDS, verify=tls()) as client,
        client.stream(method, url, **arguments) as response,
    ):
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _MOST_BYTES:
                raise NoAnswer(f"the answer of {urlsplit(url).netloc} is too large")
    return RemoteResponse(response.status_code, response.headers, body)


def fetch_json(url: str) -> dict[str, Any]:
    """Return the JSON object at a URL; empty if it is another JSON value. Raise `NoAnswer` if there is none."""
    response = send("GET", url)
    if not response.is_success:
        raise NoAnswer(f"{urlsplit(url).netloc} answers with status {response.status}")
    document = response.json()
    return document if isinstance(document, dict) else {}


class PublicKeys:
    """The public keys with which another server signs its tokens."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._fetched_at = self._failed_at = -math.inf

    def get(self, *, fresh: bool = False) -> KeySet:
        """Return the keys. They are fetched again after an hour and, if `fresh`, after `_REFETCH_SECONDS`. Raise
        `NoAnswer` if they cannot be fetched."""
        with self._lock:
            age = time.monotonic() - self._fetched_at
            is_old = age >= (_REFETCH_SECONDS if fresh else _KEYS_SECONDS)
            if self._keys is None:
                self._keys = self._fetched()
            elif is_old:
                with suppress(NoAnswer):  # the keys that are known may still be right
                    self._keys = self._fetched()
            return self._keys

    def _fetched(self) -> KeySet:
        if time.monotonic() - self._failed_at < WAIT_SECONDS:  # threads that waited for the lock need not wait again
            raise NoAnswer("the keys could not be fetched a moment ago")
        try:
            document: Any = fetch_json(self._url)
            keys = KeySet.import_key_set(document)
        except (NoAnswer, JoseError, KeyError, TypeError, ValueError) as wrong:
            self._failed_at = time.monotonic()
            raise NoAnswer(f"no keys at {urlsplit(self._url).netloc}: {wrong}") from wrong
        self._fetched_at = time.monotonic()
        return keys


@lru_cache(100)
def keys_at(url: str) -> PublicKeys:
    """Return the public keys at a URL. They are fetched when they are needed."""
    return PublicKeys(url)


def verified(token: str, keys: PublicKeys, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token after checking its signature, issuer, audience, times and nonce.

    Raises:
        BadCall: If the token is not valid. The message says why.
        NoAnswer: If the keys cannot be fetched.
    """
    options: dict[str, Any] = {claim: {"essential": True} for claim in ("sub", "exp", "iat", "nonce")}
    options |= {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    try:
        claims = _decoded(token, keys)
        jwt.JWTClaimsRegistry(leeway=LEEWAY_SECONDS, **options).validate(claims)
    except (JoseError, ValueError, TypeError, RecursionError) as wrong:
        raise BadCall(f"{type(wrong).__name__}: {wrong}") from wrong
    if claims["nonce"] != nonce or claims["iat"] < time.time() - _OLDEST_SECONDS:
        raise BadCall("the token was made long ago, or for another login (nonce)")
    # a token for several clients must name the one that has asked for it
    authorized = claims.get("azp", claims["aud"])
    if authorized not in (client_id, [client_id]):
        raise BadCall("the token was made for another client (azp)")
    return claims


def _decoded(token: str, keys: PublicKeys) -> dict[str, Any]:
    try:
        signed = jwt.decode(token, keys.get(), algorithms=SIGNED_WITH, decoder_cls=_StrictDecoder)
    except InvalidKeyIdError:  # the other server may have changed its keys
        signed = jwt.decode(token, keys.get(fresh=True), algorithms=SIGNED_WITH, decoder_cls=_StrictDecoder)
    return signed.claims


class _StrictDecoder(json.JSONDecoder):
    """A decoder that refuses names that occur twice, which two programs could read differently."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a claim occurs twice")
    return names


# ── tokens that only this service reads ──────────────────────────────────────────────────────────────


def seal(secret: bytes, purpose: str, claims: Mapping[str, Any], seconds: float) -> str:
    """Return claims as a signed token that only `unseal` accepts, with the same purpose and secret, for some time."""
    expires = int(time.time() + seconds)
    return jwt.encode({"alg": "HS256"}, {**claims, "exp": expires}, _key(secret, purpose))


def unseal(secret: bytes, purpose: str, token: str) -> dict[str, Any] | None:
    """Return the claims of a token that `seal` made; None if the token is missing, forged or expired."""
    try:
        claims = jwt.decode(token, _key(secret, purpose), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        return None
    del claims["exp"]
    return claims


def _key(secret: bytes, purpose: str) -> OctKey:
    return OctKey.import_key(hmac.digest(secret, purpose.encode(), hashlib.sha256))
