"""Login at the university's OpenID Connect provider, with a nonce in addition to PKCE and state."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from grader.api.external_login import (
    WAIT_SECONDS,
    Account,
    LoginAttempt,
    LoginService,
    failed,
    no_answer,
)
from grader.course.roster import login_of
from grader.errors import BadCall, OurFailure
from grader.settings import Settings
from grader.store.records import LoginMethod

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_METADATA_SECONDS = 3600
_LEEWAY_SECONDS = 60
_SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Accepted signature algorithms. Unsigned tokens ("none") and shared secrets (HS256 …) are refused."""


class Provider(LoginService):
    """An OpenID Connect provider."""

    name = "oidc"
    method = LoginMethod.PROVIDER
    client_settings = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
    scope = "openid email profile"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._issuer = settings.oidc_issuer
        self._cached_metadata: Mapping[str, Any] = {}
        """The provider's metadata; empty until they are fetched."""
        self._cached_at = 0.0
        """Time at which the metadata were fetched, by the monotonic clock."""
        self._keys: KeySet | None = None
        """The provider's public keys; None until they are fetched."""

    def _endpoint(self, name: str) -> str:
        return str(self._metadata()[name])

    def _account(self, client: OAuth2Client, token: Mapping[str, Any], attempt: LoginAttempt) -> Account:
        """Return the account whose login is in the claim that GRADER_OIDC_LOGIN_CLAIM names. Raise 403 if the claim is
        not a login, or an e-mail address that is not verified."""
        claims = self._verified(token, attempt.nonce)
        claim = self._settings.oidc_login_claim
        userinfo_url = self._metadata().get("userinfo_endpoint")
        if userinfo_url and claim not in claims:
            claims |= self._userinfo(client, userinfo_url, claims["sub"])
        if claim == "email" and claims.get("email_verified") is not True:
            raise failed("the provider has not verified your e-mail address")
        text = claims.get(claim)
        try:
            login = login_of(text if isinstance(text, str) else "")
        except BadCall:
            raise failed(f"the provider did not send your {claim}") from None
        return Account(login, str(claims.get("name") or login))

    def _verified(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of the ID token after checking its signature, issuer, audience, times and nonce."""
        id_token = token["id_token"]
        try:
            signed = jwt.decode(id_token, self._key_set(), algorithms=_SIGNED_WITH)
        except InvalidKeyIdError:  # the provider may have changed its keys
            signed = jwt.decode(id_token, self._key_set(fresh=True), algorithms=_SIGNED_WITH)
        client_id = self._settings.oidc_client_id
        required = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": client_id},
        }
        expected = {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(signed.claims, signed.header, required, expected)
        claims.validate(leeway=_LEEWAY_SECONDS)
        return dict(claims)

    def _userinfo(self, client: OAuth2Client, url: str, subject: str) -> dict[str, Any]:
        """Return the claims at the provider's user info endpoint. Raise 403 if they are not about `subject`, the person
        in the ID token."""
        response = client.get(url)
        response.raise_for_status()
        claims: dict[str, Any] = response.json()
        if claims.get("sub") != subject:
            raise failed("the provider's ID token and user info belong to different people")
        return claims

    def _metadata(self) -> Mapping[str, Any]:
        """Return the provider's metadata (OpenID Connect Discovery): the URLs of its endpoints. They are fetched again
        after `_METADATA_SECONDS`. Raise `OurFailure` if they belong to another issuer or lack an endpoint."""
        if self._cached_metadata and time.monotonic() - self._cached_at < _METADATA_SECONDS:
            return self._cached_metadata
        metadata = _fetch_json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        issuer = metadata.get("issuer")
        if issuer != self._issuer:
            raise OurFailure(f"GRADER_OIDC_ISSUER is {self._issuer}, but must be the provider's issuer, {issuer}")
        for name in _NEEDED:
            if name not in metadata:
                raise OurFailure(f"the metadata of the university's login service lacks {name}")
        # the keys belong to the metadata, so they are fetched again too
        self._cached_metadata, self._keys, self._cached_at = metadata, None, time.monotonic()
        return metadata

    def _key_set(self, fresh: bool = False) -> KeySet:
        """Return the public keys with which the provider signs ID tokens. `fresh` fetches them again."""
        if self._keys is None or fresh:
            keys: Any = _fetch_json(self._metadata()["jwks_uri"])
            self._keys = KeySet.import_key_set(keys)
        return self._keys


@cache
def _tls() -> ssl.SSLContext:
    """Return the certificates to trust. Reading them takes longer than all else in a login, and holds up other
    requests."""
    return httpx2.create_ssl_context()


def _fetch_json(url: str) -> dict[str, Any]:
    """Return a JSON object of the provider, empty if it is another JSON value. Raise 503 if there is no answer."""
    try:
        document = httpx2.get(url, timeout=WAIT_SECONDS, verify=_tls()).raise_for_status().json()
    except (httpx2.HTTPError, ValueError) as gone:
        raise no_answer(gone) from gone
    return document if isinstance(document, dict) else {}
