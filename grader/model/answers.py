"""Written answers, as reports have them. Whoever wrote the same has the same digest, and is read once; an answer with
an image is its submission's own, because the same words may show another one."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.model import ZERO, FalseEquality, Json, Points, Shelf, Skipped, Status


class Decision(StrEnum):
    """How far a written question of one submission is."""

    DECIDED = "decided"
    SUGGESTED = "suggested"
    """It waits for a person, and the machine suggests points."""
    WAITING = "waiting"
    NOT_SUBMITTED = "not submitted"


@dataclass(frozen=True)
class Ground:
    """What the machine has made of one formula that is asked for."""

    asked: str
    """In LaTeX."""
    words: str
    points: Points | None
    """None where it suggests nothing."""
    formula: str = ""
    """The student's, that was looked at, in LaTeX."""
    evidence: str = ""
    remarks: tuple[str, ...] = ()
    shelf: Shelf = Shelf.UNREAD
    group: str = ""
    """Answers with the same shelf and group mean the same; empty in reports from before there were groups."""
    mistake: str = ""
    equalities: tuple[FalseEquality, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """For whoever reads the answer; it decides nothing."""

    grounds: tuple[Ground, ...]

    @property
    def points(self) -> Points | None:
        """For the whole answer; None where a part of it has none."""
        given = [ground.points for ground in self.grounds if ground.points is not None]
        return sum(given, ZERO) if given and len(given) == len(self.grounds) else None


@dataclass(frozen=True)
class Answer:
    question: str
    digest: str
    """Of the text; empty where nothing was found."""
    text: str
    """As the student wrote it."""
    suggestion: Suggestion | None = None
    decided: Points | None = None
    """What the machine has given, where the assignment lets it."""

    @property
    def is_there(self) -> bool:
        return bool(self.digest)

    @property
    def state(self) -> Decision:
        """Before any person has read it."""
        if not self.is_there:
            return Decision.NOT_SUBMITTED
        if self.decided is not None:
            return Decision.DECIDED
        suggests = self.suggestion is not None and self.suggestion.points is not None
        return Decision.SUGGESTED if suggests else Decision.WAITING


def suggestion_of_all(group: Iterable[Answer]) -> Suggestion | None:
    """None where they differ: the same words mean another thing after another definition, and a person looks."""
    suggestions = {answer.suggestion for answer in group}
    return suggestions.pop() if len(suggestions) == 1 else None


def decided_of_all(group: Iterable[Answer]) -> Points | None:
    """None where one of them still waits."""
    decided = {answer.decided for answer in group}
    return decided.pop() if len(decided) == 1 else None


_SHOWS = re.compile(
    r"!\[|<(img|image|picture|svg|object|embed|iframe|video)\b|attachment:|\\includegraphics", re.IGNORECASE
)
"""What an answer shows that is not in its text. Where there is none after all, it is only read once more."""


def digest_of(text: str, owner: str = "") -> str:
    """The same for texts that differ in white space alone, which neither Markdown nor LaTeX shows. `owner`: of the
    submission alone; it tells apart answers that show an image."""
    same = " ".join(unicodedata.normalize("NFC", text).split())
    if not same:
        return ""
    return _hash(same, owner) if _SHOWS.search(same) else _hash(same)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def of_report(report: Json, owner: str) -> Iterator[Answer]:
    """A report as JSON → its questions, those without an answer too. `owner`: as `digest_of` wants it."""
    for part in report["parts"]:
        for written in part["written"]:
            yield _of_written(written, owner)


def _of_written(written: Json, owner: str) -> Answer:
    decided = Points(str(written["points"])) if written["status"] == Status.HELD else None
    return Answer(
        written["id"],
        digest_of(written["answer"], owner),
        written["answer"],
        suggestion_of(written.get("opinion")),
        decided,
    )


def suggestion_of(opinion: Sequence[Json] | None) -> Suggestion | None:
    """The machine's judgements as a report has them."""
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
