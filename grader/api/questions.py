"""Written questions: their rubrics, comment banks, number of markers, and the progress of marking; and the pages of
an assignment's marking and of a rubric."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import quote_plus

from fastapi import APIRouter, File, Form, Path, UploadFile
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from grader.api.files import download, read_csv
from grader.api.lookup import ForStaff
from grader.api.marking import MARKING, QUESTIONS, QuestionMarking, QuestionRequest, TheQuestion, question_markings
from grader.api.middleware import MAX_TEXT_BYTES
from grader.api.problems import not_found
from grader.api.schemas import GROUP, ID, FromForm, In, Out
from grader.api.scores import StudentResult, results_of
from grader.assignments import rubric_file
from grader.assignments.rubric_file import MOST_ITEMS, RUBRICS, ItemText, MorePoints, PhraseText
from grader.course.rubrics import add, dumps, present
from grader.errors import BadCall
from grader.marking.groups import MarkingProgress
from grader.model import ZERO, Points, Status
from grader.store import rubrics
from grader.store.rubrics import Phrase

router = APIRouter(prefix=QUESTIONS, tags=["marking"])
pages = APIRouter(prefix=MARKING, include_in_schema=False)

ItemId = Annotated[str, Path(pattern=ID, description="A rubric item's id")]
PhraseId = Annotated[str, Path(pattern=ID, description="Id of a comment in the comment bank")]
Ids = tuple[Annotated[str, Field(pattern=ID)], ...]


class ItemOut(Out):
    id: str
    text: str
    points: float
    """Points added to an answer if the item is applied; may be negative."""


class QuestionOut(Out):
    question: str
    title: str
    possible: float
    markers: int
    """Number of people who mark each answer."""
    progress: MarkingProgress
    rubric: list[ItemOut]
    phrases: list[Phrase]
    """The comment bank."""

    @classmethod
    def of(cls, marking: QuestionMarking) -> QuestionOut:
        """Return the body for a question, with the progress of its marking."""
        tx, question = marking.tx, marking.question
        groups = marking.groups()
        return cls(
            question=question.id,
            title=marking.title,
            possible=float(marking.worth),
            markers=rubrics.markers(tx, question),
            progress=marking.progress(groups),
            rubric=ItemOut.all(marking.rubric()),
            phrases=rubrics.phrases_of(tx, question),
        )


class MarkersIn(In):
    markers: Literal[1, 2]
    """Two markers do not see each other's marks; a moderator decides if they disagree."""


class ItemIn(In):
    text: ItemText
    points: MorePoints


class OrderIn(In):
    items: Ids = Field(max_length=MOST_ITEMS)
    """Ids of all items of the rubric in their new order."""


class PhraseIn(In):
    text: PhraseText


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def list_questions(staff: ForStaff) -> list[QuestionOut]:
    """List the written questions, with the progress of marking (staff)."""
    with staff.read() as (tx, offering):
        return [QuestionOut.of(marking) for marking in question_markings(staff, tx, offering)]


@router.get("/{question}")
def get_question(question: TheQuestion) -> QuestionOut:
    """Get a written question (staff)."""
    with question.read() as marking:
        return QuestionOut.of(marking)


@router.put("/{question}")
def set_markers(question: TheQuestion, new: MarkersIn) -> QuestionOut:
    """Set the number of people who mark each answer (staff)."""
    with question.write() as marking:
        rubrics.set_markers(marking.tx, marking.question, new.markers)
        return QuestionOut.of(marking)


@router.post("/{question}/rubric", status_code=201)
def add_item(question: TheQuestion, new: ItemIn) -> ItemOut:
    """Add an item at the end of the rubric (staff)."""
    with question.write() as marking:
        if len(marking.rubric()) >= MOST_ITEMS:
            raise BadCall(f"a rubric has at most {MOST_ITEMS} items")
        item = rubrics.add_item(marking.tx, marking.question, new.text, Points(new.points))
        return ItemOut.model_validate(item)


@router.put("/{question}/rubric")
def order_rubric(question: TheQuestion, order: OrderIn) -> list[ItemOut]:
    """Reorder the rubric (staff)."""
    with question.write() as marking:
        ids = [item.id for item in marking.rubric()]
        if sorted(order.items) != sorted(ids):
            raise BadCall("the order must name each item of the rubric once: load the rubric again")
        rubrics.order_items(marking.tx, marking.question, order.items)
        return ItemOut.all(marking.rubric())


@router.put("/{question}/rubric/{item}")
def change_item(question: TheQuestion, item: ItemId, changed: ItemIn) -> ItemOut:
    """Change a rubric item, for all markers (staff).

    The scores of answers with this item change too.
    """
    points = Points(changed.points)
    with question.write() as marking:
        if not rubrics.change_item(marking.tx, marking.question, item, changed.text, points):
            raise not_found("rubric item")
    return ItemOut(id=item, text=changed.text, points=float(points))


@router.delete("/{question}/rubric/{item}", status_code=204)
def remove_item(question: TheQuestion, item: ItemId) -> None:
    """Remove an unused rubric item (staff)."""
    with question.write() as marking:
        if not rubrics.remove_item(marking.tx, marking.question, item):
            raise not_found("rubric item")


@router.post("/{question}/phrases", status_code=201)
def add_phrase(question: TheQuestion, new: PhraseIn) -> Phrase:
    """Add a comment to the comment bank (staff)."""
    with question.write() as marking:
        return rubrics.add_phrase(marking.tx, marking.question, new.text)


