"""Results of calls of a student's code. If a call raises or is stopped, the `Answer` has a `Failure` as its value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from grader.model import Died, FailedCall, Failure, Limit, Raised, Stopped, Unusable


@dataclass(frozen=True)
class Answer:
    """The value that a call of the student's code returned, or the call's failure."""

    what: str
    """Name of the call or value for messages: "loss(X, y, reg=0.1)" or "grads['W1']"."""
    value: Any
    """The returned value as plain data, or a `Failure`."""

    @classmethod
    def later(cls, what: str, compute: Callable[[], Any]) -> Answer:
        """Return an answer whose value is computed when it is first used."""
        answer = object.__new__(cls)
        vars(answer).update(what=what, compute=compute)
        return answer

    def __getattr__(self, name: str) -> Any:
        if name != "value":
            raise AttributeError(name)
        value = vars(self)["value"] = vars(self)["compute"]()
        return value

    def named(self, what: str) -> Answer:
        """Return the same answer under another name for messages."""
        return Answer.later(what, lambda: self.value)

    @property
    def failure(self) -> Failure | None:
        return self.value if isinstance(self.value, Failure) else None

    def item(self, key: int | str, label: str) -> Answer:
        """Return one item of the returned tuple, list or dict as an answer.

        Args:
            key: Index of a tuple or list, or key of a dict.
            label: Name of the item for messages: "grads['W1']".

        Returns:
            The item, or a failure if the call failed or the item is missing.
        """
        if "value" not in vars(self):
            return Answer.later(label, lambda: Answer(self.what, self.value).item(key, label).value)
        if self.failure is not None:
            return Answer(label, self.value)
        if isinstance(key, str):
            if isinstance(self.value, dict) and key in self.value:
                return Answer(label, self.value[key])
            return Answer(label, Unusable(f"{_brief(self.what)} has no {key!r}: it is {describe(self.value)}"))
        if isinstance(self.value, list) and len(self.value) > key:
            return Answer(label, self.value[key])
        return Answer(label, Unusable(f"the call must return several values but returned {describe(self.value)}"))

    def unpack(self, count: int) -> tuple[Answer, ...]:
        """Return the items of the returned tuple, each as an answer.

        Args:
            count: Expected number of items.

        Returns:
            One answer per item. All are failures if the call failed or returned a different number of values.
        """
        names = [f"{self.what}[{number}]" for number in range(count)]
        if self.failure is not None:
            return tuple(Answer(self.what, self.value) for _ in names)
        values = list(self.value) if isinstance(self.value, np.ndarray) and self.value.ndim == 1 else self.value
        if isinstance(values, list) and len(values) == count:
            return tuple(Answer(name, value) for name, value in zip(names, values, strict=True))
        wrong = Unusable(f"it must return {count} values but returned {describe(self.value)}")
        return tuple(Answer(self.what, wrong) for _ in names)


def _brief(call: str) -> str:
    """Replace the arguments of a long call by "…" for a message: "loss(…)"."""
    function, bracket, _ = call.partition("(")
    return f"{function}(…)" if bracket and len(call) > MAX_CALL else call


MAX_CALL = 40
MAX_KEYS = 12


def describe(value: Any) -> str:
    """Describe a value by type, shape or length for messages to students: "an array of shape (3, 4)"."""
    if value is None:
        return "None (is a return missing?)"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"an array of shape {shape}" if shape else "a single number"
    if isinstance(value, list):
        if not value or isinstance(value[0], bool | int | float):
            return f"{len(value)} values"
        return f"a list of {len(value)}, the first {describe(value[0])}"
    if isinstance(value, dict):
        keys = [key[:40] for key in sorted(value)[:MAX_KEYS]] + ["…"] * (len(value) > MAX_KEYS)
        return f"a dict with the keys {keys}"
    kind = getattr(value, "kind", None) or type(value).__name__
    return f"an {kind}" if kind[:1] in "aeiouAEIOU" else f"a {kind}"


def failed_call(failure: Failure, label: str) -> FailedCall:
    """Return a description of a failed call, with advice on how to fix it.

    Args:
        failure: The failure of the call.
        label: Text of the call: "loss(X, y)".
    """
    call = failure.before or label
    match failure:
        case Raised():
            error = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
            return FailedCall(call, error, _advice(failure), failure.place, failure.caret)
        case Stopped():
            given_up = " (it was not called again after two calls had been stopped)" if failure.given_up else ""
            return FailedCall(call, _explain_stopped(failure) + given_up, limit=failure.limit)
        case Died(detail) | Unusable(detail):
            return FailedCall(call, detail)
        case _:
            assert_never(failure)


def explain(failure: Failure) -> str:
    """Return a sentence that describes a failure and says how to fix it."""
    return failed_call(failure, "").explanation


def _explain_stopped(stopped: Stopped) -> str:
    """Return a clause that names the limit at which a call was stopped, and what to look for in the code."""
    allowed = stopped.allowed
    match stopped.limit:
        case Limit.WALL if stopped.whole_submission:
            return (
                f"the whole submission may take {allowed:g} seconds, and they are used up: look for code that waits or "
                "sleeps, and for loops that numpy could do"
            )
        case Limit.REPLY if stopped.whole_submission:
            return (
                f"the answers of the whole submission are larger than {allowed / (1 << 20):g} MiB together: return "
                "arrays of the requested shapes"
            )
        case Limit.CPU:
            return (
                f"it used more than {allowed:g} CPU seconds and was stopped: vectorise it, or look for an endless loop"
            )
        case Limit.WALL:
            return f"it did not finish within {allowed:g} seconds although it hardly computed: does it wait or sleep?"
        case Limit.REPLY:
            return f"its answer is larger than {allowed / (1 << 20):g} MiB"
        case _:
            assert_never(stopped.limit)


_PYTHON_2 = {
    "xrange": "range", "raw_input": "input", "unicode": "str", "basestring": "str", "long": "int",
    "reduce": "functools.reduce", "iteritems": "items", "iterkeys": "keys", "itervalues": "values", "has_key": "in",
    "cPickle": "pickle", "urllib2": "urllib.request",
}  # fmt: skip
"""Names that exist only in Python 2, with their replacements in Python 3."""
_OF_PYTHON_2 = f"'(?P<old>{'|'.join(_PYTHON_2)})'"
_BUILT_IN = "float|int|bool|object|str|long|unicode|complex"
_NO_NETWORK = (
    "The sandbox has no network: your code receives its data as arguments. Remove the download, or put it under "
    'if __name__ == "__main__"'
)
_DOES_NOT_FIT = "does not accept the arguments of this call"

_ADVICE = (
    (
        "SyntaxError|TabError",
        r"call to '(print|exec)'|multiple exception types|leading zeros in decimal",
        "This is Python 2: write print(…) with brackets, and port the file to Python 3",
    ),
    ("SyntaxError|IndentationError|TabError", "", "Python cannot read the file; fix this line first"),
    (
        "NameError",
        "because the statement that defines it failed",
        "A method or function must not use global data or results: use its arguments instead",
    ),
    ("NameError", "'get_ipython'", "get_ipython exists in notebooks only: remove this line"),
    ("NameError", rf"name {_OF_PYTHON_2}", "This is Python 2: write {new} instead of {old}"),
    ("ModuleNotFoundError", rf"No module named {_OF_PYTHON_2}", "This is Python 2: import {new} instead of {old}"),
    (
        "AttributeError",
        rf"module 'numpy' has no attribute '(?P<old>{_BUILT_IN})'",
        "Newer numpy has removed np.{old}: write {builtin}",
    ),
    ("AttributeError", rf"has no attribute {_OF_PYTHON_2}", "This is Python 2: write {new} instead of {old}"),
    (
        "AttributeError",
        r"module 'numpy' has no attribute '(?P<old>\w+)'|`np\.(?P<older>\w+)` was removed",
        "This numpy has no np.{old}{older}: newer versions have removed it, or it is misspelt",
    ),
    ("URLError|HTTPError|gaierror|ConnectionError|ConnectTimeout|SSLError", "", _NO_NETWORK),
    (
        "ModuleNotFoundError|ImportError",
        "",
        "This module was not found. The sandbox has numpy, scipy, matplotlib, scikit-learn, pandas, seaborn and "
        "tqdm, and no network. Upload your own modules with your code. Do not load data: your code receives it as "
        "arguments",
    ),
    (
        "FileNotFoundError",
        "",
        "This file was not uploaded: upload it with your code. Do not load data: your code receives it as arguments",
    ),
    ("NotImplementedError", "", "This part still waits to be written"),
    ("EOFError", "", "input() gets no answer in the sandbox: remove it"),
    ("SystemExit", "", "Remove exit() and sys.exit()"),
    ("MemoryError", "", "Your code needs more memory than the limit allows"),
    (
        "TypeError",
        r"^\w[\w.<>]*\.(?P<name>\w+)\(\) (got (multiple|an unexpected)|takes .*given|missing .*argument)",
        f"{{name}}() {_DOES_NOT_FIT}: in its def line self comes first, then the handout's arguments by their names",
    ),
    (
        "TypeError",
        r"^(?P<name>\w+)\(\) (got (multiple|an unexpected)|takes .*given|missing .*argument)",
        f"{{name}}() {_DOES_NOT_FIT}",
    ),
    (
        "TypeError",
        r"float\d*' object cannot be interpreted as an integer|slice indices must be integers",
        "A whole number is needed here: check where this one comes from (/ gives a float, and so does // by a float)",
    ),
    (
        "TypeError",
        "only 0-dimensional arrays can be converted",
        "A single number is needed here, but this is an array: compute one number, or use .item() if the array has one "
        "entry",
    ),
)  # fmt: skip
"""Advice for errors: (pattern of the exception's name, pattern of its message, advice). The first match is used."""


def _advice(raised: Raised) -> str:
    """Return the first advice in `_ADVICE` that matches an exception; "" if there is none. Named groups of the pattern
    fill the placeholders of the advice, and names of Python 2 are translated."""
    for kind, pattern, advice in _ADVICE:
        match = re.search(pattern, raised.message)
        if match is not None and re.fullmatch(kind, raised.kind):
            named = {name: text or "" for name, text in match.groupdict().items()}
            old = named.get("old", "")
            builtin = {"long": "int", "unicode": "str"}.get(old, old)
            return advice.format_map(named | {"new": _PYTHON_2.get(old, old), "builtin": builtin})
    return ""
