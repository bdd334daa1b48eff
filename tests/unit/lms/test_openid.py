"""Requests to other servers that are slow or gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from grader.lms import openid, services
from grader.lms.openid import NoAnswer, PublicKeys, send
from grader.lms.services import Access, Services

KEY = RSAKey.generate_key(2048, auto_kid=True)


@contextmanager
def dripping() -> Iterator[str]:
    """Yield the URL of a server whose responses have a head that never ends."""
    done = threading.Event()

    def drip() -> None:
        with suppress(OSError), listener.accept()[0] as connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Head: ")
            while not done.wait(0.05):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        done.set()
        thread.join()


def test_an_answer_whose_head_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "_LONGEST_SECONDS", 0.5)
    with dripping() as url, pytest.raises(NoAnswer, match="takes too long"):
        send("GET", url)


def test_known_keys_stay_while_new_ones_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [KEY.as_dict(private=False)]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        keys = PublicKeys(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        fetched = keys.get()
        thread.join()
    monkeypatch.setattr(openid, "_KEYS_SECONDS", 0)
    assert keys.get() is fetched
    monkeypatch.setattr(openid, "_REFETCH_SECONDS", 0)
    assert keys.get(fresh=True) is fetched


@pytest.mark.parametrize("audience", ["", "https://api.platform.example/auth/token"])
def test_a_token_is_requested_with_the_platforms_audience(audience: str) -> None:
    forms: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            forms.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"access_token": "t", "expires_in": 60}')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/token"
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        Services(Access("client", url, "1", audience), KEY).prepare()
        thread.join()
    (assertion,) = forms[0]["client_assertion"]
    assert jwt.decode(assertion, KEY, algorithms=["RS256"]).claims["aud"] == (audience or url)


def test_a_platform_that_was_slow_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Services, "_silent_until", {})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
    client = Services(Access("client", url, "1"), KEY)
    for _ in range(2):  # nobody listens there, which takes no time
        with pytest.raises(NoAnswer, match="does not answer"):
            client.prepare()
    monkeypatch.setattr(services, "_SLOW_SECONDS", 0)
    with pytest.raises(NoAnswer, match="does not answer"):
        client.prepare()
    with pytest.raises(NoAnswer, match="a moment ago"):
        client.prepare()
