"""A small tool made by hand, which tries the platforms of the tests."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.lms.platforms import Platform, browser

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NAMES_AND_ROLES = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"


@dataclass
class HandMade:
    """A tool: it answers a login as it should, shows its key, and keeps the tokens that come."""

    platform: Platform
    client: httpx.Client
    url: str = ""
    client_id: str = ""
    deployment: str = ""
    endpoints: dict[str, str] = field(default_factory=dict)
    """authorization_endpoint, token_endpoint and jwks_uri of the platform."""
    auth_changes: dict[str, str] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True, parameters={"alg": "RS256"}))
    tokens: list[str] = field(default_factory=list)
    logins: list[dict[str, str]] = field(default_factory=list)
    page: str = "{}"
    """What a browser sees after a launch."""

    def auth_url(self, login: dict[str, str]) -> str:
        fields = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": login["client_id"],
            "redirect_uri": f"{self.url}/launch",
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "state": "state",
            "nonce": secrets.token_urlsafe(),
        }
        return f"{self.endpoints['authorization_endpoint']}?{urlencode(fields | self.auth_changes)}"

    def launch(self, person: str, course: str, link: str = "", **how: Any) -> dict[str, Any]:
        """Return the checked claims."""
        assert self.platform.open(self.client, person, course, link, **how).status_code == 200
        return self.claims()

    def claims(self) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.client.get(self.endpoints["jwks_uri"]).json())
        return dict(jwt.decode(self.tokens[-1], keys, algorithms=["RS256"]).claims)

    def sign(self, claims: dict[str, Any]) -> str:
        times = {"iat": int(time.time()), "exp": int(time.time()) + 60}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, times | claims, self.key, algorithms=["RS256"])

    def token(self, *scopes: str, **changes: Any) -> httpx.Response:
        endpoint = self.endpoints["token_endpoint"]
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": endpoint, "jti": secrets.token_urlsafe()}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.sign(claims | changes),
            "scope": " ".join(scopes),
        }
        return self.client.post(endpoint, data=form)

    def headers(self, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*scopes).json()['access_token']}"}

    def add_by_hand(self) -> None:
        """Register at the platform as an administrator does."""
        known = self.platform.add_tool(
            login_url=f"{self.url}/login",
            launch_url=f"{self.url}/launch",
            redirect_uris=[f"{self.url}/launch"],
            jwks_uri=f"{self.url}/jwks",
            deep_link_url=f"{self.url}/launch",
        )
        self.client_id, self.deployment, self.endpoints = known["client_id"], known["deployments"][0], known

    def score(self, line_item: str, person: str, **changes: Any) -> httpx.Response:
        body = {
            "userId": person,
            "scoreGiven": 3,
            "scoreMaximum": 4,
            "timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
        }
        content = json.dumps({key: value for key, value in (body | changes).items() if value is not None})
        headers = self.headers(AGS + "score") | {"Content-Type": SCORE_TYPE}
        return self.client.post(f"{line_item}/scores", content=content, headers=headers)


@contextmanager
def hand_made(platform: Platform) -> Iterator[HandMade]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if path.path == "/login":
                self._begin(path.query)
            else:
                self._answer(json.dumps({"keys": [made.key.as_dict(private=False) | {"use": "sig"}]}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/login":
                self._begin(body)
            else:
                made.tokens.append(parse_qs(body)["id_token"][0])
                self._answer(made.page)

        def _begin(self, fields: str) -> None:
            made.logins.append(dict(parse_qsl(fields)))
            self.send_response(302)
            self.send_header("Location", made.auth_url(made.logins[-1]))
            self.end_headers()

        def _answer(self, content: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if content.strip().startswith("<") else "application/json")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with browser() as client, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        made = HandMade(platform, client, f"http://127.0.0.1:{server.server_address[1]}")
        yield made
        server.shutdown()
