"""Words → sentences."""

from __future__ import annotations

import re

_BEGINS = r"(?=\s*(?:[(\[“\"]?[A-Z#>•*✓∴⇒→⟹]|[-=]>|[-+]\s|\d{1,2}[.)]\s|\())"
"""What a new line with a new sentence in it begins with."""
_SAME_SENTENCE = r"(?:where|which|with|and|if|for|when|but|or|to|then|times|that|in|as|by|is)\b"
"""What goes on in a new paragraph."""
_ENDS = re.compile(
    rf"""(?x) [.!?]["'’”)*_]*(?=\s+[(\[“"*_]*[A-Z]|\s*\n|\s*$)
    | \n{_BEGINS} | \n[ \t]*\n(?=\s*(?!{_SAME_SENTENCE})[a-z])
    | [,;]?\s+(?=(?:and\s+)?(?:so(?!\ that\b)|hence|thus|therefore|consequently|because|since)\b)
    | ,?\s+(?=(?:where|here)\s+(?:we|I)\s+(?:have\s+)?used?\b|which\ (?:means|is\ why|is\ because)\b)"""
)
"""A clause with its own reason or conclusion is taken for a sentence."""
_SHORT = re.compile(r"(?i)(?:^|[\s(])(?:e\.\s?g|i\.\s?e|w\.?\s?r\.?\s?t|s\.t|resp|cf|eqn?|vs|etc|fig|sec|no|dim)$")
"""Abbreviations, whose point ends no sentence."""
_LEADS = re.compile(
    r"(?i)[:,=(]\s*$|\b(is|are|be|get|gets|give|gives|have|has|obtain|yields?|becomes?|equals?|that|so|then|hence|thus|"
    r"therefore|where|as|by|to|with|of|and|or|cannot|into|find|finds|write|reads?|means|for)\s*$"
)
"""Words that a formula must follow, though they end a paragraph."""


def sentences(text: str) -> list[str]:
    """What stands before the first end of a sentence, between two, and behind the last: "" where that is nothing."""
    found = [""]
    place = 0
    for end in _ENDS.finditer(text):
        if end[0].startswith(".") and _SHORT.search(text[max(0, end.start() - 8) : end.start()]):
            continue
        found[-1] = text[place : end.end()]
        found.append("")
        place = end.end()
    rest = text[place:]
    is_whole = re.search(r"\n\s*$", rest) is not None and rest.strip() != "" and not _LEADS.search(rest.rstrip())
    return [*found[:-1], rest, ""] if is_whole else [*found[:-1], rest if rest.strip() else ""]
