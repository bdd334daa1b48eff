"""Login with a password, and the form that sets it."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grader.api.identity import Caller, TheCaller, TheService, has_fresh_login, require_own_session
from grader.api.limits import LOGINS, limit, limit_account
from grader.api.problems import RETRY_SECONDS, HttpProblem, not_found
from grader.api.schemas import FromForm
from grader.api.sessions import begin_session, login_page
from grader.errors import BadCall
from grader.service import Service
from grader.store import passwords, people
from grader.store.passwords import StoredPassword
from grader.store.records import LoginMethod

pages = APIRouter(include_in_schema=False)

SHORTEST, LONGEST = 12, 200
"""Numbers of characters of a password. There are no other rules (NIST SP 800-63B)."""
_PASSES, _KIBIBYTES = 2, 19 << 10
"""Parameters of Argon2id: the least that OWASP recommends (19 MiB, two passes, one lane), 21 ms of CPU time. More
memory would count against the service's 600 MiB, and more time would delay a class that logs in at once."""
_THREADS = 2
"""Number of passwords that are hashed at the same time, in threads of their own: logins must not take the threads that
serve other requests."""
_LONGEST_WAIT = 20.0
"""Seconds until a login that waits for its turn is refused."""
_HASHER = PasswordHasher(_PASSES, _KIBIBYTES, parallelism=1)
_NO_PASSWORD = f"$argon2id$v=19$m={_KIBIBYTES},t={_PASSES},p=1${'A' * 22}${'A' * 43}"
"""Hash that no password has. It takes as long to compare with as other hashes."""

_turns = ThreadPoolExecutor(_THREADS, "password")


@pages.post("/login/password")
async def log_in_with_password(
    request: Request,
    service: TheService,
    login: FromForm[str] = "",
    password: FromForm[str] = "",
    next: FromForm[str] = "/",
) -> Response:
    """Begin a session for the person with this login and password, and redirect to the path `next`.

    If they are wrong, show the form again and count a failed login. The response is the same for unknown logins, and
    takes as long.
    """
    _require_passwords(service)
    # PostgreSQL cannot look up NUL; no login has a question mark
    login = login.strip().lower()[:LONGEST].replace("\0", "?")
    limit(request, LOGINS, counted=False)
    limit_account(request, f"password {login}")
    return await _in_turn(partial(_log_in, request, service, login, password, next))


def _log_in(request: Request, service: Service, login: str, password: str, next: str) -> Response:
    limit(request, LOGINS, counted=False)  # others from this address may have failed while this one waited
    with service.store.read() as tx:
        person = people.person_by_login(tx, login)
        stored = passwords.of_person(tx, person.id) if person else None
    if _is_right(password, stored) and person:
        return begin_session(request, service, person, next, LoginMethod.PASSWORD)
    limit(request, LOGINS)
    problem = "The login or the password is wrong. If you have no password, log in in another way."
    return login_page(request, next, problem, status=403)


@pages.post("/settings/password")
async def set_password(
    request: Request, caller: TheCaller, password: FromForm[str] = "", old: FromForm[str] = ""
) -> Response:
    """Set the caller's password, and end their other sessions. The old password is needed, or a fresh login."""
    _require_passwords(caller.service)
    require_own_session(caller)  # the password would outlive the API token
    if not has_fresh_login(caller):
        limit_account(request, f"password {caller.person.login}")
    return await _in_turn(partial(_set_password, caller, password, old))


def _set_password(caller: Caller, password: str, old: str) -> Response:
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        raise BadCall(f"a password has {SHORTEST} to {LONGEST} characters: choose another one")
    with caller.read() as tx:
        stored = passwords.of_person(tx, caller.person.id)
    if not has_fresh_login(caller):
        if stored is None:
            raise BadCall("a password can be set for 30 minutes after you log in: log out and in again, then set it")
        if not _is_right(old, stored):
            raise BadCall("the old password is wrong: enter it again, or log in with a link, which replaces it")
    hash = _HASHER.hash(_normal(password))
    with caller.write() as tx:
        passwords.put(tx, caller.person.id, hash)
        people.end_logins(tx, caller.person.id, but=caller.token.id)
    return RedirectResponse("/settings?password=set", 303)


def _require_passwords(service: Service) -> None:
    """Raise 404 if the operator has turned passwords off."""
    if not service.settings.passwords:
        raise not_found("page")


def _is_right(password: str, stored: StoredPassword | None) -> bool:
    """Return whether a password is the stored one. This takes as long if there is none."""
    try:
        return _HASHER.verify(stored.hash if stored else _NO_PASSWORD, _normal(password))
    except VerificationError:
        return False


def _normal(password: str) -> str:
    """Return a password in the form in which it is hashed. Keyboards write the same letter in different ways. Of a
    password that is too long, return a part that is too long too."""
    # time grows with the square of the length; at most four characters become one
    return unicodedata.normalize("NFKC", password[: 4 * LONGEST + 1])[: LONGEST + 1]


async def _in_turn(step: Callable[[], Response]) -> Response:
    """Call a function that hashes a password when it is its turn. Raise 503 if it waits too long."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LONGEST_WAIT):
            return await loop.run_in_executor(_turns, step)
    except TimeoutError:
        detail = "too many people log in at this moment; try again in a moment"
        raise HttpProblem(503, "login-busy", "You cannot log in now", detail, retry_seconds=RETRY_SECONDS) from None
