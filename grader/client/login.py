"""Store a student's login at a service: URL, course and token.

The token is stored in the system's keyring if the package `keyring` is installed and supports this system. Otherwise it
is stored in the login file, which only its owner can read.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import typer

from grader.errors import BadCall

_KEYRING_SERVICE = "grader"
_LOG_IN = "log in with grader login URL COURSE"


@dataclass(frozen=True)
class Login:
    """The URL of a service, a course there, and the user's token."""

    url: str
    course: str
    token: str


def login_file() -> Path:
    """Return the path of the login file, in the user's configuration folder."""
    return Path(typer.get_app_dir("grader")) / "login.json"


def save(login: Login) -> str:
    """Store a login, replacing an earlier one. Return where the token is stored, for example "the system's keyring"."""
    fields = {"url": login.url, "course": login.course}
    if _into_keyring(login):
        _write_private(login_file(), json.dumps(fields))
        return "the system's keyring"
    _write_private(login_file(), json.dumps(fields | {"token": login.token}))
    return f"{login_file()}, which only you can read"


def load() -> Login:
    """Return the stored login.

    Raises:
        BadCall: If no login is stored, its token cannot be read, or other users can read the login file.
    """
    file = login_file()
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise BadCall(
                f"other users can read {file}: run chmod 600 on it, and revoke the token if others may have read it"
            )
        stored = json.loads(file.read_text("utf-8"))
        url = str(stored["url"])
        course = str(stored["course"])
        token = stored.get("token") or _from_keyring(url)
    except FileNotFoundError:
        raise BadCall(f"you are not logged in: {_LOG_IN}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadCall(f"{file} cannot be read: {_LOG_IN} again") from None
    if not token:
        raise BadCall(f"the keyring has no token for {url}: {_LOG_IN} again")
    return Login(url, course, str(token))


def remove() -> None:
    """Remove the stored login, if there is one."""
    file = login_file()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        url = str(json.loads(file.read_text("utf-8"))["url"])
        keyring = _keyring()
        if keyring is not None:
            with contextlib.suppress(keyring.errors.KeyringError):  # the keyring has no token for this URL
                keyring.delete_password(_KEYRING_SERVICE, url)
    try:
        file.unlink(missing_ok=True)
    except OSError as wrong:
        raise BadCall(f"{file} cannot be removed ({wrong.strerror})") from None


def _keyring() -> ModuleType | None:
    """Return the package `keyring`; None if it is not installed or supports no safe storage on this system."""
    try:
        import keyring
        import keyring.core
    except ImportError:
        return None
    return keyring if keyring.core.recommended(keyring.get_keyring()) else None


def _into_keyring(login: Login) -> bool:
    """Store the token in the system's keyring. Return False if that is not possible."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_KEYRING_SERVICE, login.url, login.token)
    except keyring.errors.KeyringError:  # the keyring is locked, or the user refused access
        return False
    return True


def _from_keyring(url: str) -> str | None:
    """Return the token for a service from the system's keyring; None if there is no keyring or no token."""
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        token: str | None = keyring.get_password(_KEYRING_SERVICE, url)
    except keyring.errors.KeyringError as locked:
        raise BadCall(f"the keyring cannot be read ({locked}): unlock it, or {_LOG_IN} again") from None
    return token


def _write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read. Readers never see a half-written file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryDirectory(dir=file.parent) as folder:  # readable only by its owner
            written = Path(folder, file.name)
            written.touch(mode=0o600)
            written.write_text(text, "utf-8")
            written.replace(file)
    except OSError as wrong:
        raise BadCall(f"{file} cannot be written ({wrong.strerror})") from None
