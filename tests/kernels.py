"""Grade an assignment's specimens under several BLAS kernels, here and inside, and compare every verdict.

A kernel decides about the last bits of a product and about nothing else, so every run must print the same rows: for
each check of each specimen its status, points, known mistake, and reason without the numbers.

    python -m tests.kernels              # three pairs of kernels, all specimens (minutes)
    python -m tests.kernels faults/...   # only these specimens
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from grader.assignments import catalogue
from grader.assignments.seeds import Seed
from grader.authoring import certify
from grader.engine.grade import Scope, grade
from grader.guest.versions import versions
from grader.model import CheckResult, Environment, Report
from grader.sandbox.choose import choose
from grader.sandbox.kernel import OVERRIDE
from grader.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

Rows = dict[str, dict[str, list[str]]]
"""Specimen → check → status, points, mistake and reason."""

NAMES = ("Haswell", "Nehalem", "Sandybridge", "NEOVERSEN1", "ARMV8", "CORTEXA57")
"""Kernels that OpenBLAS has for older processors of two families, and newer ones of the same family can run."""


@dataclass(frozen=True)
class Kernels:
    """The kernels of one run."""

    parent: str
    sandbox: str

    def __str__(self) -> str:
        return f"{self.parent} with {self.sandbox} inside"


def pairs() -> list[Kernels]:
    """Return pairs of the first three kernels that this processor runs: one equal, two unequal, each of the three once
    here and once inside."""
    first, second, third = islice(_available(), 3)
    return [Kernels(first, first), Kernels(second, third), Kernels(third, second)]


def _available() -> Iterator[str]:
    """The one that OpenBLAS chooses here comes first."""
    own = _kernel_under("")
    yield own
    for name in NAMES:
        if name != own and _kernel_under(name) == name:
            yield name


def _kernel_under(coretype: str) -> str:
    command = [sys.executable, "-m", "tests.kernels", "--kernel"]
    environment = os.environ | {"OPENBLAS_CORETYPE": coretype}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def rows_under(kernels: Kernels, only: Sequence[str] = ()) -> Rows:
    """Return the rows that a fresh process prints with these kernels.

    Args:
        only: names of specimens; all of them without any.

    Raises:
        RuntimeError: the process ran other kernels.
    """
    environment = os.environ | {"OPENBLAS_CORETYPE": kernels.parent, OVERRIDE: kernels.sandbox}
    command = [sys.executable, "-m", "tests.kernels", "--rows", *only]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    ran, rows = json.loads(done.stdout)
    if Kernels(*ran) != kernels:
        raise RuntimeError(f"asked for {kernels}, got {Kernels(*ran)}")
    return dict(rows)


def differences(runs: Mapping[Kernels, Rows]) -> list[str]:
    """Return a line for each row that is not the same in every run."""
    return [
        f"{specimen} {check}: " + "; ".join(f"{kernels}: {rows[specimen].get(check)}" for kernels, rows in runs.items())
        for specimen, checks in next(iter(runs.values())).items()
        for check in checks
        if len({str(rows[specimen].get(check)) for rows in runs.values()}) > 1
    ]


def _print_rows(only: Sequence[str]) -> None:
    """In the fresh process."""
    assignment = catalogue.load(ROOT / "reference" / "ps4")
    workers = len(os.sched_getaffinity(0))
    sandbox, _ = choose("bubblewrap", Settings().runtime, workers)
    chosen = [s for s in certify.specimens(assignment) if not only or s.name in only]

    def one(specimen: certify.Specimen) -> Report:
        return grade(specimen.submission, assignment, sandbox, Seed(), Scope(code_only=True))

    try:
        with ThreadPoolExecutor(workers) as pool:
            reports = list(pool.map(one, chosen))
    finally:
        sandbox.close()
    (ran,) = {_kernels(report.environment) for report in reports}
    rows = {s.name: {c.id: _row(c) for c in r.checks} for s, r in zip(chosen, reports, strict=True)}
    print(json.dumps([ran, rows]))


def _kernels(environment: Environment) -> tuple[str, str]:
    return environment.grader_kernel, environment.kernel


def _row(check: CheckResult) -> list[str]:
    return [check.status, str(check.points), check.mistake, re.sub(r"-?\d+(\.\d+)?(e[-+]?\d+)?", "#", check.reason)]


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--kernel"]:
            sys.stdout.write(versions()["kernel"])
        case ["--rows", *only]:
            _print_rows(only)
        case only:
            runs = {}
            for kernels in pairs():
                runs[kernels] = rows_under(kernels, only)
                print(f"{kernels}: {len(runs[kernels])} specimens")
            found = differences(runs)
            print("\n".join(found) or "the same rows under all of them")
            return 1 if found else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
