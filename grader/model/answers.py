"""Written answers in reports. Equal texts have equal digests and are marked once. The digest of an answer with an image
also depends on the submission, because equal texts may show different images."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from grader.model import Opinion, Points, Report

T = TypeVar("T")


class Decision(StrEnum):
    """The state of a student's answer to a written question."""

    DECIDED = "decided"
    SUGGESTED = "suggested"
    """The answer awaits marking, and the grader suggests points."""
    WAITING = "waiting"
    NOT_SUBMITTED = "not_submitted"


@dataclass(frozen=True)
class WrittenAnswer:
    """A student's answer to a written question."""

    question: str
    digest: str
    """Digest of the text; empty if no answer was found."""
    text: str
    suggestion: Opinion | None = None
    """The automatic comparison of the answer's formulas. It suggests points to the marker."""
    decided: Points | None = None
    """Points that the grader gave without a person, if the assignment allows it; otherwise None."""

    @property
    def is_there(self) -> bool:
        return bool(self.digest)

    @property
    def state(self) -> Decision:
        """The answer's state without regard to people's marks."""
        if not self.is_there:
            return Decision.NOT_SUBMITTED
        if self.decided is not None:
            return Decision.DECIDED
        suggests = self.suggestion is not None and self.suggestion.points is not None
        return Decision.SUGGESTED if suggests else Decision.WAITING


def common(values: set[T]) -> T | None:
    """Return the value that all answers with the same text have. Return None if their values differ, for example
    because two students define a name differently."""
    return values.pop() if len(values) == 1 else None


_SHOWS = re.compile(
    r"!\[|<(img|image|picture|svg|object|embed|iframe|video)\b|attachment:|\\includegraphics", re.IGNORECASE
)
"""Matches images and other embedded content. If the pattern matches other text by mistake, equal answers with that text
are marked separately."""


def digest_of(text: str, owner: str = "") -> str:
    """Return the digest of an answer's text; empty for an empty answer. Differences in white space do not matter.

    Args:
        text: The answer.
        owner: A value that is unique to the submission. It is part of the digest of answers with images.
    """
    normalized = " ".join(unicodedata.normalize("NFC", text).split())
    if not normalized:
        return ""
    if _SHOWS.search(normalized):
        normalized += f"\0{owner}"
    return hashlib.sha256(normalized.encode("utf-8", "surrogatepass")).hexdigest()


def of_report(report: Report, owner: str) -> Iterator[WrittenAnswer]:
    """Yield the written answers in a report, including empty ones.

    Args:
        report: The report.
        owner: A value that is unique to the submission, as for `digest_of`.
    """
    for written in report.written:
        decided = written.points if written.decided else None
        digest = digest_of(written.answer, owner)
        yield WrittenAnswer(written.id, digest, written.answer, written.opinion, decided)
