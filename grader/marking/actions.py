"""Actions of markers: mark answers, merge groups, take an answer out of its group. Markers can undo their own
actions."""

from __future__ import annotations

from collections.abc import Mapping

from grader.errors import BadCall
from grader.marking.groups import AnswerGroup, key_of_answer
from grader.store import answer_marks, marking_actions, regroupings
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.database import Tx, one_at_a_time
from grader.store.marking_actions import Action, MarkChange
from grader.store.rubrics import OfferedQuestion


def mark(tx: Tx, question: OfferedQuestion, marker: str, new_marks: Mapping[str, NewMark | None]) -> None:
    """Set or remove a marker's marks of answers to one question.

    Args:
        tx: A transaction that writes.
        question: The question.
        marker: Id of the marker.
        new_marks: Digest of an answer → the new mark, or None to remove the mark.

    Raises:
        BadCall: If a mark has a rubric item that is not in the question's rubric.
    """
    own_marks = _own_marks(tx, question, marker)
    changes = {}
    for digest, new_mark in new_marks.items():
        earlier = own_marks.get(digest)
        now = answer_marks.put(tx, question, digest, marker, new_mark)
        changes[digest] = MarkChange(earlier.given, earlier.at, now) if earlier else MarkChange(None, None, now)
    marking_actions.add(tx, question, marker, Action(marks=changes))


def take_out(tx: Tx, question: OfferedQuestion, marker: str, group: AnswerGroup, digest: str) -> str:
    """Move the answer `digest` out of its group into a new group. All markers see the change.

    Returns:
        The id of the new group.

    Raises:
        BadCall: If the group has no other answer, or if the other answers were merged into this answer.
    """
    new_id = key_of_answer(digest)
    if len(group.answers) == 1:
        raise BadCall("the answer is the only one in its group, so it cannot be taken out")
    if group.id == new_id:
        raise BadCall("the group's other answers were merged into this answer: take out the other answers instead")
    _regroup(tx, question, marker, new_id, new_id)
    return new_id


def merge(tx: Tx, question: OfferedQuestion, marker: str, group: AnswerGroup, into: AnswerGroup) -> None:
    """Merge `group` into the group `into`. All markers see the change.

    Raises:
        BadCall: If both are the same group.
    """
    if group.id == into.id:
        raise BadCall("a group cannot be merged into itself")
    _regroup(tx, question, marker, group.id, into.id)


def _regroup(tx: Tx, question: OfferedQuestion, marker: str, key: str, into: str) -> None:
    """Move the group or single answer with the id `key` into the group `into`, and store the action so that it can be
    undone."""
    earlier = regroupings.of_question(tx, question).get(key)
    regroupings.put(tx, question, key, into)
    marking_actions.add(tx, question, marker, Action(groups={key: (earlier, into)}))


def begin_regrouping(tx: Tx, question: OfferedQuestion) -> None:
    """Lock the groups of this question until the transaction ends. Call this before reading groups that `merge` or
    `take_out` will change."""
    one_at_a_time(tx, f"regrouping {question}")


def undo(tx: Tx, question: OfferedQuestion, marker: str) -> Action:
    """Undo the marker's latest action on a question. Return the action.

    Raises:
        BadCall: If the marker has no action on the question, or if a later action changed the same marks or groups.
    """
    begin_regrouping(tx, question)
    latest = marking_actions.latest(tx, question, marker)
    if latest is None:
        raise BadCall("there is nothing to undo on this question")
    id, action = latest
    own_marks = _own_marks(tx, question, marker)
    for digest, change in action.marks.items():
        mark = own_marks.get(digest)
        if (mark and mark.at) != change.after_at:  # the mark's time, or None if there is no mark
            raise BadCall("the mark was changed again after this action, so the action cannot be undone")
        answer_marks.put(tx, question, digest, marker, change.before, change.before_at)
    regrouped = regroupings.of_question(tx, question)
    for key, (earlier, into) in action.groups.items():
        if regrouped.get(key) != into:
            raise BadCall("the groups were changed again after this action, so the action cannot be undone")
        regroupings.put(tx, question, key, earlier)
    marking_actions.remove(tx, id)
    return action


def _own_marks(tx: Tx, question: OfferedQuestion, marker: str) -> dict[str, AnswerMark]:
    """Return a marker's marks by the digest of the answer."""
    own_marks = {}
    for digest, marks in answer_marks.of_question(tx, question).items():
        for mark in marks:
            if mark.marker.id == marker:
                own_marks[digest] = mark
    return own_marks
