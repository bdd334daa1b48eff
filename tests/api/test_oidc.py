"""Login at a real OpenID Connect provider, which runs as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from grader.api.app import create_app
from grader.api.connections import Connections
from grader.errors import BadCall
from grader.service import Service
from grader.settings import Settings
from grader.store import people
from tests.api.serving import serving
from tests.api.test_events import until
from tests.api.world import World
from tests.conftest import ROOT

Start = Callable[..., TestClient]

ADA = {"email": "Ada@uni.example", "email_verified": True, "name": "Ada Lovelace", "preferred_username": "al123"}


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.api.provider"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield address
        process.terminate()


@pytest.fixture
def start(world: World, issuer: str) -> Iterator[Start]:
    """A service that knows the provider, with ada@uni.example in it, and the provider knows her by that address."""
    with world.service.store.write() as tx:
        people.put_person(tx, "ada@uni.example", "Ada")
        people.put_person(tx, "al123", "Ada")
    with ExitStack() as open_clients:

        def started(**settings: object) -> TestClient:
            old = world.service
            given = {"oidc_issuer": issuer, "oidc_client_id": "grader", "oidc_client_secret": "secret-secret-secret"}
            changed = Settings(home=old.settings.home, url="http://testserver", **(given | settings))  # type: ignore[arg-type]
            service = Service(old.store, old.queue, old.events, old.assignments, changed, old.intake)
            client = TestClient(create_app(service), follow_redirects=False)
            return open_clients.enter_context(client)

        yield started


def at_the_provider(url: str, sub: str = "ada", **claims: object) -> str:
    """Logs in there by its form; returns where it sends the browser."""
    issuer = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    httpx2.put(f"{issuer}/users/{sub}", json=ADA | claims).raise_for_status()
    assert "Authorize" in httpx2.get(url).text
    return httpx2.post(url, data={"sub": sub}).headers["location"]


def log_in(client: TestClient, **claims: object) -> Response:
    url = client.get("/login/oidc?next=/courses/ml").headers["location"]
    return client.get(at_the_provider(url, **claims))


def refused(answer: Response) -> str:
    assert answer.status_code == 403
    assert "grader=" not in answer.headers.get("set-cookie", "")
    return str(answer.json()["detail"])


def test_it_logs_in_by_the_verified_address_and_leads_back(start: Start) -> None:
    client = start()
    answer = log_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/courses/ml")
    assert client.get("/api/v1/me").json()["login"] == "ada@uni.example"


def test_the_login_page_offers_it_where_it_is_set(start: Start, world: World) -> None:
    assert 'href="/login/oidc?next=/"' in start().get("/login").text
    assert "/login/oidc" not in world.client.get("/login").text
    assert world.client.get("/login/oidc").status_code == 404


def test_claims_may_come_from_userinfo(start: Start) -> None:
    assert log_in(start(oidc_client_id="says-little")).status_code == 303


def test_the_name_of_an_account_serves_where_it_is_set(start: Start) -> None:
    client = start(oidc_login_claim="preferred_username")
    assert log_in(client, email_verified=False).status_code == 303
    assert client.get("/api/v1/me").json()["login"] == "al123"


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_address_that_is_not_verified_is_refused(start: Start, verified: object) -> None:
    assert "verified" in refused(log_in(start(), email_verified=verified))


@pytest.mark.parametrize("email", ["", "a b", "<script>", None])
def test_an_invalid_address_is_refused(start: Start, email: object) -> None:
    assert "did not send your email" in refused(log_in(start(), email=email))


def test_an_unknown_person_is_told_what_to_do(start: Start, world: World) -> None:
    assert "ask your teachers to add that login" in refused(log_in(start(), email="new@uni.example"))
    with world.service.store.read() as tx:
        assert people.person_by_login(tx, "new@uni.example") is None


def test_an_unknown_person_gets_an_account_if_the_setting_allows_it(start: Start) -> None:
    client = start(oidc_new_people=True)
    assert log_in(client, email="new@uni.example").status_code == 303
    assert client.get("/api/v1/me").json() == {
        "login": "new@uni.example",
        "name": "Ada Lovelace",
        "admin": False,
        "roles": {},
    }


def test_the_code_is_asked_for_with_pkce_and_a_fresh_state_and_nonce(start: Start) -> None:
    client = start()
    first, second = (parse_qs(urlsplit(client.get("/login/oidc").headers["location"]).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == ["http://testserver/login/oidc/back"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────


def test_another_state_is_refused(start: Start) -> None:
    client = start()
    back = at_the_provider(client.get("/login/oidc").headers["location"])
    client.get("/login/oidc")  # a second attempt takes the first one's place
    assert "another browser or window" in refused(client.get(back))


def test_another_browser_is_refused(start: Start) -> None:
    back = at_the_provider(start().get("/login/oidc").headers["location"])
    assert "another browser or window" in refused(start().get(back))


def test_a_forged_attempt_is_refused(start: Start) -> None:
    client = start()
    back = at_the_provider(client.get("/login/oidc").headers["location"])
    header, claims, signature = client.cookies["grader-login"].split(".")
    client.cookies.set("grader-login", f"{header}.{claims}.{signature[::-1]}", domain="testserver.local", path="/")
    assert "another browser or window" in refused(client.get(back))


def test_an_attempt_is_forgotten_after_ten_minutes(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start()
    monkeypatch.setattr("grader.api.external_login._ATTEMPT_SECONDS", -1)
    answer = client.get("/login/oidc")
    back = at_the_provider(answer.headers["location"])
    cookie = answer.headers["set-cookie"].partition(";")[0]  # the browser would not even send it
    assert "ten minutes" in refused(client.get(back, headers={"Cookie": cookie}))


def test_another_nonce_is_refused(start: Start) -> None:
    client = start()
    url = client.get("/login/oidc").headers["location"]
    nonce = parse_qs(urlsplit(url).query)["nonce"][0]
    assert "is not valid" in refused(client.get(at_the_provider(url.replace(nonce, "of-another-login"))))


def test_a_code_that_was_asked_for_without_our_challenge_is_refused(start: Start) -> None:
    client = start()
    url = client.get("/login/oidc").headers["location"]
    challenge = parse_qs(urlsplit(url).query)["code_challenge"][0]
    assert "is not valid" in refused(client.get(at_the_provider(url.replace(challenge, "of-another-login"))))


def test_a_code_serves_once(start: Start) -> None:
    client = start()
    used = parse_qs(urlsplit(back := at_the_provider(client.get("/login/oidc").headers["location"])).query)["code"][0]
    assert client.get(back).status_code == 303
    client.cookies.clear()
    back = at_the_provider(client.get("/login/oidc").headers["location"])
    fresh = parse_qs(urlsplit(back).query)["code"][0]
    assert "is not valid" in refused(client.get(back.replace(fresh, used)))


@pytest.mark.parametrize(
    ("client_id", "why"),
    [("another-issuer", "'iss'"), ("expired", "expired"), ("shared-secret", "'HS256' is not allowed")],
)
def test_a_token_of_another_provider_or_an_old_token_is_refused(start: Start, client_id: str, why: str) -> None:
    with capture_logs() as logged:
        assert "is not valid" in refused(log_in(start(oidc_client_id=client_id)))
    assert why in next(line["why"] for line in logged if line["event"] == "a login failed")


def test_an_answer_from_another_provider_is_refused(start: Start) -> None:
    client = start()
    back = at_the_provider(client.get("/login/oidc").headers["location"])
    assert "another provider" in refused(client.get(f"{back}&iss=https://another.example"))


def test_a_refusal_of_the_provider_is_passed_on_without_its_words(start: Start) -> None:
    client = start()
    state = parse_qs(urlsplit(client.get("/login/oidc").headers["location"]).query)["state"][0]
    answer = client.get(f"/login/oidc/back?error=access_denied&error_description=call+0800-EVIL&state={state}")
    assert "EVIL" not in refused(answer)


# ── providers that are not there ─────────────────────────────────────────────────────────────────────


def test_a_provider_that_is_gone_is_a_503(start: Start) -> None:
    answer = start(oidc_issuer="http://127.0.0.1:9").get("/login/oidc")
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]
    assert "retry-after" in answer.headers


def test_a_provider_that_does_not_answer_keeps_no_other_request_waiting(start: Start, world: World) -> None:
    logins, all_ = 50, Connections(100)
    with socket.create_server(("127.0.0.1", 0), backlog=logins) as silent, ThreadPoolExecutor(logins) as browsers:
        client = start(oidc_issuer=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with serving(replace(world, client=client), all_) as (host, port), ExitStack() as accepted:
            address = f"http://{host}:{port}"
            waiting = [browsers.submit(httpx2.get, f"{address}/login/oidc", timeout=60) for _ in range(logins)]
            until(lambda: sum(connection.is_in_use for connection, _ in [*all_]) == logins)
            for _ in range(4):
                accepted.enter_context(silent.accept()[0])
            time.sleep(1)  # so that all threads that may wait for the provider do
            started = time.monotonic()
            assert httpx2.get(f"{address}/healthz", timeout=60).is_success
            answered_after = time.monotonic() - started
            assert {login.result().status_code for login in waiting} == {503}
            assert answered_after < (time.monotonic() - started) / 4


def test_a_provider_that_calls_itself_otherwise_is_not_trusted(
    start: Start, issuer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = start(oidc_issuer=f"{issuer}/").get("/login/oidc")
    assert answer.status_code == 503
    assert issuer not in answer.text
    assert f"GRADER_OIDC_ISSUER is {issuer}/, but must be" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"oidc_client_secret": ""}, "set all of"),
        ({"oidc_issuer": "http://login.uni.example"}, "an https address, or http on this machine"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(
    start: Start, settings: dict[str, object], says: str
) -> None:
    with pytest.raises(BadCall, match=says):
        start(**settings)
