"""The recorded right results that a student's pack contains instead of the reference solution.

A truth is an object that computes right results. A question is a call of a truth's method with its arguments, for
example `truth.loss(problem)`; the answer is the result. The answers for the public problems are stored under a digest
of the question. A question whose arguments depend on the student's results was not recorded, and raises `NotRecorded`.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import PREFIX, Ref, WireError, decode, encode
from grader.kit.calls import mapped
from grader.kit.claim import NotRecorded
from grader.kit.diagnosis import Assumptions, Interpretation, Mistake, Truths
from grader.kit.lines import Line
from grader.model.grouping import grouped
from grader.sandbox.contract import Array

RECORDED = "recorded.bin"
TruthKey = tuple[str, Assumptions]
"""Key of a truth: (id of the interpretation of the task, ids of the known mistakes that the truth makes). A truth is an
object that computes right results."""
DIGEST_BYTES = 6
"""Number of bytes of a question's digest. A pack has tens of thousands of questions, so the digests are short;
collisions are still very unlikely."""
DIGITS = 9
"""Number of decimal places to which arrays are rounded before their digest is computed. Later decimal places depend on
the processor."""


@dataclass(frozen=True)
class TruthQuestion:
    """A method call of a truth (an object that computes right results), with its arguments. The result is its
    answer."""

    method: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    digest: bytes

    @classmethod
    def of(cls, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TruthQuestion:
        """Create a question and compute its digest."""
        hasher = hashlib.sha256(f"{method}|".encode())
        for argument in args:
            _add_to_digest(hasher, argument)
        if kwargs:
            _add_to_digest(hasher, kwargs)
        return cls(method, args, kwargs, hasher.digest())

    def under(self, key: TruthKey) -> int:
        """Return a digest of this question and of `key`, which names the object with right results that answers it."""
        interpretation, assumed = key
        text = f"{interpretation}|{','.join(sorted(assumed))}|".encode()
        return int.from_bytes(hashlib.sha256(text + self.digest).digest()[:DIGEST_BYTES], "little")


@dataclass
class Answers:
    """Recorded results, without duplicates. Results of the reference without and with a known mistake are recorded;
    many are equal, because a mistake changes few of them."""

    of_questions: dict[int, bytes] = field(default_factory=dict)
    """Digest of a question (a method call, see `TruthQuestion`) → digest of its answer."""
    distinct: dict[bytes, Any] = field(default_factory=dict)
    """Digest of an answer → the answer, with a `Ref` in the place of each array."""
    arrays: dict[str, Array] = field(default_factory=dict)
    """Name in a `Ref` → array."""

    def add(self, answer: Any) -> bytes:
        """Store an answer and return its digest.

        Raises:
            WireError: If the answer contains something that cannot be stored.
        """
        stored = mapped(answer, (float, np.ndarray), self._stored)
        header, _ = encode(stored)
        digest = hashlib.sha256(header).digest()
        self.distinct.setdefault(digest, stored)
        return digest

    def _stored(self, item: float | Array) -> float | Ref:
        """Return a number or array as it is stored: an array is added to `arrays` and replaced by a `Ref`. Every NaN
        becomes `_NAN`."""
        if isinstance(item, float):
            return item if item == item else _NAN
        if item.dtype.kind == "f" and (nan := np.isnan(item)).any():
            item = np.where(nan, item.dtype.type(_NAN), item)
        name = hashlib.sha256(f"{item.dtype.str}{item.shape}".encode() + item.tobytes()).hexdigest()
        if name not in self.arrays:
            encode(item)  # raises an error if it cannot be stored
            self.arrays[name] = item
        return Ref(name)

    def update(self, others: Answers) -> None:
        """Add the answers in `others`. If a question has an answer already, keep that answer."""
        for question, digest in others.of_questions.items():
            if question in self.of_questions:
                continue
            self.of_questions[question] = digest
            if digest not in self.distinct:
                self.distinct[digest] = answer = others.distinct[digest]
                mapped(answer, Ref, lambda ref: self.arrays.setdefault(ref.name, others.arrays[ref.name]))


_NAN = math.copysign(math.nan, -1)
"""Every NaN is stored as this one. Otherwise its sign would depend on how often a line has run: after a few calls,
Python 3.11 uses other instructions to add numbers."""


class AnswerRecorder:
    """Creates truths (objects that compute right results) and stores their answers.

    Args:
        truths: Function that creates a truth.
        of_lines: True to record values that are only used to find faulty lines. These are stored with fewer digits.
    """

    def __init__(self, truths: Truths, *, of_lines: bool = False) -> None:
        self._truths = truths
        self._of_lines = of_lines
        self._made: dict[TruthKey, RecordingTruth] = {}
        self.answers = Answers()
        self.values: dict[bytes, Any] = {}
        """Digest of an answer → the answer as it was computed."""

    def truth(self, interpretation: str, assumed: Assumptions) -> RecordingTruth:
        """Return the object that computes right results under an interpretation of the task, with the assumed known
        mistakes. The object records its answers."""
        key = (interpretation, assumed)
        if key not in self._made:
            self._made[key] = RecordingTruth(self, key, self._truths(*key))
        return self._made[key]

    def add(self, method: str, answer: Any, *, in_single: bool) -> bytes:
        """Store an answer of a method, and return its digest.

        Args:
            method: The method, for messages.
            answer: Its result.
            in_single: True to store arrays in float32.

        Raises:
            BadAssignment: If a student's pack cannot store the answer.
        """
        answer = mapped(answer, np.generic, np.asarray)
        stored = mapped(answer, np.ndarray, _single_array) if self._of_lines or in_single else answer
        if self._of_lines:
            stored = mapped(stored, np.ndarray, _rounded)
        try:
            digest = self.answers.add(stored)
        except WireError:
            raise BadAssignment(
                f"the truth's {method} returns a {type(answer).__name__}, which a student's pack cannot store: return "
                "numbers, arrays, or lists and dicts of them"
            ) from None
        self.values.setdefault(digest, answer)
        return digest

    def taken(self) -> Answers:
        """Return the answers that were recorded since the last call of this method."""
        answers, self.answers = self.answers, Answers()
        return answers


class RecordingTruth:
    """A truth (an object that computes right results) that records its answers.

    Args:
        recorder: Stores the answers.
        key: The interpretation of the task, and the known mistakes that the truth makes.
        truth: The truth, which computes the answers. It may have an attribute `loosely_compared`: names of methods
            whose arrays are stored in float32.
    """

    def __init__(self, recorder: AnswerRecorder, key: TruthKey, truth: Any) -> None:
        self._recorder, self._key, self._truth = recorder, key, truth
        self._digests: dict[bytes, int] = {}
        self.asked: list[TruthQuestion] = []
        """All questions that were asked since the list was last cleared."""

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return a function that calls the truth's method of this name and records the question and its answer."""

        def ask(*args: Any, **kwargs: Any) -> Any:
            question = TruthQuestion.of(method, args, kwargs)
            self.asked.append(question)
            return self._recorder.values[self.record(question)]

        return ask

    def record(self, question: TruthQuestion) -> bytes:
        """Compute and record the answer to a question if it is new. Return the digest of the answer."""
        digest = self._digest(question)
        recorded = self._recorder.answers.of_questions
        if digest not in recorded:
            answer = getattr(self._truth, question.method)(*question.args, **question.kwargs)
            if isinstance(answer, Iterator):  # computed when it is asked for
                answer = list(answer)
            loosely = question.method in getattr(self._truth, "loosely_compared", ())
            recorded[digest] = self._recorder.add(question.method, answer, in_single=loosely)
        return recorded[digest]

    def _digest(self, question: TruthQuestion) -> int:
        """Return the digest of a question under this truth's key. It is computed once."""
        if question.digest not in self._digests:
            self._digests[question.digest] = question.under(self._key)
        return self._digests[question.digest]