@router.delete("/{question}/phrases/{phrase}", status_code=204)
def remove_phrase(question: TheQuestion, phrase: PhraseId) -> None:
    """Remove a comment from the comment bank (staff)."""
    with question.write() as marking:
        rubrics.remove_phrase(marking.tx, marking.question, phrase)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("")
def show_questions(staff: ForStaff) -> Response:
    """Show the written questions of an assignment, and the checks that a person must mark."""
    with staff.read() as (tx, offering):
        questions = [QuestionOut.of(marking) for marking in question_markings(staff, tx, offering)]
        checks = _waiting_checks(results_of(tx, staff.caller, offering, Status.WAITING))
        return staff.render(tx, "marking.html", offering, rows=questions, checks=checks)


@pages.get("/rubric.toml")
def get_rubrics(staff: ForStaff) -> Response:
    """Return the rubrics of a course as a file to put beside the assignment, or to import in another course."""
    with staff.read() as (tx, offering):
        markings = question_markings(staff, tx, offering)
        current = {marking.question.id: present(tx, marking.question) for marking in markings}
    return download(RUBRICS, dumps(current).encode())


@pages.post("/rubric.toml")
def send_rubrics(
    staff: ForStaff, file: Annotated[UploadFile | None, File()] = None, text: FromForm[str] = ""
) -> Response:
    """Show which rubrics a file adds, or add those that were shown. `text` is the content of the file that was
    shown."""
    content = read_csv(file) if file else text.encode()
    if len(quote_plus(content)) > MAX_TEXT_BYTES:
        raise BadCall("the file is too large: import the rubrics of fewer questions at a time")
    new = rubric_file.loads(content, staff.task.questions)
    with staff.write() as (tx, offering):
        changes = add(tx, offering, new, dry_run=file is not None)
        if file:
            text = content.decode("utf-8-sig")
            return staff.render(tx, "rubrics.html", offering, changes=changes, rubrics=new, text=text)
    return RedirectResponse(staff.request.url.path.removesuffix("/rubric.toml"), 303)


def _waiting_checks(results: Sequence[StudentResult]) -> list[StudentResult]:
    """Return the waiting results that a person must mark, sorted by check and student."""
    checks = []
    for result in results:
        marked = [mark.question for mark in result.view.marks]
        if result.view.submission.code_submitted and result.record.check not in marked:
            checks.append(result)
    checks.sort(key=lambda result: (result.record.check, result.person.name.lower()))
    return checks


@pages.get("/{question}/rubric")
def show_rubric(question: TheQuestion) -> Response:
    """Show the page on which staff edit a question's rubric, comment bank and number of markers."""
    with question.read() as marking:
        tx = marking.tx
        return question.staff.render(
            tx,
            "rubric.html",
            marking.offering,
            marking=marking,
            items=marking.rubric(),
            used=rubrics.uses(tx, marking.question),
            phrases=rubrics.phrases_of(tx, marking.question),
            markers=rubrics.markers(tx, marking.question),
        )


@pages.post("/{question}/rubric")
def send_new_item(
    question: TheQuestion, text: FromForm[ItemText], points: FromForm[MorePoints] = Decimal(0)
) -> Response:
    add_item(question, ItemIn(text=text, points=points))
    return _to_rubric(question)


@pages.post("/{question}/rubric/begin")
def begin_rubric(question: TheQuestion, group: Annotated[str, Form(pattern=GROUP)] = "") -> Response:
    """Add the items "Right", "Half right" and "Not right" to an empty rubric, and redirect back to the group."""
    with question.write() as marking:
        worth = marking.worth
        if not marking.rubric():
            for text, points in (("Right", worth), ("Half right", worth / 2), ("Not right", ZERO)):
                rubrics.add_item(marking.tx, marking.question, text, points)
    path = f"{question.path}/groups/{group}" if group else question.path
    return RedirectResponse(path, 303)


@pages.post("/{question}/rubric/{item}")
def send_item(
    question: TheQuestion,
    item: ItemId,
    text: FromForm[ItemText],
    points: FromForm[MorePoints],
    action: FromForm[Literal["change", "up", "remove"]] = "change",
) -> Response:
    """Change or remove a rubric item, or swap it with the item above ("up"), then redirect to the rubric. The form
    sends `text` and `points` with every action, but only "change" uses them."""
    match action:
        case "change":
            change_item(question, item, ItemIn(text=text, points=points))
        case "remove":
            remove_item(question, item)
        case "up":
            ids = [item.id for item in get_question(question).rubric]
            if item in ids[1:]:
                position = ids.index(item)
                ids.insert(position - 1, ids.pop(position))
                order_rubric(question, OrderIn(items=tuple(ids)))
    return _to_rubric(question)


@pages.post("/{question}/markers")
def send_markers(question: TheQuestion, markers: FromForm[Literal["1", "2"]]) -> Response:
    set_markers(question, MarkersIn(markers=2 if markers == "2" else 1))
    return _to_rubric(question)


@pages.post("/{question}/phrases/{phrase}")
def send_phrase_removal(question: TheQuestion, phrase: PhraseId) -> Response:
    remove_phrase(question, phrase)
    return _to_rubric(question)


def _to_rubric(question: QuestionRequest) -> Response:
    return RedirectResponse(question.path + "/rubric", 303)
