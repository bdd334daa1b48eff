"""Uploaded CSV files, and responses that contain students' files and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fastapi import UploadFile
from starlette.responses import FileResponse, Response, StreamingResponse

from grader.course import csv_people
from grader.render.text import file_name

_ANY_BYTES = "application/octet-stream"
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""Content security policy of reports: no scripts, no other files, and no access to the service's origin."""


def read_csv(file: UploadFile) -> bytes:
    """Return the content of an uploaded CSV file. Of one that is too large, return one byte more than is allowed."""
    return file.file.read(csv_people.MOST_BYTES + 1)


def download(name: str, content: bytes) -> Response:
    """Return a file as a response that browsers save to disk and do not display."""
    return Response(content, media_type=_ANY_BYTES, headers=_headers(name))


def stored(name: str, file: Path) -> Response:
    """Return a file of this machine as a response like that of `download`."""
    return FileResponse(file, media_type=_ANY_BYTES, headers=_headers(name))


def streamed(name: str, size: int, pieces: Iterator[bytes]) -> Response:
    """Return a large file as a response like that of `download`. The next piece is read when the client has read the
    pieces before it."""
    headers = _headers(name) | {"Content-Length": str(size)}
    return StreamingResponse(pieces, media_type=_ANY_BYTES, headers=headers)


def _headers(name: str) -> dict[str, str]:
    """Return the headers of a file that browsers save to disk.

    The header Content-Disposition (RFC 6266) has an ASCII name for old programs, and the real name, encoded as in RFC
    5987.
    """
    name = file_name(name)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "file"
    disposition = f"attachment; filename=\"{plain[-100:]}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
