"""A batch's own secret, which its fresh problems are drawn with: kept on this machine, and never in what is passed on.

Without it a batch would draw the public problems, whose answers anybody can look up. The output folder has only the
batch's id, and in its reports the secret's fingerprint (`Seed.label`).
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from grader.batch.journal import write
from grader.errors import BadCall

ID = "id"
"""The file with the batch's id, beside what has been graded: whoever copies that goes on with it."""


def secret_of(graded: Path, home: Path) -> str:
    """Return the secret of the batch whose gradings lie in a folder, made at the first call.

    On a machine that has not got it a new one is made, under which all is graded again.

    Args:
        graded: Where the batch keeps what it has graded; the id is kept there.
        home: The state folder of this machine (GRADER_HOME); the secret is kept there, readable by its owner alone.

    Raises:
        BadCall: The state folder cannot be written to.
    """
    kept = home / "batches" / _id_of(graded)
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not kept.exists():
            _create(kept, secrets.token_hex(32))
        return kept.read_text("ascii")
    except OSError as wrong:
        raise BadCall(
            f"GRADER_HOME={home} cannot be written to ({wrong.strerror}): name another folder, or set GRADER_SECRET"
        ) from None


def _id_of(graded: Path) -> str:
    """Return the batch's id; a file that holds none is replaced, since it becomes a file's name."""
    file = graded / ID
    known = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
    if re.fullmatch("[0-9a-f]{32}", known):
        return known
    new = secrets.token_hex(16)
    graded.mkdir(parents=True, exist_ok=True)
    write(file, f"{new}\n")
    return new


def _create(file: Path, content: str) -> None:
    """Make a file that only its owner reads, complete from the moment at which it has its name."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)  # of a process that was killed
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    unfinished.rename(file)
