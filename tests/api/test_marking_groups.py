"""Marking answers in groups that mean the same, over HTTP and on the pages."""

from __future__ import annotations

import itertools
import random

import pytest
from sqlalchemy import update

from grader.model import Json
from grader.model.answers import digest_of
from grader.store.records import Counts
from grader.store.tables import answers as table
from tests.api.test_marking import QUESTION, answer, ask, item, mark, room
from tests.api.world import ASSIGNMENT, COURSE, World

__all__ = ["room"]  # a fixture

PAGES = f"/courses/{COURSE}/assignments/{ASSIGNMENT}/marking/q1.1.written"
RIGHT, OTHER = ("right", "aaa", 1.5), ("other_value", "bbb", 0.5)


def ground(shelf: str, group: str, points: float | None) -> Json:
    compared = {"asked": "g", "comparison": "equal", "points": points, "possible": 1.5, "words": shelf}
    return compared | {"formula": "h - y", "shelf": shelf, "group": group}


def read(room: World, text: str, *grounds: tuple[str, str, float | None]) -> None:
    """As if the machine had read the answer so."""
    with room.service.store.write() as tx:
        where = table.c.digest == digest_of(text)
        tx.execute(update(table).where(where).values(opinion={"judgements": [ground(*one) for one in grounds]}))


@pytest.fixture
def class_(room: World) -> World:
    """Three right answers, two with the same other value, one unread; every submission of a student counts."""
    room.set(counts=Counts.BEST)
    for text, place in (("r1", RIGHT), ("r2", RIGHT), ("r3", RIGHT), ("o1", OTHER), ("o2", OTHER), ("unread", None)):
        answer(room, "ada" if text < "r" else "bob", text)
        if place:
            read(room, text, place)
    return room


def groups(room: World, who: str = "grace", query: str = "") -> list[Json]:
    return list(ask(room, "GET", f"{QUESTION}/groups{query}", who).json())


def texts(group: Json) -> list[str]:
    return sorted(answer["answer"] for answer in group["answers"])


def shown(room: World, who: str = "grace") -> list[list[str]]:
    return [texts(group) for group in groups(room, who)]


def group_with(room: World, text: str) -> Json:
    return next(group for group in groups(room) if text in texts(group))


def mark_group(
    room: World, group: Json, who: str = "grace", answers: list[Json] | None = None, **given: object
) -> Json:
    named = [digest_of(a["answer"]) for a in group["answers"]] if answers is None else answers
    body = {"answers": named, **given}
    return dict(ask(room, "PUT", f"{QUESTION}/groups/{group['group']}/mark", who, body).json())


def take_out(room: World, text: str, who: str = "grace") -> Json:
    path = f"{QUESTION}/groups/{group_with(room, text)['group']}/take-out"
    return dict(ask(room, "POST", path, who, {"answer": digest_of(text)}).json())


def merge(room: World, text: str, into: str, who: str = "grace") -> Json:
    body = {"into": group_with(room, into)["group"]}
    return dict(ask(room, "POST", f"{QUESTION}/groups/{group_with(room, text)['group']}/merge", who, body).json())


def undo(room: World, who: str = "grace") -> list[Json]:
    return list(ask(room, "POST", f"{QUESTION}/undo", who).json())


def points(room: World, who: str = "grace") -> dict[str, float | None]:
    return {a["answer"]: a["points"] for a in ask(room, "GET", f"{QUESTION}/answers", who).json()}


def test_answers_that_mean_the_same_are_a_group_and_shelves_have_their_order(class_: World) -> None:
    found = groups(class_)
    assert [(group["shelf"], texts(group)) for group in found] == [
        ("right", ["r1", "r2", "r3"]),
        ("other_value", ["o1", "o2"]),
        ("unread", ["unread"]),
    ]
    assert [group["number"] for group in found] == [1, 2, 3]


def test_the_largest_group_of_a_shelf_comes_first_for_every_marker(class_: World) -> None:
    for text, group in (("p", "ccc"), ("q", "ccc"), ("s", "ccc"), ("t", "ddd")):
        answer(class_, "ada", text)
        read(class_, text, ("other_value", group, None))
    for who in ("grace", "mary", "olga"):
        found = [texts(group) for group in groups(class_, who) if group["shelf"] == "other_value"]
        assert found == [["p", "q", "s"], ["o1", "o2"], ["t"]]


def test_each_marker_has_an_order_of_the_answers_in_a_group_which_stays(class_: World) -> None:
    class_.set(counts=Counts.BEST)
    for number in range(12):
        answer(class_, "ada", f"answer {number}")
        read(class_, f"answer {number}", ("other_value", "many", None))

    def order(who: str) -> list[str]:
        group = next(group for group in groups(class_, who) if len(group["answers"]) == 12)
        return [row["answer"] for row in group["answers"]]

    assert order("grace") == order("grace")
    assert order("grace") != order("mary")
    assert sorted(order("grace")) == sorted(order("mary"))


