"""The calls that are followed to find a line that leaves a result out, or gives it another shape.

No values are compared: solutions may differ in what they compute on the way.
"""

from functools import cache

import numpy as np

from grader.kit.lines import FollowedCall, Target

D, H, C, N = 4, 5, 3, 6
PARAMETERS = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}


def results(_truth):
    gradients = {f"gradient of {name}": np.zeros(shape) for name, shape in PARAMETERS.items()}
    return gradients | {"scores": np.zeros((N, C)), "loss": np.zeros(()), "labels": np.zeros(N)}


def followed(method, *args):
    return FollowedCall(lambda student: student.new(D, H, C, std=0.1).trace(method, *args), results, random=True)


@cache
def found():
    X, y = np.random.default_rng(7).normal(size=(N, D)), np.arange(N) % C
    loss = followed("loss", X, y)
    calls = {f"q2.{name}": Target(loss, {f"[1]['{name}']": f"gradient of {name}"}) for name in PARAMETERS}
    return calls | {
        "q1.scores": Target(followed("loss", X), {"": "scores"}),
        "q1.loss": Target(loss, {"[0]": "loss"}),
        "q3.predict": Target(followed("predict", X), {"": "labels"}),
    }


def targets(check):
    return [target for name, target in found().items() if name == check]
