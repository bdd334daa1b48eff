"""Example calls, and fresh inputs drawn around them.

An assignment's examples.json has a few small calls of each function, or of an object's methods. `around` draws new
episodes of the same form. Equal lengths within an example are taken for one axis. Every axis gets a different length,
so that code that confuses two axes fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import Ref
from grader.kit.claim import Draw, Each
from grader.kit.episodes import Array, Call, Episode

EXAMPLES = "data/examples.json"
TRIES = 40
"""Most draws for each episode. Draws that the reference rejects, or that rounding decides, are dropped."""
MOST_LENGTH = 40
"""Limit on lengths. They grow until an array of labels has room for every class, which a single label never has."""
FARTHEST, NEARER = 300.0, 0.8
"""Scale of one array in every third episode, and the factor by which it shrinks from draw to draw until the reference
answers with finite numbers. Large values show overflow and cancellation."""


def examples(checks_file: str) -> list[Episode]:
    """Read the example calls of an assignment.

    Args:
        checks_file: `__file__` of its checks.py.

    Returns:
        The examples, in the order of data/examples.json.

    Raises:
        BadAssignment: If the file is missing or cannot be read.
    """
    return read(Path(checks_file).parent / EXAMPLES)


def around(known: Sequence[Episode], name: str, count: int = 12) -> Each:
    """Return a draw of fresh inputs for one function or method, for `@kit.check(section, each=...)`.

    Args:
        known: The examples.
        name: The function or method whose answers are compared.
        count: How many episodes to draw.

    Returns:
        A draw. It raises `BadAssignment` if the reference rejects all that it draws.

    Raises:
        BadAssignment: If no example calls the function or method.
    """
    forms = [one.until(name) for one in known if any(call.name == name for call in one.calls)]
    if not forms:
        raise BadAssignment(f"{EXAMPLES} has no call of {name!r}; add one, or take its check out of checks.py")

    def draw(drawn: Draw, truth: Any) -> Iterator[Episode]:
        found = [one for slot in range(count) if (one := _usable(slot, forms, known, drawn.random, truth)) is not None]
        if not found:
            raise BadAssignment(f"the reference answers to no input drawn around the examples of {name!r}: change them")
        yield from found

    return draw


def _usable(
    slot: int, forms: Sequence[Episode], known: Sequence[Episode], random: np.random.Generator, truth: Any
) -> Episode | None:
    """Return the first usable episode of several draws, or None."""
    for number in range(TRIES):
        form = forms[(slot + number // 4) % len(forms)]
        factor = max(FARTHEST * NEARER**number, 1.0) if slot % 3 == 2 else 1.0
        episode = fresh(form, known, random, factor)
        if truth.usable(episode):
            return episode
    return None


def fresh(form: Episode, known: Sequence[Episode], random: np.random.Generator, factor: float = 1.0) -> Episode:
    """Return an episode of the same form with other lengths, values and seed.

    Args:
        form: The example.
        known: All examples; integers are drawn from the values that these pass.
        random: The generator to draw from.
        factor: Scale of one of the arrays, relative to the example.
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

    def other(call: Call) -> Call:
        args = tuple(_scalar(v, choices.get((call.name, i), ()), lengths, random) for i, v in enumerate(call.args))
        kwargs = {k: _scalar(v, choices.get((call.name, k), ()), lengths, random) for k, v in call.kwargs.items()}
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
    """Return a new length for each length in the example. All new lengths differ. Length 1 stays 1."""
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

    It is the length of the axis that the labels index, or the largest label plus one if no axis fits.
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
    """Return labels in which every class occurs if there is room."""
    count = int(np.prod(shape))
    values = np.concatenate([random.permutation(classes)[:count], random.integers(0, classes, max(count - classes, 0))])
    return random.permutation(values).reshape(shape)


def _parameter(
    example: Array, others: Mapping[str, Array], lengths: Mapping[int, int], random: np.random.Generator
) -> Array:
    """Return new values for one array of an attribute. A constant array (new biases) gets the others' spread."""
    size = max((float(np.std(o)) for o in others.values()), default=0.0) or 1.0
    spread = float(example.std()) or size
    return random.normal(0.0, spread, tuple(lengths[n] for n in example.shape)).astype(example.dtype)


def _choices(known: Iterable[Episode]) -> dict[tuple[str, int | str], set[int]]:
    """Return the integers that the examples pass, by function and argument position or name."""
    found: dict[tuple[str, int | str], set[int]] = {}
    for episode in known:
        for call in (*([episode.new] if episode.new else []), *episode.calls):
            places: list[tuple[int | str, Any]] = [*enumerate(call.args), *call.kwargs.items()]
            for place, value in places:
                if type(value) is int:
                    found.setdefault((call.name, place), set()).add(value)
    return found


def _scalar(value: Any, choices: Iterable[int], lengths: Mapping[int, int], random: np.random.Generator) -> Any:
    """Return another value for a scalar argument: the new length if it is a length, an integer from the examples, or a
    number of similar size. Strings, booleans and None stay."""
    if type(value) is float:
        return value * float(np.exp(0.5 * random.normal()))
    if type(value) is int:
        if value > 1 and value in lengths:
            return lengths[value]
        if random.random() < 0.5 or value <= 0:
            return int(random.choice(sorted(choices) or [value]))
        return int(random.integers(max(value // 2, 1), 2 * value + 1))
    return value


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────


def read(file: Path) -> list[Episode]:
    """Read a file of examples.

    Raises:
        BadAssignment: If the file is missing or malformed.
    """
    try:
        rows = json.loads(file.read_text("utf-8"))
        return [_episode(row) for row in rows]
    except FileNotFoundError:
        raise BadAssignment(
            f"{EXAMPLES} is missing: restore it, or make the assignment again by `grader new`"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise BadAssignment(
            f"{EXAMPLES} cannot be read ({wrong}): restore it, or make the assignment again by `grader new`"
        ) from None


def write(file: Path, episodes: Sequence[Episode]) -> None:
    """Write examples as plain JSON."""
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
