"""`python -m tests.benchmarks.training`: what the sandbox costs a training on MNIST; at most 3 % are wanted.

The same training, 50,000 images as the handout trains them but for fewer epochs, in a session and in a process of its
own outside, in turn; only the call of train() is timed, in CPU seconds, since other work on the machine would be
counted by a clock on the wall.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from grader.assignments import catalogue
from grader.guest.wire import Ref
from grader.intake.receive import receive_path
from grader.kit.student import Student
from grader.sandbox.choose import choose
from grader.settings import Settings

ROOT = Path(__file__).parents[2]
ROUNDS, EPOCHS = 7, 4
RECIPE = {"num_epochs": EPOCHS, "batch_size": 100, "learning_rate": 1e-3, "learning_rate_decay": 0.95, "reg": 0.5}

OUTSIDE = f"""
import sys, time
sys.path[:0] = ["submissions/perfect", "reference/ps4/handout"]
import numpy as np
from mlp import TwoLayerMLP
from utils import get_MNIST_data
data = get_MNIST_data()[:4]
np.random.seed(0)
net = TwoLayerMLP(784, 64, 10, std=0.1, activation="relu")
started = time.process_time()
net.train(*data, **{RECIPE!r})
print(time.process_time() - started)
"""


def outside() -> float:
    """CPU seconds."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout))


def main() -> None:
    task = catalogue.load(ROOT / "reference/ps4")
    arrays = task.shared(False)
    with np.load(ROOT / "reference/ps4/data/mnist.npz") as mnist:
        labels = [mnist[name].astype(np.int64) for name in ("y_train", "y_val")]
    room, _ = choose("bubblewrap", Settings().runtime)

    def inside() -> float:
        submission = receive_path(ROOT / "submissions/perfect", "mlp.py")
        student = Student(submission, room, task.entry_points, task.files, task.limits, arrays, task.modules)
        student.begin()
        net = student.new(784, 64, 10, std=0.1, activation="relu")
        data = Ref("X_train"), labels[0], Ref("X_val"), labels[1]
        before = student.used.cpu_seconds
        answer = net.call_long("train", *data, cpu_seconds=240, **RECIPE)
        seconds = student.used.cpu_seconds - before
        assert answer.failure is None, answer.failure
        student.close()
        return seconds

    pairs = [(inside(), outside()) for _ in range(ROUNDS)]
    room.close()
    ratios = sorted(a / b for a, b in pairs)
    print(f"{EPOCHS} epochs: in a session {statistics.median(a for a, _ in pairs):.2f} CPU s, outside ", end="")
    print(f"{statistics.median(b for _, b in pairs):.2f} CPU s, ratio {statistics.median(ratios):.3f}", end="")
    print(f" ({ratios[0]:.3f} to {ratios[-1]:.3f}; at most 1.03 is wanted)")


if __name__ == "__main__":
    main()
