"""Of which elements or layers something holds, for all of them: `i = 1, \\dots, H`. A remark, and no formula."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.written.tokens import Token

_RANGE = re.compile(
    r"""(?x)
      (?:\\forall\ )? (?:[ijkmn]|l|\\ell)\ (?:(?:=|\\in)\ )(?:[({\[]\ |\\\{\ )* [01]\ ,\ (?:2\ ,\ )?
      (?:\\(?:dots|ldots|cdots|dotsc)|\.\ \.\ \.)\ ,\ (?:[A-Zndm]|\d)\ (?:[)}\]]\ |\\\}\ )*
    | \\forall\ [ijkmn]\ (?=$|,|\.)
    """
)


def without_ranges(found: Sequence[Token]) -> list[Token]:
    """The tokens without those of a range."""
    said, starts = "", []
    for token in found:
        starts.append(len(said))
        said += f"{token} "
    gone = [(m.start(), m.end()) for m in _RANGE.finditer(said)]
    return [t for t, at in zip(found, starts, strict=True) if not any(start <= at < end for start, end in gone)]