class RecordedTruth:
    """The contents of `recorded.bin` in a student's pack. It offers the same functions as an assignment's truth.py."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.digest = str(content["digest"])
        *arrays, questions, places = _unpacked(content)
        answers = [mapped(answer, Ref, lambda ref: arrays[int(ref.name)]) for answer in content["answers"]]
        self._answers = {
            question: answers[place] for question, place in zip(questions.tolist(), places.tolist(), strict=True)
        }
        self._mistakes = [  # in older packs, the rows of lines have more fields
            Mistake(
                id,
                topic,
                sentence,
                tuple(Line(tuple(names), reads, first) for names, reads, *_, first in lines),
                carries,
            )
            for id, topic, sentence, lines, carries in content["mistakes"]
        ]
        self._interpretations = [Interpretation(id, remark) for id, remark in content["readings"]]

    def mistakes(self, _config: Mapping[str, Any]) -> Sequence[Mistake]:
        """Return the known mistakes."""
        return self._mistakes

    def interpretations(self, _config: Mapping[str, Any]) -> Sequence[Interpretation]:
        """Return the accepted interpretations of the task."""
        return self._interpretations

    def truths(self, _config: Mapping[str, Any]) -> Truths:
        """Return a function that creates truths, which are objects that return the recorded answers."""
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
    """A truth that looks its answers up. Any other question raises `NotRecorded`."""

    def __init__(self, key: TruthKey, answers: Mapping[int, Any]) -> None:
        self._key, self._answers = key, answers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return a function that looks up the answer to a call of this method."""

        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return self._answers[TruthQuestion.of(method, args, kwargs).under(self._key)]
            except KeyError:
                raise NotRecorded(method) from None

        return ask


