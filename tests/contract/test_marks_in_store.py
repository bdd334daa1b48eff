"""What the store promises about answers and their markers, on every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.assignments.catalogue import Assignment
from grader.assignments.seeds import Seed
from grader.engine.grade import grade
from grader.errors import BadCall
from grader.intake.receive import receive
from grader.marking import actions
from grader.model import Points, Report
from grader.model.answers import digest_of
from grader.sandbox.contract import Sandbox
from grader.store import answer_marks, answers, leases, offerings, people, regrades, regroupings, rubrics, submissions
from grader.store.answer_marks import AnswerMark, NewMark
from grader.store.database import Store
from grader.store.records import Course, Kind, Offering, Person, Priority, Role, Which
from grader.store.rubrics import OfferedQuestion
from grader.store.submissions import NewSubmission
from tests.api.world import answering
from tests.conftest import TOY_SOLUTION, MakeNotebook
from tests.contract.test_store import LANE, QUEUE

QUESTION = OfferedQuestion("ml", "toy", "q1.1.written")
WORTH = Points(3, 2)


@pytest.fixture
def who(store: Store) -> dict[str, Person]:
    with store.write() as tx:
        people.add_course(tx, Course("ml", "Machine learning"))
        offerings.put_offering(tx, Offering("ml", "toy"))
        found = {login: people.put_person(tx, login, login.title()) for login in ("ann", "bob", "grace", "alan")}
        for login, person in found.items():
            people.put_member(tx, "ml", person.id, Role.STUDENT if login in ("ann", "bob") else Role.STAFF)
    return found


@pytest.fixture(scope="module")
def report(toy: Assignment, sandbox: Sandbox, make_notebook: MakeNotebook) -> Report:
    """Of a notebook that answers the question with "because"."""
    notebook = make_notebook(("code", TOY_SOLUTION), ("markdown", "**Q1.1 solution:** because"))
    return grade(receive("a.ipynb", notebook, "mlp.py"), toy, sandbox, Seed())


HandIn = Callable[..., str]


@pytest.fixture
def hand_in(store: Store, who: dict[str, Person], report: Report) -> HandIn:
    """Hands in as `login` and grades it; returns the submission's id."""

    def act(login: str, answer: str = "because", kind: Kind = Kind.SUBMISSION) -> str:
        author = who[login].id
        new = NewSubmission("ml", "toy", kind, "api", "0" * 64, author, (author,), (("a.ipynb", b"{}"),))
        with store.write() as tx:
            submission = submissions.add(tx, new)
            QUEUE.enqueue(tx, submission, "toy", author, Priority.INTERACTIVE)
        finish(store, answering(report, answer))
        return submission

    return act


def finish(store: Store, report: Report) -> None:
    with store.write() as tx:
        leased = leases.claim(tx, "worker")
        assert leased is not None
        assert leases.finish(tx, leased, report, LANE)


def handed(store: Store) -> list[tuple[str, str]]:
    """(submission, answer) of everybody."""
    with store.read() as tx:
        return [(h.submission, h.answer.text) for h in answers.of_question(tx, QUESTION)]


def marks_of(store: Store, answer: str) -> list[AnswerMark]:
    with store.read() as tx:
        return (
            answer_marks.of_answers(tx, "ml", ["toy"], [digest_of(answer)])
            .get("toy", {})
            .get((QUESTION.id, digest_of(answer)), [])
        )


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_graded_notebook_s_answer_is_kept(store: Store, hand_in: HandIn) -> None:
    assert handed(store) == []
    id = hand_in("ann")
    assert handed(store) == [(id, "because")]


def test_a_question_without_an_answer_is_stored_as_such(store: Store, hand_in: HandIn) -> None:
    hand_in("ann", "")
    with store.read() as tx:
        (found,) = answers.of_question(tx, QUESTION)
    assert not found.answer.is_there


def test_answers_of_a_pre_check_are_not_marked(store: Store, hand_in: HandIn) -> None:
    hand_in("ann", kind=Kind.PRECHECK)
    assert handed(store) == []


def test_an_answer_may_hold_what_a_database_s_text_cannot(store: Store, hand_in: HandIn) -> None:
    hostile = "a\x00b \ud800 </script> =1+1"
    hand_in("ann", hostile)
    assert [text for _, text in handed(store)] == [hostile]


@given(st.text())
def test_white_space_alone_makes_no_other_answer(text: str) -> None:
    assert digest_of(text) == digest_of(" \n" + text.replace(" ", "  ") + "\t")


def test_another_sign_makes_another_answer() -> None:
    assert digest_of("h - y") != digest_of("y - h")


