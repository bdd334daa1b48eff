"""What operators set is either meant, or refused in one sentence."""

from __future__ import annotations

import pytest

from grader.errors import BadCall
from grader.settings import Settings

WRONG = [
    ("GRADER_WORKERS", "many", "GRADER_WORKERS=many: "),
    ("GRADER_WAITING_LIMIT", "9", "greater than or equal to 10"),
    ("GRADER_LEASE_SECONDS", "0.1", "greater than or equal to 1"),
    ("GRADER_GRACE_SECONDS", "nan", "finite"),
    ("GRADER_OIDC_LOGIN_CLAIM", "sub", "'email' or 'preferred_username'"),
    ("GRADER_URL", "grader.example.edu", "https://grader.example.edu"),
    ("GRADER_WEBHOOK_URL", "lms.example.edu", "https://grader.example.edu"),
    ("GRADER_SECRET", "short", "fewer than 16 characters"),
    ("GRADER_WORKER", "4", "write GRADER_WORKERS"),
    ("GRADER_DATABASEURL", "postgresql://db/grader", "write GRADER_DATABASE_URL"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_setting_that_cannot_be_meant_is_refused(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadCall) as refused:
        Settings()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert name != "GRADER_SECRET" or value not in str(refused.value).split()


@pytest.mark.parametrize("name", ["GRADER_PORT", "GRADER_SERVICE_HOST", "GRADER_PORT_8000_TCP", "WORKER", "GRADER_"])
def test_what_others_set_is_not_ours_to_judge(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8000")
    Settings()
