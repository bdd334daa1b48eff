"""Progress of a grading: its started and finished sections, and the CPU time of training runs.

A section is a group of checks that run together, such as the gradient checks of one part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from grader.api.identity import Caller
from grader.api.views import QueuePlace, SubmissionView, assignment_of, queue_place
from grader.api.visibility import Visibility
from grader.render.translation import gettext, ngettext
from grader.store.database import Tx
from grader.workers.events import CheckEvent, Event

Step = Literal["ahead", "running", "done"]
"""The state of a section."""


@dataclass(frozen=True)
class Section:
    """The progress of one section."""

    name: str
    step: Step
    checks: tuple[CheckEvent, ...]
    """The known results of the section's checks. A check that is hidden from the caller has the status `waiting`."""
    used: float | None = None
    """CPU seconds that the section's training run has used; None if no training is running."""
    limit: float | None = None
    """Limit on the CPU seconds of the training run; None if no training is running."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The different reasons for lost points in this section."""
        return tuple(dict.fromkeys(check.reason for check in self.checks if check.reason))


@dataclass(frozen=True)
class PartSections:
    """The sections of one part of the assignment."""

    id: str
    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class GradingProgress:
    """The progress of a grading."""

    place: QueuePlace | None
    """The place in the queue; None if the grading is not queued."""
    parts: tuple[PartSections, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(section for part in self.parts for section in part.sections)

    @property
    def decided(self) -> int:
        return sum(section.step == "done" for section in self.sections)

    @property
    def sentence(self) -> str:
        """The progress as a sentence for screen readers, without CPU times."""
        if self.place:
            return gettext("Waiting, number %(position)s in the queue", position=self.place.position)
        if not self.decided:
            return gettext("It is being graded")
        decided = gettext("%(done)s of %(all)s sections decided", done=self.decided, all=len(self.sections))
        lost = 0
        for section in self.sections:
            lost += sum(check.status.loses_points for check in section.checks)
        if not lost:
            return decided
        return ngettext(
            "%(decided)s, %(num)s check has lost points",
            "%(decided)s, %(num)s checks have lost points",
            lost,
            decided=decided,
        )


def progress_of(tx: Tx, caller: Caller, view: SubmissionView) -> GradingProgress:
    """Return the progress of a submission's grading as the caller may see it, from the grading's past events."""
    visible = Visibility(view.offering, caller)
    last: dict[str, Event] = {}  # by section
    for event in caller.service.events.past_events(view.grading.id):
        if event.kind == "state":
            continue
        previous = last.get(event.name)
        event = visible.event(event)
        if previous and previous.kind == event.kind == "section":  # long events are sent in several parts
            event = replace(event, checks=previous.checks + event.checks)
        last[event.name] = event
    parts = []
    for part in assignment_of(caller, view.submission).parts:
        sections = tuple(_section_progress(name, last.get(name)) for name in part.sections)
        if sections:
            parts.append(PartSections(part.id, part.title, sections))
    return GradingProgress(queue_place(tx, caller, view), tuple(parts))


def _section_progress(name: str, last: Event | None) -> Section:
    """Return the progress of a section from its last event; None if it has no event yet."""
    if last is None:
        return Section(name, "ahead", ())
    if last.kind == "training":
        return Section(name, "running", (), last.cpu_seconds, last.limit)
    return Section(name, "done" if last.done else "running", last.checks)
