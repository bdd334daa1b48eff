"""Hashes of facts, by which equal submissions are recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def digest_of(facts: Iterable[str]) -> str:
    """Return the SHA-256 hash of some texts."""
    text = "\n".join(facts)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
