"""Group the answers to one question by meaning. Students' names are hidden, and equal texts are one answer.

Groups are sorted by shelf, then by number of students, the largest first, in the same order for all markers, so that
markers can name a group by its number. The answers in a group are in random order, which differs between markers and
stays the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.marking.agreement import Agreement, agreement
from grader.marking.status import MarkingStatus, Stage, marking_status
from grader.model import Judgement, Opinion, Points, Shelf
from grader.model.answers import WrittenAnswer, common
from grader.model.grouping import grouped
from grader.store import answer_marks, answers, regroupings, rubrics
from grader.store.answer_marks import AnswerMark
from grader.store.answers import SubmittedAnswer
from grader.store.database import Tx
from grader.store.records import Counts
from grader.store.rubrics import OfferedQuestion

SHELF_TITLES = {
    Shelf.RIGHT: "Right value, and nothing disagrees",
    Shelf.RIGHT_WITH_REMARKS: "Right value, and something to look at",
    Shelf.OTHER_VALUE: "Another value",
    Shelf.RIGHT_NOT_LAST: "The right value is there, but not last",
    Shelf.UNREAD: "Not read by the machine",
    Shelf.NO_ANSWER: "No formula found",
}


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
    def suggested(self) -> Points | None:
        return self.suggestion.points if self.suggestion else None

    @property
    def is_done(self) -> bool:
        return self.decided is not None or self.status.stage is Stage.MARKED

    def mark_of(self, marker: str) -> AnswerMark | None:
        for mark in self.answer_marks:
            if mark.marker.id == marker:
                return mark
        return None

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
        if self.status.stage not in (Stage.MARKED, Stage.MODERATOR):
            return ()
        return tuple(mark for mark in self.answer_marks if mark.marker.id != marker)


@dataclass(frozen=True)
class AnswerGroup:
    """Answers that mean the same and are marked together."""

    id: str
    shelf: Shelf
    answers: tuple[DistinctAnswer, ...]
    """The answers in this group. Answers that markers merged into it come last."""
    number: int = 0
    """Position in the list of groups, from 1; the same for all markers."""

    @property
    def students(self) -> int:
        return len(_authors(self.answers))

    @property
    def grounds(self) -> tuple[Judgement, ...]:
        """The comparisons of formulas behind the suggestion for the first answer."""
        return self.answers[0].grounds

    @property
    def suggested(self) -> Points | None:
        """The suggested points, if they are the same for all answers; otherwise None."""
        return common({answer.suggested for answer in self.answers})

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
        waiting = [answer for answer in self.answers if answer.waits_for(marker)]
        return waiting or list(self.answers)

    def points(self, worth: Points) -> list[Points]:
        """Return the different points of the answers in this group, in ascending order, for example [3, 5]."""
        different = set()
        for answer in self.answers:
            mark = answer.status.decides
            points = mark.points(worth) if mark else answer.decided
            if points is not None:
                different.add(points)
        return sorted(different)


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
        marker: Id of the marker, for whom the answers in a group are sorted.
        counts: The course's rule: the best or the latest submission counts.
    """
    submitted = answers.of_question(tx, question)
    marks = answer_marks.of_question(tx, question)
    distinct = distinct_answers(submitted, counts, marks, rubrics.markers(tx, question), worth)
    return sorted_groups(distinct, regroupings.of_question(tx, question), marker)


def sorted_groups(distinct: Sequence[DistinctAnswer], regrouped: Mapping[str, str], marker: str) -> list[AnswerGroup]:
    """Return the answers in groups. `regrouped` has what markers have merged or taken out.

    Answers that were merged into a group come last in it. The random order of the others is by a hash of marker and
    answer.
    """
    in_random_order = sorted(distinct, key=lambda answer: short_hash(marker, answer.digest))
    answers_of = grouped((_group_of(answer, regrouped), answer) for answer in in_random_order)
    groups = []
    for id, members in answers_of.items():
        members.sort(key=lambda answer: id not in (answer.machine_group, key_of_answer(answer.digest)))
        groups.append(AnswerGroup(id, members[0].shelf, tuple(members)))
    groups.sort(key=lambda group: (list(Shelf).index(group.shelf), -group.students, -len(group.answers), group.id))
    return [replace(group, number=number) for number, group in enumerate(groups, 1)]


