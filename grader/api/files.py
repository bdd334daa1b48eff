"""Responses with students' files, which browsers must not treat as pages of the service."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.responses import Response

from grader.render.text import file_name

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""Policy for reports, which need no script, no other file and no origin."""


def download(name: str, content: bytes) -> Response:
    """Return a file as a download, so that browsers save it and never display it."""
    headers = {"Content-Disposition": _attachment(file_name(name)), "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _attachment(name: str) -> str:
    """Return a Content-Disposition (RFC 6266) with an ASCII name and the real name in the encoding of RFC 5987."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "file"
    return f"attachment; filename=\"{plain[-100:]}\"; filename*=UTF-8''{quote(name, safe='')}"


def page_of_report(html: str) -> Response:
    """Return a report as a page with a strict policy."""
    return Response(html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": REPORT_POLICY})
