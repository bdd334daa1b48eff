"""What a student's code answered, or why it did not: a value either way, which flows on into the claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, assert_never

from grader.model import Died, Failure, Limit, Raised, Stopped, Unusable

FAILURES = (Raised, Stopped, Died, Unusable)


@dataclass(frozen=True)
class Answer:
    what: str
    """In the student's words: "loss(X, y, reg=0.1)", "grads['W1']"."""
    value: Any
    """Plain data, or a `Failure`."""

    @property
    def failure(self) -> Failure | None:
        return self.value if isinstance(self.value, FAILURES) else None

    def item(self, key: int | str, what: str) -> Answer:
        """One element of a tuple or a dict; a missing one is the student's failure."""
        if self.failure is not None:
            return Answer(what, self.value)
        if isinstance(key, str):
            if isinstance(self.value, dict) and key in self.value:
                return Answer(what, self.value[key])
            return Answer(what, Unusable(f"{self.what} has no {key!r}: it is {describe(self.value)}"))
        if isinstance(self.value, list) and len(self.value) > key:
            return Answer(what, self.value[key])
        return Answer(what, Unusable(f"{self.what} must return several values but returned {describe(self.value)}"))


MAX_KEYS = 12


def describe(value: Any) -> str:
    """A value's kind in words that a student knows."""
    if value is None:
        return "None (is a return missing?)"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"an array of shape {shape}" if shape else "a single number"
    if isinstance(value, list):
        return f"{len(value)} values"
    if isinstance(value, dict):
        keys = [key[:40] for key in sorted(value)[:MAX_KEYS]] + ["…"] * (len(value) > MAX_KEYS)
        return f"a dict with the keys {keys}"
    kind = getattr(value, "kind", None) or type(value).__name__
    return f"a {kind}"


_OLD_NUMPY = ("float", "int", "bool", "object", "str", "long", "unicode", "complex")


def explain(failure: Failure) -> str:
    """One clear sentence that says what happened and what to do."""
    match failure:
        case Raised():
            return _explain_raised(failure)
        case Stopped():
            given_up = " (it was not called again after two calls had been stopped)" if failure.given_up else ""
            return _explain_stopped(failure) + given_up
        case Died(detail):
            return f"{detail}: take out os._exit, and anything that kills or replaces the process"
        case Unusable(detail):
            return detail
        case _:
            assert_never(failure)


def _explain_stopped(stopped: Stopped) -> str:
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
                "arrays of the shapes that are asked for"
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


def _explain_raised(raised: Raised) -> str:
    column = f", column {raised.caret}" if raised.caret else ""
    where = f" ({raised.place}{column})" if raised.place else ""
    hint = _hint(raised)
    message = f"{raised.kind}: {raised.message}" if raised.message else raised.kind
    return f"{message}{where}" + (f". {hint}" if hint else "")


_PYTHON_2_NAMES = r"'(xrange|raw_input|unicode|reduce|basestring|long)'"
_PYTHON_2_MODULES = (
    r"'(cPickle|c?StringIO|ConfigParser|HTMLParser|Queue|Tkinter|__builtin__|commands|copy_reg|httplib|url(lib2|parse))"
)

_HINTS = (
    ("SyntaxError", r"call to 'print'", "This is Python 2: write print(…) with brackets"),
    ("SyntaxError|IndentationError|TabError", "", "Python cannot read the file; mend this line first"),
    (
        "NameError",
        "because its cell failed",
        "Let no method rely on data or results of other cells: it is given what it needs as arguments",
    ),
    ("NameError", _PYTHON_2_NAMES, "This is Python 2: use range, input, str or functools.reduce"),
    ("AttributeError", r"'dict' object has no attribute 'iter", "This is Python 2: use .items(), .keys(), .values()"),
    (
        "AttributeError",
        "module 'numpy' has no attribute",
        "Newer numpy has removed this name; for np.float, np.int, np.bool write float, int, bool",
    ),
    (
        "ModuleNotFoundError",
        rf"No module named {_PYTHON_2_MODULES}",
        "This is Python 2: use pickle, io, queue, configparser or urllib",
    ),
    (
        "ModuleNotFoundError|ImportError",
        "",
        "The grader has numpy, scipy, matplotlib, scikit-learn, pandas, seaborn and tqdm; "
        "hand in files of your own with mlp.py",
    ),
    ("NotImplementedError", "", "This part still waits to be written"),
    ("EOFError", "", "Nobody is there to answer input(): take it out"),
    ("SystemExit", "", "Take out exit() and sys.exit()"),
    ("MemoryError", "", "It needs more memory than the limit allows"),
    ("TypeError", r"positional argument|unexpected keyword argument", "Keep the signature that the handout gives"),
)
"""(kind, pattern of the message, what to do) of the errors that students meet most; the first that fits."""


def _hint(raised: Raised) -> str:
    for kind, message, hint in _HINTS:
        if re.fullmatch(kind, raised.kind) and re.search(message, raised.message):
            return hint
    return ""
