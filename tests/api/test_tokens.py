"""Tokens that are made with tokens: they can do no more, last no longer, and end with the one they were made with."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from httpx2 import Response as Answer

from grader.store import people
from grader.store.records import TokenKind, TokenScope
from tests.api.test_logging_in import link_token, log_in
from tests.api.world import SUBMISSIONS, World
from tests.conftest import TOY_SOLUTION

TOKENS = "/api/v1/tokens"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make(world: World, token: str, **wanted: object) -> dict[str, Any]:
    answer = world.client.post(TOKENS, json={"label": "made"} | wanted, headers=bearer(token))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def works(world: World, token: str) -> bool:
    return world.client.get("/api/v1/me", headers=bearer(token)).status_code == 200


def csrf_of(world: World) -> str:
    """The hidden field of a page's forms, for whoever has logged in."""
    return world.client.get("/settings").text.partition('name="csrf" value="')[2].partition('"')[0]


def made_on_the_page(world: World) -> str:
    form = {"label": "made", "days": "30", "scopes": "read", "csrf": csrf_of(world)}
    made = world.client.post("/settings/tokens", data=form)
    return made.text.partition('class="secret">')[2].partition("<")[0]


def a_token(
    world: World, login: str, days: int | None = None, scopes: set[TokenScope] | None = None
) -> tuple[str, str]:
    """Made by `grader admin token`; returns it and its id."""
    lasts = dt.timedelta(days=days) if days else None
    with world.service.store.write() as tx:
        who = world.people[login].id
        secret = people.new_token(tx, who, TokenKind.PROGRAM, "", lasts, scopes or set(TokenScope))
        return secret, people.token_by_secret(tx, secret).id


@pytest.mark.parametrize("days", [None, 30])
def test_a_token_outlives_none_that_it_was_made_with(world: World, days: int | None) -> None:
    parent, _ = a_token(world, "ada", days=2)
    with world.service.store.read() as tx:
        ends = people.token_by_secret(tx, parent).expires_at
    child = make(world, parent, expires_in_days=days)
    grandchild = make(world, child["token"], expires_in_days=days)
    shorter = make(world, parent, expires_in_days=1)
    found = [dt.datetime.fromisoformat(made["expires_at"]) for made in (child, grandchild, shorter)]
    assert ends is not None
    assert (found[:2], found[2] < ends) == ([ends, ends], True)


def test_a_token_is_revoked_with_the_one_it_was_made_with(world: World) -> None:
    parent, id = a_token(world, "ada")
    child = make(world, parent)["token"]
    grandchild = make(world, child)["token"]
    other = make(world, world.tokens["ada"])["token"]
    assert works(world, grandchild)
    assert world.client.delete(f"{TOKENS}/{id}", headers=world.headers("ada")).status_code == 204
    assert [works(world, token) for token in (parent, child, grandchild, other)] == [False, False, False, True]


def test_a_browser_that_logged_in_with_a_token_ends_with_it_and_so_does_what_it_made(world: World) -> None:
    parent, id = a_token(world, "ada", days=30)
    assert log_in(world, parent).status_code == 303
    with world.service.store.read() as tx:
        session = next(t for t in people.tokens_of(tx, world.people["ada"].id) if t.kind is TokenKind.SESSION)
    child = made_on_the_page(world)
    assert (session.parent, works(world, child)) == (id, True)
    with world.service.store.write() as tx:
        assert people.revoke_token(tx, world.people["ada"].id, id)
    assert not works(world, child)
    assert world.client.get("/api/v1/me").status_code == 401


def test_a_token_made_by_a_person_outlives_their_session(world: World) -> None:
    assert log_in(world, link_token(world)).status_code == 303
    child = made_on_the_page(world)
    world.client.post("/logout", data={"csrf": csrf_of(world)})
    assert works(world, child)


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


def test_a_token_gives_none_a_scope_that_it_has_not(world: World) -> None:
    narrow, _ = a_token(world, "grace", scopes={TokenScope.READ, TokenScope.SUBMIT})
    wanted = {"label": "wider", "scopes": ["read", "staff"]}
    assert refused(world.client.post(TOKENS, json=wanted, headers=bearer(narrow))) == (403, "/problems/scope")
    assert make(world, narrow)["scopes"] == ["read", "submit"]
    assert make(world, world.tokens["grace"])["scopes"] == ["read", "staff", "submit"]
    assert make(world, world.tokens["grace"], scopes=["submit"])["scopes"] == ["submit"]
    assert world.client.post(TOKENS, json={"label": "x", "scopes": []}, headers=world.headers("ada")).status_code == 422


def test_a_token_revokes_none_that_may_do_more(world: World) -> None:
    narrow, own = a_token(world, "ada", scopes={TokenScope.READ, TokenScope.SUBMIT})
    _, wide = a_token(world, "ada")
    assert refused(world.client.delete(f"{TOKENS}/{wide}", headers=bearer(narrow))) == (403, "/problems/scope")
    assert world.client.delete(f"{TOKENS}/{own}", headers=bearer(narrow)).status_code == 204


def test_a_token_that_only_reads_makes_no_token_and_revokes_itself_alone(world: World) -> None:
    reads, own = a_token(world, "ada", scopes={TokenScope.READ})
    _, other = a_token(world, "ada", scopes={TokenScope.READ})
    made = world.client.post(TOKENS, json={"label": "made", "scopes": ["read"]}, headers=bearer(reads))
    revoked = world.client.delete(f"{TOKENS}/{other}", headers=bearer(reads))
    assert [refused(answer) for answer in (made, revoked)] == [(403, "/problems/scope")] * 2
    assert world.client.delete(f"{TOKENS}/{own}", headers=bearer(reads)).status_code == 204
    assert not works(world, reads)


def test_a_login_with_a_narrow_token_is_as_narrow(world: World) -> None:
    narrow, _ = a_token(world, "grace", scopes={TokenScope.READ})
    assert log_in(world, narrow).status_code == 303
    files = [("files", ("mlp.py", TOY_SOLUTION.encode()))]
    answer = world.client.post(SUBMISSIONS, files=files, headers={"X-CSRF-Token": csrf_of(world)})
    assert refused(answer) == (403, "/problems/scope")
    assert world.client.get("/api/v1/courses/ml/roster").status_code == 404