def place_of(answer: WrittenAnswer) -> tuple[Shelf, str]:
    """Return the shelf of an answer and the id of its group. If no formulas were compared, only answers with the same
    text share a group."""
    opinion = answer.suggestion
    if opinion and opinion.judgements and all(judgement.group for judgement in opinion.judgements):
        return opinion.shelf, short_hash("group", opinion.shelf, opinion.group)
    return Shelf.UNREAD, short_hash("text", answer.digest)


def short_hash(*parts: str) -> str:
    """Return a hash of some texts, for ids of groups and random orders."""
    joined = "\0".join(parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def key_of_answer(digest: str) -> str:
    """Return the group id of an answer that was taken out of its original group."""
    return short_hash("answer", digest)


def _group_of(answer: DistinctAnswer, regrouped: Mapping[str, str]) -> str:
    """Return the id of an answer's group: follow the markers' merges from the group that the grader found."""
    group = key_of_answer(answer.digest)
    if group not in regrouped:
        group = answer.machine_group
    passed = set[str]()
    while group in regrouped and group not in passed:  # undoing can close a circle of merges
        passed.add(group)
        group = regrouped[group]
    return group


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
    marked_authors = _authors(submission for submission in submitted if submission.answer.digest in marks)
    if counts is not Counts.BEST:
        submitted = list(dict.fromkeys(_newest(submitted).values()))
    distinct = []
    for digest, submissions in grouped((submission.answer.digest, submission) for submission in submitted).items():
        if not digest:  # there is no answer
            continue
        written = [submission.answer for submission in submissions]
        authors = _authors(submissions)
        shelf, group = place_of(written[-1])
        answer_marks = tuple(marks.get(digest, ()))
        marked_before = not answer_marks and not authors.isdisjoint(marked_authors)
        status = marking_status(answer_marks, markers, worth)
        suggestion = common({answer.suggestion for answer in written})
        decided = common({answer.decided for answer in written})
        answer = DistinctAnswer(
            digest, written[-1].text, authors, shelf, group, suggestion, decided, answer_marks, status, marked_before
        )
        distinct.append(answer)
    return distinct


def _authors(answers: Iterable[SubmittedAnswer | DistinctAnswer]) -> frozenset[str]:
    return frozenset(author for answer in answers for author in answer.authors)


def _newest(submitted: Sequence[SubmittedAnswer]) -> dict[str, SubmittedAnswer]:
    """Return each student's newest answer by the student's id."""
    return {author: submission for submission in submitted for author in submission.authors}


def next_group(groups: Sequence[AnswerGroup], number: int = 0) -> AnswerGroup | None:
    """Return the first group with a larger number, or else the first group of all. Return None if `groups` is empty."""
    for group in groups:
        if group.number > number:
            return group
    return groups[0] if groups else None


def progress(tx: Tx, question: OfferedQuestion, worth: Points, groups: Sequence[AnswerGroup]) -> MarkingProgress:
    """Return how many answers of these groups are marked. `groups` are all groups of the question."""
    newest = _newest(answers.of_question(tx, question)).values()
    distinct = [answer for group in groups for answer in group.answers]
    stages = dict.fromkeys(Stage, 0)
    pairs_of_markers = []
    pairs_with_machine = []
    for answer in distinct:
        stages[answer.status.stage] += 1
        # sorted, so that the pairs of two markers all begin with the same one
        blind = [mark for mark in answer.answer_marks if not mark.moderates]
        blind.sort(key=lambda mark: mark.marker.id)
        if len(blind) > 1:
            pairs_of_markers.append((blind[0].points(worth), blind[1].points(worth)))
        decides = answer.status.decides
        if decides and answer.suggested is not None:
            pairs_with_machine.append((decides.points(worth), answer.suggested))
    return MarkingProgress(
        groups=len(groups),
        groups_done=sum(group.done == len(group.answers) for group in groups),
        answers=len(distinct),
        done=sum(group.done for group in groups),
        students=len(newest),
        absent=sum(not submission.answer.is_there for submission in newest),
        stages=stages,
        markers=agreement(pairs_of_markers),
        machine=agreement(pairs_with_machine),
    )
