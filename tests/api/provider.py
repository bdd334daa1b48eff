"""A real OpenID Connect provider as a process: `python -m tests.api.provider` prints its address.

It is oidc-provider-mock, which takes any client and lets `PUT /users/<sub>` say who there is. Added here: it insists on
PKCE, and is bad in one way each for clients with certain names.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
from typing import Any
from urllib.parse import parse_qs

import flask
import uvicorn
from oidc_provider_mock import _app
from oidc_provider_mock import app as mock

_claims = _app.OpenIDCode.generate_user_info
_signing = _app.OpenIDCode.get_jwt_config


def _client() -> str:
    assert flask.request.authorization is not None
    return str(flask.request.authorization.username)


def claims(self: Any, user: Any, scope: str) -> Any:
    return {"sub": user.sub} if _client() == "says-little" else _claims(self, user, scope)


def signing(self: Any, grant: Any, client: Any = None) -> Any:
    how = _signing(self, grant, client)
    match _client():
        case "another-issuer":
            how["iss"] = "http://another.example"
        case "expired":
            how["exp"] = -3600
        case "shared-secret":
            how |= {"alg": "HS256", "key": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}}
    return how


class Pkce:
    """Refuses a code whose verifier does not fit the challenge that it was asked for with."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._challenges: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        asked = parse_qs(environ.get("QUERY_STRING", ""))
        if asked.get("code_challenge_method") == ["S256"]:
            self._challenges |= set(asked["code_challenge"])
        if environ["PATH_INFO"] == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            verifier = parse_qs(body.decode()).get("code_verifier", [""])[0]
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            if digest not in self._challenges:
                start_response("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
            self._challenges.remove(digest)
        return self._app(environ, start_response)


def main() -> None:
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    _app.OpenIDCode.generate_user_info = claims  # type: ignore[method-assign]
    _app.OpenIDCode.get_jwt_config = signing  # type: ignore[method-assign]
    provider = mock(require_nonce=True)
    provider.wsgi_app = Pkce(provider.wsgi_app)  # type: ignore[method-assign]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(provider, interface="wsgi", log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
