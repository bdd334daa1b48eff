"""Written answers in reports. Equal texts have equal digests and are marked once. The digest of an answer with an image
also depends on the submission, because equal texts may show different images."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.model import ZERO, FalseEquality, Json, Points, Shelf, Skipped, Status


class Decision(StrEnum):
    """The state of a student's answer to a written question."""

    DECIDED = "decided"
    SUGGESTED = "suggested"
    """The answer awaits marking, and the grader suggests points."""
    WAITING = "waiting"
    NOT_SUBMITTED = "not_submitted"


@dataclass(frozen=True)
class Ground:
    """A `Judgement` as read from a report: the comparison of the student's formula with one that the
    question asks for."""

    asked: str
    """The formula that the question asks for, in LaTeX."""
    words: str
    points: Points | None
    """Suggested points; None without a suggestion."""
    formula: str = ""
    """The student's formula that was compared, in LaTeX."""
    evidence: str = ""
    remarks: tuple[str, ...] = ()
    shelf: Shelf = Shelf.UNREAD
    group: str = ""
    """Answers with the same shelf and group mean the same. Empty in reports of grader versions without groups."""
    mistake: str = ""
    equalities: tuple[FalseEquality, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """The grader's suggestion for the person who marks an answer."""

    grounds: tuple[Ground, ...]

    @property
    def points(self) -> Points | None:
        """Suggested points for the whole answer; None if there is no suggestion for one of its formulas."""
        given = [ground.points for ground in self.grounds if ground.points is not None]
        return sum(given, ZERO) if given and len(given) == len(self.grounds) else None


@dataclass(frozen=True)
class WrittenAnswer:
    """A student's answer to a written question."""

    question: str
    digest: str
    """Digest of the text; empty if no answer was found."""
    text: str
    """The student's text."""
    suggestion: Suggestion | None = None
    decided: Points | None = None
    """Points that the grader gave without a person, if the assignment allows it; otherwise None."""

    @property
    def is_there(self) -> bool:
        return bool(self.digest)

    @property
    def state(self) -> Decision:
        """The answer's state, without the marks that people have given."""
        if not self.is_there:
            return Decision.NOT_SUBMITTED
        if self.decided is not None:
            return Decision.DECIDED
        suggests = self.suggestion is not None and self.suggestion.points is not None
        return Decision.SUGGESTED if suggests else Decision.WAITING


def suggestion_of_all(group: Iterable[WrittenAnswer]) -> Suggestion | None:
    """Return the suggestion for answers with the same text; None if their suggestions differ. Equal texts
    may differ in meaning, since submissions may define the names in them differently."""
    suggestions = {answer.suggestion for answer in group}
    return suggestions.pop() if len(suggestions) == 1 else None


def decided_of_all(group: Iterable[WrittenAnswer]) -> Points | None:
    """Return the points that the grader gave to each of the answers with the same text. Return None if the points
    differ, or if an answer has no points."""
    decided = {answer.decided for answer in group}
    return decided.pop() if len(decided) == 1 else None


_SHOWS = re.compile(
    r"!\[|<(img|image|picture|svg|object|embed|iframe|video)\b|attachment:|\\includegraphics", re.IGNORECASE
)
"""Matches images and other embedded content. If it matches other text by mistake, that answer is only marked once
more."""


def digest_of(text: str, owner: str = "") -> str:
    """Return the digest of an answer, which ignores differences in white space.

    Args:
        text: The answer.
        owner: A value that is unique to the submission. It is part of the digest of answers with images.
    """
    same = " ".join(unicodedata.normalize("NFC", text).split())
    if not same:
        return ""
    return _hash(same, owner) if _SHOWS.search(same) else _hash(same)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def of_report(report: Json, owner: str) -> Iterator[WrittenAnswer]:
    """Yield the written answers in a report, including empty ones.

    Args:
        report: The report as JSON.
        owner: A value that is unique to the submission, as for `digest_of`.
    """
    for part in report["parts"]:
        for written in part["written"]:
            yield _of_written(written, owner)


def _of_written(written: Json, owner: str) -> WrittenAnswer:
    decided = Points(str(written["points"])) if written["status"] == Status.PASSED else None
    return WrittenAnswer(
        written["id"],
        digest_of(written["answer"], owner),
        written["answer"],
        suggestion_of(written.get("opinion")),
        decided,
    )


def suggestion_of(opinion: Sequence[Json] | None) -> Suggestion | None:
    """Return the suggestion for an opinion in a report's JSON; None without an opinion."""
    return Suggestion(tuple(_ground(judgement) for judgement in opinion)) if opinion else None


def _ground(judgement: Json) -> Ground:
    points = judgement.get("points")
    return Ground(
        asked=judgement.get("asked", ""),
        words=judgement.get("words", ""),
        points=Points(str(points)) if points is not None else None,
        formula=judgement.get("formula", ""),
        evidence=judgement.get("evidence", ""),
        remarks=tuple(judgement.get("remarks", ())),
        shelf=Shelf(judgement.get("shelf", Shelf.UNREAD)),
        group=judgement.get("group", ""),
        mistake=judgement.get("mistake", ""),
        equalities=tuple(FalseEquality(**equality) for equality in judgement.get("equalities", ())),
        skipped=tuple(Skipped(**skipped) for skipped in judgement.get("skipped", ())),
    )