def test_a_group_has_the_same_number_for_every_marker(class_: World) -> None:
    for number in range(12):
        answer(class_, "ada", f"alone {number}")
        read(class_, f"alone {number}", ("other_value", f"group {number}", None))
    order = [group["group"] for group in groups(class_, "grace")]
    assert [group["group"] for group in groups(class_, "mary")] == order


def test_a_question_that_asks_two_formulas_has_groups_of_pairs_on_the_shelf_of_the_worse(room: World) -> None:
    room.set(counts=Counts.BEST)
    for text, second in (("a", RIGHT), ("b", OTHER), ("c", OTHER)):
        answer(room, "ada", text)
        read(room, text, RIGHT, second)
    assert [(group["shelf"], texts(group)) for group in groups(room)] == [("right", ["a"]), ("other_value", ["b", "c"])]


def test_one_mark_is_every_answers_and_counts_as_read_by_that_person_alone(class_: World) -> None:
    found = mark_group(class_, group_with(class_, "r1"), adjustment=1.5)
    assert (found["done"], found["waits"]) == (3, False)
    assert [texts(group) for group in groups(class_, query="?waiting=true")] == [["o1", "o2"], ["unread"]]
    assert {text for text, given in points(class_).items() if given == 1.5} == {"r1", "r2", "r3"}


def test_only_the_answers_that_were_shown_are_marked(class_: World) -> None:
    found = group_with(class_, "r1")
    answer(class_, "ada", "later")
    read(class_, "later", RIGHT)
    assert mark_group(class_, found, adjustment=1)["waits"] is True
    assert (points(class_)["r1"], points(class_)["later"]) == (1, None)


def test_an_answer_taken_out_is_a_group_for_every_marker_and_keeps_its_mark(class_: World) -> None:
    mark_group(class_, group_with(class_, "r1"), adjustment=1)
    assert texts(take_out(class_, "r2")) == ["r2"]
    assert shown(class_, "mary")[:2] == shown(class_)[:2] == [["r1", "r3"], ["r2"]]
    assert points(class_)["r2"] == 1
    mark_group(class_, group_with(class_, "r2"), adjustment=0.25)
    assert (points(class_)["r1"], points(class_)["r2"]) == (1, 0.25)


def test_merged_groups_stay_merged_for_answers_that_come_later(class_: World) -> None:
    assert texts(merge(class_, "o1", "r1")) == ["o1", "o2", "r1", "r2", "r3"]
    answer(class_, "ada", "o3")
    read(class_, "o3", OTHER)
    assert shown(class_) == [["o1", "o2", "o3", "r1", "r2", "r3"], ["unread"]]
    assert {group["shelf"] for group in groups(class_)} == {"right", "unread"}


