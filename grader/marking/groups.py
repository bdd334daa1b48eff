"""Group the answers to one question by meaning. Students' names are hidden, and equal texts are one answer.

Groups are sorted by shelf, then by number of students, the largest first. Groups of equal size are in random order, and
so are the answers in a group. Each marker has a different order, which stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grader.marking.agreement import Agreement, agreement
from grader.marking.shelves import SHELVES, place_of, short_hash
from grader.marking.status import MarkingStatus, Stage, marking_status
from grader.model import Judgement, Opinion, Points, Shelf
from grader.model.answers import decided_of_all, suggestion_of_all
from grader.model.grouping import grouped
from grader.store import answer_marks, answers, regroupings, rubrics
from grader.store.answer_marks import AnswerMark
from grader.store.answers import SubmittedAnswer
from grader.store.database import Tx
from grader.store.records import Counts
from grader.store.rubrics import OfferedQuestion


@dataclass(frozen=True)
class DistinctAnswer:
    """The text of an answer that one or more students wrote, with its marks."""

    digest: str
    text: str
    authors: frozenset[str]
    """Ids of the students who wrote this text."""
    shelf: Shelf
    machine_group: str
    """Id of the group into which the grader put the answer. Markers may have moved the answer since."""
    suggestion: Opinion | None
    decided: Points | None
    """Points that the grader gave automatically, if the assignment's policy allows this; otherwise None."""
    answer_marks: tuple[AnswerMark, ...]
    status: MarkingStatus
    marked_before: bool
    """True if this answer has no mark, but one of its authors has a mark on another answer."""

    @property
    def students(self) -> int:
        return len(self.authors)

    @property
    def grounds(self) -> tuple[Judgement, ...]:
        return self.suggestion.judgements if self.suggestion else ()

    @property
    def is_done(self) -> bool:
        return self.status.stage is Stage.MARKED or self.decided is not None

    def mark_of(self, marker: str) -> AnswerMark | None:
        return next((mark for mark in self.answer_marks if mark.marker.id == marker), None)

    def waits_for(self, marker: str) -> bool:
        """Return whether this marker has yet to mark or moderate the answer. Markers do not moderate answers that they
        have marked themselves."""
        return not self.is_done and self.mark_of(marker) is None

    def would_moderate(self, marker: str) -> bool:
        """Return whether a mark by this marker would decide between two markers who disagree."""
        own = self.mark_of(marker)
        return own.moderates if own else self.status.stage is Stage.MODERATOR

    def shown_marks(self, marker: str) -> tuple[AnswerMark, ...]:
        """Return the other markers' marks. Return none before the answer has as many marks as the course requires, so
        that the second marker does not see the first mark."""
        is_open = self.status.stage in (Stage.MARKED, Stage.MODERATOR)
        return tuple(mark for mark in self.answer_marks if mark.marker.id != marker) if is_open else ()


@dataclass(frozen=True)
class AnswerGroup:
    """Answers that mean the same and are marked together."""

    id: str
    shelf: Shelf
    answers: tuple[DistinctAnswer, ...]
    """The answers in this group. Answers that markers merged into it come last."""
    number: int = 0
    """Position in the marker's list of groups, from 1."""

    @property
    def students(self) -> int:
        return len(frozenset[str]().union(*(answer.authors for answer in self.answers)))

    @property
    def grounds(self) -> tuple[Judgement, ...]:
        """The comparisons of formulas behind the suggestion for the first answer."""
        return self.answers[0].grounds

    @property
    def suggested(self) -> Points | None:
        """The suggested points, if they are the same for all answers; otherwise None."""
        points = {answer.suggestion.points if answer.suggestion else None for answer in self.answers}
        return points.pop() if len(points) == 1 else None

    @property
    def done(self) -> int:
        """Number of answers whose points are final."""
        return sum(answer.is_done for answer in self.answers)

    @property
    def is_disputed(self) -> bool:
        return any(answer.status.stage is Stage.MODERATOR for answer in self.answers)

    def waits_for(self, marker: str) -> bool:
        return any(answer.waits_for(marker) for answer in self.answers)

    def to_mark(self, marker: str) -> list[DistinctAnswer]:
        """Return the answers that this marker has yet to mark. If none is left, return all answers."""
        return [answer for answer in self.answers if answer.waits_for(marker)] or list(self.answers)

    def points(self, worth: Points) -> list[Points]:
        """Return the different points of the answers in this group, in ascending order, for example [3, 5]."""
        given = {a.status.decides.points(worth) if a.status.decides else a.decided for a in self.answers}
        return sorted(points for points in given if points is not None)


@dataclass(frozen=True)
class MarkingProgress:
    """How many answers to a question are marked, and how well the markers agree."""

    groups: int
    groups_done: int
    answers: int
    done: int
    students: int
    absent: int
    """Number of students who did not answer the question."""
    stages: dict[Stage, int]
    """Number of answers at each stage."""
    markers: Agreement
    """Agreement between the two markers of each answer, without moderators."""
    machine: Agreement
    """Agreement between the marks that give the points and the suggested points."""


def answer_groups(tx: Tx, question: OfferedQuestion, worth: Points, marker: str, counts: Counts) -> list[AnswerGroup]:
    """Return the groups of answers from students' latest submissions, or from all submissions if `counts` is BEST.

    Args:
        tx: The transaction.
        question: The question.
        worth: Possible points of the question.
        marker: Id of the marker, for whom the groups are sorted.
        counts: The course's rule: the best or the latest submission counts.
    """
    submitted = answers.of_question(tx, question.course, question.assignment, question.id)
    digests = {given.answer.digest for given in submitted}
    stored = answer_marks.of_answers(tx, question.course, question.assignment, digests)
    marks = {digest: given for (id, digest), given in stored.items() if id == question.id}
    distinct = distinct_answers(submitted, counts, marks, rubrics.markers(tx, question), worth)
    return sorted_groups(distinct, regroupings.of_question(tx, question), marker)


