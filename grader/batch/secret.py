"""The secret of a batch, from which its fresh problems are drawn. It stays on this machine.

Without it a batch would draw the public problems, whose answers can be looked up. The output folder has the batch's id,
and its reports have the secret's fingerprint (`Seed.label`).
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from grader.errors import BadCall
from grader.store.files import write

ID = "id"
"""Name of the file with the batch's id, beside its reports: a copy of the folder continues the same batch."""


def secret_of(graded: Path, home: Path) -> str:
    """Return the secret of a batch; create it if this machine does not have it.

    On another machine that is a new secret, so everything is graded again.

    Args:
        graded: Folder of the batch's reports and its id.
        home: State folder of this machine (GRADER_HOME). The secret is kept there, readable by its owner alone.

    Raises:
        BadCall: The state folder cannot be written to.
    """
    kept = home / "batches" / _id_of(graded)
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not kept.exists():
            write(kept, secrets.token_hex(32), private=True)
        return kept.read_text("ascii")
    except OSError as wrong:
        raise BadCall(
            f"GRADER_HOME={home} cannot be written to ({wrong.strerror}): name another folder, or set GRADER_SECRET"
        ) from None


def _id_of(graded: Path) -> str:
    """Return the batch's id. A file with anything else is replaced, since the id becomes a file name."""
    file = graded / ID
    known = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
    if re.fullmatch("[0-9a-f]{32}", known):
        return known
    new = secrets.token_hex(16)
    graded.mkdir(parents=True, exist_ok=True)
    write(file, f"{new}\n")
    return new
