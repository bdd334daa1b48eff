"""Bounds on what the parent process takes from outside, all in one place.

Those that an assignment may set ([limits] in assignment.toml) are in `grader.model.Limits`.
"""

from __future__ import annotations

MIB = 1 << 20

# ── connections and requests (grader.api.connections, grader.api.entrance) ───────────────────────────

MAX_DESCRIPTORS = 65_536
"""The service raises its soft limit of open files to the hard one, but no further than this."""
RESERVED_DESCRIPTORS = 384
"""For the database, the grading processes, and connections that are accepted or closed at this moment."""
MAX_CONNECTIONS = 4_096
HEAD_SECONDS = 10.0
"""From a connection's begin, or from the answer before, to the end of a request's head."""
STALLED_SECONDS = 20.0
MIN_BYTES_PER_SECOND = 1_000
"""A body may take `STALLED_SECONDS`, and a second for each so many bytes that have come. The same holds for a client
that reads its answer."""
MAX_UPLOAD_BYTES = 16 * MIB
"""Of the files of one request, as they are sent."""
MAX_REQUESTS_AT_ONCE = 8
"""Of one person, without uploads and streams of events; further ones wait."""
MAX_REQUESTS_WAITING = 100
"""Of one person. Each keeps a connection open while it waits."""
MAX_UPLOADS_AT_ONCE = 4
"""Of one person. Each may hold a connection and files until its time is over."""

# ── the files of a submission (grader.intake.receive) ────────────────────────────────────────────────────────

MAX_FILE_BYTES = 20 * MIB
MAX_TOTAL_BYTES = 50 * MIB
MAX_FILES = 500
MAX_REQUEST_HEADER_BYTES = 2 * MAX_TOTAL_BYTES
"""Of a request to the sandbox; that which loads a submission has the code of its notebooks in it."""

INTAKE_CPU_SECONDS = 20
INTAKE_MEMORY_BYTES = 1024 * MIB
"""Of a process that reads submissions for the service (grader.intake.pool). The CPU time is for each submission."""
INTAKE_SECONDS = 120
"""The process is replaced if it has not answered after this time."""

# ── its notebooks, all together (grader.intake.notebook) ────────────────────────────────────────────────────

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_VALUES = 2_000_000
"""Commas and opening brackets in the file, which are no fewer than its JSON values. A value needs up to 80 bytes; a
notebook full of interactive plots has some hundred thousand."""
MAX_CELLS = 2_000
MAX_CELL_CHARACTERS = 1_000_000
MAX_LINES = 100_000
"""Every line is looked at for the label of a question; a picture's base64 is one line."""
MAX_PRINTED = 20_000
"""Characters of what a notebook's cells have printed that are looked at."""
MAX_SEARCHED_FOR_IMAGES = 100_000
"""Characters of one written answer; the pattern may look at each 500 times."""

# ── text that comes out of the sandbox (grader.sandbox.contract, grader.kit.student) ──────────────

MAX_NAME = 200
"""Characters of an exception's type, a file's name, the name of a class."""
MAX_MESSAGE = 2_000
"""Characters of an exception's message, and of why an answer cannot be used."""
MAX_SOURCE_LINE = 1_000
"""Characters of the line that an exception is shown at."""
MAX_WHY = 300
"""Characters of what a note says about a file."""
MAX_NOTES = 20
MAX_NAMES = 51
MAX_NUMBERS = MAX_CELLS
"""Notes about how the class was found, names in it, and cells that were run."""

# ── answers that are held until they are judged (grader.sandbox.budget) ──────────────────────────────

HEADER_WEIGHT = 90
"""Bytes that the parent needs for one byte of an answer's header: {} is one byte there and a dict of 64 here, with 8
for the reference to it, and {"": None} is three bytes and up to 240. An array's elements are counted as they are."""


def cut(text: str, most: int) -> str:
    """Return the text's first `most` characters, the last of them "…" where some are missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
