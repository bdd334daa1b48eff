"""The oracle that classifies mutants of right solutions of problem set 4. It uses no check, no problem of a check and
no known mistake: the handout's formulas are written out here once more, and every part of a mutant is run against
them with the other parts replaced by right ones. Nothing here takes part in a verdict."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from grader.authoring.mutate.model import Classified, Expected

Array = np.ndarray[Any, np.dtype[Any]]
Params = dict[str, Array]

SUBJECTS = ("variants/textbook.py", "variants/loops.py", "variants/properties.py")
"""Right solutions of three shapes: helper methods, a loop over the samples, and comprehensions over dicts."""
KEPT_APART = 7
"""The seed whose mutants no other seed draws. Its mutants are not used for tuning checks."""
CLASS = "TwoLayerMLP"
NAMES = ("W1", "b1", "W2", "b2")
INPUTS, FIRST = 1000, 108
"""Number of batches that a mutant is run on, and of those that come first."""

# ── what the handout says ────────────────────────────────────────────────────────────────────────────

NO_DEFAULT = "the handout passes every argument, and says of no default that it is asked for"
SILENT = {
    "drawn parameters": "The grader writes parameters of its own into `params` (the constructor is given to students)",
    "defaults": NO_DEFAULT,
    "printed": "verbose: print a line for each epoch (the handout does not say what is in it)",
    "integer X": "X (N, D) floats, one example a row",
    "ReLU at 0": "the handout says nothing about the derivative of max(0, a) at a = 0",
    "sampling": "Batches are drawn at random; with or without replacement, and leaving out or using a smaller last "
    "batch are all fine.",
    "same order in each epoch": "Batches are drawn at random (the handout does not say that each epoch has new ones)",
    "recorded once an epoch": "the project accepts loss and gradient of each epoch's last batch "
    "(variants/history_per_epoch.py)",
    "last batch measured": "the project accepts a training accuracy of the last batch (variants/seed_in_train.py)",
}


_AS_RECORDED = {"last batch measured", "recorded once an epoch"}


def softmax_loss(scores: Array, y: Array) -> float:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]))


def hidden(activation: str, a: Array) -> Array:
    return 0.5 * (1 + np.tanh(a / 2)) if activation == "sigmoid" else np.maximum(a, 0)


def scores_of(activation: str, p: Params, X: Array) -> Array:
    """Return the scores (N, C)."""
    return np.asarray(hidden(activation, X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])


def penalty(p: Params, reg: float) -> float:
    return 0.5 * reg * float(np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))


def gradients_from(p: Params, X: Array, y: Array, reg: float, scores: Array, h: Array, slope: Array) -> Params:
    """Return the gradients by backpropagation from given forward values."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    delta = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    inner = delta @ p["W2"].T * slope
    return {
        "W1": X.T @ inner + reg * p["W1"],
        "b1": inner.sum(axis=0),
        "W2": h.T @ delta + reg * p["W2"],
        "b2": delta.sum(axis=0),
    }


def slope_at(activation: str, h: Array) -> Array:
    return np.asarray(h * (1 - h) if activation == "sigmoid" else (h > 0) * 1.0)


def right_loss(activation: str, p: Params, X: Array, y: Array, reg: float) -> tuple[float, Params]:
    h = hidden(activation, X @ p["W1"] + p["b1"])
    scores = h @ p["W2"] + p["b2"]
    return (
        softmax_loss(scores, y) + penalty(p, reg),
        gradients_from(p, X, y, reg, scores, h, slope_at(activation, h)),
    )


