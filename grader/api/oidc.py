"""Login at the university's OpenID Connect provider, with a nonce in addition to PKCE and state."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from authlib.integrations.httpx_client import OAuth2Client

from grader.api.external_login import Account, LoginAttempt, LoginService, failed
from grader.course.roster import login_of
from grader.errors import BadCall, OurFailure
from grader.lms.openid import PublicKeys, fetch_json, verified
from grader.settings import Settings
from grader.store.records import LoginMethod

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_METADATA_SECONDS = 3600


class Provider(LoginService):
    """An OpenID Connect provider."""

    name = "oidc"
    method = LoginMethod.PROVIDER
    client_settings = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
    scope = "openid email profile"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._cached_metadata: Mapping[str, Any] = {}
        """The provider's metadata; empty until they are fetched."""
        self._cached_at = 0.0
        """Time at which the metadata were fetched, by the monotonic clock."""
        self._keys = PublicKeys("")
        """The provider's public keys, at the URL in the metadata."""

    def _endpoint(self, name: str) -> str:
        return str(self._metadata()[name])

    def _account(self, client: OAuth2Client, token: Mapping[str, Any], attempt: LoginAttempt) -> Account:
        """Return the account whose login is in the claim that GRADER_OIDC_LOGIN_CLAIM names. Raise 403 if the claim is
        not a login, or an e-mail address that is not verified."""
        metadata = self._metadata()
        claims = verified(token["id_token"], self._keys, self.url, self._client_id, attempt.nonce)
        claim = self._settings.oidc_login_claim
        userinfo_url = metadata.get("userinfo_endpoint")
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
        metadata = fetch_json(self.url.rstrip("/") + "/.well-known/openid-configuration")
        issuer = metadata.get("issuer")
        if issuer != self.url:
            raise OurFailure(f"GRADER_OIDC_ISSUER is {self.url}, but must be the provider's issuer, {issuer}")
        for name in _NEEDED:
            if name not in metadata:
                raise OurFailure(f"the metadata of the university's login service lacks {name}")
        # the keys belong to the metadata, so they are fetched again too
        self._cached_metadata, self._cached_at = metadata, time.monotonic()
        self._keys = PublicKeys(metadata["jwks_uri"])
        return metadata
