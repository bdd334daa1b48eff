"""The oracle for mutants: the general one, which draws inputs around the examples, and what the handout leaves open."""

from pathlib import Path

import numpy as np

from grader.authoring.mutate import general
from grader.authoring.mutate.model import Classified
from grader.kit.reference import RAISED, is_finite, played_with

LARGEST = 40.0
"""Scores up to this size have an exp, and so have their differences and sums, also in single precision."""
SINGLE_PRECISION = "variants/float32_loops.py"
"""Right, but no subject: in single precision a harmless change of rounding looks like a fault."""
CONSTRUCTOR = "The constructor is given to students; the handout says of new parameters only what shapes they have"
OVERFLOW = "No sentence asks for the loss at scores that have no exp; variants/as_in_the_starter.py has none there"


class HandoutOracle(general.ExampleOracle):
    """A judge who allows other new parameters of the right shapes, and any loss at very large scores."""

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
Oracle, exercise, expected = _GENERAL.Oracle, _GENERAL.exercise, _GENERAL.expected
