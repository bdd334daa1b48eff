"""The recorded right results that a student's pack contains instead of the reference solution.

A truth is an object that computes right results. A question is a call of a truth's method with its arguments, for
example `truth.loss(problem)`; the answer is the result. The answers for the public problems are stored under a digest
of the question. A question whose arguments depend on the student's results was not recorded, and raises `NotRecorded`.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import PREFIX, Ref, WireError, decode, encode
from grader.kit.claim import NotRecorded
from grader.kit.diagnosis import Assumptions, Interpretation, Mistake, Truths
from grader.kit.episodes import mapped
from grader.kit.lines import Line
from grader.kit.truth import LOOSELY_COMPARED, ModelTruth
from grader.sandbox.contract import Array

RECORDED = "recorded.bin"
TruthKey = tuple[str, Assumptions]
"""Identifies a truth, an object that computes right results: (id of the interpretation of the task, ids of the known
mistakes that the truth makes)."""
DIGEST_BYTES = 6
"""Number of bytes of a question's digest. A pack has tens of thousands of questions, so the digests are short;
collisions are still very unlikely."""
DIGITS = 9
"""Number of decimal places to which arrays are rounded before their digest is computed. Later decimal places depend on
the processor."""


@dataclass(frozen=True)
class TruthQuestion:
    """A call of a method of a truth, an object that computes right results: the method's name and the arguments."""

    method: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    digest: bytes

    @classmethod
    def of(cls, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TruthQuestion:
        """Create a question and compute its digest."""
        over = hashlib.sha256(f"{method}|".encode())
        for argument in args:
            _add_to_digest(over, argument)
        if kwargs:
            _add_to_digest(over, kwargs)
        return cls(method, args, kwargs, over.digest())

    def under(self, key: TruthKey) -> int:
        """Return a digest of this question and the truth that is asked."""
        interpretation, assumed = key
        text = f"{interpretation}|{','.join(sorted(assumed))}|".encode()
        return int.from_bytes(hashlib.sha256(text + self.digest).digest()[:DIGEST_BYTES], "little")


class AnswerRecorder:
    """Creates truths, objects that compute right results, and stores their answers.

    A known mistake, or another interpretation of the task, changes a few methods of the reference. An answer that does
    not depend on these methods stays the same, and is not computed again.
    """

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[TruthKey, RecordingTruth] = {}
        self._first = ""
        """Id of the interpretation for which a truth was requested first."""
        self.places: dict[int, int] = {}
        """Digest of a question → index of its answer."""
        self.values: list[Any] = []
        """The recorded answers, without duplicates."""
        self.arrays, self.stored = _Distinct(), _Distinct()
        self.of_lines = False
        """True while values that are only used to find faulty lines are recorded. These are stored with fewer
        digits."""

    def truth(self, interpretation: str, assumed: Assumptions) -> RecordingTruth:
        """Return the object that computes right results under an interpretation of the task, with the assumed known
        mistakes. It records its answers."""
        key = (interpretation, assumed)
        if key not in self._made:
            if not self._made:
                self._first = interpretation
            alike = [(self._first, assumed)] if interpretation != self._first else []
            alike += [(interpretation, frozenset[str]())] if assumed else []
            is_alike = interpretation == self._first or not assumed  # so answers may be copied from it
            self._made[key] = RecordingTruth(self, key, [self.truth(*other) for other in alike], is_alike)
        return self._made[key]

    def new(self, key: TruthKey) -> Any:
        """Create a truth that records nothing and has cached nothing."""
        return self._truths(*key)

    def add(self, method: str, answer: Any) -> int:
        """Store an answer of a method, and return its index."""
        stored = mapped(answer, np.ndarray, _single_array) if self.of_lines or method in LOOSELY_COMPARED else answer
        if self.of_lines:
            stored = mapped(stored, np.ndarray, _rounded)
        place = self.stored.place(_without_arrays(stored, self.arrays))
        if place == len(self.values):
            self.values.append(answer)
        return place


class RecordingTruth:
    """A truth, an object that computes right results, which records its answers.

    Args:
        recorder: Stores the answers.
        key: The interpretation of the task, and the known mistakes that the truth makes.
        alike: Truths that differ from this one in a few methods. Answers that do not depend on these methods are copied
            from them.
        is_alike: True if other truths copy answers from this one. Then it also finds out on which methods each answer
            depends, which takes as long as the answer.
    """

    def __init__(
        self, recorder: AnswerRecorder, key: TruthKey, alike: Sequence[RecordingTruth], is_alike: bool
    ) -> None:
        self._recorder, self._key, self.truth = recorder, key, recorder.new(key)
        self._alike = [(other, changed_methods(other.truth, self.truth)) for other in alike]
        self._used: dict[int, frozenset[str] | None] = {}
        self._computing = _with_known_calls(recorder.new(key)) if is_alike else None
        self.asked: list[TruthQuestion] = []
        """All questions since the list was last cleared."""

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            question = TruthQuestion.of(method, args, kwargs)
            self.asked.append(question)
            return self._recorder.values[self.place(question)]

        return ask

    def place(self, question: TruthQuestion) -> int:
        """Return the index of the answer to a question. Compute and record the answer if it is new."""
        digest, places = question.under(self._key), self._recorder.places
        if digest not in places:
            place, self._used[digest] = self._answer(question)
            places[digest] = place
        return places[digest]

    def place_if_any(self, question: TruthQuestion) -> int | None:
        """Return the index of the answer to a question, as `place` does; None if computing the answer raises."""
        try:
            with np.errstate(all="ignore"):
                return self.place(question)
        except Exception:  # noqa: BLE001  a model with a mistake may raise anything
            return None

    def _answer(self, question: TruthQuestion) -> tuple[int, frozenset[str] | None]:
        """Compute and store the answer to a question.

        Returns:
            The answer's index, and the names of the functions that were called to compute it (None if they are
                unknown).
        """
        for other, changed in self._alike:
            if changed is not None and (used := other.used(question)) is not None and changed.isdisjoint(used):
                return other.place(question), used
        if self._computing is None:
            return self._recorder.add(question.method, _encodable(_ask(self.truth, question), question.method)), None
        truth, results = self._computing
        answer, used = results.calls(lambda: _ask(truth, question))
        return self._recorder.add(question.method, _encodable(answer, question.method)), used

    def used(self, question: TruthQuestion) -> frozenset[str] | None:
        """Return the names of the functions that were called to compute the answer to a question; None if they are
        unknown."""
        return None if self.place_if_any(question) is None else self._used[question.under(self._key)]


class _Results:
    """A replacement of the cache of a truth (`ModelTruth.once`) that stores for each result which functions were called
    to compute it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[object, Any, frozenset[str]]] = {}
        self._running: list[set[str]] = []
        """One set for each call in progress: the functions that were called to compute the cached results which the
        call has used."""

    def calls(self, act: Callable[[], Any]) -> tuple[Any, frozenset[str]]:
        """Call `act`. Return its value and the names of all functions that were called to compute it, also those behind
        cached results."""
        self._running.append(set())
        try:
            answer, names = called_functions(act)
        finally:
            of_results = self._running.pop()
        return answer, names | of_results

    def once(self, what: str, about: object, compute: Callable[[], Any]) -> Any:
        """Return a cached result, computed at the first call, as `ModelTruth.once` does."""
        key = (what, id(about))
        if key not in self._known:
            self._known[key] = (about, *self.calls(compute))
        _, result, names = self._known[key]
        self._running[-1] |= names
        return result


def _with_known_calls(truth: Any) -> tuple[ModelTruth, _Results] | None:
    """Give a truth a `_Results` as its cache. Return the truth and the `_Results`; None if the truth has no cache."""
    if not isinstance(truth, ModelTruth):
        return None
    results = _Results()
    truth.once = results.once  # type: ignore[method-assign]
    truth.model = type(truth.model.__name__, (truth.model,), {})  # for which nothing is cached elsewhere
    return truth, results


def _ask(truth: Any, question: TruthQuestion) -> Any:
    return getattr(truth, question.method)(*question.args, **question.kwargs)


def called_functions(act: Callable[[], Any]) -> tuple[Any, frozenset[str]]:
    """Call `act`. Return its value, and the names of all Python functions that were called meanwhile."""
    names: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            names.add(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        answer = act()
    finally:
        sys.setprofile(before)
    return answer, frozenset(names)


def changed_methods(right: Any, mistaken: Any) -> frozenset[str] | None:
    """Return the names of the methods in which the models of two truths differ; None if they also differ in other
    ways."""
    if type(right) is not type(mistaken) or not isinstance(right, ModelTruth):
        return None
    changed = set()
    if set(right.model.__mro__[1:]) - set(mistaken.model.__mro__):
        return None  # the mistake removes a base class
    for kind in set(mistaken.model.__mro__) - set(right.model.__mro__):
        for name in vars(kind).keys() - _OF_EVERY_CLASS:
            before = inspect.getattr_static(right.model, name, None)
            if inspect.isfunction(before) and before.__code__.co_name == name:
                changed.add(name)
            elif before is not None or name.startswith("__"):
                return None
    return frozenset(changed)


_OF_EVERY_CLASS = vars(type("", (), {})).keys() | {
    "__annotations__", "__firstlineno__", "__qualname__", "__static_attributes__",
}  # fmt: skip


class RecordedTruth:
    """The contents of `recorded.bin` in a student's pack. It has the same interface as an assignment's truth.py."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.digest = str(content["digest"])
        *arrays, questions, places = _unpacked(content)
        answers = [_with_arrays(answer, arrays) for answer in content["answers"]]
        self._answers = {q: answers[place] for q, place in zip(questions.tolist(), places.tolist(), strict=True)}
        self._mistakes = [
            Mistake(i, t, s, tuple(Line(tuple(names), *rest) for names, *rest in lines), c)
            for i, t, s, lines, c in content["mistakes"]
        ]
        self._interpretations = [Interpretation(i, remark) for i, remark in content["readings"]]

    def mistakes(self, _config: Mapping[str, Any]) -> Sequence[Mistake]:
        return self._mistakes

    def interpretations(self, _config: Mapping[str, Any]) -> Sequence[Interpretation]:
        return self._interpretations

    def truths(self, _config: Mapping[str, Any]) -> Truths:
        return lambda interpretation, assumed: _RecordedAnswers((interpretation, assumed), self._answers)

    @classmethod
    def read(cls, file: Path) -> RecordedTruth:
        """Read a `recorded.bin`.

        Raises:
            BadAssignment: If the file is damaged.
        """
        try:
            frame = zlib.decompress(file.read_bytes())
            header_bytes, _ = PREFIX.unpack(frame[: PREFIX.size])
            middle = PREFIX.size + header_bytes
            return cls(decode(frame[PREFIX.size : middle], bytearray(frame[middle:])))
        except (zlib.error, WireError, KeyError, ValueError, TypeError, IndexError) as wrong:
            raise BadAssignment(f"{file.name} cannot be read ({wrong}): download the pack again") from None


class _RecordedAnswers:
    def __init__(self, key: TruthKey, answers: Mapping[int, Any]) -> None:
        self._key, self._answers = key, answers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return self._answers[TruthQuestion.of(method, args, kwargs).under(self._key)]
            except KeyError:
                raise NotRecorded(method) from None

        return ask


def write(
    file: Path,
    digest: str,
    recorder: AnswerRecorder,
    mistakes: Sequence[Mistake],
    interpretations: Sequence[Interpretation],
) -> None:
    """Write a `recorded.bin`.

    Args:
        file: Path of the file.
        digest: Digest of the assignment.
        recorder: The recorder with the answers.
        mistakes: The assignment's known mistakes.
        interpretations: The assignment's accepted interpretations.
    """
    questions = sorted(recorder.places)
    places = [recorder.places[question] for question in questions]
    content = {
        "digest": digest,
        "answers": recorder.stored.values,
        **_packed([*recorder.arrays.values, np.array(questions, np.uint64), np.array(places, np.uint32)]),
        "mistakes": [
            [m.id, m.topic, m.sentence, [[list(li.computes), *astuple(li)[1:]] for li in m.line], m.carries]
            for m in mistakes
        ],
        "readings": [[r.id, r.remark] for r in interpretations],
    }
    header, buffers = encode(content, max_header_bytes=1 << 30)  # trusted data for a file, so no small bound
    file.write_bytes(zlib.compress(header + b"".join(buffers), 9))


def _packed(arrays: Sequence[Array]) -> dict[str, Any]:
    """Convert arrays to a form that compresses well. The numbers of each dtype are split into bytes: all first bytes,
    then all second bytes, and so on."""
    numbers: dict[str, list[Array]] = {}
    for array in arrays:
        numbers.setdefault(array.dtype.str, []).append(array.reshape(-1))
    joined = {dtype: np.concatenate(flat) for dtype, flat in numbers.items()}
    return {
        "shapes": [[array.dtype.str, *array.shape] for array in arrays],
        "bytes": {d: np.ascontiguousarray(n.view(np.uint8).reshape(-1, n.itemsize).T) for d, n in joined.items()},
    }


def _unpacked(content: Mapping[str, Any]) -> list[Array]:
    """Restore the arrays that `_packed` has converted."""
    joined = {d: np.ascontiguousarray(planes.T).reshape(-1).view(d) for d, planes in content["bytes"].items()}
    taken, arrays = dict.fromkeys(joined, 0), []
    for dtype, *shape in content["shapes"]:
        begin = taken[dtype]
        taken[dtype] += math.prod(shape)
        arrays.append(joined[dtype][begin : taken[dtype]].reshape(shape))
    return arrays


class _Distinct:
    """A list of distinct values, in which equal values are stored once. Most known mistakes change few answers, so many
    answers are equal."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[bytes, int] = {}

    def place(self, value: Any) -> int:
        """Return the index of a value. Add it if it is new."""
        header, buffers = encode(value, max_header_bytes=1 << 30)
        content = hashlib.sha256(header + b"".join(buffers)).digest()
        if content not in self._places:
            self._places[content] = len(self.values)
            self.values.append(value)
        return self._places[content]


def _without_arrays(answer: Any, arrays: _Distinct) -> Any:
    """Store the arrays of an answer in `arrays`, and return the answer with a `Ref` in the place of each array."""
    return mapped(answer, np.ndarray, lambda array: Ref(str(arrays.place(array))))


def _with_arrays(answer: Any, arrays: Sequence[Any]) -> Any:
    return mapped(answer, Ref, lambda ref: arrays[int(ref.name)])


def _single_array(array: Array) -> Array:
    """Convert a float64 array to float32 if no number overflows. Return other arrays unchanged."""
    fits = array.dtype == np.float64 and np.abs(array).max(initial=0) < np.finfo(np.float32).max
    return array.astype(np.float32) if fits else array


def _rounded(array: Array) -> Array:
    """Round the numbers of a float32 array to 19 significant bits, which compress better. The relative error is below
    4e-6."""
    if array.dtype != np.float32:
        return array
    return np.asarray(array.view(np.uint32) & np.uint32(0xFFFFFFE0)).view(np.float32)


def _encodable(answer: Any, method: str) -> Any:
    """Return an answer with numpy scalars converted to arrays. Raise `BadAssignment` if a student's pack cannot store
    the answer."""
    answer = mapped(answer, np.generic, np.asarray)
    try:
        encode(answer)
    except WireError:
        raise BadAssignment(
            f"the truth's {method} returns a {type(answer).__name__}, which a student's pack cannot store: return "
            "numbers, arrays, or lists and dicts of them"
        ) from None
    return answer


_DIGESTS: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()
"""Digests of dataclass instances, which occur in many questions. Only instances of classes with `eq=False` are cached;
their fields do not change."""


def _digest_of_fields(value: Any) -> bytes:
    if value.__dataclass_params__.eq:
        return _new_digest_of_fields(value)
    if value not in _DIGESTS:
        _DIGESTS[value] = _new_digest_of_fields(value)
    return _DIGESTS[value]


def _new_digest_of_fields(value: Any) -> bytes:
    over = hashlib.sha256()
    for one in fields(value):
        _add_to_digest(over, getattr(value, one.name))
    return over.digest()


def _add_to_digest(over: Any, value: Any) -> None:
    """Update a hash with an argument of a question. Equal arguments give equal digests: dict keys are sorted, and
    arrays are rounded."""
    if is_dataclass(value) and not isinstance(value, type):
        over.update(_digest_of_fields(value))
    elif isinstance(value, Mapping):
        for name in sorted(value):
            over.update(f"{name}=".encode())
            _add_to_digest(over, value[name])
    elif isinstance(value, np.ndarray):
        over.update(f"{value.shape}".encode())
        over.update((np.round(value.astype(np.float64), DIGITS) + 0.0).tobytes())
    elif isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) or is_dataclass(v) for v in value):
        for item in value:
            _add_to_digest(over, item)
    else:
        over.update(f"{value!r};".encode())
