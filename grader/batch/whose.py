"""Whose each hand-in is. Where export and roster do not settle it, nobody's: a person decides, in the roster."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.batch.export import Export, HandIn, Who
from grader.batch.people import Student, outsider, with_keys

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_RESOLVE = 'write its name into a column "submission" of the roster'


@dataclass(frozen=True)
class Claimed:
    """A student's hand-in."""

    hand_in: HandIn
    how: str
    """What it was recognised by."""


@dataclass(frozen=True)
class Unclear:
    hand_in: HandIn
    why: str
    candidates: tuple[str, ...] = ()
    """Keys of the students whose it may be."""


@dataclass(frozen=True)
class Attribution:
    """Who has handed in what."""

    students: tuple[Student, ...]
    """In the roster's order, then those whom it does not name."""
    claimed: Mapping[str, Claimed]
    """By the student's key. Who is not in it has handed in nothing that is theirs beyond doubt."""
    unclear: tuple[Unclear, ...] = ()
    """Nobody's, until a person says whose."""
    replaced: tuple[Unclear, ...] = ()
    """Earlier hand-ins of those who have handed in again."""


@dataclass(frozen=True)
class _Sure:
    position: int
    how: str


@dataclass(frozen=True)
class _Doubt:
    why: str
    candidates: tuple[int, ...]


def attribute(export: Export, roster: Sequence[Student] | None) -> Attribution:
    """Without a roster everybody in the export is a student, as the export calls them."""
    known = _Known(roster)
    theirs: dict[int, list[Claimed]] = defaultdict(list)
    doubts: list[tuple[HandIn, _Doubt]] = []
    for hand_in in export.hand_ins:
        for who in hand_in.who:
            match known.recognise(hand_in.place, who):
                case _Sure(position, how):
                    theirs[position].append(Claimed(hand_in, how))
                case _Doubt() as doubt:
                    doubts.append((hand_in, doubt))
    students = with_keys(known.everybody)
    unclear = [Unclear(h, d.why, tuple(students[n].key for n in d.candidates)) for h, d in doubts]
    return _attribution(students, theirs, unclear)


def _attribution(
    students: Sequence[Student], theirs: Mapping[int, Sequence[Claimed]], unclear: Sequence[Unclear]
) -> Attribution:
    """Of a student's several hand-ins the newest, where the export says when they came; else none of them."""
    claimed: dict[str, Claimed] = {}
    doubtful, replaced = list(unclear), list[Unclear]()
    for position, hand_ins in sorted(theirs.items()):
        student = students[position]
        times = {c.hand_in.submitted_at for c in hand_ins}
        if len(times) < len(hand_ins) or (len(times) > 1 and None in times):
            places = ", ".join(c.hand_in.place for c in hand_ins)
            why = f"{student.shown} has several, and nothing says which one counts ({places}): {_RESOLVE}"
            doubtful += [Unclear(c.hand_in, why, (student.key,)) for c in hand_ins]
            continue
        newest = max(hand_ins, key=lambda c: c.hand_in.submitted_at or _NEVER)
        claimed[student.key] = newest
        why = f"{student.shown} has submitted again: {newest.hand_in.place}"
        replaced += [Unclear(c.hand_in, why, (student.key,)) for c in hand_ins if c is not newest]
    return Attribution(tuple(students), claimed, tuple(doubtful), tuple(replaced))


class Recogniser:
    """Students by all that they can be recognised by."""

    def __init__(self, students: Sequence[Student]) -> None:
        self._by: dict[tuple[str, str], set[int]] = defaultdict(set)
        for position, student in enumerate(students):
            for kind, value in _marks(student):
                self._by[kind, value].add(position)

    def told(self, place: str) -> set[int]:
        """To whom the roster's own column gives this hand-in."""
        return self._by.get(("hand-in", _plain(place)), set())

    def fitting(self, who: Who) -> list[tuple[str, set[int]]]:
        """(what they are recognised by, the positions of those whom it fits), the strongest first."""
        return [(kind, at) for kind, forms in _said(who) if (at := self._at(kind, forms))]

    def _at(self, kind: str, forms: Sequence[str]) -> set[int]:
        """By the first form of it that anybody has."""
        return next((at for form in forms if form and (at := self._by.get((kind, form)))), set())


