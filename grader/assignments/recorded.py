"""Recorded answers of the truths, which a student's pack contains instead of the reference.

A question is a call of a truth's method with its arguments, for example `truth.loss(problem)`; the answer is the
result. The answers for the public problems are stored by a digest of the question, and looked up in the pack. A
question whose arguments depend on the student's own answers was not recorded, and raises `NotRecorded`.
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
"""The interpretation and the assumed mistakes of a truth."""
DIGEST_BYTES = 6
"""Length of a question's digest. A pack has tens of thousands of questions, so their digests are short; collisions are
still very unlikely."""
DIGITS = 9
"""Number of decimal places of arrays that enter a digest. Later decimal places depend on the processor."""


@dataclass(frozen=True)
class TruthQuestion:
    """A question to a truth: the name of a method and the arguments of a call."""

    method: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    digest: bytes

    @classmethod
    def of(cls, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TruthQuestion:
        """Return the question with its digest."""
        over = hashlib.sha256(f"{method}|".encode())
        for argument in args:
            _add_to_digest(over, argument)
        if kwargs:
            _add_to_digest(over, kwargs)
        return cls(method, args, kwargs, over.digest())

    def under(self, key: TruthKey) -> int:
        """Return the digest of this question together with the key of the truth that is asked."""
        interpretation, assumed = key
        text = f"{interpretation}|{','.join(sorted(assumed))}|".encode()
        return int.from_bytes(hashlib.sha256(text + self.digest).digest()[:DIGEST_BYTES], "little")


class AnswerRecorder:
    """A factory of truths that record their answers.

    A known mistake, or another interpretation, changes a few methods of the reference. An answer that does not depend
    on these methods stays the same, and is not computed again.
    """

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self._made: dict[TruthKey, RecordingTruth] = {}
        self._first = ""
        """The first interpretation whose truth was requested."""
        self.places: dict[int, int] = {}
        """Digest of a question → index of its answer."""
        self.values: list[Any] = []
        """Distinct answers."""
        self.arrays, self.stored = _Distinct(), _Distinct()
        self.of_lines = False
        """True while the values for finding lines are recorded, because these need fewer digits."""

    def truth(self, interpretation: str, assumed: Assumptions) -> RecordingTruth:
        """Return the recording truth under an interpretation, with the assumed mistakes in it."""
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
        """Return a new truth, without cached answers."""
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
    """A truth that records its answers.

    Args:
        recorder: The recorder.
        key: The interpretation and the assumed mistakes.
        alike: Truths that differ from this one in a few methods. Answers that do not depend on these methods are
            copied from them.
        is_alike: True if answers may be copied from this truth to others. It then notes which methods each answer
            depends on, which doubles the time of an answer.
    """

    def __init__(
        self, recorder: AnswerRecorder, key: TruthKey, alike: Sequence[RecordingTruth], is_alike: bool
    ) -> None:
        self._recorder, self._key, self.truth = recorder, key, recorder.new(key)
        self._alike = [(other, changed_methods(other.truth, self.truth)) for other in alike]
        self._used: dict[int, frozenset[str] | None] = {}
        self._computing = _with_known_calls(recorder.new(key)) if is_alike else None
        self.asked: list[TruthQuestion] = []
        """The questions that have been asked so far."""

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            question = TruthQuestion.of(method, args, kwargs)
            self.asked.append(question)
            return self._recorder.values[self.place(question)]

        return ask

    def place(self, question: TruthQuestion) -> int:
        """Record the answer to a question, unless it is already recorded, and return the answer's index."""
        digest, places = question.under(self._key), self._recorder.places
        if digest not in places:
            place, self._used[digest] = self._answer(question)
            places[digest] = place
        return places[digest]

    def place_if_any(self, question: TruthQuestion) -> int | None:
        """Return the index of the answer to a question; None if computing it raises."""
        try:
            with np.errstate(all="ignore"):
                return self.place(question)
        except Exception:  # noqa: BLE001  a model with a mistake may raise anything
            return None

    def _answer(self, question: TruthQuestion) -> tuple[int, frozenset[str] | None]:
        """Compute and store an answer, and return its index and the names of the functions that compute it.

        The names are None if they are unknown.
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
        """Return the names of the functions that compute an answer; None if they are unknown."""
        return None if self.place_if_any(question) is None else self._used[question.under(self._key)]


class _Results:
    """The cache of a truth (`ModelTruth.once`). It knows for each result which functions have computed it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[object, Any, frozenset[str]]] = {}
        self._running: list[set[str]] = []
        """For each call in progress, the functions behind the results that the call took from the cache."""

    def calls(self, act: Callable[[], Any]) -> tuple[Any, frozenset[str]]:
        """Call a function. Return its value, and the names of the functions that compute it."""
        self._running.append(set())
        try:
            answer, names = called_functions(act)
        finally:
            of_results = self._running.pop()
        return answer, names | of_results

    def once(self, what: str, about: object, compute: Callable[[], Any]) -> Any:
        """See `ModelTruth.once`."""
        key = (what, id(about))
        if key not in self._known:
            self._known[key] = (about, *self.calls(compute))
        _, result, names = self._known[key]
        self._running[-1] |= names
        return result