def test_chains_of_merges_lead_to_one_group(class_: World) -> None:
    merge(class_, "o1", "r1")
    merge(class_, "r1", "unread")
    assert shown(class_, "olga") == [["o1", "o2", "r1", "r2", "r3", "unread"]]
    take_out(class_, "o2")
    assert sorted(shown(class_)) == [["o1", "r1", "r2", "r3", "unread"], ["o2"]]
    merge(class_, "o2", "r1")
    assert len(shown(class_)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_after_any_actions_every_answer_is_in_one_group_and_each_step_can_be_undone(class_: World, seed: int) -> None:
    chance, states = random.Random(seed), []
    everything = sorted(points(class_))
    for _ in range(25):
        state = (shown(class_), points(class_))
        group, other = chance.choices(groups(class_), k=2)
        of_group = f"{QUESTION}/groups/{group['group']}"
        digests = [digest_of(text) for text in texts(group)]
        actions = [
            ("PUT", f"{of_group}/mark", {"answers": digests, "adjustment": chance.choice((0, 0.5, 1.5))}),
            ("POST", f"{of_group}/take-out", {"answer": chance.choice(digests)}),
            ("POST", f"{of_group}/merge", {"into": other["group"]}),
        ]
        method, url, body = chance.choice(actions)
        got = class_.client.request(method, url, json=body, headers=class_.headers("grace"))
        assert got.status_code in (200, 422)  # alone, or the same group
        if got.status_code == 200:
            states.append(state)
        if states and chance.random() < 0.25:
            undo(class_)
            assert (shown(class_), points(class_)) == states.pop()
        assert sorted(itertools.chain(*shown(class_))) == everything
        assert sorted(shown(class_, "mary")) == sorted(shown(class_))
    assert len(states) > 5
    for state in reversed(states):
        undo(class_)
        assert (shown(class_), points(class_)) == state


def test_undo_restores_items_and_comment_and_returns_the_changed_groups(class_: World) -> None:
    ticked = item(class_, 1)
    mark_group(class_, group_with(class_, "o1"), items=[ticked], comment="Mind the sign.")
    mark_group(class_, group_with(class_, "o1"), adjustment=0.25)
    (changed,) = undo(class_)
    assert texts(changed) == ["o1", "o2"]
    for one in changed["answers"]:
        assert (one["own"]["comment"], one["own"]["items"][0]["id"]) == ("Mind the sign.", ticked)


def test_nothing_of_others_is_undone(class_: World) -> None:
    mark_group(class_, group_with(class_, "r1"), adjustment=1)
    refused = class_.client.post(f"{QUESTION}/undo", headers=class_.headers("mary"))
    assert (refused.status_code, "nothing to undo" in refused.text) == (422, True)
    take_out(class_, "r1")
    merge(class_, "r1", "r2", "mary")
    refused = class_.client.post(f"{QUESTION}/undo", headers=class_.headers("grace"))
    assert (refused.status_code, "changed again after this action" in refused.text) == (422, True)


def test_two_markers_and_a_moderator_work_on_groups(class_: World) -> None:
    ask(class_, "PUT", QUESTION, body={"markers": 2})
    found = group_with(class_, "r1")
    mark_group(class_, found, "grace", adjustment=1)
    assert all(one["others"] == [] for group in groups(class_, "mary") for one in group["answers"])
    assert mark_group(class_, found, "mary", adjustment=0.5)["disputed"] is True
    assert [texts(group) for group in groups(class_, "mary", "?waiting=true")] == [["o1", "o2"], ["unread"]]
    first, *_ = groups(class_, "olga", "?waiting=true")
    assert (texts(first), first["disputed"]) == (["r1", "r2", "r3"], True)
    assert mark_group(class_, found, "olga", adjustment=0.75)["done"] == 3
    assert {points(class_)[text] for text in ("r1", "r2", "r3")} == {0.75}


def test_a_group_in_which_two_markers_disagree_about_one_answer_is_decided_answer_by_answer(class_: World) -> None:
    ask(class_, "PUT", QUESTION, body={"markers": 2})
    found = group_with(class_, "r1")
    mark_group(class_, found, "grace", adjustment=1)
    mark(class_, "r2", "mary", adjustment=0.5)
    mark_group(class_, found, "olga", adjustment=1)
    assert points(class_) | {"o1": None} == {"r1": 1, "r2": 1, "r3": 1, "o1": None, "o2": None, "unread": None}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("{r}/mark", {"answers": []}, 422),
        ("{r}/mark", {"answers": [digest_of("o1")]}, 422),
        ("{none}/mark", {"answers": [digest_of("r1")]}, 404),
        ("{r}/merge", {"into": "{r}"}, 422),
        ("{r}/merge", {"into": "{none}"}, 404),
        ("{r}/take-out", {"answer": digest_of("o1")}, 404),
        ("{u}/take-out", {"answer": digest_of("unread")}, 422),
    ],
)
def test_what_no_group_has_is_refused_and_changes_nothing(class_: World, path: str, body: Json, status: int) -> None:
    ids = {"r": group_with(class_, "r1")["group"], "u": group_with(class_, "unread")["group"], "none": "0" * 32}
    body = {name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()}
    before = (shown(class_), points(class_))
    method = "PUT" if path.endswith("mark") else "POST"
    got = class_.client.request(
        method, f"{QUESTION}/groups/{path.format(**ids)}", json=body, headers=class_.headers("grace")
    )
    assert (got.status_code, (shown(class_), points(class_))) == (status, before)


# ── the pages ────────────────────────────────────────────────────────────────────────────────────────


def page(room: World, path: str, who: str = "grace") -> str:
    got = room.client.get(path, headers=room.headers(who))
    assert got.status_code == 200, got.text
    return got.text


def test_a_page_marks_what_waits_and_leaves_what_others_have_marked(class_: World) -> None:
    mark(class_, "r1", "mary", adjustment=0.5)
    path = f"{PAGES}/groups/{group_with(class_, 'r1')['group']}"
    text = page(class_, path)
    hidden = [d for d in map(digest_of, ("r1", "r2", "r3")) if f'name="answers" value="{d}"' in text]
    assert sorted(hidden) == sorted(map(digest_of, ("r2", "r3")))
    form = {"action": "agree", "answers": hidden}
    class_.client.post(path, data=form, headers=class_.headers("grace"), follow_redirects=False)
    assert [points(class_)[text] for text in ("r1", "r2", "r3")] == [0.5, 1.5, 1.5]