class _Known:
    """Those whom the roster names, and those who come to them."""

    def __init__(self, roster: Sequence[Student] | None) -> None:
        self.everybody = list(roster or ())
        self._has_roster = roster is not None
        self._outside: dict[Who, int] = {}
        self._recogniser = Recogniser(self.everybody)

    def recognise(self, place: str, who: Who) -> _Sure | _Doubt:
        told = self._recogniser.told(place)
        if len(told) == 1:
            return _Sure(min(told), "the roster's column")
        if told:
            return _Doubt(f"the roster gives {place} to several people", tuple(sorted(told)))
        found = self._recogniser.fitting(who)
        if not found:
            return _Sure(self._outsider(who), "not in the roster" if self._has_roster else "the export")
        agreed = set.intersection(*(at for _, at in found))
        if len(agreed) == 1:
            return _Sure(min(agreed), _SPOKEN[found[0][0]])
        everyone = sorted(set.union(*(at for _, at in found)))
        return _Doubt(self._doubt(who, found), tuple(everyone))

    def _outsider(self, who: Who) -> int:
        if who not in self._outside:
            self._outside[who] = len(self.everybody)
            self.everybody.append(outsider(who, enrolled=not self._has_roster))
        return self._outside[who]

    def _doubt(self, who: Who, found: Sequence[tuple[str, set[int]]]) -> str:
        said = [f"{_SPOKEN[kind]} of {' or '.join(self._names(at))}" for kind, at in found]
        return f"{who.shown} may be several people: {', '.join(dict.fromkeys(said))}; {_RESOLVE}"

    def _names(self, at: set[int]) -> list[str]:
        return [f"{s.shown} ({s.email or s.login or ' '.join(s.ids)})" for n, s in enumerate(self.everybody) if n in at]


_SPOKEN = {"id": "id", "email": "e-mail address", "login": "login", "name": "name", "squeezed": "name", "any": "folder"}


def _said(who: Who) -> Iterator[tuple[str, Sequence[str]]]:
    yield "id", [_plain(who.id)]
    yield "email", [_plain(who.email)]
    yield "login", [_plain(who.login)]
    yield "name", [_words(who.name), _squeezed(who.name)]
    yield "squeezed", [_squeezed(who.squeezed)]
    yield "any", [_plain(who.anything), _squeezed(who.anything)]


def _marks(student: Student) -> Iterator[tuple[str, str]]:
    """All that a student can be recognised by."""
    plain = [("id", id) for id in student.ids] + [("email", student.email), ("login", student.login)]
    for kind, value in plain:
        if value:
            yield kind, _plain(value)
            yield "any", _plain(value)
    if student.name:
        yield "name", _words(student.name)
        yield "any", _plain(student.name)
        yield from ((kind, form) for form in _squeezes(student.name) for kind in ("name", "squeezed", "any"))
    if student.email:
        yield "any", _plain(student.email.partition("@")[0])
    if student.hand_in:
        yield "hand-in", _plain(student.hand_in)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(name: str) -> str:
    """ "Lovelace, Ada" is Ada Lovelace."""
    return " ".join(sorted(_plain(name).replace(",", " ").split()))


def _squeezed(name: str) -> str:
    return "".join(c for c in _plain(name) if c.isalnum())


def _squeezes(name: str) -> set[str]:
    """As written, and with each of its last words first: who knows where a family's name begins?"""
    words = _plain(name).replace(",", " ").split()
    return {_squeezed("".join(words[n:] + words[:n])) for n in range(len(words))} - {""}
