"""`grader verify-receipt`: check a receipt of the service."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from joserfc import jws
from joserfc.errors import JoseError, MissingKeyError
from joserfc.jwk import KeySet

from grader.cli.common import print_check
from grader.client.login import Login, load
from grader.client.service import ServiceClient
from grader.errors import BadCall
from grader.intake.receive import uploads
from grader.render.text import one_line


def verify_receipt(
    receipt: Annotated[Path, typer.Argument(help="The receipt, as JSON. Its page has a link to it.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Files that should be those of the receipt.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="The service's /.well-known/jwks.json, saved as a file: works offline.")
    ] = None,
    service: Annotated[
        str, typer.Option(help="The service's URL, to get its key. By default, where you are logged in.")
    ] = "",
) -> int:
    """Check that a service has signed a receipt, and that it received the given files. Exit with 1 if not."""
    try:
        shown = json.loads(receipt.read_text("utf-8"))
        if key:
            keys = json.loads(key.read_text("utf-8"))
        else:
            keys = ServiceClient(Login(service or load().url, "", "")).receipt_keys()
        token = jws.deserialize_compact(shown.pop("signature"), KeySet.import_key_set(keys), ["Ed25519"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MissingKeyError) as wrong:
        raise BadCall(f"{receipt.name} or the key cannot be read ({wrong}): save both as JSON again") from None
    except JoseError as wrong:
        return _report("not genuine", str(wrong), passed=False)
    if json.loads(token.payload) != shown:
        return _report("changed", "the signature is of other values", passed=False)
    authors = ", ".join(author["login"] for author in shown["authors"])
    submission = "{kind} {submission} to {course}, {assignment}, received at {received_at}".format(**shown)
    code = _report("genuine", f"{submission}, by {authors}", passed=True)
    hashes = [file["sha256"] for file in shown["files"]]
    for name, content in uploads(files or []):
        is_received = hashlib.sha256(content).hexdigest() in hashes
        code |= _report(name, "as received" if is_received else "not as received", passed=is_received)
    return code


def _report(title: str, details: str, *, passed: bool) -> int:
    """Print a tick or a cross. Return the exit code."""
    print_check(one_line(title), one_line(details, 600), passed=passed)
    return 0 if passed else 1
