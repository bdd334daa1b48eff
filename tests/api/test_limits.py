"""How often one may ask, and what every answer tells browsers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from grader.api.app import create_app
from grader.api.limits import RateLimits
from grader.errors import BadCall
from grader.service import Service
from grader.settings import Settings
from tests.api.world import SUBMISSIONS, World


def application_of(world: World, **settings: str) -> FastAPI:
    """Of a service with other settings, on the same store."""
    old = world.service
    changed = Settings(home=old.settings.home, assignments=old.settings.assignments, **settings)  # type: ignore[arg-type]
    service = Service(old.store, old.queue, old.events, old.assignments, changed, old.intake)
    return create_app(service)


def client(world: World, address: str = "192.0.2.1", **settings: str) -> TestClient:
    return TestClient(application_of(world, **settings), client=(address, 50000))


def test_one_person_is_slowed_down_and_told_for_how_long(world: World) -> None:
    with client(world, rate_limit="3/day") as asking:
        answers = [asking.get("/api/v1/me", headers=world.headers("ada")) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 24 * 60 * 60
    assert answers[3].json()["type"] == "/problems/too-many"
    assert answers[3].json()["detail"].startswith("requests are limited to 3 in 1440 min; wait ")


def test_others_at_the_same_address_are_not(world: World) -> None:
    with client(world, rate_limit="1/day") as asking:
        for login in ("ada", "bob"):
            assert asking.get("/api/v1/me", headers=world.headers(login)).status_code == 200


def test_anonymous_requests_are_counted_by_address(world: World) -> None:
    with client(world, rate_limit="2/day") as asking:
        wrong = {"Authorization": "Bearer guessed"}
        statuses = [asking.get("/api/v1/me", headers=headers).status_code for headers in ({}, wrong, wrong)]
        assert statuses == [401, 401, 429]
        assert asking.get("/api/v1/me", headers=world.headers("ada")).status_code == 200


def test_failed_logins_are_limited_and_good_ones_go_on(world: World) -> None:
    with client(world, rate_limit_logins="2/day") as asking:
        statuses = [asking.post("/login", data={"token": f"guess {n}"}).status_code for n in range(3)]
        assert statuses == [403, 403, 429]
        assert asking.post("/login", data={"token": world.tokens["ada"]}, follow_redirects=False).status_code == 303


def test_an_upload_needs_no_temporary_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    files = [("files", ("mlp.py", b"class Sums:\n    pass\n")), ("files", ("data.npy", bytes(15_000_000)))]
    assert world.client.post(SUBMISSIONS, files=files, headers=world.headers("ada")).status_code == 202


def test_uploads_have_a_separate_limit(world: World) -> None:
    form = {"files": [("files", ("mlp.py", b"class Sums:\n    pass\n"))], "headers": world.headers("ada")}
    with client(world, rate_limit_uploads="1/day") as asking:
        statuses = [asking.post(SUBMISSIONS, **form).status_code for _ in range(2)]
        statuses.append(asking.get(SUBMISSIONS, headers=world.headers("ada")).status_code)
    assert statuses == [202, 429, 200]


def test_addresses_of_one_ipv6_network_count_together(world: World) -> None:
    settings = {"rate_limit": "1/day"}
    with client(world, "2001:db8:0:1::1", **settings) as asking:
        statuses = [asking.get("/login").status_code]
        asking._transport.client = ("2001:db8:0:1:ffff::2", 50000)  # type: ignore[attr-defined]
        statuses.append(asking.get("/login").status_code)
        asking._transport.client = ("2001:db8:0:2::1", 50000)  # type: ignore[attr-defined]
        statuses.append(asking.get("/login").status_code)
    assert statuses == [200, 429, 200]


def test_health_is_never_limited(world: World) -> None:
    with client(world, rate_limit="1/hour") as asking:
        assert [asking.get("/healthz").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("name", ["rate_limit", "rate_limit_logins", "rate_limit_uploads"])
def test_an_invalid_rate_is_refused_with_the_name_of_the_setting(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadCall, match=f"GRADER_{name.upper()}=often is not a rate: write"):
        RateLimits(Settings(home=tmp_path, **{name: "often"}))  # type: ignore[arg-type]


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/login", "/nothing", "/api/v1/me", "/api/v1/nothing", "/healthz"])
def test_every_answer_trusts_nothing_and_is_kept_nowhere(world: World, path: str) -> None:
    headers = world.client.get(path).headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]


def test_refusals_of_the_outermost_have_them_too(world: World) -> None:
    with client(world, rate_limit="1/hour") as asking:
        refused = [asking.get("/login") for _ in range(2)][1]
    assert (refused.status_code, refused.headers["cache-control"]) == (429, "no-store")


def test_our_own_files_may_be_kept_and_are_asked_for_again(world: World) -> None:
    answer = world.client.get("/static/login.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_over_https_browsers_are_bound_to_it(world: World) -> None:
    with client(world, url="https://grader.example") as asking:
        answer = asking.post("/login", data={"token": world.tokens["ada"]}, follow_redirects=False)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-grader=")
    assert "; Secure" in cookie
    assert "domain" not in cookie.lower()
    assert "strict-transport-security" not in world.client.get("/login").headers
