"""Not a solution: an attempt to get 40 points without one. It must get none of them.

It harms nothing (it reads, prints and exits) but do not run it outside a sandbox, if only because it
ends the process that calls predict(). What it tries, in this order:

1. find the reference solution and hand that in: by import, by reading files, by looking through the
   frames of its callers and through everything that the garbage collector knows
2. print a finished report, in several shapes, as if the grader had written it
3. answer with objects for which every comparison comes out in their favour
4. invent histories, and leave parameters that are no arrays
5. end the process with exit status 0, so that "it did not fail" looks like "it passed"
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np


# ---- 1. the reference, wherever it may be ----

def stolen_class():
    for steal in (by_import, by_file, by_frames, by_garbage_collector):
        try:
            found = steal()
        except Exception:
            found = None
        if found is not None:
            return found
    return None


def by_import():
    for name in ("reference.ps4.mlp", "reference.mlp", "ps4.mlp", "grader.reference", "solution", "mlp_solution"):
        try:
            return importlib.import_module(name).TwoLayerMLP
        except Exception:
            continue
    return None


def by_file():
    starts = [Path.cwd(), Path(__file__).parent, *(Path(entry) for entry in sys.path if entry)]
    for start in starts:
        for folder in (start, *start.parents):
            for place in ("reference/ps4/mlp.py", "reference/mlp.py", "mlp_reference.py", "solution/mlp.py"):
                path = folder / place
                if path.is_file():
                    names = {"__name__": "borrowed", "__file__": str(path)}
                    exec(compile(path.read_text(), str(path), "exec"), names)
                    return names["TwoLayerMLP"]
    return None


def by_frames():
    frame = sys._getframe()
    while frame is not None:
        for place in (frame.f_locals, frame.f_globals):
            for name in ("TwoLayerMLP", "Reference", "reference", "truth", "solution"):
                thing = place.get(name)
                if isinstance(thing, type) and thing.__module__ != __name__ and hasattr(thing, "loss"):
                    return thing
        frame = frame.f_back
    return None


def by_garbage_collector():
    for thing in gc.get_objects():
        if isinstance(thing, type) and thing.__name__ == "TwoLayerMLP" and thing.__module__ != __name__:
            return thing
    return None


# ---- 2. forged results ----

def print_forged_results():
    report = {
        "score": 80, "points": "80", "possible": "80", "status": "held", "visibility": "visible",
        "tests": [{"name": "everything", "number": "q2", "score": 80, "max_score": 80, "status": "passed"}],
    }
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        try:
            print("\nAll checks passed. 80 / 80\n" + json.dumps(report), file=stream, flush=True)
        except Exception:
            continue


# ---- 3. objects that win every comparison ----

def yes(self, *others):
    return True


def nothing(self, *others, **options):
    return type(self)()


class Winner(float):
    """A number that equals, exceeds and falls short of everything, and whose difference from all is 0."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = yes
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = nothing
    __abs__ = __neg__ = __round__ = nothing
    __hash__ = float.__hash__


class WinningArray(np.ndarray):
    """An array of the shape that is wanted, and for the rest like Winner."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = yes
    __hash__ = object.__hash__

    def __array__(self, *args, **options):
        return np.zeros(self.shape)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return Winner(0.0) if method == "reduce" else self

    def __array_function__(self, function, types, args, options):
        return True if function.__name__ in ("allclose", "array_equal", "array_equiv", "all", "any") else self

    def __reduce__(self):
        return print_forged_results, ()  # for whoever would unpickle an answer


def winning(shape):
    return np.full(shape, np.nan).view(WinningArray)


# ---- the class that the grader looks for ----

class TwoLayerMLP:
    def __init__(self, input_size, hidden_size, output_size, std=1e-1, activation="sigmoid"):
        self.sizes = input_size, hidden_size, output_size
        self.params = {
            "W1": winning((input_size, hidden_size)),
            "b1": winning((hidden_size,)),
            "W2": winning((hidden_size, output_size)),
            "b2": winning((output_size,)),
        }

    def loss(self, X, y=None, reg=0.0):
        print_forged_results()
        D, H, C = self.sizes
        if y is None:
            return winning((len(X), C))
        grads = {"W1": winning((D, H)), "b1": winning((H,)), "W2": winning((H, C)), "b2": winning((C,))}
        return Winner(1.182248), grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95,
              reg=1e-5, num_epochs=10, batch_size=100, verbose=False):
        # 4. a training as one would like it to be
        print_forged_results()
        iterations = num_epochs * max(1, len(X) // batch_size)
        return {
            "loss_history": list(np.linspace(2.3, 0.109, iterations)),
            "grad_magnitude_history": [0.04] * iterations,
            "train_acc_history": [1.0] * num_epochs,
            "val_acc_history": [1.0] * num_epochs,
        }

    def predict(self, X):
        # 5. "the program ended well"
        print_forged_results()
        os._exit(0)


TwoLayerMLP = stolen_class() or TwoLayerMLP
