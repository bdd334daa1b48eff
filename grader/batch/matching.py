"""Match submissions to students by their identifiers. If a submission fits several students, the instructor must assign
it in the roster."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from grader.batch.export import Author, Export, ExportedSubmission
from grader.batch.people import ClassStudent, outsider, with_keys

_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)
_RESOLVE = 'write the submission\'s name into a column "submission" of the roster'


@dataclass(frozen=True)
class Match:
    """A submission that is matched to a student."""

    submission: ExportedSubmission
    how: str
    """The kind of identifier that matched, such as "e-mail address"."""


@dataclass(frozen=True)
class Unclear:
    """A submission that is not matched to a student, and the reason."""

    submission: ExportedSubmission
    why: str
    candidates: tuple[str, ...] = ()
    """Keys of the students to whom the submission may belong."""


@dataclass(frozen=True)
class Matching:
    """The result of matching the submissions of an export to students."""

    students: tuple[ClassStudent, ...]
    """Students in the order of the roster, then authors who are not in the roster."""
    matches: Mapping[str, Match]
    """Student's key → submission. Students without a submission, or with an unclear submission, are left out."""
    unclear: tuple[Unclear, ...] = ()
    """Submissions that the instructor must assign to a student."""
    replaced: tuple[Unclear, ...] = ()
    """Earlier submissions of students who submitted several times."""


def match_submissions(export: Export, roster: Sequence[ClassStudent] | None) -> Matching:
    """Match the submissions of an export to students. If the roster is None, the authors in the export are the
    students."""
    known = _KnownStudents(roster)
    theirs: dict[int, list[Match]] = defaultdict(list)
    doubts: list[tuple[ExportedSubmission, str, set[int]]] = []
    for submission in export.submissions:
        for who in submission.who:
            found = known.recognise(submission.place, who)
            if found.doubt:
                doubts.append((submission, found.doubt, found.positions))
            else:
                theirs[min(found.positions)].append(Match(submission, found.how))
    students = with_keys(known.students)
    unclear = [Unclear(one, why, tuple(students[n].key for n in sorted(positions))) for one, why, positions in doubts]
    return _matching(students, theirs, unclear)


def _matching(
    students: Sequence[ClassStudent], theirs: Mapping[int, Sequence[Match]], unclear: Sequence[Unclear]
) -> Matching:
    """Choose the newest submission of each student. If the times do not show which one is newest, all submissions of
    this student are unclear."""
    matches: dict[str, Match] = {}
    doubtful, replaced = list(unclear), list[Unclear]()
    for position, submissions in sorted(theirs.items()):
        student = students[position]
        times = {c.submission.submitted_at for c in submissions}
        if len(times) < len(submissions) or (len(times) > 1 and None in times):
            places = ", ".join(c.submission.place for c in submissions)
            why = f"{student.shown} has several submissions without distinct times ({places}): {_RESOLVE}"
            doubtful += [Unclear(c.submission, why, (student.key,)) for c in submissions]
            continue
        newest = max(submissions, key=lambda c: c.submission.submitted_at or _NEVER)
        matches[student.key] = newest
        why = f"{student.shown} has submitted again: {newest.submission.place}"
        replaced += [Unclear(c.submission, why, (student.key,)) for c in submissions if c is not newest]
    return Matching(tuple(students), matches, tuple(doubtful), tuple(replaced))


class Recogniser:
    """An index of students by id, e-mail address, login and name."""

    def __init__(self, students: Sequence[ClassStudent]) -> None:
        self._by: dict[tuple[str, str], set[int]] = defaultdict(set)
        for position, student in enumerate(students):
            for kind, value in _identifiers(student):
                self._by[kind, value].add(position)

    def assigned(self, place: str) -> set[int]:
        """Return the positions of the students to whom the roster assigns this submission."""
        return self._by.get(("submission", _plain(place)), set())

    def fitting(self, who: Author) -> list[tuple[str, set[int]]]:
        """Look up each identifier of an author. Return (kind of identifier, positions of the students who have it) for
        each kind with a match, the most reliable kind first."""
        return [(kind, at) for kind, forms in _forms_of(who) if (at := self._at(kind, forms))]

    def _at(self, kind: str, forms: Sequence[str]) -> set[int]:
        """Return the positions of the students with an identifier of this kind. Try its spellings `forms` in order,
        until one matches a student."""
        return next((at for form in forms if form and (at := self._by.get((kind, form)))), set())


