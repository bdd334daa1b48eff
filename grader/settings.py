"""Settings, read once from environment variables such as GRADER_HOME."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from grader.errors import BadCall
from grader.sandbox import runtime

PREFIX = "GRADER_"
SHORTEST_SECRET = 16
"""Least number of characters of a secret. Shorter ones could be guessed."""


def _address(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ValueError("write a URL such as https://grader.example.edu")
    return url


class Settings(BaseModel):
    """The settings. Each field is read from an environment variable, for example `home` from GRADER_HOME."""

    model_config = ConfigDict(extra="forbid")

    assignments: Path | None = None
    """GRADER_ASSIGNMENTS: the folder that contains one folder per assignment. If unset: the assignments in
    `reference/`, the installed ones and the demo."""
    assignment: str = ""
    """GRADER_ASSIGNMENT: the assignment that commands use if none is named. If unset: `catalogue.default()`."""
    runtime: Path = Field(default_factory=runtime.default)
    """GRADER_RUNTIME: the Python environment in which bubblewrap and landlock run students' code."""
    secret: str = ""
    """GRADER_SECRET: the secret seed of the random problems, at least 16 characters. If empty, commands use the public
    seed, a batch creates a secret in GRADER_HOME, and the service creates one in its database."""
    home: Path = Path.home() / ".local" / "share" / "grader"
    """GRADER_HOME: the folder with the secrets of batches. If GRADER_DATABASE_URL is not set, the service's SQLite
    database is there too."""
    database_url: str = ""
    """GRADER_DATABASE_URL: postgresql://user:password@host/name; empty for SQLite in GRADER_HOME."""
    url: Annotated[str, AfterValidator(_address)] = ""
    """GRADER_URL: the service's URL for browsers, for example that of a proxy. If it begins with https, cookies are
    sent over https only."""
    sandbox_coretype: Annotated[str, Field(pattern=r"^\w{0,40}$")] = ""
    """GRADER_SANDBOX_CORETYPE: for developers, the OpenBLAS kernel that students' code uses, such as "Haswell"; empty
    to use the grader's kernel. `grader.sandbox.kernel` reads this variable."""
    workers: PositiveInt = max(1, os.cpu_count() or 1)
    """GRADER_WORKERS: number of submissions that are graded at the same time."""
    queue_limit: PositiveInt = 2_000
    """GRADER_QUEUE_LIMIT: number of submissions that may wait to be graded. Beyond it, the service refuses pre-checks
    with 503; it stores submissions however many wait. Regrades do not count."""
    waiting_limit: Annotated[int, Field(ge=10)] = 20
    """GRADER_WAITING_LIMIT: number of submissions and pre-checks of one student that may wait to be graded, at least
    10. Staff may have ten times as many. Regrades do not count."""
    storage_limit_mib: PositiveInt = 500
    """GRADER_STORAGE_LIMIT_MIB: total size in MiB of the files that one student may submit. Staff may submit ten times
    as much."""
    streams_limit: PositiveInt = 10
    """GRADER_STREAMS_LIMIT: number of gradings that one person may watch at the same time."""
    metrics_token: str = ""
    """GRADER_METRICS_TOKEN: bearer token that Prometheus must send to read /metrics; if empty, only this machine may
    read them, and only if `url` is one of its own addresses."""
    lease_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 30.0
    """GRADER_LEASE_SECONDS: a worker without a heartbeat for this time counts as dead, and another worker grades its
    submission."""
    grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    """GRADER_GRACE_SECONDS: when the service stops, running gradings have this time to finish. Unfinished gradings are
    queued again."""
    rate_limit: str = "1200/minute"
    """GRADER_RATE_LIMIT: requests allowed to one person, or to one address without login; empty for no limit."""
    rate_limit_logins: str = "20/minute"
    """GRADER_RATE_LIMIT_LOGINS: failed logins allowed from one address; empty for no limit."""
    rate_limit_account: str = "20/hour"
    """GRADER_RATE_LIMIT_ACCOUNT: logins by password to one account from one address, and login links sent to it; from
    all addresses together, ten times as many; empty for no limit."""
    rate_limit_links: str = "60/minute"
    """GRADER_RATE_LIMIT_LINKS: login links that one address may ask for by e-mail; empty for no limit."""
    rate_limit_uploads: str = "30/minute"
    """GRADER_RATE_LIMIT_UPLOADS: submissions, pre-checks and rosters that one person may upload; empty for no limit."""
    keep_days: PositiveInt | None = None
    """GRADER_KEEP_DAYS: every day, older entries of the audit are deleted, and people in whose courses nothing was
    submitted for this time are erased, except admins and staff; if unset, everything is kept."""
    passwords: bool = True
    """GRADER_PASSWORDS: people may set a password and log in with it."""
    smtp_url: str = ""
    """GRADER_SMTP_URL: the server that sends login links and messages by e-mail, smtp://user:password@host:port or
    smtps://…; empty for none."""
    mail_from: str = ""
    """GRADER_MAIL_FROM: the sender's address of these messages."""
    webhook_url: Annotated[str, AfterValidator(_address)] = ""
    """GRADER_WEBHOOK_URL: the URL to which the service sends its events; empty for none."""
    webhook_secret: str = ""
    """GRADER_WEBHOOK_SECRET: the secret that signs these requests: whsec_ and 24 to 64 random bytes in base64."""
    oidc_issuer: str = ""
    """GRADER_OIDC_ISSUER: issuer URL of the university's OpenID Connect provider; empty for none."""
    oidc_client_id: str = ""
    """GRADER_OIDC_CLIENT_ID: the service's client id at the provider."""
    oidc_client_secret: str = ""
    """GRADER_OIDC_CLIENT_SECRET: the service's client secret at the provider."""
    oidc_login_claim: Literal["email", "preferred_username"] = "email"
    """GRADER_OIDC_LOGIN_CLAIM: the claim of the ID token that becomes the login. E-mail addresses must be verified at
    the provider."""
    oidc_new_people: bool = False
    """GRADER_OIDC_NEW_PEOPLE: create an account, without a course, for people who log in for the first time with
    the university account or JupyterHub."""

    jupyterhub_url: str = ""
    """GRADER_JUPYTERHUB_URL: URL of a JupyterHub whose users log in with their accounts there, without /hub; empty for
    none."""
    jupyterhub_client_id: str = ""
    """GRADER_JUPYTERHUB_CLIENT_ID: "service-" and the name of this service in the hub's configuration."""
    jupyterhub_client_secret: str = ""
    """GRADER_JUPYTERHUB_CLIENT_SECRET: the service's `api_token` in the hub's configuration."""
    jupyterhub_login_suffix: str = ""
    """GRADER_JUPYTERHUB_LOGIN_SUFFIX: appended to the hub's user names to make the logins, for example @example.edu."""
    course: str = ""
    """GRADER_COURSE: for `grader submit` in a notebook server of a JupyterHub, the course's id at `url`."""
    xqueue_user: str = ""
    """GRADER_XQUEUE_USER: the user name with which `grader xqueue` logs in at Open edX."""
    xqueue_password: str = ""
    """GRADER_XQUEUE_PASSWORD: the password of this user."""

    def __init__(self, **values: Any) -> None:
        """Read the environment variables. Raise `BadCall` if a value is invalid or a name is misspelt."""
        _require_known(os.environ)
        given = {name.upper().removeprefix(PREFIX): value for name, value in os.environ.items() if _is_ours(name)}
        from_environment = {}
        for name in type(self).model_fields:
            if name.upper() in given:
                from_environment[name] = given[name.upper()]
        try:
            super().__init__(**from_environment | values)
        except ValidationError as wrong:
            raise BadCall(_validation_message(wrong)) from None
        if self.secret and len(self.secret) < SHORTEST_SECRET:
            raise BadCall(
                f"GRADER_SECRET has fewer than {SHORTEST_SECRET} characters: make one with `openssl rand -hex 32`"
            )

    @property
    def channels(self) -> list[str]:
        """The channels in which the service sends messages."""
        urls = {"mail": self.smtp_url, "webhook": self.webhook_url}
        return [channel for channel, url in urls.items() if url]

    @property
    def has_postgresql(self) -> bool:
        return self.database_url.startswith("postgres")


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _require_known(environment: Iterable[str]) -> None:
    """Raise `BadCall` if an environment variable looks like a misspelt setting, for example GRADER_HOMES. Other unknown
    names are allowed, because Kubernetes sets names such as GRADER_PORT."""
    settings = [name.upper() for name in Settings.model_fields]
    for name in filter(_is_ours, sorted(environment)):
        setting = name.upper().removeprefix(PREFIX)
        if setting in settings:
            continue
        similar = difflib.get_close_matches(setting, settings, 1, 0.8)
        if similar:
            raise BadCall(f"{name} is not a setting: write {PREFIX}{similar[0]} (docs/operator.md, Settings)")


def _validation_message(wrong: ValidationError) -> str:
    """Return a message with the invalid values, for example "GRADER_WORKERS=x: …". It contains no secret, since any
    text is a valid secret."""
    messages = []
    for error in wrong.errors():
        name = str(error["loc"][0]).upper()
        value = str(error["input"])[:60]
        message = error["msg"].removeprefix("Value error, ")
        messages.append(f"{PREFIX}{name}={value}: {message}")
    return "; ".join(messages) + " (docs/operator.md, Settings)"
