"""Recorded answers of the reference: a student's pack contains its answers to the public problems instead of itself.

Recording calls the real reference and stores every answer under a digest of the call. Replay looks answers up; a call
that depends on the student's answer was not recorded and raises `NotRecorded`.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import PREFIX, WireError, decode, encode
from grader.kit.claim import NotRecorded
from grader.kit.diagnosis import Assumptions, Interpretation, Mistake, Truths
from grader.kit.lines import Line

RECORDED = "recorded.bin"
DIGITS = 9
"""Decimal places to which arrays must agree to count as the same argument: processors differ in the last bits."""


class AnswerRecorder:
    """Truths that record their answers."""

    def __init__(self, truths: Truths) -> None:
        self._truths = truths
        self.answers: dict[str, Any] = {}

    def truth(self, interpretation: str, assumed: Assumptions) -> Any:
        """Return the truth under an interpretation and assumed mistakes. It records every answer that it computes."""
        return _RecordingTruth(self._truths(interpretation, assumed), _truth_key(interpretation, assumed), self.answers)


class _RecordingTruth:
    def __init__(self, truth: Any, key: str, answers: dict[str, Any]) -> None:
        self._truth, self._key, self._answers = truth, key, answers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            answer = getattr(self._truth, method)(*args, **kwargs)
            self._answers[_question_digest(self._key, method, args, kwargs)] = _encodable(answer, method)
            return answer

        return ask


class RecordedTruth:
    """The contents of a pack's `recorded.bin`, used in place of an assignment's truth.py."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.digest = str(content["digest"])
        distinct = content["answers"]
        self._answers: Mapping[str, Any] = {question: distinct[at] for question, at in content["questions"].items()}
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
        return lambda interpretation, assumed: _RecordedAnswers(_truth_key(interpretation, assumed), self._answers)

    @classmethod
    def read(cls, file: Path) -> RecordedTruth:
        """Read a `recorded.bin`. Raise `BadAssignment` if it is damaged."""
        try:
            frame = zlib.decompress(file.read_bytes())
            header_bytes, _ = PREFIX.unpack(frame[: PREFIX.size])
            middle = PREFIX.size + header_bytes
            return cls(decode(frame[PREFIX.size : middle], bytearray(frame[middle:])))
        except (zlib.error, WireError, KeyError, ValueError, TypeError) as wrong:
            raise BadAssignment(f"{file.name} cannot be read ({wrong}): download the pack again") from None


class _RecordedAnswers:
    def __init__(self, key: str, answers: Mapping[str, Any]) -> None:
        self._key, self._answers = key, answers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return self._answers[_question_digest(self._key, method, args, kwargs)]
            except KeyError:
                raise NotRecorded(method) from None

        return ask


def write(
    file: Path,
    digest: str,
    answers: Mapping[str, Any],
    mistakes: Sequence[Mistake],
    interpretations: Sequence[Interpretation],
) -> None:
    """Write a `recorded.bin`.

    Args:
        file: Its path.
        digest: Digest of the assignment.
        answers: The recorded answers of an `AnswerRecorder`.
        mistakes: The assignment's known mistakes.
        interpretations: The assignment's accepted interpretations.
    """
    distinct, questions = _distinct(answers)
    content = {
        "digest": digest,
        "answers": distinct,
        "questions": questions,
        "mistakes": [
            [m.id, m.topic, m.sentence, [[list(li.computes), *astuple(li)[1:]] for li in m.line], m.carries]
            for m in mistakes
        ],
        "readings": [[r.id, r.remark] for r in interpretations],
    }
    header, buffers = encode(content, max_header_bytes=1 << 30)  # trusted data for a file, so no small bound
    file.write_bytes(zlib.compress(header + b"".join(buffers), 9))


def _distinct(answers: Mapping[str, Any]) -> tuple[list[Any], dict[str, int]]:
    """Return the distinct answers, and the index of each call's answer: most mistakes change few answers."""
    places: dict[bytes, int] = {}
    distinct: list[Any] = []
    questions: dict[str, int] = {}
    for question, answer in answers.items():
        header, buffers = encode(answer)
        content = hashlib.sha256(header + b"".join(buffers)).digest()
        if content not in places:
            places[content] = len(distinct)
            distinct.append(answer)
        questions[question] = places[content]
    return distinct, questions


def _truth_key(interpretation: str, assumed: Assumptions) -> str:
    return f"{interpretation}|{','.join(sorted(assumed))}"


def _encodable(answer: Any, method: str) -> Any:
    """Return the answer. Raise `BadAssignment` if it cannot be encoded."""
    try:
        encode(answer)
    except WireError:
        raise BadAssignment(
            f"the truth's {method} returns a {type(answer).__name__}, which a student's pack cannot hold: return "
            "numbers, arrays, or lists and dicts of them"
        ) from None
    return answer


def _question_digest(key: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    over = hashlib.sha256(f"{key}|{method}|".encode())
    for argument in args:
        _add_to_digest(over, argument)
    if kwargs:
        _add_to_digest(over, kwargs)
    return over.hexdigest()[:32]


def _add_to_digest(over: Any, value: Any) -> None:
    """Add an argument to a digest in a canonical order."""
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            _add_to_digest(over, getattr(value, one.name))
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
