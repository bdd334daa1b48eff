"""Make untrusted text safe to show on a terminal, in a page or on a learning platform."""

from __future__ import annotations

import re
import unicodedata

ANSWER_LIMIT = 20_000
"""A report cuts a written answer after this number of characters."""
LINE_LIMIT = 200

_MISLEADING = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters except tab and newline, which could control a terminal
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # invisible characters, and characters that change the text direction
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # line separators, bidi overrides and isolates
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # surrogates, which UTF-8 cannot encode, and noncharacters
    "\U000e0000-\U000e00ff"  # invisible "tag" characters
    "]"
)
_ACTING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_MARK = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_STACKED_MARKS = re.compile(f"({_MARK}{{3}}){_MARK}+")


def clean(text: str, limit: int = ANSWER_LIMIT) -> str:
    """Escape control and invisible characters, and cut the text after `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():  # most texts, and much faster
        return text
    shown = text[:limit].replace("\r\n", "\n")
    shown = _MISLEADING.sub(_escaped, shown)
    # many accents on one letter would cover the lines above and below
    shown = _STACKED_MARKS.sub(r"\1", shown)
    left_out = len(text) - limit
    return shown if left_out <= 0 else f"{shown}… ({left_out:,} more characters are not shown)"


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Return the text on one line. Escape control characters, and cut the text after `limit` characters."""
    most_read = 4 * limit
    words = text[:most_read].split()
    joined = " ".join(words)
    line = clean(joined[:limit])
    is_cut = len(joined) > limit or len(text) > most_read
    return f"{line}…" if is_cut else line


def file_name(name: str) -> str:
    """Return a file name with "_" in place of characters that are not printable."""
    characters = []
    for character in name:
        is_acting = unicodedata.category(character) in _ACTING
        characters.append("_" if is_acting else character)
    return "".join(characters)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    # as Python's escapes, which students know; many fonts lack symbols such as ␛
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
