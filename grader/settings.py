"""The settings: environment variables GRADER_*, read once by each entry point."""

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


def _address(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ValueError("write a URL such as https://grader.example.edu")
    return url


class Settings(BaseModel):
    """The settings of a command or of the service."""

    model_config = ConfigDict(extra="forbid")

    assignments: Path | None = None
    """GRADER_ASSIGNMENTS: the folder that contains one folder per assignment. If unset: the assignments in
    `reference/`, the installed ones and the demo."""
    assignment: str = ""
    """GRADER_ASSIGNMENT: the assignment that commands use if none is named. If unset: `catalogue.default()`."""
    runtime: Path = Field(default_factory=runtime.default)
    """GRADER_RUNTIME: the Python environment that students' code runs in, inside bubblewrap."""
    secret: str = ""
    """GRADER_SECRET: the secret seed of the random problems. If empty, commands use the public seed, a batch creates a
    secret in GRADER_HOME, and the service creates one in its database."""
    home: Path = Path.home() / ".local" / "share" / "grader"
    """GRADER_HOME: the folder with the secrets of batches, and with the service's SQLite database unless
    GRADER_DATABASE_URL is set."""
    database_url: str = ""
    """GRADER_DATABASE_URL: postgresql://user:password@host/name; empty for SQLite in GRADER_HOME."""
    url: Annotated[str, AfterValidator(_address)] = ""
    """GRADER_URL: the URL of the service for browsers, if it differs from the address that the service listens at.
    With https, cookies are secure."""
    sandbox_coretype: Annotated[str, Field(pattern=r"^\w{0,40}$")] = ""
    """GRADER_SANDBOX_CORETYPE: for developers, the OpenBLAS kernel of students' code ("Haswell"); empty for the
    grader's kernel. `grader.sandbox.kernel` reads it."""
    workers: PositiveInt = max(1, os.cpu_count() or 1)
    """GRADER_WORKERS: number of submissions that are graded at the same time."""
    queue_limit: PositiveInt = 2_000
    """GRADER_QUEUE_LIMIT: number of submissions that may wait. If more are waiting, the service answers 503 and stores
    nothing. Regrades do not count."""
    waiting_limit: Annotated[int, Field(ge=10)] = 20
    """GRADER_WAITING_LIMIT: number of submissions of one student that may wait, including pre-checks; at least 10.
    Staff may have ten times as many. Regrades do not count."""
    storage_limit_mib: PositiveInt = 500
    """GRADER_STORAGE_LIMIT_MIB: total size in MiB of the files that one student may submit. Staff may submit ten times
    as much."""
    streams_limit: PositiveInt = 10
    """GRADER_STREAMS_LIMIT: number of gradings that one person may watch at the same time."""
    metrics_token: str = ""
    """GRADER_METRICS_TOKEN: bearer token that Prometheus must send to read /metrics; empty makes /metrics public."""
    lease_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 30.0
    """GRADER_LEASE_SECONDS: time without a heartbeat after which a worker counts as dead and another worker takes over
    its grading."""
    grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    """GRADER_GRACE_SECONDS: time for running gradings to finish when the service stops. Gradings that take longer
    return to the queue."""
    rate_limit: str = "1200/minute"
    """GRADER_RATE_LIMIT: limit on the requests of one person, or of one address if not logged in; empty for no
    limit."""
    rate_limit_logins: str = "20/minute"
    """GRADER_RATE_LIMIT_LOGINS: limit on failed logins from one address; empty for no limit."""
    rate_limit_uploads: str = "30/minute"
    """GRADER_RATE_LIMIT_UPLOADS: limit on the submissions, pre-checks and rosters that one person uploads; empty for no
    limit."""
    oidc_issuer: str = ""
    """GRADER_OIDC_ISSUER: issuer URL of the university's OpenID Connect provider; empty for none."""
    oidc_client_id: str = ""
    """GRADER_OIDC_CLIENT_ID: the service's client id at the provider."""
    oidc_client_secret: str = ""
    """GRADER_OIDC_CLIENT_SECRET: the service's client secret at the provider."""
    oidc_login_claim: Literal["email", "preferred_username"] = "email"
    """GRADER_OIDC_LOGIN_CLAIM: the ID token's claim that is used as login. An e-mail address must be verified."""
    oidc_new_people: bool = False
    """GRADER_OIDC_NEW_PEOPLE: create an account, without a course, for people who log in for the first time."""

    def __init__(self, **values: Any) -> None:
        """Read the environment. Raise `BadCall` for an invalid value or a misspelt name."""
        _require_known(os.environ)
        given = {name.upper().removeprefix(PREFIX): value for name, value in os.environ.items() if _is_ours(name)}
        mine = {name: given[name.upper()] for name in type(self).model_fields if name.upper() in given}
        try:
            super().__init__(**mine | values)
        except ValidationError as wrong:
            raise BadCall(_validation_message(wrong)) from None

    @property
    def has_postgresql(self) -> bool:
        return self.database_url.startswith("postgres")


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _require_known(environment: Iterable[str]) -> None:
    """Raise `BadCall` for a name that resembles a setting, since a misspelt setting would be ignored. Other names are
    allowed: Kubernetes sets GRADER_PORT for a service called grader."""
    known = [name.upper() for name in Settings.model_fields]
    for name in filter(_is_ours, sorted(environment)):
        bare = name.upper().removeprefix(PREFIX)
        if bare in known:
            continue
        if meant := difflib.get_close_matches(bare, known, 1, 0.8):
            raise BadCall(f"{name} is not a setting: write {PREFIX}{meant[0]} (docs/operator.md, Settings)")


def _validation_message(wrong: ValidationError) -> str:
    """Return a message with the wrong values, shortened. It never has a secret, since any text is a valid secret."""
    messages = (
        f"{PREFIX}{str(e['loc'][0]).upper()}={str(e['input'])[:60]}: {e['msg'].removeprefix('Value error, ')}"
        for e in wrong.errors()
    )
    return "; ".join(messages) + " (docs/operator.md, Settings)"
