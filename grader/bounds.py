"""Limits on untrusted input: requests to the service, files, notebooks, and text from the sandbox.

Limits that an assignment may change are in `grader.model.Limits`.
"""

from __future__ import annotations

import re

MIB = 1 << 20
TEXT = r"^[^\x00]*$"
"""Pattern of text without NUL, a character that PostgreSQL cannot store."""

# ── connections and requests (grader.api.connections, grader.api.middleware) ───────────────────────────

MAX_SERVICE_BYTES = 600 * MIB
"""Memory that the service's own process needs at most, without grading and intake processes. The limits below keep it
there; `tests/journeys/test_memory.py` measures it."""
MAX_DESCRIPTORS = 65_536
"""The service raises its limit of open files (RLIMIT_NOFILE) to at most this number."""
RESERVED_DESCRIPTORS = 384
"""Number of open files reserved for the database, for grading processes and for accepting new connections."""
MAX_CONNECTIONS = 4_096
HEAD_SECONDS = 10.0
"""Time for the head of a request to arrive after the start of the connection or the end of the previous response. If
the client is not logged in, the body must arrive in this time too."""
STALLED_SECONDS = 20.0
"""Longest pause while a client sends a request's body or receives a response."""
MIN_BYTES_PER_SECOND = 1_000
"""Lowest speed at which a client may send a request's body or receive a response. Pauses up to STALLED_SECONDS are
allowed."""
MAX_UPLOAD_BYTES = 16 * MIB
"""Largest total size of the files in one upload request, before zips are unpacked."""
MAX_COMMENT_CHARACTERS = 10_000
"""Largest length of a marker's comment on an answer."""
MAX_REQUESTS_AT_ONCE = 8
"""Requests of one person that are served at the same time; further requests wait. Uploads and event streams have their
own limits."""
MAX_REQUESTS_WAITING = 100
"""Requests of one person that may wait to be served."""
MAX_UPLOADS_AT_ONCE = 4
"""Uploads of one person at the same time. Their bodies are kept on disk until they have arrived."""
MAX_UPLOADS_IN_MEMORY = 2
"""Large uploads that have arrived and are read at the same time. Other uploads wait on disk."""
MAX_SMALL_UPLOADS_IN_MEMORY = 64
"""The same for uploads of at most `SMALL_UPLOAD_BYTES`."""
SMALL_UPLOAD_BYTES = 256 << 10
PIECE_BYTES = 256 << 10
"""Size of the pieces in which a large response is read from the database and sent."""

# ── the files of a submission (grader.intake.receive) ────────────────────────────────────────────────────────

MAX_FILE_BYTES = 20 * MIB
MAX_TOTAL_BYTES = 50 * MIB
MAX_FILES = 500
MAX_REQUEST_HEADER_BYTES = 2 * MAX_TOTAL_BYTES
"""Largest header of a message to the sandbox. Headers contain the code of notebooks; arrays follow the header."""

INTAKE_CPU_SECONDS = 20
INTAKE_MEMORY_BYTES = 1024 * MIB
"""Limits of a process that reads submissions (grader.intake.pool): CPU time for each submission, and memory."""
INTAKE_SECONDS = 120
"""Time in which an intake process (grader.intake.pool) must read a submission. A slower process is replaced."""

# ── all notebooks of a submission together (grader.intake.notebook) ──────────────────────────────────

MAX_NOTEBOOKS = 20
MAX_NOTEBOOK_VALUES = 2_000_000
"""Largest number of commas and opening brackets in a submission's notebook files. This bounds the number of JSON
values. A value takes up to 80 bytes of memory; a notebook full of interactive plots has a few hundred thousand."""
MAX_CELLS = 2_000
MAX_CELL_CHARACTERS = 1_000_000
MAX_LINES = 100_000
"""Largest number of lines in the cells of a submission's notebooks. The lines are searched for labels of questions."""
MAX_SEARCHED_FOR_IMAGES = 100_000
"""Only this many characters of a written answer are searched for images."""

# ── text from the sandbox (grader.sandbox.contract, grader.kit.student) ──────────────

MAX_NAME = 200
"""Longest name of an exception's type, a file or a class, in characters. Longer names are cut."""
MAX_MESSAGE = 2_000
"""Longest message of an exception, and longest reason why a return value cannot be used, in characters."""
MAX_SOURCE_LINE = 1_000
"""Longest source line shown with an exception, in characters."""
MAX_WHY = 300
"""Longest `grader.model.Note.why`, in characters."""
MAX_NOTES = 20
"""Largest number of notes (`grader.model.Note`) about how the grader found the student's class."""
MAX_NAMES = 51
"""Largest number of names in `grader.model.Loaded.names`: the student's class and its attributes."""
MAX_NUMBERS = MAX_CELLS
"""Largest number of cells in `grader.model.Loaded.cells`."""

# ── return values that are kept until they are checked (grader.sandbox.budget) ──────────────────────

HEADER_WEIGHT = 90
"""Upper bound on the memory, in bytes, for each byte of a reply's msgpack header after decoding. For example, {} is one
byte in msgpack and 64 bytes in Python. Array elements are not in the header."""


_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """Replace NUL, which PostgreSQL cannot store, and lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    return _NOT_STORABLE.sub("\ufffd", text)


def cut(text: str, most: int) -> str:
    """Make a text from outside storable, and shorten it to at most `most` characters. A shortened text ends with
    "…"."""
    text = storable(text)
    return text if len(text) <= most else text[: most - 1] + "…"
