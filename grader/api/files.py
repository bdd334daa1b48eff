"""What students wrote, sent so that no browser takes it for a page of ours."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.responses import Response

from grader.render.text import file_name

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""A report is one page that needs nothing: no script, no other file, and no origin to act in."""


def download(name: str, content: bytes) -> Response:
    """To be kept and not shown, whatever its name and bytes would have a browser believe."""
    headers = {"Content-Disposition": _attachment(file_name(name)), "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def _attachment(name: str) -> str:
    """RFC 6266: a name that every client understands, and the real one as RFC 5987 writes it."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "file"
    return f"attachment; filename=\"{plain[-100:]}\"; filename*=UTF-8''{quote(name, safe='')}"


def page_of_report(html: str) -> Response:
    return Response(html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": REPORT_POLICY})
