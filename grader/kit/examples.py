"""Draw fresh inputs that resemble an assignment's example calls.

data/examples.json has a few small calls of each function, or of an object's methods. `around` draws new sequences of
calls (episodes) of the same form. Equal lengths within an example are assumed to be the same axis. Every axis gets a
different length, so that code that confuses two axes fails. If an integer argument is at most the length of a certain
axis in every example, it is at most the new length of this axis too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import BadAssignment
from grader.guest.wire import Ref
from grader.kit.calls import Array, Call, Episode
from grader.kit.draws import Draw, Each
from grader.kit.reference_truth import RAISED, has

EXAMPLES = "data/examples.json"
TRIES = 40
"""Limit on draws for each episode. A draw is dropped if the reference raises or if rounding decides its results."""
MOST_LENGTH = 40
"""Limit on the length of an axis. Lengths are drawn from a growing range until every array of labels has room for all
classes. An array of a single label never has room, so the range needs a limit."""
MOST_CLASSES = 50
"""Largest number of classes. Larger integers in an array are counts or other numbers."""
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


def around(examples: Sequence[Episode], name: str, count: int = 12) -> Each:
    """Return a function that draws fresh inputs for one function or method, for `@kit.check(section, each=...)`.

    Args:
        examples: The examples, as the function `examples` returns them.
        name: The function or method whose answers are compared.
        count: How many episodes to draw.

    Returns:
        A function (draw, truth) → episodes. It raises `BadAssignment` if the reference rejects every drawn episode.

    Raises:
        BadAssignment: If no example calls the function or method.
    """
    forms = []
    for example in examples:
        if name in [call.name for call in example.calls]:
            forms.append(example.until(name))
    if not forms:
        raise BadAssignment(f"{EXAMPLES} has no call of {name!r}; add one, or remove its check from checks.py")

    def draw(problem_draw: Draw, truth: Any) -> list[Episode]:
        """Draw up to `count` episodes that the reference accepts. Raise `BadAssignment` if it accepts none."""
        episodes = []
        for slot in range(count):
            episode = _usable(slot, forms, examples, problem_draw.random, truth)
            if episode is not None:
                episodes.append(episode)
        if not episodes:
            right = truth.play(fresh(forms[0], examples, problem_draw.random))
            why = right.get(RAISED, "its results are infinite, or rounding decides them")
            raise BadAssignment(
                f"the reference rejects every input drawn around the examples of {name!r} ({why}): change the examples"
            )
        return episodes

    return draw


def _usable(
    slot: int, forms: Sequence[Episode], examples: Sequence[Episode], random: np.random.Generator, truth: Any
) -> Episode | None:
    """Draw up to `TRIES` episodes, and return the first that `truth.usable` accepts; None if there is none."""
    for number in range(TRIES):
        form = forms[(slot + number // 4) % len(forms)]  # another example after every four rejected draws
        factor = max(FARTHEST * NEARER**number, 1.0) if slot % 3 == 2 else 1.0
        episode = fresh(form, examples, random, factor)
        is_missing = factor == 1.0 or has(np.isnan, {**episode.arrays})  # otherwise NaN comes from an overflow
        if truth.usable(episode) and (is_missing or not has(np.isnan, truth.play(episode))):
            return episode
    return None


def fresh(form: Episode, examples: Sequence[Episode], random: np.random.Generator, factor: float = 1.0) -> Episode:
    """Return an episode with the calls of an example, but other lengths, values and seed.

    Args:
        form: The example to imitate.
        examples: All examples. A new integer argument is often a value from one of them.
        random: The generator to draw from.
        factor: Factor for the values of one of the arrays, which is chosen at random.
    """
    return FreshValues(form, examples, random, _lengths(form, random)).episode(factor)


Place = tuple[str | int, ...]
"""The place where a value is passed: ("train", 0, "W1") is the item "W1" of argument 0 of train."""
Axis = tuple[Place, int]
"""An axis of an array: the place where the array is passed, and the number of the axis."""


class FreshValues:
    """Draws the values of an episode that imitates an example.

    Args:
        form: The example to imitate.
        examples: All examples.
        random: The generator to draw from.
        lengths: Length of an axis in the example → new length.
    """

    def __init__(
        self, form: Episode, examples: Sequence[Episode], random: np.random.Generator, lengths: Mapping[int, int]
    ) -> None:
        self._form, self._examples, self._random, self._lengths = form, examples, random, lengths
        self._axes = [(axis, lengths[length]) for axis, length in axes(form)]

    def episode(self, factor: float) -> Episode:
        """Draw an episode. The values of one of the arrays, which is chosen at random, are multiplied by `factor`."""
        form, random = self._form, self._random
        large = random.choice(list(form.arrays)) if form.arrays else ""
        arrays = {name: self.array(array, factor if name == large else 1.0) for name, array in form.arrays.items()}
        put = {attribute: self.parameters(parameters) for attribute, parameters in form.put.items()}
        calls = [self.call(call) for call in form.calls]
        if form.calls[-1] in form.calls[-2:-1]:  # repeated by `Episode.until`, with equal arguments
            calls[-1] = calls[-2]
        return replace(
            form,
            calls=tuple(calls),
            arrays=arrays,
            new=self.call(form.new) if form.new else None,
            put=put if random.random() < 0.7 else {},  # without it, the attributes stay as the constructor sets them
            seed=int(random.integers(1 << 31)),
        )

    def _shape(self, example: Array) -> tuple[int, ...]:
        return tuple(self._lengths[length] for length in example.shape)

    def array(self, example: Array, factor: float) -> Array:
        """Draw an array with new lengths and values like the example's. Labels stay labels; other integers stay in the
        example's range."""
        shape = self._shape(example)
        if example.dtype.kind == "b":
            return self._random.random(shape) < 0.5
        labels = self._labels_like(example, shape)
        if labels is not None:
            return labels
        if example.dtype.kind == "f":
            missing = np.isnan(example)
            values = self.floats(example[~missing] if missing.any() else example, shape, factor).astype(example.dtype)
            return np.where(self._random.random(shape) < missing.mean(), np.nan, values) if missing.any() else values
        return self._random.integers(example.min(), int(example.max()) + 1, size=shape).astype(example.dtype)

    def _labels_like(self, example: Array, shape: Sequence[int]) -> Array | None:
        """Return random labels like those of an example; None if its entries are no labels.

        Two labels, such as -1 and 1, stay as they are, also in an array of floats. Integers from 0 on are labels of as
        many classes as the example has. If an axis of the example has this length, as that of a row of scores, the new
        labels are of as many classes as this axis has now.
        """
        values = np.unique(example)
        if len(values) == 2 and set(values) <= {-1, 0, 1}:
            return values[_labels(shape, 2, self._random)]
        classes = _classes(example)
        if not 0 < classes <= MOST_CLASSES:
            return None
        return _labels(shape, self._lengths.get(classes, classes), self._random).astype(example.dtype)

    def floats(self, example: Array, shape: Sequence[int], factor: float) -> Array:
        """Draw floats like the example's. Those from 0 to 1 stay there. Others have the example's mean and standard
        deviation, times `factor`, and become absolute values if the example has no negative ones."""
        low, high = float(example.min()), float(example.max())
        if low >= 0 and high <= 1:
            return self._random.random(shape)
        deviation = float(example.std()) or abs(low) or 1.0
        values = factor * self._random.normal(float(example.mean()), deviation, shape)
        return np.abs(values) if low >= 0 else values

    def parameters(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Draw new arrays for a dict attribute, with the examples' standard deviations. For a constant array, as
        initial biases are, use the largest standard deviation in the dict."""
        largest = max(map(np.std, parameters.values()), default=0.0) or 1.0
        fresh_parameters = {}
        for name, value in parameters.items():
            drawn = self._random.normal(0.0, np.std(value) or largest, self._shape(value))
            fresh_parameters[name] = drawn.astype(value.dtype)
        return fresh_parameters

    def call(self, call: Call) -> Call:
        args = self._argument(list(call.args), (call.name,))
        return Call(call.name, tuple(args), self._argument(dict(call.kwargs), (call.name,)))

    def _argument(self, value: Any, place: Place) -> Any:
        """Return an argument in which every number is a new one."""
        if isinstance(value, list):
            return [self._argument(item, (*place, position)) for position, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._argument(item, (*place, key)) for key, item in value.items()}
        if type(value) is int:
            return self._integer(value, place)
        if type(value) is float:
            return value * float(np.exp(0.5 * self._random.normal()))
        return value

    def _integer(self, value: int, place: Place) -> int:
        """Draw a new integer argument within its limits. If the example's value is also a length in the example, return
        the new length. Otherwise draw an integer from the examples, or one of similar size."""
        choices: set[int] = set()
        differences: dict[Axis, list[int]] = {}
        for example in self._examples:
            integers = [item for its_place, item in places(example) if its_place == place and type(item) is int]
            choices.update(integers)
            for axis, length in axes(example):
                differences.setdefault(axis, []).extend(integer - length for integer in integers)
        least, most = self._limits(differences)
        length = self._lengths.get(value, 0)
        if value > 1 and length and least <= length <= most:
            return length
        possible = [choice for choice in sorted(choices or {value}) if least <= choice <= most]
        if possible and (self._random.random() < 0.5 or value <= 0):
            return int(self._random.choice(possible))
        high = int(min(max(2 * value, least), most))
        low = int(min(max(value // 2, 1, least), high))
        return int(self._random.integers(low, high, endpoint=True))

    def _limits(self, differences: Mapping[Axis, Sequence[int]]) -> tuple[float, float]:
        """Return the least and the largest value of a new integer argument.

        An integer that is less than the length of a certain axis in all examples, at most this length, or equal to it,
        stays so. An integer that is not less than any length in all examples stays so too. (If it is greater than some
        lengths only, this is by chance.)

        Args:
            differences: Axis → the integer minus the axis' length, for each example.
        """
        lows, highs, equal = [], [], []
        is_above_all = True
        for axis, length in self._axes:
            if not differences.get(axis):
                continue
            least, most = min(differences[axis]), max(differences[axis])
            is_above_all = is_above_all and least >= 0
            lows.append(length + (least > 0))
            if most <= 0:
                highs.append(length - (most < 0))
            if least == most == 0:
                equal.append(length)
        if equal:
            return min(equal), min(equal)
        low = max(lows, default=-math.inf) if is_above_all else -math.inf  # above some lengths only: by chance
        return low, min(highs, default=math.inf)


def _lengths(form: Episode, random: np.random.Generator) -> dict[int, int]:
    """Return length in the example → new length. The new lengths all differ; length 1 stays 1.

    They are drawn from 2 to `most`, which grows until every array of labels has room for all classes.
    """
    in_example = {length for _, length in axes(form)}
    for array in form.arrays.values():  # also those of calls that `Episode.until` leaves out
        in_example.update(array.shape)
    lengths = sorted(in_example - {1})
    most = max(12, len(lengths) + 4)
    while True:
        drawn = random.choice(np.arange(2, most + 1), size=len(lengths), replace=False)
        fresh_lengths = dict(zip(lengths, map(int, drawn), strict=True)) | {1: 1}
        if most > MOST_LENGTH or all(_has_room(array, fresh_lengths) for array in form.arrays.values()):
            return fresh_lengths
        most += 1  # this example needs a longer batch


def _has_room(example: Array, lengths: Mapping[int, int]) -> bool:
    """Return whether all classes fit into an array of labels. `lengths` has the new length for each length in the
    example."""
    return math.prod(lengths[length] for length in example.shape) >= lengths.get(_classes(example), 0)


def _classes(array: Array) -> int:
    """Return the number of classes of an array of labels, of which 0 is one; 0 if its entries cannot be labels."""
    is_label = array.dtype.kind in "iu" and array.min(initial=1) == 0
    return int(array.max()) + 1 if is_label else 0


def _labels(shape: Sequence[int], classes: int, random: np.random.Generator) -> Array:
    """Return random labels. Every class occurs if there are at least as many labels as classes."""
    count = math.prod(shape)
    each_class = random.permutation(classes)[:count]
    more = random.integers(0, classes, max(count - classes, 0))
    return random.permutation(np.concatenate([each_class, more])).reshape(shape)


def places(form: Episode) -> Iterator[tuple[Place, Any]]:
    """Yield (place, value) for every value in the arguments of an episode's calls. Of lists and dicts, yield each
    item."""
    for call in (*([form.new] if form.new else []), *form.calls):
        yield from _items(list(call.args), (call.name,))
        yield from _items(dict(call.kwargs), (call.name,))


def _items(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield (place, value) for a value at a place; if it is a list or dict, for each item in it, however nested."""
    if isinstance(value, list | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _items(item, (*place, key))
    else:
        yield place, value


def axes(form: Episode) -> Iterator[tuple[Axis, int]]:
    """Yield ((place, axis number), length) for every axis of arrays that an episode passes or puts into attributes.

    If an integer argument equals the number of classes of an array of labels, such as the `K` of K groups, yield one
    more axis of this length for the array.
    """
    values = dict(places(form))
    arrays = {place: form.arrays[value.name] for place, value in values.items() if isinstance(value, Ref)}
    for attribute, parameters in form.put.items():
        arrays.update((("put", attribute, name), array) for name, array in parameters.items())
    integers = {value for value in values.values() if type(value) is int}
    for place, array in arrays.items():
        classes = [_classes(array)] if _classes(array) in integers - {0} else []
        for axis, length in enumerate([*array.shape, *classes]):
            yield (place, axis), length


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────


def read(file: Path) -> list[Episode]:
    """Read example calls from a JSON file.

    Raises:
        BadAssignment: If the file is missing or malformed.
    """
    try:
        rows = json.loads(file.read_text("utf-8"))
        return [_episode(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise BadAssignment(
            f"{EXAMPLES} cannot be read ({wrong}): restore it, or create the assignment again with `grader new`"
        ) from None


def write(file: Path, episodes: Sequence[Episode]) -> None:
    """Write example calls to a JSON file."""
    rows = ",\n".join(json.dumps(_row(episode)) for episode in episodes)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"[\n{rows}\n]\n", "utf-8")


def _row(episode: Episode) -> dict[str, Any]:
    return {
        "new": _call_row(episode.new) if episode.new else None,
        "calls": [_call_row(call) for call in episode.calls],
        "arrays": _json_items(episode.arrays),
        "put": {attribute: _json_items(values) for attribute, values in episode.put.items()},
        "attributes": list(episode.attributes),
    }


def _call_row(call: Call) -> dict[str, Any]:
    return {"name": call.name, "args": _json(call.args), "kwargs": _json_items(call.kwargs)}


def _json_items(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    """Return a value of an episode as JSON data. Objects stand for arrays, references to arrays ("argument") and dicts
    ("dict"); tuples become lists."""
    if isinstance(value, Ref):
        return {"argument": value.name}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": value.tolist()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {"dict": _json_items(value)}
    return value


def _episode(row: Mapping[str, Any]) -> Episode:
    return Episode(
        calls=tuple(map(_call, row["calls"])),
        arrays=_values(row["arrays"]),
        new=_call(row["new"]) if row["new"] else None,
        put={attribute: _values(values) for attribute, values in row["put"].items()},
        attributes=tuple(row["attributes"]),
    )


def _call(row: Mapping[str, Any]) -> Call:
    return Call(row["name"], tuple(map(_value, row["args"])), _values(row["kwargs"]))


def _values(items: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(item) for name, item in items.items()}


def _value(item: Any) -> Any:
    """Return the value that `_json` has turned into `item`; lists stay lists."""
    if isinstance(item, list):
        return [_value(entry) for entry in item]
    if not isinstance(item, dict):
        return item
    if "argument" in item:
        return Ref(item["argument"])
    if "dict" in item:
        return _values(item["dict"])
    return np.array(item["values"], item["dtype"])
