"""`python -m tests.benchmarks.whole_submission`: what grading adds to the student's own work.

Runs `grader check submissions/perfect` (50,000 images, 20 epochs, both activations) and, in turn, the same two
trainings bare, side by side in two processes; prints the wall times and their ratio. At most 1.3 is wanted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUNDS = 3

BARE = """
import sys
sys.path[:0] = ["submissions/perfect", "reference/ps4/handout"]
from mlp import TwoLayerMLP
from utils import get_MNIST_data
X_train, y_train, X_val, y_val, X_test, y_test = get_MNIST_data()
net = TwoLayerMLP(784, 64, 10, std=0.1, activation=sys.argv[1])
net.train(X_train, y_train, X_val, y_val, num_epochs=20, batch_size=100, learning_rate=1e-3,
          learning_rate_decay=0.95, reg=0.5)
net.predict(X_test)
"""


def graded() -> tuple[float, dict[str, float]]:
    started = time.perf_counter()
    command = [Path(sys.executable).with_name("grader"), "check", "submissions/perfect", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["points"]["earned"] == 40, report["points"]
    return time.perf_counter() - started, {s: used["cpu_seconds"] for s, used in report["usage"].items()}


def bare() -> float:
    started = time.perf_counter()
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    both = [
        subprocess.Popen([sys.executable, "-c", BARE, activation], cwd=ROOT, env=environment)
        for activation in ("sigmoid", "relu")
    ]
    assert [process.wait() for process in both] == [0, 0]
    return time.perf_counter() - started


def main() -> None:
    rounds = []
    for number in range(1, ROUNDS + 1):
        (wall, cpu), alone = graded(), bare()
        rounds.append(wall / alone)
        shown = ", ".join(f"{section} {seconds:.1f}" for section, seconds in cpu.items() if seconds >= 0.1)
        print(f"round {number}: graded {wall:.1f} s, bare {alone:.1f} s, ratio {wall / alone:.2f} (CPU s: {shown})")
    print(f"median ratio {statistics.median(rounds):.2f} (at most 1.3 is wanted)")


if __name__ == "__main__":
    main()
