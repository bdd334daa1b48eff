"""Seeds of random problems: HMAC(secret, assignment, submission, check). Problems are unpredictable without the secret
and reproducible with it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Seed:
    """The seed from which all random problems of a grading are drawn."""

    secret: bytes | None = None
    """A secret gives every submission different problems. None means the public seed: all submissions get the same
    problems, so that a student's pack can contain the right results."""

    @property
    def label(self) -> str:
        """Name of the seed in reports: "public" or "secret"."""
        return "public" if self.secret is None else "secret"

    @property
    def fingerprint(self) -> str:
        """A hash that differs between secrets. Keep it out of reports: a weak secret could be guessed from it."""
        return _fingerprint(self.secret) if self.secret is not None else self.label

    def draw(self, assignment_digest: str, submission_digest: str, check: str) -> np.random.Generator:
        """Return the random generator that draws the problems of one check for one submission."""
        key = self.secret if self.secret is not None else b"public"
        submission = submission_digest if self.secret is not None else ""
        message = "\n".join((assignment_digest, submission, check)).encode()
        digest = hmac.digest(key, message, "sha256")
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


@cache
def _fingerprint(secret: bytes) -> str:
    """Return a slow hash of a secret, so that guessing it takes long."""
    return hashlib.scrypt(secret, salt=b"grader fingerprint", n=1 << 14, r=8, p=1, dklen=6).hex()
