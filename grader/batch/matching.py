"""Match submissions to students by their identifiers. If a submission fits several students, the instructor must assign
it in the roster."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.batch.export import Export, ExportedSubmission
from grader.batch.people import ClassStudent, with_keys

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
    candidates: tuple[str, ...]
    """Keys of the students to whom the submission may belong."""


@dataclass(frozen=True)
class Matching:
    """The result of matching the submissions of an export to students."""

    students: tuple[ClassStudent, ...]
    """Students in the order of the roster, then authors who are not in the roster."""
    matches: Mapping[str, Match]
    """Student's key → submission. Students without a submission, or with an unclear submission, are left out."""
    unclear: tuple[Unclear, ...]
    """Submissions that the instructor must assign to a student."""
    replaced: tuple[Unclear, ...]
    """Earlier submissions of students who submitted several times."""


def match_submissions(export: Export, roster: Sequence[ClassStudent] | None) -> Matching:
    """Match the submissions of an export to students. If the roster is None, the authors in the export are the
    students."""
    known_students = _KnownStudents(roster)
    recognitions = []
    for submission in export.submissions:
        for author in submission.authors:
            recognised = known_students.recognise(submission.place, author)
            recognitions.append((submission, recognised))
    students = with_keys(known_students.students)
    matches_by_position: dict[int, list[Match]] = defaultdict(list)
    unclear: list[Unclear] = []
    for submission, recognised in recognitions:
        positions = sorted(recognised.positions)
        if recognised.why_unclear:
            keys = tuple(students[position].key for position in positions)
            unclear.append(Unclear(submission, recognised.why_unclear, keys))
        else:
            matches_by_position[positions[0]].append(Match(submission, recognised.how))
    newest_matches: dict[str, Match] = {}
    replaced: list[Unclear] = []
    for position, matches in sorted(matches_by_position.items()):
        student = students[position]
        newest = _newest(matches)
        if newest is None:
            places = [match.submission.place for match in matches]
            why = f"{student.shown} has several submissions without distinct times ({', '.join(places)}): {_RESOLVE}"
            unclear += [Unclear(match.submission, why, (student.key,)) for match in matches]
            continue
        newest_matches[student.key] = newest
        why = f"{student.shown} has submitted again: {newest.submission.place}"
        older = [match for match in matches if match is not newest]
        replaced += [Unclear(match.submission, why, (student.key,)) for match in older]
    return Matching(tuple(students), newest_matches, tuple(unclear), tuple(replaced))


def _newest(matches: Sequence[Match]) -> Match | None:
    """Return the newest of a student's submissions; None if the times do not show which one is newest."""
    if len(matches) == 1:
        return matches[0]
    by_time = {match.submission.submitted_at: match for match in matches}
    times = [time for time in by_time if time is not None]
    if len(times) < len(matches):
        return None
    return by_time[max(times)]


class Recogniser:
    """An index of students by id, e-mail address, login and name."""

    def __init__(self, students: Sequence[ClassStudent]) -> None:
        self._positions: dict[tuple[str, str], set[int]] = defaultdict(set)
        """(kind of identifier, normalized spelling) → positions in `students` of those who have it."""
        for position, student in enumerate(students):
            for kind, spelling in _identifiers(student):
                if spelling:
                    self._positions[kind, spelling].add(position)

    def assigned(self, place: str) -> set[int]:
        """Return the positions of the students to whom the roster assigns this submission."""
        return self._positions.get(("submission", _plain(place)), set())

    def fitting(self, author: ClassStudent) -> dict[str, set[int]]:
        """Look up each identifier of an author. Return kind of identifier → positions of the students who have it, for
        each kind with a match, the most reliable kind first."""
        fitting: dict[str, set[int]] = {}
        for kind, spelling in _spellings(author):
            positions = self._positions.get((kind, spelling))
            if positions:
                fitting.setdefault(kind, positions)
        return fitting


@dataclass(frozen=True)
class _Recognised:
    """The positions of the students who may be a submission's author."""

    positions: set[int]
    how: str = ""
    """The kind of identifier that matched; empty if several students may be the author."""
    why_unclear: str = ""
    """The reason why several students may be the author; empty if there is exactly one."""


