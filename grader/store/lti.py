"""Learning platforms: their registrations, the courses that they are linked to, and the service's key."""

from __future__ import annotations

import json
from typing import Any

from joserfc.jwk import RSAKey

from grader.store import installation
from grader.store.database import Tx

_KEYS = "tool keys"


def tool_key(tx: Tx) -> RSAKey:
    """Return the private key with which the service signs its messages to platforms. Create it on the first call, in a
    read-write transaction."""
    return RSAKey.import_key(_keys(tx)[0])


def public_tool_keys(tx: Tx) -> list[dict[str, Any]]:
    """Return the public keys that verify the service's messages to platforms, as JSON Web Keys, the newest first."""
    keys = [RSAKey.import_key(key) for key in _keys(tx)]
    return [{**key.as_dict(private=False), "use": "sig", "alg": "RS256"} for key in keys]


def rotate_tool_key(tx: Tx) -> str:
    """Replace the service's key, and return the id of the new one. Of earlier keys the public parts are kept, since
    platforms may verify messages that are under way."""
    new = _new_key()
    installation.put(tx, _KEYS, json.dumps([new, *public_tool_keys(tx)]))
    id: str = new["kid"]
    return id


def _keys(tx: Tx) -> list[dict[str, Any]]:
    """Return the service's keys: the private one, and the public parts of earlier ones."""
    stored = installation.fact(tx, _KEYS)
    if not stored:
        stored = installation.put_once(tx, _KEYS, json.dumps([_new_key()]))
    keys: list[dict[str, Any]] = json.loads(stored)
    return keys


def _new_key() -> dict[str, Any]:
    return dict(RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True))