class _Recognised(NamedTuple):
    """The positions of the students who may be a submission's author."""

    positions: set[int]
    how: str = ""
    """The kind of identifier that matched; empty if the student is in doubt."""
    doubt: str = ""
    """The reason why the student is in doubt; empty if there is exactly one student."""


class _KnownStudents:
    """The students of the roster, and the export's authors who are not in the roster."""

    def __init__(self, roster: Sequence[ClassStudent] | None) -> None:
        self.students = list(roster or ())
        self._has_roster = roster is not None
        self._outside: dict[Author, int] = {}
        self._recogniser = Recogniser(self.students)

    def recognise(self, place: str, who: Author) -> _Recognised:
        """Return the students who may be this author."""
        assigned = self._recogniser.assigned(place)
        if len(assigned) > 1:
            return _Recognised(assigned, doubt=f"the roster gives {place} to several people")
        if assigned:
            return _Recognised(assigned, "the roster's column")
        found = self._recogniser.fitting(who)
        if not found:
            return _Recognised({self._outsider(who)}, "not in the roster" if self._has_roster else "the export")
        agreed = set.intersection(*(at for _, at in found))
        if len(agreed) == 1:
            return _Recognised(agreed, _LABELS[found[0][0]])
        return _Recognised(set.union(*(at for _, at in found)), doubt=self._doubt(who, found))

    def _outsider(self, who: Author) -> int:
        if who not in self._outside:
            self._outside[who] = len(self.students)
            self.students.append(outsider(who, enrolled=not self._has_roster))
        return self._outside[who]

    def _doubt(self, who: Author, found: Sequence[tuple[str, set[int]]]) -> str:
        facts = [f"{_LABELS[kind]} of {' or '.join(self._names(at))}" for kind, at in found]
        return f"{who.shown} may be several people: {', '.join(dict.fromkeys(facts))}; {_RESOLVE}"

    def _names(self, at: set[int]) -> list[str]:
        return [f"{s.shown} ({s.email or s.login or ' '.join(s.ids)})" for n, s in enumerate(self.students) if n in at]


_LABELS = {"id": "id", "email": "e-mail address", "login": "login", "name": "name", "squeezed": "name", "any": "folder"}


def _forms_of(who: Author) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield (kind of identifier, normalized spellings) for an author, the most reliable kind first."""
    yield "id", [_plain(who.id)]
    yield "email", [_plain(who.email)]
    yield "login", [_plain(who.login)]
    yield "name", [_words(who.name), _squeezed(who.name)]
    yield "squeezed", [_squeezed(who.compact_name)]
    yield "any", [_plain(who.label), _squeezed(who.label)]


def _identifiers(student: ClassStudent) -> Iterator[tuple[str, str]]:
    """Yield (kind, normalized spelling) of each identifier of a student."""
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
    if student.submission:
        yield "submission", _plain(student.submission)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(name: str) -> str:
    """Return a name with its words sorted, so that "Lovelace, Ada" equals "Ada Lovelace"."""
    return " ".join(sorted(_plain(name).replace(",", " ").split()))


def _squeezed(name: str) -> str:
    return "".join(c for c in _plain(name) if c.isalnum())


def _squeezes(name: str) -> set[str]:
    """Return a name without spaces, starting at each of its words in turn: "adalovelace" and "lovelaceada"."""
    words = _plain(name).replace(",", " ").split()
    return {_squeezed("".join(words[n:] + words[:n])) for n in range(len(words))} - {""}
