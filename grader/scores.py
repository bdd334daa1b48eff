"""What a submission is worth: the machine's points and people's marks, less what lateness takes.

Everything that shows a score to anybody asks here. What has not been decided is waiting, and never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.catalogue import Assignment
from grader.late import Lateness, applied
from grader.model import ZERO, Points, show_points
from grader.store.records import Counts, Grading, Mark, State, Submission


@dataclass(frozen=True)
class Score:
    machine: Points | None
    """None until graded and shown."""
    marks: Points | None
    """None where nobody has given any."""
    earned: Points | None
    """Of what is decided, before lateness; None while nothing is."""
    final: Points | None
    """After it."""
    decided: Points
    """How many points that is out of."""
    waiting: Points
    """Points that neither the machine nor a person has decided about."""
    possible: Points
    late: Lateness
    sentence: str
    """The same for people."""


def score(assignment: Assignment, grading: Grading | None, marks: Sequence[Mark], late: Lateness) -> Score:
    """`grading`: the one that counts, as the reader may see it."""
    worth = {question: points for part in assignment.parts for question, points in part.written.items()}
    given = [mark for mark in marks if mark.question in worth]
    machine = grading.points if grading else None
    by_people = sum((mark.points for mark in given), ZERO) if given else None
    decided = sum((worth[mark.question] for mark in given), ZERO)
    possible = assignment.points
    if grading and grading.points is not None and grading.decided is not None:
        decided += grading.decided
        possible = grading.possible if grading.possible is not None else possible
    parts = [points for points in (machine, by_people) if points is not None]
    earned = sum(parts, ZERO) if parts else None
    final = applied(earned, late) if earned is not None else None
    waiting = possible - decided
    return Score(
        machine=machine,
        marks=by_people,
        earned=earned,
        final=final,
        decided=decided,
        waiting=waiting,
        possible=possible,
        late=late,
        sentence=_sentence(final, decided, waiting, late),
    )


def _sentence(final: Points | None, decided: Points, waiting: Points, late: Lateness) -> str:
    if final is None:
        return f"Nothing is decided yet; {show_points(waiting)} points are waiting."
    words = f"{show_points(final)} of {show_points(decided)} points."
    if waiting:
        words += f" {show_points(waiting)} more are waiting, and are no part of it yet."
    return f"{words} {late.sentence}" if late.remains != 1 else words


def that_counts(scored: Sequence[tuple[Submission, State, Score]], counts: Counts) -> Submission | None:
    """Of one student's submissions of one assignment, the one that counts; None where there is none. `scored`: each
    with the state of its grading. What was taken back or superseded never counts; what is not graded yet, or what we
    failed to grade, may be the latest."""
    taken = [(s, score) for s, state, score in scored if state not in (State.CANCELLED, State.SUPERSEDED)]
    newest_last = sorted(taken, key=lambda pair: pair[0].id)
    if counts is Counts.BEST:
        decided = [(score.final, n) for n, (_, score) in enumerate(newest_last) if score.final is not None]
        return newest_last[max(decided)[1]][0] if decided else None
    return newest_last[-1][0] if newest_last else None
