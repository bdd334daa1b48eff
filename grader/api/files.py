"""Responses that contain students' files and reports."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.responses import Response

from grader.render.text import file_name

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""Content security policy of reports: no scripts, no other files, and no access to the service's origin."""


def download(name: str, content: bytes) -> Response:
    """Return a file as a response that browsers save to disk and do not display.

    The header Content-Disposition (RFC 6266) has an ASCII name for old programs, and the real name, encoded as in RFC
    5987.
    """
    name = file_name(name)
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "file"
    disposition = f"attachment; filename=\"{plain[-100:]}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)