def near(got: Any, want: Any, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Return whether two values are equal in norm. NaN and infinities in the same places are equal."""
    try:
        one, other = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    except (TypeError, ValueError):
        return False
    if one.shape != other.shape:
        return False
    if not np.isfinite(other).all():
        return bool(np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True))
    return bool(np.linalg.norm((one - other).ravel()) <= rtol * np.linalg.norm(other.ravel()) + atol)


# ── the oracle's inputs ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Case:
    """A net, a batch, and the right answers."""

    activation: str
    kind: str
    """ordinary, float32, integer X, ReLU at 0, or large."""
    params: Params
    X: Array
    y: Array
    reg: float

    @cached_property
    def floats(self) -> Array:
        return self.X.astype(float)

    @cached_property
    def a(self) -> Array:
        return np.asarray(self.floats @ self.params["W1"] + self.params["b1"])

    @cached_property
    def h(self) -> Array:
        return hidden(self.activation, self.a)

    @cached_property
    def scores(self) -> Array:
        return np.asarray(self.h @ self.params["W2"] + self.params["b2"])

    @cached_property
    def loss(self) -> float:
        return softmax_loss(self.scores, self.y) + penalty(self.params, self.reg)

    @cached_property
    def gradients(self) -> Params:
        slope = slope_at(self.activation, self.h)
        return gradients_from(self.params, self.floats, self.y, self.reg, self.scores, self.h, slope)


_KINDS = ("ordinary", "ordinary", "float32", "ordinary", "integer X", "ordinary", "large", "ordinary", "ReLU at 0")


def cases(count: int) -> Iterator[Case]:
    """Yield batches of one to twelve rows, with biases that are not zero and no, weak or strong regularisation. Some
    have integers, float32, large scores or pre-activations of exactly 0."""
    random = np.random.default_rng(20261126)
    for i in range(count):
        activation = ("sigmoid", "relu")[i % 2]
        kind = _KINDS[i // 2 % len(_KINDS)]
        kind = "large" if kind == "ReLU at 0" and activation == "sigmoid" else kind
        D, H, C = (int(random.integers(low, 8)) for low in (1, 2, 2))
        N = 1 if i // 2 % 7 == 3 else int(random.integers(2, 13))
        params = {
            "W1": random.normal(size=(D, H)),
            "b1": random.normal(size=H),
            "W2": random.normal(size=(H, C)),
            "b2": random.normal(size=C),
        }
        X: Array = 2 * random.normal(size=(N, D))
        y = random.integers(0, C, size=N)
        reg = (0.3, 0.0, 2.0, 1e3)[i // 2 % 4]
        if kind == "float32":
            X = X.astype(np.float32)
        elif kind == "integer X":
            X = random.integers(-4, 5, size=(N, D))
        elif kind == "ReLU at 0":
            X = random.integers(-2, 3, size=(N, D)).astype(float)
            params["W1"] = random.integers(-2, 3, size=(D, H)).astype(float)
            params["b1"] = random.integers(-2, 3, size=H).astype(float)
        elif kind == "large":
            reg = 0.0
            layer = "W1" if i % 4 < 2 else "W2"
            params = params | {layer: 500 * params[layer]}
        yield Case(activation, kind, params, X, y, reg)


@dataclass(frozen=True, eq=False)
class Training:
    activation: str
    params: Params
    X: Array
    y: Array
    X_val: Array
    y_val: Array
    reg: float
    recipe: Mapping[str, Any]


SIZES = ((24, 6, 40), (10, 3, 3), (5, 100, 4), (6, 6, 3), (7, 2, 2), (4, 1, 2), (1, 1, 2), (9, 4, 3))
"""(examples, batch_size, epochs) of the trainings."""


def trainings() -> Iterator[Training]:
    """Yield trainings whose batches divide the data, do not, are larger than it, or have one example; verbose or not.
    The first ones are long enough to tell how batches are drawn."""
    random = np.random.default_rng(11)
    for (N, batch, epochs), activation in itertools.product(SIZES, ("sigmoid", "relu")):
        D, H, C = 3, 4, 3
        params = {
            "W1": random.normal(size=(D, H)),
            "b1": random.normal(size=H),
            "W2": random.normal(size=(H, C)),
            "b2": random.normal(size=C),
        }
        recipe = {
            "num_epochs": epochs,
            "batch_size": batch,
            "learning_rate": 0.01 if epochs > 9 else 0.2,
            "learning_rate_decay": 0.98 if epochs > 9 else 0.7,
            "verbose": N in (5, 9),
        }
        X, X_val = random.normal(size=(N, D)), random.normal(size=(8, D))
        y, y_val = random.integers(0, C, size=N), random.integers(0, C, size=8)
        yield Training(activation, params, X, y, X_val, y_val, 0.4, recipe)


# ── the parts of a solution ──────────────────────────────────────────────────────────────────────────

Note = Callable[[str], None]
Make = Callable[..., Any]


@dataclass
class Found:
    """Parts that are wrong, and differences about which the handout is silent."""

    wrong: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


class Oracle:
    """Judge mutants of one right solution.

    Args:
        original: the namespace of the right solution.
    """

    def __init__(self, original: Mapping[str, Any]) -> None:
        self._original: Make = original[CLASS]
        self._cases = list(cases(INPUTS))
        for case in self._cases:  # once, for all mutants
            case.loss, case.gradients  # noqa: B018
        self._trainings = list(trainings())
        self._constructed = _constructed(self._original)
        self._trained = [_outcome(self._original, t) for t in self._trainings]
        self._by_default = _outcome_by_default(self._original)

    def classify(self, mutant: Mapping[str, Any], note: Note) -> Classified:
        """Run the mutant's parts and say what is wrong with it.

        Args:
            mutant: the namespace of the mutant's source.
            note: called with the name of the part that runs next, so that one that never ends is known.
        """
        found = Found()
        make = mutant.get(CLASS)
        note("new")
        if make is None or not self._construct(make, found):
            return Classified("wrong", found.wrong.get("new", "there is no class"), ("new",))
        note("loss.sigmoid")
        for case in self._cases[:FIRST]:
            self._case(make, case, found)
        note("train.sigmoid")
        for training, theirs in zip(self._trainings, self._trained, strict=True):
            self._training(make, training, theirs, found)
        if not found.wrong:
            self._further(make, found, note)
        for activation in ("sigmoid", "relu"):
            if any(part.startswith((f"grads.{activation}", f"scores.{activation}")) for part in found.wrong):
                self._follow(make, activation, found)
        return _class_of(found)

    def _follow(self, make: Make, activation: str, found: Found) -> None:
        """Note if a training with the mutant's gradients overflows, since its result then cannot be judged."""
        case = next(c for c in self._cases if c.activation == activation and c.kind == "ordinary" and c.reg)
        params = case.params
        with contextlib.suppress(Exception):
            for _ in range(30):
                _, grads = self._net(make, activation, params).loss(case.X.copy(), case.y.copy(), reg=case.reg)
                params = {n: p - 0.5 * grads[n] for n, p in params.items()}
            if all(np.abs(p).max() < 1e6 for p in params.values()):
                return
        found.wrong[f"diverges.{activation}"] = "a training with the mutant's gradients overflows"

    def _further(self, make: Make, found: Found, note: Note) -> None:
        """Run all other inputs on a mutant that has been right so far."""
        note("loss.sigmoid")
        for case in self._cases[FIRST:]:
            self._case(make, case, found)
        note("defaults")
        self._defaults(make, found)

    # constructor

    def _construct(self, make: Make, found: Found) -> bool:
        try:
            ours, theirs = _constructed(make), self._constructed
        except Exception as error:  # noqa: BLE001  a mutant's failure is a finding
            found.wrong["new"] = _said(error)
            return False
        for one, other in zip(ours, theirs, strict=True):
            if {n: np.shape(p) for n, p in one.items()} != {n: np.shape(p) for n, p in other.items()}:
                found.wrong["unusable.shapes"] = "a new net's params have other names or shapes"
            elif not all(near(one[n], other[n]) for n in other):
                found.silent["drawn parameters"] = ""
        return True

    def _net(self, make: Make, activation: str, params: Params) -> Any:
        (D, H), C = params["W1"].shape, params["b2"].size
        net = make(D, H, C, std=0.1, activation=activation)
        net.params = {name: value.copy() for name, value in params.items()}
        return net

    # loss and predict

    def _case(self, make: Make, case: Case, found: Found) -> None:
        heard = Found()
        try:
            net = self._net(make, case.activation, case.params)
        except Exception as error:  # noqa: BLE001
            found.wrong["new"] = _said(error)
            return
        X, y = case.X.copy(), case.y.copy()
        scores = self._scores(net, X, case, heard)
        self._predict(net, X, scores, case, heard)
        self._loss(make, net, (X, y), scores, case, heard, set(found.wrong))
        same = np.array_equal(X, case.X) and np.array_equal(y, case.y)
        if not same or any(not np.array_equal(net.params.get(n), case.params[n]) for n in NAMES):
            heard.wrong[f"pure.{case.activation}"] = "loss or predict changes X, y or params"
        if case.kind == "integer X":
            known = all(part in found.wrong for part in heard.wrong)
            if heard.wrong and not known:
                found.silent["integer X"] = next(iter(heard.wrong.values()))
            return
        found.wrong.update({p: w for p, w in heard.wrong.items() if p not in found.wrong})
        found.silent.update(heard.silent)

    def _scores(self, net: Any, X: Array, case: Case, found: Found) -> Array | None:
        try:
            scores = net.loss(X)
        except Exception as error:  # noqa: BLE001
            found.wrong[f"raises.scores.{case.activation}"] = _said(error)
            return None
        if not near(scores, case.scores):
            found.wrong[f"scores.{case.activation}"] = "loss(X) differs from the formula"
        usable = isinstance(scores, np.ndarray) and scores.shape == case.scores.shape and scores.dtype.kind in "fiu"
        return scores.astype(float) if usable else None

    def _predict(self, net: Any, X: Array, scores: Array | None, case: Case, found: Found) -> None:
        part = f"predict.{case.activation}"
        try:
            labels = net.predict(X)
        except Exception as error:  # noqa: BLE001
            if f"raises.scores.{case.activation}" not in found.wrong:
                found.wrong[part] = _said(error)
            return
        known = [case.scores] + ([scores] if scores is not None else [])
        if not isinstance(labels, np.ndarray) or labels.shape != case.y.shape or labels.dtype.kind not in "iu":
            found.wrong[part] = "not integers of shape (N,)"
        elif not any(np.array_equal(labels, np.argmax(s, axis=1)) for s in known):
            found.wrong[part] = "not the argmax of the scores"

    def _loss(
        self,
        make: Make,
        net: Any,
        batch: tuple[Array, Array],
        scores: Array | None,
        case: Case,
        found: Found,
        known: set[str],
    ) -> None:
        """Judge loss and gradients. `known` are the parts that other cases have shown to be wrong."""
        activation = case.activation
        try:
            loss, grads = net.loss(*batch, reg=case.reg)
            value = float(np.asarray(loss).reshape(()))
            grads = {name: np.array(grads[name], dtype=float) for name in NAMES if name in grads}
            again, grads_again = net.loss(*batch, reg=case.reg)
        except Exception as error:  # noqa: BLE001
            found.wrong[f"raises.loss.{activation}"] = _said(error)
            return
        self._value(value, again, scores, case, found)
        missed = [n for n in NAMES if not near(_shaped(grads.get(n), case.gradients[n]), case.gradients[n])]
        if case.kind == "ReLU at 0":
            if missed and all(_agrees_off_the_kink(grads.get(n), n, case) for n in missed):
                found.silent["ReLU at 0"] = ""
        elif case.kind == "large":
            _at_large_scores(missed, grads, scores, case, found)
        else:
            missed = [n for n in missed if f"grads.{activation}.{n}" not in known]
            missed = self._not_from_own_values(make, net, missed, grads, value, scores, case)
            missed += [n for n in NAMES if n in grads and not near(grads_again.get(n), grads[n])]
            for name in missed:
                found.wrong[f"grads.{activation}.{name}"] = "differs from the formula at the mutant's forward values"
            if not _usable(value, grads, case):
                found.wrong[f"unusable.{activation}"] = "the loss or a gradient is not finite, or has another shape"

    def _value(self, value: float, again: Any, scores: Array | None, case: Case, found: Found) -> None:
        by_own_scores = [softmax_loss(scores, case.y) + penalty(case.params, case.reg)] if scores is not None else []
        what = "stable" if case.kind == "large" else "loss"
        if not any(near(value, want) for want in (case.loss, *by_own_scores)):
            found.wrong[f"{what}.{case.activation}"] = f"{value:.6g} for {case.loss:.6g}"
        elif not near(again, value):
            found.wrong[f"loss.{case.activation}"] = "differs when called again"

    def _not_from_own_values(
        self,
        make: Make,
        net: Any,
        missed: Sequence[str],
        grads: Params,
        value: float,
        scores: Array | None,
        case: Case,
    ) -> list[str]:
        """Return the names of gradients that equal neither the formula at the mutant's own forward values nor
        differences of its own loss."""
        allowed = list(self._gradients_at_own_values(make, scores, case)) if missed else []
        missed = [n for n in missed if not any(near(_shaped(grads.get(n), a[n]), a[n]) for a in allowed)]
        if not missed or near(value, case.loss):
            return list(missed)
        numeric = _numeric(net, case, missed)
        return [n for n in missed if not near(_shaped(grads.get(n), numeric[n]), numeric[n], rtol=1e-4, atol=1e-6)]

    def _gradients_at_own_values(self, make: Make, scores: Array | None, case: Case) -> Iterator[Params]:
        """Yield gradients by backpropagation from the mutant's own scores and hidden values, which are its scores if W2
        is the identity."""
        H, X, p, reg = case.params["b1"].size, case.floats, case.params, case.reg
        identity = case.params | {"W2": np.eye(H), "b2": np.zeros(H)}
        own = None
        with contextlib.suppress(Exception):
            own = np.asarray(self._net(make, case.activation, identity).loss(case.X.copy()), dtype=float)
        hs = [case.h] + ([own] if own is not None and own.shape == case.h.shape else [])
        all_scores = [case.scores] + ([scores] if scores is not None else [])
        for s, h, h_of_slope in itertools.product(all_scores, hs, hs):
            yield gradients_from(p, X, case.y, reg, s, h, slope_at(case.activation, h_of_slope))

    # train

    def _training(self, make: Make, training: Training, theirs: Mapping[str, Any], found: Found) -> None:
        activation = training.activation
        net = self._net(make, activation, training.params)
        followed = _Followed(net, training)
        data = [training.X.copy(), training.y.copy(), training.X_val.copy(), training.y_val.copy()]
        try:
            np.random.seed(5)
            with contextlib.redirect_stdout(io.StringIO()):
                stats = net.train(*data, reg=training.reg, **training.recipe)
        except Exception as error:  # noqa: BLE001
            found.wrong.setdefault(f"train.{activation}.raises", _said(error))
            return
        for what, why in followed.judge(stats, data):
            found.wrong.setdefault(f"train.{activation}.{what}", why)
        for what in followed.silent(stats):
            found.silent[what] = ""
        if not found.wrong:
            self._beside_the_original(make, training, theirs, followed, found)

    def _beside_the_original(
        self, make: Make, training: Training, theirs: Mapping[str, Any], followed: _Followed, found: Found
    ) -> None:
        """Train the unchanged mutant and the original with the same random numbers, and compare the results."""
        try:
            ours = _outcome(make, training)
        except Exception as error:  # noqa: BLE001
            found.wrong.setdefault(f"train.{training.activation}.raises", _said(error))
            return
        if ours["printed"] != theirs["printed"]:
            found.silent["printed"] = ""
        if ours["drawn"] != theirs["drawn"]:
            found.silent["sampling"] = ""
        elif not _AS_RECORDED & set(found.silent) and not _same_outcome(ours, theirs):
            found.silent["undecided"] = "training ends elsewhere than the original's, and every part of it is right"

    # defaults

    def _defaults(self, make: Make, found: Found) -> None:
        try:
            ours = _outcome_by_default(make)
        except Exception:  # noqa: BLE001  by its defaults it does not work; with arguments it does
            found.silent["defaults"] = ""
            return
        if ours["printed"] != self._by_default["printed"]:
            found.silent["printed"] = ""
        if "sampling" not in found.silent and "drawn parameters" not in found.silent:
            if not _same_outcome(ours, self._by_default):
                found.silent["defaults"] = ""
        elif not near(ours["loss"], self._by_default["loss"]):
            found.silent["defaults"] = ""


def _class_of(found: Found) -> Classified:
    if found.wrong:
        wrong = _with_consequences(found.wrong)
        return Classified("wrong", "; ".join(f"{part}: {why}" for part, why in wrong.items()), tuple(wrong))
    if "undecided" in found.silent:
        return Classified("undecided", found.silent["undecided"])
    if found.silent:
        return Classified("allowed", "; ".join(f"{what}: {SILENT[what]}" for what in found.silent))
    return Classified("same", f"equal on {INPUTS} batches and {2 * len(SIZES)} trainings")


def _with_consequences(wrong: Mapping[str, str]) -> dict[str, str]:
    """Mark parts that are wrong at large numbers only because they are wrong at ordinary ones: no separate fault, but
    it may be charged."""
    parts = {}
    for part, why in wrong.items():
        what, _, activation = part.partition(".")
        causes = ("scores", "loss", "grads", *(["stable"] if what == "large" else []))
        follows = any(other.startswith(tuple(f"{cause}.{activation}" for cause in causes)) for other in wrong)
        parts[f"follows.{part}" if what in ("stable", "large") and follows else part] = why
    return parts


def _said(error: Exception) -> str:
    return f"raises {type(error).__name__}: {str(error)[:120]}"


def _constructed(make: Make) -> list[Params]:
    found = []
    for activation, std in (("sigmoid", 0.1), ("relu", 0.7)):
        np.random.seed(3)
        net = make(3, 4, 5, std=std, activation=activation)
        found.append({name: np.array(value) for name, value in net.params.items()})
    return found


def _shaped(got: Array | None, want: Array) -> Array:
    """Return a gradient in the wanted shape if it is a bias's as a row matrix; NaN if there is none."""
    if got is None:
        return np.array(np.nan)
    return got.reshape(want.shape) if got.shape == (1, *want.shape) else got


def _usable(value: float, grads: Params, case: Case) -> bool:
    """Return whether loss and gradients are finite and of the right shapes."""
    shapes = all(n in grads and _shaped(grads[n], want).shape == want.shape for n, want in case.gradients.items())
    return shapes and bool(np.isfinite(value)) and all(np.isfinite(g).all() for g in grads.values())


def _at_large_scores(missed: Sequence[str], grads: Params, scores: Array | None, case: Case, found: Found) -> None:
    if any(not np.isfinite(grads.get(n, np.nan)).all() for n in missed):
        found.wrong[f"stable.{case.activation}"] = "a gradient is not finite at large scores"
    elif missed and scores is not None and near(scores, case.scores):
        found.wrong[f"large.{case.activation}"] = "a gradient is wrong at large scores"


def _agrees_off_the_kink(got: Array | None, name: str, case: Case) -> bool:
    """Return whether a gradient is right for one of the slopes 0, 1/2 or 1 at 0."""
    for at_0 in (0.0, 0.5, 1.0):
        slope = np.where(case.a == 0, at_0, case.a > 0)
        want = gradients_from(case.params, case.floats, case.y, case.reg, case.scores, case.h, slope)[name]
        if near(_shaped(got, want), want):
            return True
    return False


def _numeric(net: Any, case: Case, names: Sequence[str]) -> Params:
    """Return central differences of the mutant's own loss; NaN where it raises."""
    found = {}
    for name in names:
        value = case.params[name].copy()
        gradient = np.full(value.shape, np.nan)
        for at in np.ndindex(value.shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[at] += step
                net.params = {n: (moved if n == name else p.copy()) for n, p in case.params.items()}
                with contextlib.suppress(Exception):
                    losses.append(float(net.loss(case.X.copy(), case.y.copy(), reg=case.reg)[0]))
            if len(losses) == 2:
                gradient[at] = (losses[0] - losses[1]) / 2e-5
        found[name] = gradient
    net.params = {n: p.copy() for n, p in case.params.items()}
    return found


def _outcome(make: Make, training: Training) -> dict[str, Any]:
    """Train from a fixed state of numpy's generator, and return parameters, stats, output and batches."""
    (D, H), C = training.params["W1"].shape, training.params["b2"].size
    net = make(D, H, C, std=0.1, activation=training.activation)
    net.params = {name: value.copy() for name, value in training.params.items()}
    drawn: list[bytes] = []
    inner = net.loss

    def loss(X: Any, y: Any = None, *rest: Any, **named: Any) -> Any:
        if y is not None:
            drawn.append(np.asarray(y).tobytes() + np.asarray(X).tobytes())
        return inner(X, y, *rest, **named)

    net.loss = loss
    printed = io.StringIO()
    np.random.seed(5)
    with contextlib.redirect_stdout(printed):
        stats = net.train(
            training.X.copy(),
            training.y.copy(),
            training.X_val.copy(),
            training.y_val.copy(),
            reg=training.reg,
            **training.recipe,
        )
    return {"params": net.params, "stats": stats, "printed": printed.getvalue(), "drawn": drawn}


def _outcome_by_default(make: Make) -> dict[str, Any]:
    """Call loss and train with all optional arguments left out, and return the results."""
    random = np.random.default_rng(12)
    X, y = random.normal(size=(250, 3)), random.integers(0, 4, size=250)
    np.random.seed(6)
    net = make(3, 5, 4)
    loss, grads = net.loss(X, y)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        stats = net.train(X, y, X[:20], y[:20])
    return {"params": net.params, "stats": stats, "loss": loss, "grads": grads, "printed": printed.getvalue()}


def _same_outcome(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    for key in ("params", "stats", "grads"):
        ours, theirs = one.get(key, {}), other.get(key, {})
        if set(ours) != set(theirs) or not all(near(ours[n], theirs[n]) for n in theirs):
            return False
    return near(one.get("loss", 0), other.get("loss", 0))


class _Followed:
    """A net whose loss and predict are right ones that keep a log, so that its train is judged by itself."""

    def __init__(self, net: Any, training: Training) -> None:
        self._net, self._training = net, training
        self._rows = {row.tobytes(): i for i, row in enumerate(training.X)}
        self.calls: list[dict[str, Any]] = []
        net.loss, net.predict = self._loss, self._predict

    def _loss(self, X: Any, y: Any = None, reg: float = 0.0) -> Any:
        t, p = self._training, self._net.params
        X = np.asarray(X)
        if y is None:
            return scores_of(t.activation, p, X)
        loss, grads = right_loss(t.activation, p, X, np.asarray(y), reg)
        rows = [self._rows.get(np.ascontiguousarray(row).tobytes(), -1) for row in X] if X.ndim == 2 else [-1]
        self.calls.append(
            {
                "params": {n: v.copy() for n, v in p.items()},
                "rows": rows,
                "y": np.array(y),
                "reg": reg,
                "loss": loss,
                "grads": {n: g.copy() for n, g in grads.items()},
            }
        )
        return loss, grads

    def _predict(self, X: Any) -> Array:
        return np.asarray(np.argmax(scores_of(self._training.activation, self._net.params, np.asarray(X)), axis=1))

    def judge(self, stats: Any, data: Sequence[Array]) -> Iterator[tuple[str, str]]:
        """Yield (part, what is wrong with it)."""
        t = self._training
        for kept, given in zip((t.X, t.y, t.X_val, t.y_val), data, strict=True):
            if not np.array_equal(kept, given):
                yield "data", "train changes the data"
        per_epoch = self._per_epoch()
        if per_epoch is None:
            yield "iterations", f"{len(self.calls)} iterations"
            return
        yield from self._batches(per_epoch)
        yield from self._steps(per_epoch)
        yield from self._histories(stats, per_epoch)

    def _per_epoch(self) -> int | None:
        N, batch, epochs = (
            len(self._training.X),
            self._training.recipe["batch_size"],
            self._training.recipe["num_epochs"],
        )
        allowed = {max(N // batch, 1), -(-N // batch)}
        return next((k for k in sorted(allowed) if len(self.calls) == k * epochs), None)

    def _batches(self, per_epoch: int) -> Iterator[tuple[str, str]]:
        t = self._training
        N, batch = len(t.X), min(t.recipe["batch_size"], len(t.X))
        rest = N % batch if per_epoch > N // batch else 0
        for i, call in enumerate(self.calls):
            size = rest if rest and i % per_epoch == per_epoch - 1 else batch
            if len(call["rows"]) != size or -1 in call["rows"]:
                yield "batches", f"a batch of {len(call['rows'])} for {size} rows of the data"
                return
            if not np.array_equal(call["y"], t.y[call["rows"]]):
                yield "labels", "a batch has labels of other rows"
                return
            if not near(call["reg"], t.reg):
                yield "reg", f"reg {call['reg']} for {t.reg}"
                return
        if t.recipe["num_epochs"] < 20:
            return
        epochs = self._epochs(per_epoch)
        used = np.bincount([row for rows in epochs for row in rows], minlength=N)
        if used.min() == 0:
            yield "order", "a row is never used"
        elif abs(used - used.mean()).max() > 6 * np.sqrt(used.mean()):
            yield "order", "some rows are used more often than others"
        elif float(np.mean([len(set(rows)) for rows in epochs])) < 0.58 * N:
            yield "order", "the batches of an epoch are the same rows"
        elif all(rows == sorted(rows) for rows in epochs):
            yield "order", "the batches follow the order of the data"

    def _epochs(self, per_epoch: int) -> list[list[int]]:
        rows = [call["rows"] for call in self.calls]
        return [list(itertools.chain(*rows[i : i + per_epoch])) for i in range(0, len(rows), per_epoch)]

    def _steps(self, per_epoch: int) -> Iterator[tuple[str, str]]:
        recipe = self._training.recipe
        states = [call["params"] for call in self.calls] + [self._net.params]
        if not near(states[0]["W1"], self._training.params["W1"]):
            yield "step", "training begins at other parameters"
        for i, (before, after) in enumerate(itertools.pairwise(states)):
            rate = recipe["learning_rate"] * recipe["learning_rate_decay"] ** (i // per_epoch)
            for name in NAMES:
                want = before[name] - rate * self.calls[i]["grads"][name]
                if not near(after.get(name), want, rtol=1e-9):
                    yield "decay" if i >= per_epoch else "step", f"{name} after iteration {i + 1}"
                    return

    def _histories(self, stats: Any, per_epoch: int) -> Iterator[tuple[str, str]]:
        if not isinstance(stats, dict):
            yield "histories", "train does not return a dict"
            return
        for name, accepted in {**self._recorded(per_epoch), **self._accuracies(per_epoch)}.items():
            if not any(near(stats.get(name), values) for values in accepted):
                yield "histories", name

    def _recorded(self, per_epoch: int) -> dict[str, list[list[float]]]:
        """Return the accepted histories by name: of every iteration, or of each epoch's last."""
        found = {
            "loss_history": [float(c["loss"]) for c in self.calls],
            "grad_magnitude_history": [float(np.linalg.norm(c["grads"]["W1"])) for c in self.calls],
        }
        return {name: [values, values[per_epoch - 1 :: per_epoch]] for name, values in found.items()}

    def _accuracies(self, per_epoch: int) -> dict[str, list[list[float]]]:
        """Return the accepted histories by name; the training accuracy may be that of the last batch."""
        t = self._training
        ends = [*(c["params"] for c in self.calls[per_epoch::per_epoch]), self._net.params]
        last = [c["rows"] for c in self.calls[per_epoch - 1 :: per_epoch]]

        def share(p: Params, X: Array, y: Array) -> float:
            return float(np.mean(np.argmax(scores_of(t.activation, p, X), axis=1) == y))

        return {
            "train_acc_history": [
                [share(p, t.X, t.y) for p in ends],
                [share(p, t.X[rows], t.y[rows]) for p, rows in zip(ends, last, strict=True)],
            ],
            "val_acc_history": [[share(p, t.X_val, t.y_val) for p in ends]],
        }

    def silent(self, stats: Any) -> Iterator[str]:
        """Yield the differences about which the handout is silent."""
        per_epoch = self._per_epoch()
        if per_epoch is None or not isinstance(stats, dict):
            return
        whole = self._accuracies(per_epoch)["train_acc_history"][0]
        if not near(stats.get("train_acc_history"), whole):
            yield "last batch measured"
        if any(not near(stats.get(name), values) for name, (values, _) in self._recorded(per_epoch).items()):
            yield "recorded once an epoch"
        epochs = self._epochs(per_epoch)
        if self._training.recipe["num_epochs"] >= 20 and all(rows == epochs[0] for rows in epochs):
            yield "same order in each epoch"


# ── which checks a wrong part concerns ───────────────────────────────────────────────────────────────

_ORDER = ("q2.1", "q2.2", "q2.3", "q2.4.forward", "q2.4.backward", "q2.4.training")


def expected(parts: Sequence[str]) -> Expected:
    """Return the checks that a fault may cost, and those of which at least one must be lost: the ones in the first
    section with a wrong part. Later ones follow from the same fault, which is charged once."""
    groups = [_concerned(part) for part in parts]
    may = {id for group in groups for id in group}
    for part in parts:
        may |= set(_reached_by(part))
    first = min((g for g in groups if g), key=lambda g: _place(g[0]), default=())
    section = _section(first[0]) if first else ""
    must = {id for group in groups for id in group if section and any(_section(i) == section for i in group)}
    return Expected(tuple(sorted(must)), tuple(sorted(may)))


def _section(id: str) -> str:
    return max((s for s in _ORDER if f"{id}.".startswith(f"{s}.")), key=len)


def _place(id: str) -> int:
    return _ORDER.index(_section(id))


def _concerned(part: str) -> tuple[str, ...]:
    """Return the ids of the sections or checks that judge a part."""
    what, *rest = part.split(".")
    relu = "relu" in rest
    forward, backward, training = _ORDER[3:] if relu else _ORDER[:3]
    match what:
        case "new":
            return _ORDER
        case "ends":
            return _concerned(".".join(rest))
        case "unusable" if "shapes" in rest:
            return (forward,)
        case "follows" | "unusable" | "diverges":
            return ()
        case "raises" if "scores" in rest:  # older skeletons have no loss(X); then predict may be all that shows it
            return (forward, training)
        case "scores" | "loss" | "stable" | "raises":
            return (forward,)
        case "pure" | "large":
            return (forward, backward)
        case "grads":
            return (f"{backward}.{rest[1]}",)
        case "train" | "predict":
            return (training,)
    raise ValueError(part)


def _reached_by(part: str) -> tuple[str, ...]:
    """Return the sections that may be lost too, because they call a method that raises or answers unusable values."""
    what, _, rest = part.partition(".")
    if what in ("raises", "unusable") or part.startswith("ends.loss"):
        return _ORDER[3:] if "relu" in part else _ORDER
    if what == "diverges":
        return ("q2.4.training",) if rest == "relu" else ("q2.3",)
    return _concerned(rest) if what == "follows" else ()
