"""The secret from which the random problems of a batch are drawn, so that students cannot look up the answers.

It is stored on this machine only.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from grader.errors import BadCall
from grader.store.files import write

ID = "id"
"""Name of the file in the output folder with the batch's id. A copy of the folder is the same batch."""


def secret_of(graded: Path, home: Path) -> str:
    """Return the secret of a batch. Create the secret if this machine does not have it.

    If the output folder is copied to another machine, that machine creates a new secret and grades everything again.

    Args:
        graded: The folder `graded/` in the output folder, with the batch's id.
        home: GRADER_HOME, in which the secret is stored. Only the folder's owner can read the secret.

    Raises:
        BadCall: If GRADER_HOME cannot be written to.
    """
    file = home / "batches" / _id_of(graded)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            write(file, secrets.token_hex(32), private=True)
        return file.read_text("ascii")
    except OSError as wrong:
        raise BadCall(
            f"GRADER_HOME={home} cannot be written to ({wrong.strerror}): name another folder, or set GRADER_SECRET"
        ) from None


def _id_of(graded: Path) -> str:
    """Return the batch's id from its file. Create the file if it is missing or contains no valid id."""
    file = graded / ID
    if file.is_file():
        id = file.read_text("utf-8", "replace").strip()
        if re.fullmatch("[0-9a-f]{32}", id):
            return id
    id = secrets.token_hex(16)
    graded.mkdir(parents=True, exist_ok=True)
    write(file, f"{id}\n")
    return id
