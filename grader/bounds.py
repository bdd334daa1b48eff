"""Bounds on untrusted input of the grader's process.

Limits that an assignment may set ([limits] in assignment.toml) are in `grader.model.Limits`.
"""

from __future__ import annotations

MIB = 1 << 20

# ── connections and requests (grader.api.connections, grader.api.entrance) ───────────────────────────

MAX_DESCRIPTORS = 65_536
"""The service raises its soft limit of open files to the hard limit, but at most to this number."""
RESERVED_DESCRIPTORS = 384
"""Descriptors reserved for the database, the grading processes, and connections being accepted or closed."""
MAX_CONNECTIONS = 4_096
HEAD_SECONDS = 10.0
"""Time for sending the head of a request, counted from the start of the connection or from the previous response.
Requests without login must also send their body in this time."""
STALLED_SECONDS = 20.0
"""Longest accepted pause in the transfer of a body or a response."""
MIN_BYTES_PER_SECOND = 1_000
"""Slowest accepted transfer of a body or a response, pauses aside."""
MAX_UPLOAD_BYTES = 16 * MIB
"""Largest total size of the files of one request, as sent."""
MAX_REQUESTS_AT_ONCE = 8
"""Largest number of requests of one person that are served at the same time, not counting uploads and event streams.
Further requests wait."""
MAX_REQUESTS_WAITING = 100
"""Largest number of requests of one person that may wait. Each one keeps a connection open."""
MAX_UPLOADS_AT_ONCE = 4
"""Largest number of uploads of one person at the same time. Each one keeps a connection open and its body in memory."""

# ── the files of a submission (grader.intake.receive) ────────────────────────────────────────────────────────

MAX_FILE_BYTES = 20 * MIB
MAX_TOTAL_BYTES = 50 * MIB
MAX_FILES = 500
MAX_REQUEST_HEADER_BYTES = 2 * MAX_TOTAL_BYTES
"""Largest size of the header of a request to the sandbox. Notebooks' code is sent in a header."""

INTAKE_CPU_SECONDS = 20
INTAKE_MEMORY_BYTES = 1024 * MIB
"""Limits of a process that reads submissions for the service (grader.intake.pool). The CPU time is per submission."""
INTAKE_SECONDS = 120
"""Time after which a process that reads a submission is replaced."""

# ── all notebooks of a submission together (grader.intake.notebook) ──────────────────────────────────

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_VALUES = 2_000_000
"""Largest number of commas and opening brackets in a file, which bounds the number of its JSON values. A value needs up
to 80 bytes of memory; a notebook full of interactive plots has a few hundred thousand values."""
MAX_CELLS = 2_000
MAX_CELL_CHARACTERS = 1_000_000
MAX_LINES = 100_000
"""Largest number of lines that are searched for labels of questions. An embedded picture is one line."""
MAX_PRINTED = 20_000
"""Largest number of characters that are searched of the printed output of a notebook's cells."""
MAX_SEARCHED_FOR_IMAGES = 100_000
"""Largest number of characters of a written answer that are searched for images. The pattern may inspect each
character 500 times."""

# ── text from the sandbox (grader.sandbox.contract, grader.kit.student) ──────────────

MAX_NAME = 200
"""Largest number of characters in the name of an exception's type, a file or a class."""
MAX_MESSAGE = 2_000
"""Largest number of characters in an exception's message, and in the reason why a return value cannot be used."""
MAX_SOURCE_LINE = 1_000
"""Largest number of characters in the source line of an exception."""
MAX_WHY = 300
"""Largest number of characters in `grader.model.Note.why`."""
MAX_NOTES = 20
"""Largest number of notes on how the class was found (`grader.model.Note`)."""
MAX_NAMES = 51
"""Largest number of names in `grader.model.Loaded.names`: the class and its attributes."""
MAX_NUMBERS = MAX_CELLS
"""Largest number of cells in `grader.model.Loaded.cells`."""

# ── return values that are kept until they are checked (grader.sandbox.budget) ──────────────────────

HEADER_WEIGHT = 90
"""Bytes of memory that the grader may need for one byte of a return value's msgpack header: {} is one byte in msgpack,
and in Python a dict of 64 bytes with a reference of 8; {"": None} is three bytes and up to 240. Array elements are not
part of the header; their bytes are counted once."""


def cut(text: str, most: int) -> str:
    """Return the text, shortened to `most` characters; the last character of a shortened text is "…"."""
    return text if len(text) <= most else text[: most - 1] + "…"
