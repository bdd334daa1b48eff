"""Login with an account of a real JupyterHub, in a browser and with the token of a notebook server."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from grader.api.app import create_app
from grader.api.external_login import _PURPOSE, LoginAttempt
from grader.api.identity import HUB_TOKENS
from grader.errors import BadCall
from grader.lms.openid import seal
from grader.service import Service, secret_of
from grader.settings import Settings
from grader.store import people
from tests.api.test_oidc import refused
from tests.api.world import SUBMISSIONS, World
from tests.conftest import TOY_SOLUTION
from tests.hub import Hub, jupyterhub

Start = Callable[..., TestClient]
BACK = "http://testserver/login/jupyterhub/back"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with jupyterhub(tmp_path_factory.mktemp("hub") / "hub", BACK) as hub:
        for login in ("ada", "grace", "root", "nobody"):
            hub.add_user(login)
        yield hub


@pytest.fixture(scope="module")
def another_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """It has the same users, and the same secret of the service."""
    with jupyterhub(tmp_path_factory.mktemp("hub") / "another", BACK) as hub:
        hub.add_user("ada")
        yield hub


@pytest.fixture
def start(world: World, hub: Hub) -> Iterator[Start]:
    with ExitStack() as open_clients:

        def started(**settings: object) -> TestClient:
            old = world.service
            changed = Settings(home=old.settings.home, url="http://testserver", **(hub.settings() | settings))
            service = Service(old.store, old.queue, old.events, old.assignments, changed, old.intake)
            client = TestClient(create_app(service), follow_redirects=False)
            return open_clients.enter_context(client)

        yield started


def sent_to_the_hub(client: TestClient, next: str = "/") -> str:
    return str(client.get(f"/login/jupyterhub?next={next}").headers["location"])


def log_in(client: TestClient, hub: Hub, login: str) -> Response:
    return client.get(hub.authorize(login, sent_to_the_hub(client, "/courses/ml")))


def test_it_logs_in_by_the_user_name_and_leads_back(start: Start, hub: Hub) -> None:
    client = start()
    assert 'href="/login/jupyterhub?next=/"' in client.get("/login").text
    answer = log_in(client, hub, "ada")
    assert (answer.status_code, answer.headers["location"]) == (303, "/courses/ml")
    assert client.get("/api/v1/me").json()["login"] == "ada"


def test_logins_may_have_a_suffix_that_the_hub_leaves_out(start: Start, hub: Hub, world: World) -> None:
    with world.service.store.write() as tx:
        people.put_person(tx, "ada@uni.example", "Ada")
    client = start(jupyterhub_login_suffix="@uni.example")
    assert log_in(client, hub, "ada").status_code == 303
    assert client.get("/api/v1/me").json()["login"] == "ada@uni.example"


@pytest.mark.parametrize("login", ["grace", "root"])
def test_staff_and_admins_have_the_rights_of_students_after_a_login_by_the_hub(
    start: Start, hub: Hub, login: str
) -> None:
    client = start()
    assert log_in(client, hub, login).status_code == 303
    assert client.get("/courses/ml/people").status_code == 404
    assert client.get("/history").status_code == 404
    me = client.get("/api/v1/me").json()
    assert me["admin"] is False
    assert "staff" not in me["roles"].values()
    assert re.findall('name="scopes" value="([a-z]+)"', client.get("/settings").text) == ["read", "submit"]


def test_no_first_password_is_set_after_a_login_by_the_hub(start: Start, hub: Hub) -> None:
    """It would outlive the login, and give staff their rights."""
    client = start()
    log_in(client, hub, "grace")
    page = client.get("/settings").text
    assert "You have no password" in page
    assert "Set password" not in page
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    answer = client.post("/settings/password", data={"csrf": csrf, "password": "correct horse battery"})
    assert answer.status_code == 422
    assert "after you log in" in answer.json()["detail"]


def test_an_unknown_person_is_told_what_to_do(start: Start, hub: Hub) -> None:
    assert "ask your teachers to add that login" in refused(log_in(start(), hub, "nobody"))


def test_an_unknown_person_gets_an_account_if_the_setting_allows_it(start: Start, hub: Hub) -> None:
    client = start(oidc_new_people=True)
    assert log_in(client, hub, "nobody").status_code == 303
    assert client.get("/api/v1/me").json()["roles"] == {}


# ── refusals in the browser ──────────────────────────────────────────────────────────────────────────


def test_another_state_is_refused(start: Start, hub: Hub) -> None:
    client = start()
    back = hub.authorize("ada", sent_to_the_hub(client))
    sent_to_the_hub(client)  # a second attempt takes the first one's place
    assert "another browser or window" in refused(client.get(back))


def test_an_attempt_at_the_university_is_none_at_the_hub(start: Start, hub: Hub, world: World) -> None:
    client = start()
    back = hub.authorize("ada", sent_to_the_hub(client))
    state = parse_qs(urlsplit(back).query)["state"][0]
    attempt = LoginAttempt("oidc", state, "nonce", "verifier", "/")
    secret = secret_of(world.service.settings, world.service.store)
    cookie = f"grader-login={seal(secret, _PURPOSE, vars(attempt), 60)}"
    assert "another browser or window" in refused(client.get(back, headers={"Cookie": cookie}))


def test_a_code_of_another_hub_is_refused(start: Start, hub: Hub, another_hub: Hub) -> None:
    client = start()
    back = another_hub.authorize("ada", sent_to_the_hub(client).replace(hub.url, another_hub.url))
    assert "is not valid" in refused(client.get(back))


def test_a_code_that_was_asked_for_without_our_challenge_is_refused(start: Start, hub: Hub) -> None:
    client = start()
    url = sent_to_the_hub(client)
    challenge = parse_qs(urlsplit(url).query)["code_challenge"][0]
    back = hub.authorize("ada", url.replace(challenge, "of-another-login"))
    assert "is not valid" in refused(client.get(back))


def test_a_code_serves_once(start: Start, hub: Hub) -> None:
    client = start()
    back = hub.authorize("ada", sent_to_the_hub(client))
    used = parse_qs(urlsplit(back).query)["code"][0]
    assert client.get(back).status_code == 303
    client.cookies.clear()
    back = hub.authorize("ada", sent_to_the_hub(client))
    fresh = parse_qs(urlsplit(back).query)["code"][0]
    assert "is not valid" in refused(client.get(back.replace(fresh, used)))


def test_another_secret_of_the_service_is_refused(start: Start, hub: Hub) -> None:
    assert "is not valid" in refused(log_in(start(jupyterhub_client_secret="another"), hub, "ada"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"jupyterhub_client_secret": ""}, "GRADER_JUPYTERHUB_CLIENT_ID, GRADER_JUPYTERHUB_CLIENT_SECRET, or none"),
        ({"jupyterhub_url": "http://hub.uni.example"}, "an https address, or http on this machine"),
        ({"jupyterhub_url": "http://localhost.uni.example"}, "an https address, or http on this machine"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(
    start: Start, settings: dict[str, object], says: str
) -> None:
    with pytest.raises(BadCall, match=says):
        start(**settings)


# ── tokens of notebook servers ───────────────────────────────────────────────────────────────────────


def exchanged(client: TestClient, token: str) -> Response:
    return client.post(HUB_TOKENS, json={"token": token})


def test_the_token_of_a_notebook_server_gives_one_that_submits(start: Start, hub: Hub) -> None:
    client = start()
    answer = exchanged(client, hub.token("ada")[1])
    assert answer.status_code == 201, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    files = [("files", ("mlp.py", TOY_SOLUTION.encode()))]
    assert client.post(SUBMISSIONS, files=files, headers=headers).status_code == 202
    (token,) = [t for t in client.get("/api/v1/tokens", headers=headers).json() if t["label"] == "JupyterHub"]
    assert token["scopes"] == ["read", "submit"]
    lasts = dt.datetime.fromisoformat(token["expires_at"]) - dt.datetime.fromisoformat(token["created_at"])
    assert lasts == dt.timedelta(minutes=5)


def test_staff_submit_from_their_servers_and_see_no_more_than_students(start: Start, hub: Hub) -> None:
    client = start()
    headers = {"Authorization": f"Bearer {exchanged(client, hub.token('grace')[1]).json()['token']}"}
    assert client.get("/api/v1/courses/ml", headers=headers).status_code == 200
    assert client.get("/api/v1/courses/ml/roster", headers=headers).status_code == 404


def test_the_token_ends(start: Start, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.api.people.HUB_TOKEN_DURATION", dt.timedelta(0))
    client = start()
    headers = {"Authorization": f"Bearer {exchanged(client, hub.token('ada')[1]).json()['token']}"}
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_token_of_another_hub_is_refused(start: Start, another_hub: Hub) -> None:
    assert "another hub" in refused(exchanged(start(), another_hub.token("ada")[1]))


def test_an_expired_token_is_refused(start: Start, hub: Hub) -> None:
    _, token = hub.token("ada", seconds=1)
    time.sleep(1.1)
    assert "has expired" in refused(exchanged(start(), token))


def test_a_revoked_token_is_refused(start: Start, hub: Hub) -> None:
    client = start()
    id, token = hub.token("ada")
    assert exchanged(client, token).status_code == 201
    hub.api("DELETE", f"/users/ada/tokens/{id}")
    assert "was revoked" in refused(exchanged(client, token))


@pytest.mark.parametrize("scopes", [("access:services!service=other",), ("read:users:name!user",)])
def test_a_token_that_was_made_for_another_service_is_refused(start: Start, hub: Hub, scopes: tuple[str, ...]) -> None:
    """Otherwise each service at which a student logs in could submit for the student here."""
    _, token = hub.token("ada", *scopes)
    assert "lacks the scope access:services!service=grader" in refused(exchanged(start(), token))


def test_the_token_of_a_service_is_no_person_s(start: Start, hub: Hub) -> None:
    token = hub.settings()["jupyterhub_client_secret"]
    assert "lacks the scope" in refused(exchanged(start(), token))


def test_a_person_who_is_in_no_course_gets_no_token(start: Start, hub: Hub) -> None:
    assert "ask your teachers" in refused(exchanged(start(), hub.token("nobody")[1]))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Forged: 1", "x" * 201])
def test_what_can_be_no_token_is_not_sent_to_the_hub(start: Start, token: str) -> None:
    client = start(jupyterhub_url="http://127.0.0.1:9")
    assert exchanged(client, token).status_code == 422


def test_a_hub_that_is_gone_is_a_503(start: Start) -> None:
    client = start(jupyterhub_url="http://127.0.0.1:9")
    answer = exchanged(client, "a-token")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


class Failing(BaseHTTPRequestHandler):
    """A hub that fails, with the body that a real one has then."""

    def do_GET(self) -> None:
        body = b'{"status": 500, "message": "Internal Server Error"}'
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_hub_that_fails_is_a_503_and_no_wrong_token(start: Start) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answer = exchanged(start(jupyterhub_url=f"http://127.0.0.1:{server.server_port}"), "a-token")
        server.shutdown()
        thread.join()
    assert answer.status_code == 503