def dumps(
    digest: str, answers: Answers, mistakes: Sequence[Mistake], interpretations: Sequence[Interpretation]
) -> bytes:
    """Return the content of a `recorded.bin`.

    Args:
        digest: Digest of the assignment.
        answers: The recorded answers.
        mistakes: The assignment's known mistakes.
        interpretations: The assignment's accepted interpretations.
    """
    questions = sorted(answers.of_questions)
    index_of_answer = {digest: i for i, digest in enumerate(answers.distinct)}
    index_of_array = {name: str(i) for i, name in enumerate(answers.arrays)}
    # for each question, the index of its answer
    places = [index_of_answer[answers.of_questions[question]] for question in questions]
    content = {
        "digest": digest,
        "answers": [mapped(a, Ref, lambda ref: Ref(index_of_array[ref.name])) for a in answers.distinct.values()],
        **_packed([*answers.arrays.values(), np.array(questions, np.uint64), np.array(places, np.uint32)]),
        "mistakes": [
            [m.id, m.topic, m.sentence, [[list(li.computes), *astuple(li)[1:]] for li in m.line], m.carries]
            for m in mistakes
        ],
        "readings": [[r.id, r.remark] for r in interpretations],
    }
    header, buffers = encode(content, max_header_bytes=1 << 30)  # trusted data for a file, so no small bound
    return zlib.compress(header + b"".join(buffers), 6)  # level 9 takes three times as long for 0.5 %


def _packed(arrays: Sequence[Array]) -> dict[str, Any]:
    """Convert arrays to a form that compresses well. The numbers of each dtype are split into bytes: all first bytes,
    then all second bytes, and so on."""
    numbers = grouped((array.dtype.str, array.reshape(-1)) for array in arrays)
    joined = {dtype: np.concatenate(flat) for dtype, flat in numbers.items()}
    return {
        "shapes": [[array.dtype.str, *array.shape] for array in arrays],
        "bytes": {d: np.ascontiguousarray(n.view(np.uint8).reshape(-1, n.itemsize).T) for d, n in joined.items()},
    }


def _unpacked(content: Mapping[str, Any]) -> list[Array]:
    """Restore the arrays that `_packed` has converted."""
    joined = {d: np.ascontiguousarray(planes.T).reshape(-1).view(d) for d, planes in content["bytes"].items()}
    taken = dict.fromkeys(joined, 0)  # dtype → how many of its numbers belong to earlier arrays
    arrays = []
    for dtype, *shape in content["shapes"]:
        begin = taken[dtype]
        taken[dtype] += math.prod(shape)
        arrays.append(joined[dtype][begin : taken[dtype]].reshape(shape))
    return arrays


def _single_array(array: Array) -> Array:
    """Convert a float64 array to float32 if no number overflows. Return other arrays unchanged."""
    fits = array.dtype == np.float64 and np.abs(array).max(initial=0) < np.finfo(np.float32).max
    return array.astype(np.float32) if fits else array


def _rounded(array: Array) -> Array:
    """Truncate the numbers of a float32 array to 19 significant bits, so that they compress better. The relative error
    is below 4e-6."""
    if array.dtype != np.float32:
        return array
    return np.asarray(array.view(np.uint32) & np.uint32(0xFFFFFFE0)).view(np.float32)


_DIGESTS: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()
"""Cached digests of dataclass instances, since an instance may occur in many questions. Only instances of classes with
`eq=False` are cached, because their fields do not change."""


def _digest_of_fields(value: Any) -> bytes:
    """Return the digest of a dataclass instance, from the cache if it may be cached."""
    if value.__dataclass_params__.eq:
        return _new_digest_of_fields(value)
    if value not in _DIGESTS:
        _DIGESTS[value] = _new_digest_of_fields(value)
    return _DIGESTS[value]


def _new_digest_of_fields(value: Any) -> bytes:
    """Compute the digest of a dataclass instance from its fields."""
    hasher = hashlib.sha256()
    for item in fields(value):
        _add_to_digest(hasher, getattr(value, item.name))
    return hasher.digest()


def _add_to_digest(hasher: Any, value: Any) -> None:
    """Update a hash with an argument of a question. Equal arguments give equal digests: dict keys are sorted, and
    arrays are rounded."""
    if is_dataclass(value) and not isinstance(value, type):
        hasher.update(_digest_of_fields(value))
    elif isinstance(value, Mapping):
        for name in sorted(value):
            hasher.update(f"{name}=".encode())
            _add_to_digest(hasher, value[name])
    elif isinstance(value, np.ndarray):
        hasher.update(f"{value.shape}".encode())
        hasher.update((np.round(value.astype(np.float64), DIGITS) + 0.0).tobytes())
    elif isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) or is_dataclass(v) for v in value):
        for item in value:
            _add_to_digest(hasher, item)
    else:
        hasher.update(f"{value!r};".encode())
