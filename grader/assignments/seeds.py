"""Where fresh problems come from: HMAC(secret, assignment, submission, check), so that nobody can foresee them
and everybody can draw them again."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """`secret` None is the public seed of a pre-check: the same problems for everyone, so that a student's pack
    can carry their answers. Under a secret the submission counts too: nobody can hand in for a neighbour's draw."""

    secret: bytes | None = None

    @property
    def label(self) -> str:
        """What a report records; it does not give the secret away."""
        if self.secret is None:
            return "public"
        return "secret " + hashlib.sha256(b"fingerprint:" + self.secret).hexdigest()[:12]

    def draw(self, assignment_digest: str, submission_digest: str, check: str) -> np.random.Generator:
        key = self.secret if self.secret is not None else b"public"
        whose = submission_digest if self.secret is not None else ""
        message = "\n".join((assignment_digest, whose, check)).encode()
        return np.random.Generator(np.random.PCG64(int.from_bytes(hmac.digest(key, message, "sha256"), "big")))
