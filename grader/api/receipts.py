"""Signatures of receipts, which prove to others that the service has received a submission."""

from __future__ import annotations

import json
from functools import lru_cache

from joserfc import jws
from joserfc.jwk import OKPKey

from grader.store import installation
from grader.store.database import Store


@lru_cache(1)
def signing_key(store: Store) -> OKPKey:
    """Return the key that signs receipts, from the database. The first service on a database creates it."""
    new = OKPKey.generate_key("Ed25519", auto_kid=True).as_dict(private=True)
    with store.write() as tx:
        return OKPKey.import_key(json.loads(installation.put_once(tx, "receipt key", json.dumps(new))))


def signature(store: Store, payload: str) -> str:
    """Return a JSON Web Signature in its compact form, which contains the payload."""
    key = signing_key(store)
    return jws.serialize_compact({"alg": "Ed25519", "kid": key.kid}, payload, key, ["Ed25519"])