def _with_known_calls(truth: Any) -> tuple[ModelTruth, _Results] | None:
    """Replace a truth's cache by one that notes functions (`_Results`), and return both; None if it is no
    `ModelTruth`."""
    if not isinstance(truth, ModelTruth):
        return None
    results = _Results()
    truth.once = results.once  # type: ignore[method-assign]
    truth.model = type(truth.model.__name__, (truth.model,), {})  # for which nothing is cached elsewhere
    return truth, results


def _ask(truth: Any, question: TruthQuestion) -> Any:
    return getattr(truth, question.method)(*question.args, **question.kwargs)


def called_functions(act: Callable[[], Any]) -> tuple[Any, frozenset[str]]:
    """Call a function. Return its value, and the names of all Python functions that it calls."""
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
    """Return the names of the methods in which two truths' models differ; None if they differ in other ways too."""
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
    """The contents of a pack's `recorded.bin`, with the interface of an assignment's truth.py."""

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
        """Read a `recorded.bin`. Raise `BadAssignment` if it is damaged."""
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
    """Return arrays in a form that compresses well: for each dtype, the first bytes of all numbers, then the second
    bytes, and so on. The first bytes of floats are similar, and the last ones are random."""
    numbers: dict[str, list[Array]] = {}
    for array in arrays:
        numbers.setdefault(array.dtype.str, []).append(array.reshape(-1))
    joined = {dtype: np.concatenate(flat) for dtype, flat in numbers.items()}
    return {
        "shapes": [[array.dtype.str, *array.shape] for array in arrays],
        "bytes": {d: np.ascontiguousarray(n.view(np.uint8).reshape(-1, n.itemsize).T) for d, n in joined.items()},
    }


def _unpacked(content: Mapping[str, Any]) -> list[Array]:
    """Return the arrays from the form that `_packed` returns."""
    joined = {d: np.ascontiguousarray(planes.T).reshape(-1).view(d) for d, planes in content["bytes"].items()}
    taken, arrays = dict.fromkeys(joined, 0), []
    for dtype, *shape in content["shapes"]:
        begin = taken[dtype]
        taken[dtype] += math.prod(shape)
        arrays.append(joined[dtype][begin : taken[dtype]].reshape(shape))
    return arrays


class _Distinct:
    """Distinct values in order of their first occurrence. Answers are recorded for the right solution and for each
    known mistake. Most mistakes change few answers, so equal answers are stored once."""

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
    """Return an answer with each array replaced by a reference."""
    return mapped(answer, np.ndarray, lambda array: Ref(str(arrays.place(array))))


def _with_arrays(answer: Any, arrays: Sequence[Any]) -> Any:
    return mapped(answer, Ref, lambda ref: arrays[int(ref.name)])


def _single_array(array: Array) -> Array:
    """Return a float64 array as float32 if its numbers fit. Return other arrays unchanged."""
    fits = array.dtype == np.float64 and np.abs(array).max(initial=0) < np.finfo(np.float32).max
    return array.astype(np.float32) if fits else array


def _rounded(array: Array) -> Array:
    """Return a float32 array rounded to 19 significant bits, which compresses better. Relative errors are below
    4e-6."""
    if array.dtype != np.float32:
        return array
    return np.asarray(array.view(np.uint32) & np.uint32(0xFFFFFFE0)).view(np.float32)


def _encodable(answer: Any, method: str) -> Any:
    """Return an answer with numpy scalars as arrays. Raise `BadAssignment` if it cannot be encoded."""
    answer = mapped(answer, np.generic, np.asarray)
    try:
        encode(answer)
    except WireError:
        raise BadAssignment(
            f"the truth's {method} returns a {type(answer).__name__}, which a student's pack cannot hold: return "
            "numbers, arrays, or lists and dicts of them"
        ) from None
    return answer


_DIGESTS: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()
"""Cached digests of dataclass instances, which occur in many questions. Only instances of classes with `eq=False` are
cached, because these do not change."""


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
    """Add an argument to a digest in a canonical order."""
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