# ── answer_marks ─────────────────────────────────────────────────────────────────────────────────────────


def test_changing_an_item_changes_what_every_mark_gives(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        item = rubrics.add_item(tx, QUESTION, "The sum is right", Points(1))
        for answer in ("one", "two"):
            given = NewMark((item.id,), Points("0.25"), "nearly")
            answer_marks.put(tx, QUESTION, digest_of(answer), who["grace"].id, given)
        assert rubrics.change_item(tx, QUESTION, item.id, "The sum is right", Points("0.5"))
    for answer in ("one", "two"):
        (given,) = marks_of(store, answer)
        assert (given.points(WORTH), given.comment, given.marker) == (Points("0.75"), "nearly", who["grace"])


def test_points_stay_between_nothing_and_what_the_question_is_worth(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        high = rubrics.add_item(tx, QUESTION, "Right", Points(5))
        low = rubrics.add_item(tx, QUESTION, "Off", Points(-9))
        answer_marks.put(tx, QUESTION, digest_of("high"), who["grace"].id, NewMark((high.id,)))
        answer_marks.put(tx, QUESTION, digest_of("low"), who["grace"].id, NewMark((high.id, low.id)))
    assert [marks_of(store, answer)[0].points(WORTH) for answer in ("high", "low")] == [WORTH, 0]


def test_a_reader_s_second_thought_takes_the_place_of_the_first(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        first, second = (rubrics.add_item(tx, QUESTION, text, Points(1)) for text in ("first", "second"))
        answer_marks.put(tx, QUESTION, "d", who["grace"].id, NewMark((first.id,)))
        answer_marks.put(tx, QUESTION, "d", who["grace"].id, NewMark((second.id,), comment="now"))
        answer_marks.put(tx, QUESTION, "d", who["alan"].id, NewMark(moderates=True))
        both = answer_marks.of_answers(tx, "ml", ["toy"], ["d"])["toy"][(QUESTION.id, "d")]
        assert [(r.marker.login, r.items, r.moderates) for r in both] == [
            ("grace", (second,), False),
            ("alan", (), True),
        ]
        for _ in range(2):
            answer_marks.put(tx, QUESTION, "d", who["grace"].id, None)
        assert len(answer_marks.of_answers(tx, "ml", ["toy"], ["d"])["toy"][(QUESTION.id, "d")]) == 1


def test_an_item_of_another_question_cannot_be_ticked(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        other = rubrics.add_item(tx, replace(QUESTION, id="q9"), "Right", Points(1))
    with pytest.raises(BadCall, match="rubric"), store.write() as tx:
        answer_marks.put(tx, QUESTION, "d", who["grace"].id, NewMark((other.id,)))


def test_an_item_that_is_ticked_cannot_be_removed(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        used, unused = (rubrics.add_item(tx, QUESTION, text, Points(1)) for text in ("used", "unused"))
        answer_marks.put(tx, QUESTION, "d", who["grace"].id, NewMark((used.id,)))
        assert rubrics.remove_item(tx, QUESTION, unused.id)
        with pytest.raises(BadCall, match="used in 1 marks"):
            rubrics.remove_item(tx, QUESTION, used.id)
        assert rubrics.items(tx, QUESTION) == [used]


def test_items_are_numbered_in_the_order_that_was_set(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        made = [rubrics.add_item(tx, QUESTION, text, Points(1)) for text in "abc"]
        assert rubrics.items(tx, QUESTION) == made
        rubrics.order_items(tx, QUESTION, [item.id for item in reversed(made)])
        assert rubrics.items(tx, QUESTION) == made[::-1]


@pytest.mark.parametrize("act", [lambda tx: rubrics.add_item(tx, QUESTION, "", Points(1, 3)),
                                 lambda tx: answer_marks.put(tx, QUESTION, "d", "x", NewMark(adjustment=Points(1, 3))),
                                 lambda tx: rubrics.set_markers(tx, QUESTION, 3)])  # fmt: skip
def test_what_cannot_be_kept_is_refused(store: Store, who: dict[str, Person], act: Callable[[object], None]) -> None:
    with pytest.raises(BadCall), store.write() as tx:
        act(tx)


def test_a_phrase_is_in_the_comment_bank_once(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        said = rubrics.add_phrase(tx, QUESTION, "Mind the factor 2.")
        assert rubrics.add_phrase(tx, QUESTION, "Mind the factor 2.") == said
        assert rubrics.phrases_of(tx, QUESTION) == [said]
        rubrics.remove_phrase(tx, QUESTION, said.id)
        assert rubrics.phrases_of(tx, QUESTION) == []


def test_a_question_has_one_reader_until_two_are_asked_for(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        assert rubrics.markers(tx, QUESTION) == 1
        for count in (2, 1, 2):
            rubrics.set_markers(tx, QUESTION, count)
        assert rubrics.markers_of(tx, "ml") == {"toy": {QUESTION.id: 2}}


def test_more_marks_than_a_query_can_name_come_whole(
    store: Store, who: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_marks, "MOST_NAMED", 2)
    digests = ["a", "b", "c", "d", "e"]
    with store.write() as tx:
        item = rubrics.add_item(tx, QUESTION, "Right", Points(1))
        for digest in digests:
            answer_marks.put(tx, QUESTION, digest, who["grace"].id, NewMark((item.id,)))
        found = answer_marks.of_answers(tx, "ml", ["toy"], digests)["toy"]
    assert [(key[1], r.items) for key, (r,) in sorted(found.items())] == [(digest, (item,)) for digest in digests]


# ── groups and actions ───────────────────────────────────────────────────────────────────────────────


def test_a_regrouping_is_its_question_s_and_can_be_changed_and_removed(store: Store, who: dict[str, Person]) -> None:
    with store.write() as tx:
        for key, into in (("a", "b"), ("c", "c"), ("a", "c")):
            regroupings.put(tx, QUESTION, key, into)
        regroupings.put(tx, replace(QUESTION, id="q9"), "a", "z")
        assert regroupings.of_question(tx, QUESTION) == {"a": "c", "c": "c"}
        regroupings.put(tx, QUESTION, "a", None)
        assert regroupings.of_question(tx, QUESTION) == {"c": "c"}


def test_actions_are_undone_from_the_latest_by_their_marker_alone(store: Store, who: dict[str, Person]) -> None:
    grace, alan = who["grace"].id, who["alan"].id
    with store.write() as tx:
        item = rubrics.add_item(tx, QUESTION, "Right", Points(1))
    steps = [
        NewMark((item.id,), Points("-0.25"), "first"),
        NewMark((), Points("0.01"), "second", moderates=True),
        None,
    ]
    states = []
    for step in steps:
        states.append(marks_of(store, "x"))
        with store.write() as tx:
            actions.mark(tx, QUESTION, grace, {digest_of("x"): step})
    for before in reversed(states):
        with pytest.raises(BadCall, match="nothing to undo"), store.write() as tx:
            actions.undo(tx, QUESTION, alan)
        with store.write() as tx:
            actions.undo(tx, QUESTION, grace)
        assert marks_of(store, "x") == before


def test_a_mark_that_has_been_changed_since_is_not_undone(store: Store, who: dict[str, Person]) -> None:
    grace = who["grace"].id
    with store.write() as tx:
        actions.mark(tx, QUESTION, grace, {digest_of("x"): NewMark(adjustment=Points(1))})
    with store.write() as tx:
        answer_marks.put(tx, QUESTION, digest_of("x"), grace, NewMark(adjustment=Points("0.5")))
    with pytest.raises(BadCall, match="changed again after this action"), store.write() as tx:
        actions.undo(tx, QUESTION, grace)
    assert [mark.adjustment for mark in marks_of(store, "x")] == [Points("0.5")]


# ── what becomes of them later ───────────────────────────────────────────────────────────────────────


def test_no_regrade_touches_a_mark(store: Store, hand_in: HandIn, who: dict[str, Person], report: Report) -> None:
    hand_in("ann")
    with store.write() as tx:
        answer_marks.put(tx, QUESTION, digest_of("because"), who["grace"].id, NewMark(adjustment=Points(1)))
    before = marks_of(store, "because")
    with store.write() as tx:
        chosen = regrades.chosen(tx, "ml", "toy", Which.ALL)
        id = regrades.start(tx, "ml", "toy", Which.ALL, who["grace"].id, chosen)
    regrades.enqueue_pending(store, QUEUE)
    finish(store, report)
    with store.write() as tx:
        assert regrades.apply(tx, id)
    assert marks_of(store, "because") == before
    assert len(handed(store)) == 1


def test_a_changed_answer_was_marked_before(store: Store, hand_in: HandIn, who: dict[str, Person]) -> None:
    first = hand_in("ann")
    with store.write() as tx:
        answer_marks.put(tx, QUESTION, digest_of("because"), who["grace"].id, NewMark())
    changed, others = hand_in("ann", "since"), hand_in("bob", "since")
    with store.read() as tx:
        before = [answers.marked_before(tx, id) for id in (first, changed, others)]
    assert before == [set(), {QUESTION.id}, set()]
