"""Draw fresh inputs that resemble an assignment's example calls.

data/examples.json has a few small calls of each function, or of an object's methods. `around` draws new sequences of
calls (episodes) of the same form. Equal lengths within an example are assumed to be the same axis. Every axis gets a
different length, so that code that confuses two axes fails. If an integer argument is at most the length of a certain
axis in every example, it is at most the new length of this axis too.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import Ref
from grader.kit.calls import Array, Call, Episode
from grader.kit.draws import Draw, Each

EXAMPLES = "data/examples.json"
TRIES = 40
"""Limit on draws for each episode. A draw is dropped if the reference raises or if rounding decides its results."""
MOST_LENGTH = 40
"""Limit on the length of an axis. Lengths are drawn from a growing range until every array of labels has room for all
classes. An array of a single label never has room, so the range needs a limit."""
FARTHEST, NEARER = 300.0, 0.8
"""In every third episode (sequence of calls), the values of one array are up to 300 times as large as in the example,
to reveal overflow and cancellation. After each draw that the reference rejects, this factor is multiplied by 0.8."""


def examples(checks_file: str) -> list[Episode]:
    """Read the example calls of an assignment.

    Args:
        checks_file: `__file__` of its checks.py.

    Returns:
        One episode for each example, in the order of data/examples.json.

    Raises:
        BadAssignment: If data/examples.json is missing or malformed.
    """
    return read(Path(checks_file).parent / EXAMPLES)


def around(known: Sequence[Episode], name: str, count: int = 12) -> Each:
    """Return a function that draws fresh inputs for one function or method, for `@kit.check(section, each=...)`.

    Args:
        known: The examples, as `examples` returns them.
        name: The function or method whose answers are compared.
        count: How many episodes to draw.

    Returns:
        A function (draw, truth) → episodes. It raises `BadAssignment` if the reference rejects every drawn episode.

    Raises:
        BadAssignment: If no example calls the function or method.
    """
    forms = [one.until(name) for one in known if any(call.name == name for call in one.calls)]
    if not forms:
        raise BadAssignment(f"{EXAMPLES} has no call of {name!r}; add one, or remove its check from checks.py")

    def draw(drawn: Draw, truth: Any) -> Iterator[Episode]:
        found = [one for slot in range(count) if (one := _usable(slot, forms, known, drawn.random, truth)) is not None]
        if not found:
            raise BadAssignment(
                f"the reference rejects every input drawn around the examples of {name!r}: change the examples"
            )
        yield from found

    return draw


def _usable(
    slot: int, forms: Sequence[Episode], known: Sequence[Episode], random: np.random.Generator, truth: Any
) -> Episode | None:
    """Draw up to `TRIES` episodes, and return the first that `truth.usable` accepts; None if there is none."""
    for number in range(TRIES):
        form = forms[(slot + number // 4) % len(forms)]
        factor = max(FARTHEST * NEARER**number, 1.0) if slot % 3 == 2 else 1.0
        episode = fresh(form, known, random, factor)
        if truth.usable(episode):
            return episode
    return None


def fresh(form: Episode, known: Sequence[Episode], random: np.random.Generator, factor: float = 1.0) -> Episode:
    """Return an episode with the calls of an example, but other lengths, values and seed.

    Args:
        form: The example to imitate.
        known: All examples. A new integer argument is often a value from one of them.
        random: The generator to draw from.
        factor: Factor for the values of one of the arrays, which is chosen at random.
    """
    lengths = _lengths(form, random)
    large = random.choice(list(form.arrays)) if form.arrays else ""
    arrays = {
        name: _array(array, lengths, random, factor if name == large else 1.0) for name, array in form.arrays.items()
    }
    put = {
        attribute: {name: _parameter(value, values, lengths, random) for name, value in values.items()}
        for attribute, values in form.put.items()
    }
    choices = _choices(known)
    axes = [(axis, lengths[length]) for axis, length in _axes(form)]

    def scalar(place: Place, value: Any) -> Any:
        if type(value) is int:
            return _integer(value, choices.get(place, {value}), _limits(place, axes, known), lengths, random)
        return value * float(np.exp(0.5 * random.normal())) if type(value) is float else value

    def other(call: Call) -> Call:
        args = tuple(_changed(value, (call.name, i), scalar) for i, value in enumerate(call.args))
        kwargs = {name: _changed(value, (call.name, name), scalar) for name, value in call.kwargs.items()}
        return Call(call.name, args, kwargs)

    repeated = len(form.calls) > 1 and form.calls[-1] is form.calls[-2]
    calls = [other(call) for call in (form.calls[:-1] if repeated else form.calls)]
    return replace(
        form,
        calls=tuple(calls + calls[-1:] if repeated else calls),
        arrays=arrays,
        new=other(form.new) if form.new else None,
        put=put if random.random() < 0.7 else {},
        seed=int(random.integers(1 << 31)),
    )


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────


def _all_arrays(form: Episode) -> list[Array]:
    return [*form.arrays.values(), *(value for values in form.put.values() for value in values.values())]


def _lengths(form: Episode, random: np.random.Generator) -> dict[int, int]:
    """Return length in the example → new length. The new lengths all differ; length 1 stays 1."""
    known = sorted({n for array in _all_arrays(form) for n in array.shape if n > 1})
    labels = [
        (_classes(array, known), array.shape) for array in form.arrays.values() if _classes(array, known) in known
    ]
    most = max(12, len(known) + 4)
    while True:
        drawn = random.choice(np.arange(2, most + 1), size=len(known), replace=False)
        lengths = dict(zip(known, (int(n) for n in drawn), strict=True)) | {1: 1}
        have_room = all(np.prod([lengths[n] for n in shape]) >= lengths[classes] for classes, shape in labels)
        if have_room or most > MOST_LENGTH:
            return lengths
        most += 1  # this example needs a longer batch


def _classes(array: Array, known: Sequence[int]) -> int:
    """Return the number of classes of an array of labels; 0 if its entries cannot be labels.

    The number of classes is the shortest length in `known`, other than the array's own, that exceeds every label, such
    as the number of columns of scores. If there is none, it is the largest label plus one.
    """
    if array.dtype.kind not in "iu" or not array.ndim or array.min(initial=0) < 0:
        return 0
    values = int(array.max()) + 1
    others = [n for n in known if n not in array.shape]
    return min((n for n in others if n >= values), default=values)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────


def _array(example: Array, lengths: Mapping[int, int], random: np.random.Generator, factor: float) -> Array:
    shape = tuple(lengths[n] for n in example.shape)
    if example.dtype.kind == "b":
        return random.random(shape) < 0.5
    if example.dtype.kind in "iu":
        known = [n for n in lengths if n > 1]
        if (classes := _classes(example, known)) and int(example.max()) < 50:
            return _labels(shape, lengths.get(classes, classes), random).astype(example.dtype)
        return random.integers(example.min(), int(example.max()) + 1, size=shape).astype(example.dtype)
    low, high = float(example.min()), float(example.max())
    if low >= 0 and high <= 1:
        return random.random(shape).astype(example.dtype)
    values = factor * random.normal(float(example.mean()), float(example.std()) or abs(low) or 1.0, shape)
    return (np.abs(values) if low >= 0 else values).astype(example.dtype)


def _labels(shape: tuple[int, ...], classes: int, random: np.random.Generator) -> Array:
    """Return random labels. Every class occurs if there are at least as many labels as classes."""
    count = int(np.prod(shape))
    values = np.concatenate([random.permutation(classes)[:count], random.integers(0, classes, max(count - classes, 0))])
    return random.permutation(values).reshape(shape)


def _parameter(
    example: Array, others: Mapping[str, Array], lengths: Mapping[int, int], random: np.random.Generator
) -> Array:
    """Draw new values for one array in a dict attribute, with the example's standard deviation. If the example is
    constant, as initial biases are, use the largest standard deviation in `others`."""
    size = max((float(np.std(o)) for o in others.values()), default=0.0) or 1.0
    spread = float(example.std()) or size
    return random.normal(0.0, spread, tuple(lengths[n] for n in example.shape)).astype(example.dtype)


# ── integers ─────────────────────────────────────────────────────────────────────────────────────────

Place = tuple[str | int, ...]
"""The place where a value is passed: ("train", 0, "W1") is the item "W1" of argument 0 of train."""
Axis = tuple[Place, int]
"""An axis of an array: the place where the array is passed, and the number of the axis."""


def _places(form: Episode) -> Iterator[tuple[Place, Any]]:
    """Yield (place, value) for every value in the arguments of an episode's calls. Of lists and dicts, yield each
    item."""
    for call in (*([form.new] if form.new else []), *form.calls):
        for position, value in enumerate(call.args):
            yield from _items(value, (call.name, position))
        for name, value in call.kwargs.items():
            yield from _items(value, (call.name, name))


def _items(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, list | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _items(item, (*place, key))
    else:
        yield place, value


def _changed(value: Any, place: Place, change: Callable[[Place, Any], Any]) -> Any:
    """Return an argument with every value in it replaced by `change(place, value)`."""
    if isinstance(value, list):
        return [_changed(item, (*place, i), change) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _changed(item, (*place, key), change) for key, item in value.items()}
    return change(place, value)


def _axes(form: Episode) -> Iterator[tuple[Axis, int]]:
    """Yield ((place, axis number), length) for every axis of arrays that an episode passes or puts into attributes."""
    passed = [(place, form.arrays[ref.name]) for place, ref in _places(form) if isinstance(ref, Ref)]
    put = [(("put", to, name), array) for to, values in form.put.items() for name, array in values.items()]
    for place, array in [*passed, *put]:
        yield from (((place, axis), length) for axis, length in enumerate(array.shape))


def _choices(known: Iterable[Episode]) -> dict[Place, set[int]]:
    """Return place → integers that the examples pass there."""
    found: dict[Place, set[int]] = {}
    for place, value in itertools.chain.from_iterable(map(_places, known)):
        if type(value) is int:
            found.setdefault(place, set()).add(value)
    return found


def _limits(place: Place, axes: Sequence[tuple[Axis, int]], known: Iterable[Episode]) -> tuple[float, float]:
    """Return the least and the largest value of a new integer argument.

    If the integer is greater than the length of a certain axis in all examples, it must be greater than the new length
    of this axis too. The same applies to "less than" and "equal to". `axes` has the new lengths.
    """
    beyond: dict[Axis, set[int]] = {}
    for episode in known:
        values = [value for at, value in _places(episode) if at == place and type(value) is int]
        for axis, length in _axes(episode):
            beyond.setdefault(axis, set()).update(value - length for value in values)
    seen = [(length, min(beyond[axis]), max(beyond[axis])) for axis, length in axes if beyond.get(axis)]
    equal = [length for length, least, most in seen if least == most == 0]
    if equal:
        return min(equal), min(equal)
    above_all = all(least >= 0 for _, least, _ in seen)  # an integer above some lengths only is so by chance
    low = max((length + (least > 0) for length, least, _ in seen if above_all), default=-math.inf)
    return low, min((length - (most < 0) for length, _, most in seen if most <= 0), default=math.inf)


def _integer(
    value: int,
    choices: Iterable[int],
    limits: tuple[float, float],
    lengths: Mapping[int, int],
    random: np.random.Generator,
) -> int:
    """Draw a new integer argument within the limits. If the example's value is also a length in the example, return the
    new length. Otherwise draw an integer from the examples, or one of similar size."""
    least, most = limits
    if value > 1 and value in lengths and least <= lengths[value] <= most:
        return lengths[value]
    known = [one for one in sorted(choices) if least <= one <= most]
    if known and (random.random() < 0.5 or value <= 0):
        return int(random.choice(known))
    high = int(min(max(2 * value, least), most))
    low = int(min(max(value // 2, 1, least), high))
    return int(random.integers(low, high, endpoint=True))


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────


def read(file: Path) -> list[Episode]:
    """Read example calls from a JSON file.

    Raises:
        BadAssignment: If the file is missing or malformed.
    """
    try:
        rows = json.loads(file.read_text("utf-8"))
        return [_episode(row) for row in rows]
    except FileNotFoundError:
        raise BadAssignment(
            f"{EXAMPLES} is missing: restore it, or create the assignment again with `grader new`"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise BadAssignment(
            f"{EXAMPLES} cannot be read ({wrong}): restore it, or create the assignment again with `grader new`"
        ) from None


def write(file: Path, episodes: Sequence[Episode]) -> None:
    """Write example calls to a JSON file."""
    rows = ",\n".join(json.dumps(_row(one)) for one in episodes)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"[\n{rows}\n]\n", "utf-8")


def _row(one: Episode) -> dict[str, Any]:
    return {
        "new": _call_row(one.new) if one.new else None,
        "calls": [_call_row(call) for call in one.calls],
        "arrays": {name: _json(array) for name, array in one.arrays.items()},
        "put": {attribute: {n: _json(v) for n, v in values.items()} for attribute, values in one.put.items()},
        "attributes": list(one.attributes),
    }


def _call_row(call: Call) -> dict[str, Any]:
    return {"name": call.name, "args": _json(call.args), "kwargs": {k: _json(v) for k, v in call.kwargs.items()}}


def _json(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"argument": value.name}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": value.tolist()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {"dict": {name: _json(item) for name, item in value.items()}}
    return value


def _episode(row: Mapping[str, Any]) -> Episode:
    return Episode(
        calls=tuple(_call(one) for one in row["calls"]),
        arrays={name: _value(array) for name, array in row["arrays"].items()},
        new=_call(row["new"]) if row["new"] else None,
        put={attribute: {n: _value(v) for n, v in values.items()} for attribute, values in row["put"].items()},
        attributes=tuple(row["attributes"]),
    )


def _call(row: Mapping[str, Any]) -> Call:
    return Call(row["name"], tuple(_value(v) for v in row["args"]), {k: _value(v) for k, v in row["kwargs"].items()})


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        if "argument" in value:
            return Ref(value["argument"])
        if "dict" in value:
            return {name: _value(item) for name, item in value["dict"].items()}
        return np.array(value["values"], value["dtype"])
    return value
