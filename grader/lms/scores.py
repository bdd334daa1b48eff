"""The score of a student as learning platforms get it (Assignment and Grade Services)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grader.model import Json, Points

_CANVAS = "https://canvas.instructure.com/lti/submission"


class PlatformProgress(StrEnum):
    """How far a submission is graded. Each member says more than those before."""

    PENDING = "Pending"
    """It waits to be graded, or its results are held, or parts can still be submitted."""
    FAILED = "Failed"
    """The grader failed. It is not the student's fault."""
    MANUAL = "PendingManual"
    """It waits for people."""
    GRADED = "FullyGraded"
    """All points are decided, and the student may see them. Only this one has a number."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)


@dataclass(frozen=True)
class PlatformScore:
    """The score of one student for one assignment."""

    progress: PlatformProgress
    submission: str
    """Id of the submission that counts."""
    submitted_at: dt.datetime
    points: Points
    """The points; 0 unless `progress` is GRADED."""
    possible: Points
    changes_at: dt.datetime | None = None
    """The time at which it changes if nothing happens; None if it does not."""

    def is_news(self, sent: Mapping[str, Any]) -> bool:
        """Return whether to send this score after `sent`, which the platform has accepted (see `stored`).

        After a number only numbers follow, and after another score only one that says more: platforms remove a number
        that a person gave when they get a score without a number.
        """
        if not sent or self.has_number:
            return not self.stored.items() <= sent.items()
        return self.progress.rank > PlatformProgress(sent["progress"]).rank

    @property
    def has_number(self) -> bool:
        return self.progress is PlatformProgress.GRADED

    @property
    def stored(self) -> dict[str, Any]:
        """The part of the score that is stored once a platform has accepted it."""
        return {
            "progress": self.progress,
            "submission": self.submission,
            "points": str(self.points),
            "possible": str(self.possible),
        }

    def body(self, subject: str, sent: Mapping[str, Any], moment: dt.datetime) -> Json:
        """Return the body of the request.

        Args:
            subject: The platform's id of the student.
            sent: What the platform has accepted before.
            moment: The time, later than that of any earlier request about this student.
        """
        submitted_at = _text(self.submitted_at)
        body: Json = {
            "userId": subject,
            "timestamp": _text(moment),
            "activityProgress": "Completed" if self.has_number else "Submitted",
            "gradingProgress": self.progress,
            "submission": {"submittedAt": submitted_at},
            # Canvas takes each score for a new attempt, made now, unless it is told otherwise
            _CANVAS: {"new_submission": sent.get("submission") != self.submission, "submitted_at": submitted_at},
        }
        if self.has_number:
            body |= {"scoreGiven": number(self.points), "scoreMaximum": number(self.possible)}
        return body


def number(points: Points) -> float:
    """Return points as a number in JSON, a whole one if they are whole."""
    return int(points) if points.denominator == 1 else float(points)


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