class _KnownStudents:
    """The students of the roster, and the export's authors who are not in the roster."""

    def __init__(self, roster: Sequence[ClassStudent] | None) -> None:
        self.students = list(roster or ())
        self._has_roster = roster is not None
        self._outside: dict[ClassStudent, int] = {}
        """Author who is not in the roster → position in `students`."""
        self._recogniser = Recogniser(self.students)

    def recognise(self, place: str, author: ClassStudent) -> _Recognised:
        """Return the students who may be this author."""
        assigned = self._recogniser.assigned(place)
        if len(assigned) > 1:
            return _Recognised(assigned, why_unclear=f"the roster gives {place} to several people")
        if assigned:
            return _Recognised(assigned, "the roster's column")
        fitting = self._recogniser.fitting(author)
        if not fitting:
            return _Recognised({self._outsider(author)}, "not in the roster" if self._has_roster else "the export")
        agreed = set.intersection(*fitting.values())  # whom all identifiers of the author fit
        if len(agreed) == 1:
            most_reliable = next(iter(fitting))
            return _Recognised(agreed, most_reliable)
        facts = [f"{kind} of {self._names(positions)}" for kind, positions in fitting.items()]
        why_unclear = f"{author.shown} may be several people: {', '.join(facts)}; {_RESOLVE}"
        return _Recognised(set.union(*fitting.values()), why_unclear=why_unclear)

    def _outsider(self, author: ClassStudent) -> int:
        """Return the position of an author who is not in the roster. Add the author to the students at the first
        call."""
        if author not in self._outside:
            self._outside[author] = len(self.students)
            name = author.name or author.label
            outsider = replace(author, name=name, enrolled=not self._has_roster)
            self.students.append(outsider)
        return self._outside[author]

    def _names(self, positions: set[int]) -> str:
        """Return the names and identifiers of the students at these positions, for a message."""
        names = []
        for position in sorted(positions):
            student = self.students[position]
            identifier = student.email or student.login or " ".join(student.ids)
            names.append(f"{student.shown} ({identifier})")
        return " or ".join(names)


# The kinds of identifiers are words for messages. A "folder" is a submission's folder or file, whose name may be an
# identifier of any kind.


def _spellings(author: ClassStudent) -> Iterator[tuple[str, str]]:
    """Yield (kind of identifier, normalized spelling) for an author, the most reliable kind and spelling first."""
    for id in author.ids:
        yield "id", _plain(id)
    yield "e-mail address", _plain(author.email)
    yield "login", _plain(author.login)
    yield "name", _words(author.name)
    yield "name", _squeezed(author.name)
    yield "folder", _plain(author.label)
    yield "folder", _squeezed(author.label)


def _identifiers(student: ClassStudent) -> Iterator[tuple[str, str]]:
    """Yield (kind, normalized spelling) of each identifier of a student."""
    yield "submission", _plain(student.submission)
    yield from _spellings(student)
    local_part = student.email.partition("@")[0]
    labels = (*student.ids, student.email, local_part, student.login, student.name)
    for label in labels:
        yield "folder", _plain(label)
    words = _name_words(student.name)
    for first in range(len(words)):
        rotated = words[first:] + words[:first]
        squeezed = _squeezed("".join(rotated))  # "adalovelace" and "lovelaceada"
        yield "name", squeezed
        yield "folder", squeezed


def _plain(text: str) -> str:
    """Return a text in lower case, with single spaces and normalized characters, for comparison."""
    normalized = unicodedata.normalize("NFKC", text)
    words = normalized.casefold().split()
    return " ".join(words)


def _name_words(name: str) -> list[str]:
    return _plain(name).replace(",", " ").split()


def _words(name: str) -> str:
    """Return a name with its words sorted, so that "Lovelace, Ada" equals "Ada Lovelace"."""
    return " ".join(sorted(_name_words(name)))


def _squeezed(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(filter(str.isalnum, _plain(name)))
