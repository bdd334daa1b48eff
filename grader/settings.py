"""GRADER_* read once, by a door."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from grader.assignments.catalogue import default_root
from grader.errors import BadCall

PREFIX = "GRADER_"


def _address(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ValueError("write it as browsers do, https://grader.example.edu")
    return url


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX)

    assignments: Path = default_root()
    """GRADER_ASSIGNMENTS: the folder that holds one folder per assignment."""
    assignment: str = "ps4"
    """GRADER_ASSIGNMENT: the assignment that commands grade where none is named."""
    runtime: Path = Path(sys.prefix) / "sandbox"
    """GRADER_RUNTIME: the environment that students' code runs in, inside bubblewrap."""
    secret: str = ""
    """GRADER_SECRET: what fresh problems are drawn with. Empty is the public seed of a pre-check; a batch then
    creates a secret in GRADER_HOME, and the service one in its database."""
    home: Path = Path.home() / ".local" / "share" / "grader"
    """GRADER_HOME: the folder where the service keeps its data, if it has no other database, and where batches keep
    their secrets."""
    database_url: str = ""
    """GRADER_DATABASE_URL: postgresql://user:password@host/name; empty is SQLite in GRADER_HOME."""
    url: Annotated[str, AfterValidator(_address)] = ""
    """GRADER_URL: how browsers reach the service, if not at the address that it listens at. Cookies are secure where it
    begins with https."""
    sandbox_coretype: Annotated[str, Field(pattern=r"^\w{0,40}$")] = ""
    """GRADER_SANDBOX_CORETYPE: for developers, the OpenBLAS kernel that students' code computes with ("Haswell"); empty
    is the grader's own. `grader.sandbox.kernel` reads it."""
    workers: PositiveInt = max(1, os.cpu_count() or 1)
    """GRADER_WORKERS: how many submissions are graded at the same time."""
    queue_limit: PositiveInt = 2_000
    """GRADER_QUEUE_LIMIT: how many submissions may wait; beyond it the service answers 503 and keeps nothing.
    Regrades are not counted."""
    waiting_limit: Annotated[int, Field(ge=10)] = 20
    """GRADER_WAITING_LIMIT: how many submissions of one student may wait, pre-checks among them; at least 10. Regrades
    are not counted."""
    storage_limit_mib: PositiveInt = 500
    """GRADER_STORAGE_LIMIT_MIB: how much all files that one student has submitted may take."""
    streams_limit: PositiveInt = 10
    """GRADER_STREAMS_LIMIT: how many gradings one person may watch at the same time."""
    metrics_token: str = ""
    """GRADER_METRICS_TOKEN: what Prometheus sends as a bearer token to read /metrics; empty lets everybody read it."""
    lease_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 30.0
    """GRADER_LEASE_SECONDS: without a heartbeat for so long, a worker is taken to be dead, and another one gets its
    grading."""
    grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    """GRADER_GRACE_SECONDS: how long a service that is asked to end lets running gradings finish; after that they
    are handed back to the queue."""
    rate_limit: str = "1200/minute"
    """GRADER_RATE_LIMIT: requests of one person, or of one address where nobody has logged in; empty for no limit."""
    rate_limit_logins: str = "20/minute"
    """GRADER_RATE_LIMIT_LOGINS: failed logins from one address."""
    rate_limit_hand_ins: str = "30/minute"
    """GRADER_RATE_LIMIT_HAND_INS: submissions of one person, pre-checks among them."""
    oidc_issuer: str = ""
    """GRADER_OIDC_ISSUER: the university's OpenID Connect provider, as its metadata names it; empty for none."""
    oidc_client_id: str = ""
    """GRADER_OIDC_CLIENT_ID: what the provider calls this service."""
    oidc_client_secret: str = ""
    """GRADER_OIDC_CLIENT_SECRET: what this service proves that with."""
    oidc_login_claim: Literal["email", "preferred_username"] = "email"
    """GRADER_OIDC_LOGIN_CLAIM: what is a person's login here; an e-mail address must be one that is verified."""
    oidc_new_people: bool = False
    """GRADER_OIDC_NEW_PEOPLE: whether those whom nobody has added are let in, without a course."""

    def __init__(self, **values: Any) -> None:
        """Raises `BadCall` for what cannot be meant."""
        _require_known(os.environ)
        try:
            super().__init__(**values)
        except ValidationError as wrong:
            raise BadCall(_validation_message(wrong)) from None

    @property
    def has_postgresql(self) -> bool:
        return self.database_url.startswith("postgres")


def _require_known(environment: Iterable[str]) -> None:
    """A name that is nearly a setting's is one misspelt, and would be ignored. Others may be anybody's: Kubernetes
    makes GRADER_PORT where a service of that name runs."""
    known = [name.upper() for name in Settings.model_fields]
    for name in sorted(environment):
        bare = name.upper().removeprefix(PREFIX)
        if name.upper() == bare or bare in known:
            continue
        if meant := difflib.get_close_matches(bare, known, 1, 0.8):
            raise BadCall(f"{name} is no setting: write {PREFIX}{meant[0]} (README, Settings)")


def _validation_message(wrong: ValidationError) -> str:
    """What was given is repeated in short; nothing that is secret is checked for more than being text."""
    said = (
        f"{PREFIX}{str(e['loc'][0]).upper()}={str(e['input'])[:60]}: {e['msg'].removeprefix('Value error, ')}"
        for e in wrong.errors()
    )
    return "; ".join(said) + " (README, Settings)"
