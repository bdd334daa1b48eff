"""Bounds on untrusted input of the parent process, all in one place.

Those that an assignment may set ([limits] in assignment.toml) are in `grader.model.Limits`.
"""

from __future__ import annotations

MIB = 1 << 20

# ── connections and requests (grader.api.connections, grader.api.entrance) ───────────────────────────

MAX_DESCRIPTORS = 65_536
"""The service raises its soft limit of open files to the hard one, but no further than this."""
RESERVED_DESCRIPTORS = 384
"""Descriptors reserved for the database, the grading processes, and connections being accepted or closed."""
MAX_CONNECTIONS = 4_096
HEAD_SECONDS = 10.0
"""Time from a connection's start, or from the previous response, to the end of a request's head; of a request without
login, to the end of its body."""
STALLED_SECONDS = 20.0
MIN_BYTES_PER_SECOND = 1_000
"""Slowest accepted transfer of a body, and of a response that a client reads. A pause may take `STALLED_SECONDS`."""
MAX_UPLOAD_BYTES = 16 * MIB
"""Size of the files of one request, as sent."""
MAX_REQUESTS_AT_ONCE = 8
"""Requests of one person that are served at a time, without uploads and event streams; further ones wait."""
MAX_REQUESTS_WAITING = 100
"""Requests of one person that may wait. Each keeps a connection open."""
MAX_UPLOADS_AT_ONCE = 4
"""Uploads of one person at a time. Each may keep a connection, and as much memory as it has bytes."""

# ── the files of a submission (grader.intake.receive) ────────────────────────────────────────────────────────

MAX_FILE_BYTES = 20 * MIB
MAX_TOTAL_BYTES = 50 * MIB
MAX_FILES = 500
MAX_REQUEST_HEADER_BYTES = 2 * MAX_TOTAL_BYTES
"""Header of a request to the sandbox. The request that loads a submission contains the code of its notebooks."""

INTAKE_CPU_SECONDS = 20
INTAKE_MEMORY_BYTES = 1024 * MIB
"""Limits of a process that reads submissions for the service (grader.intake.pool). The CPU time is for each
submission."""
INTAKE_SECONDS = 120
"""The process is replaced if it has not answered after this time."""

# ── all notebooks of a submission together (grader.intake.notebook) ──────────────────────────────────

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_VALUES = 2_000_000
"""Commas and opening brackets in the file, an upper bound of its JSON values. A value needs up to 80 bytes; a notebook
full of interactive plots has some hundred thousand."""
MAX_CELLS = 2_000
MAX_CELL_CHARACTERS = 1_000_000
MAX_LINES = 100_000
"""Lines that are searched for labels of questions; a picture's base64 is one line."""
MAX_PRINTED = 20_000
"""Characters of printed output of a notebook's cells that are searched."""
MAX_SEARCHED_FOR_IMAGES = 100_000
"""Characters of one written answer; the pattern may inspect each 500 times."""

# ── text from the sandbox (grader.sandbox.contract, grader.kit.student) ──────────────

MAX_NAME = 200
"""Characters of an exception's type, a file's name, the name of a class."""
MAX_MESSAGE = 2_000
"""Characters of an exception's message, and of the reason why an answer cannot be used."""
MAX_SOURCE_LINE = 1_000
"""Characters of the source line of an exception."""
MAX_WHY = 300
"""Characters of the reason in a note."""
MAX_NOTES = 20
MAX_NAMES = 51
MAX_NUMBERS = MAX_CELLS
"""Numbers of notes about how the class was found, of names in it, and of cells that were run."""

# ── answers that are kept until they are judged (grader.sandbox.budget) ──────────────────────────────

HEADER_WEIGHT = 90
"""Bytes that the parent needs for one byte of an answer's header: {} is one byte there and a dict of 64 bytes here,
with 8 for the reference to it, and {"": None} is three bytes and up to 240. Array elements are counted as they are."""


def cut(text: str, most: int) -> str:
    """Return the text's first `most` characters; if some are missing, the last one is "…"."""
    return text if len(text) <= most else text[: most - 1] + "…"
