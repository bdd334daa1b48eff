"""The oracle for mutants: the general one, which draws inputs around the examples, and what the handout leaves open."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from grader.authoring.mutate import general
from grader.authoring.mutate.model import Classified
from grader.kit.reference_truth import RAISED, is_finite, played_with

LARGEST = 40.0
"""Scores up to this size have an exp, and so have their differences and sums, also in single precision."""
SINGLE_PRECISION = "variants/float32_loops.py"
"""Right, but no subject: in single precision a harmless change of rounding looks like a fault."""
CONSTRUCTOR = "The constructor is given to students; the handout says of new parameters only what shapes they have"
OVERFLOW = "No sentence asks for the loss at scores that have no exp; variants/as_in_the_starter.py has none there"


class HandoutOracle(general.ExampleOracle):
    """A judge who allows other new parameters of the right shapes, any loss at very large scores, an epoch that ends
    after another of its steps, and biases and their gradients of shape (1, H) or (H,)."""

    def __init__(self, original, examples, named, meanings=()):
        known = [*map(named, meanings)]
        known += [_ending_epochs(space, moment) for space in (named(original), *known) for moment in (1, 2)]
        super().__init__(original, [_as_in(named(original), e) for e in examples], named, known)

    def difference(self, episode, played, right):
        return super().difference(episode, _with_vectors(played), _with_vectors(right))

    def classify(self, mutant, note):
        found = super().classify(mutant, note)
        if found.kind != "wrong":
            return found
        namespace, reasons = self.named(mutant), []
        for episode, right in self.inputs:
            played = played_with(namespace, episode)
            wrong = self.difference(episode, played, right)
            if wrong is None:
                continue
            reason = self._allowed(episode, played, right, wrong)
            if not reason:
                return wrong
            reasons.append(reason)
        return Classified("allowed", reasons[0])

    def _allowed(self, episode, played, right, wrong):
        """Return why a difference is allowed; "" if it is not."""
        if RAISED in played or _shapes(played) != _shapes(right):
            return ""
        if not episode.put:
            return CONSTRUCTOR
        in_training = wrong.parts[0] != "loss" and not is_finite(played)
        if _largest_score(episode, right) > LARGEST or (in_training and _diverges(episode, right)):
            return OVERFLOW
        return ""


def _ending_epochs(space, moment):
    """Return a solution whose epochs end at this moment, if it is one that knows moments."""
    return {name: type(name, (value,), {"moment": moment}) if isinstance(value, type) else value
            for name, value in space.items()}  # fmt: skip


def _as_in(space, episode):
    """Return the episode with parameters of as many axes as in the solution: biases (1, H) for some."""
    own = space["TwoLayerNet"](2, 3, 4).params
    params = {
        name: np.reshape(v, (1,) * (own[name].ndim - v.ndim) + v.shape) for name, v in episode.put["params"].items()
    }
    return replace(episode, put={"params": params})


def _with_vectors(value):
    """Return played results with arrays (1, n) as arrays (n,)."""
    if isinstance(value, dict):
        return {name: _with_vectors(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_vectors(item) for item in value]
    return value[0] if np.ndim(value) == 2 and len(value) == 1 else value


def _shapes(played):
    return {name: np.shape(value) for name, value in played["attributes"]["params"].items()}


def _largest_score(episode, right):
    answers = zip(episode.calls, right["answers"], strict=True)
    scores = [answer for call, answer in answers if call.name == "loss" and len(call.args) == 1]
    return np.abs(scores).max()


def _diverges(episode, right):
    """Return whether the right training meets scores that have no exp: by its losses, or with its last parameters."""
    params = {name: np.asarray(value) for name, value in right["attributes"]["params"].items()}
    hidden = np.maximum(episode.arrays["X"] @ params["W1"] + params["b1"], 0)
    losses = [a["loss_history"] for a in right["answers"] if isinstance(a, dict) and "loss_history" in a]
    return max(np.abs(hidden @ params["W2"] + params["b2"]).max(), np.max(losses)) > LARGEST


_GENERAL = general.General(Path(__file__).parent, HandoutOracle)
SUBJECTS = [path for path in _GENERAL.SUBJECTS if path != SINGLE_PRECISION]
KEPT_APART = _GENERAL.KEPT_APART
Oracle, expected = _GENERAL.Oracle, _GENERAL.expected
