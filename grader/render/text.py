"""Make untrusted text safe to show on a terminal, in a page or on another web site."""

from __future__ import annotations

import re
import unicodedata

ANSWER_LIMIT = 20_000
"""Characters of one written answer that a report shows; the submission keeps all of it."""
LINE_LIMIT = 200

_MISLEADING = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline: terminals obey them
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # invisible, or turning the direction of text
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # line separators, bidi overrides and isolates
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # no characters at all; UTF-8 refuses the surrogates
    "\U000e0000-\U000e00ff"  # "tag" characters: a hidden alphabet
    "]"
)
_ACTING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_MARK = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED_MARKS = re.compile(f"({_MARK}{{3}}){_MARK}+")


def clean(text: str, limit: int = ANSWER_LIMIT) -> str:
    """Return the text with control and invisible characters escaped, and cut to a length."""
    shown = text[:limit].replace("\r\n", "\n")
    shown = _MISLEADING.sub(_escaped, shown)
    # Many accents on one letter would cover the lines above and below.
    shown = _STACKED_MARKS.sub(r"\1", shown)
    left_out = len(text) - limit
    return shown if left_out <= 0 else f"{shown}… ({left_out:,} more characters are not shown)"


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Return the text on one line, for places where a newline would break the layout or forge a line of output."""
    joined = " ".join(text[: 4 * limit].split())
    cut = len(joined) > limit or len(text) > 4 * limit
    return clean(joined[:limit]) + ("…" if cut else "")


def file_name(name: str) -> str:
    """Return the name with "_" for each control, format, surrogate, private and unassigned character, and for line
    separators."""
    return "".join("_" if unicodedata.category(c) in _ACTING else c for c in name)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    # Python's escapes, which students know, instead of symbols such as ␛, which many fonts lack.
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