def sorted_groups(distinct: Sequence[DistinctAnswer], regrouped: Mapping[str, str], marker: str) -> list[AnswerGroup]:
    """Return the answers in groups, in the marker's order. `regrouped` has what markers have merged or taken out."""
    members = grouped((_group_of(answer, regrouped), answer) for answer in distinct)
    groups = [_group(id, same_group, marker) for id, same_group in members.items()]
    groups.sort(
        key=lambda group: (
            SHELVES.index(group.shelf), -group.students, -len(group.answers), short_hash(marker, group.id),
        )
    )  # fmt: skip
    return [replace(group, number=number) for number, group in enumerate(groups, 1)]


def key_of_answer(digest: str) -> str:
    """Return the group id of an answer that was taken out of its original group."""
    return short_hash("answer", digest)


def _group_of(answer: DistinctAnswer, regrouped: Mapping[str, str]) -> str:
    own = key_of_answer(answer.digest)
    key, passed = (own if own in regrouped else answer.machine_group), set[str]()
    while (into := regrouped.get(key, key)) not in {key, *passed}:
        passed.add(key)
        key = into
    return key


def _group(id: str, members: Sequence[DistinctAnswer], marker: str) -> AnswerGroup:
    """Return a group with its answers in the marker's order. Answers that were merged into the group come last."""
    ordered = sorted(
        members, key=lambda a: (id not in (a.machine_group, key_of_answer(a.digest)), short_hash(marker, a.digest))
    )
    return AnswerGroup(id, ordered[0].shelf, tuple(ordered))


def distinct_answers(
    submitted: Sequence[SubmittedAnswer],
    counts: Counts,
    marks: Mapping[str, Sequence[AnswerMark]],
    markers: int,
    worth: Points,
) -> list[DistinctAnswer]:
    """Return the different texts that students wrote, each with its marks.

    Args:
        submitted: All answers to one question, the oldest first.
        counts: The course's rule: the best or the latest submission counts.
        marks: Digest of an answer → its marks.
        markers: Number of markers that the course requires.
        worth: Possible points of the question.
    """
    marked_authors: set[str] = set()
    for given in submitted:
        if given.answer.digest in marks:
            marked_authors.update(given.authors)
    counted = submitted if counts is Counts.BEST else _latest(submitted)
    texts = grouped((given.answer.digest, given) for given in counted if given.answer.is_there)
    return [
        _distinct(equal_answers, tuple(marks.get(digest, ())), markers, worth, marked_authors)
        for digest, equal_answers in texts.items()
    ]


def _latest(submitted: Sequence[SubmittedAnswer]) -> list[SubmittedAnswer]:
    """Return each student's newest answer. Return the answer of a submission with several authors only once."""
    newest = {author: one for one in submitted for author in one.authors}
    return list({one.submission: one for one in newest.values()}.values())


def _distinct(
    same: Sequence[SubmittedAnswer],
    given: tuple[AnswerMark, ...],
    markers: int,
    worth: Points,
    changed: set[str],
) -> DistinctAnswer:
    written = [submitted.answer for submitted in same]
    newest = written[-1]
    authors = frozenset(author for submitted in same for author in submitted.authors)
    shelf, group = place_of(newest)
    return DistinctAnswer(
        newest.digest,
        newest.text,
        authors,
        shelf,
        group,
        suggestion_of_all(written),
        decided_of_all(written),
        given,
        marking_status(given, markers, worth),
        marked_before=not given and bool(authors & changed),
    )


def next_group(groups: Sequence[AnswerGroup], after: int = 0) -> AnswerGroup | None:
    """Return the first group with a number above `after`, or else the first group of all. Return None if `groups` is
    empty."""
    return next((group for group in groups if group.number > after), groups[0] if groups else None)


def progress(tx: Tx, question: OfferedQuestion, worth: Points, groups: Sequence[AnswerGroup]) -> MarkingProgress:
    """Return how many answers of these groups are marked. `groups` are all groups of the question."""
    submitted = _latest(answers.of_question(tx, question.course, question.assignment, question.id))
    found = [answer for group in groups for answer in group.answers]
    return MarkingProgress(
        groups=len(groups),
        groups_done=sum(group.done == len(group.answers) for group in groups),
        answers=len(found),
        done=sum(answer.is_done for answer in found),
        students=len({author for one in submitted for author in one.authors}),
        absent=len({author for one in submitted if not one.answer.is_there for author in one.authors}),
        stages={stage: sum(answer.status.stage is stage for answer in found) for stage in Stage},
        markers=agreement([pair for answer in found if (pair := _pair_of_markers(answer, worth))]),
        machine=agreement([pair for answer in found if (pair := _pair_with_machine(answer, worth))]),
    )


def _pair_of_markers(answer: DistinctAnswer, worth: Points) -> tuple[Points, Points] | None:
    blind = sorted((mark for mark in answer.answer_marks if not mark.moderates), key=lambda mark: mark.marker.id)
    return (blind[0].points(worth), blind[1].points(worth)) if len(blind) > 1 else None


def _pair_with_machine(answer: DistinctAnswer, worth: Points) -> tuple[Points, Points] | None:
    suggested = answer.suggestion.points if answer.suggestion else None
    decides = answer.status.decides
    return (decides.points(worth), suggested) if decides and suggested is not None else None
