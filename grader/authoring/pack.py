"""`grader pack student`: pack the pre-check that students install. It contains answers, but not the solution."""

from __future__ import annotations

import ast
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader import __version__
from grader.assignments import recorded
from grader.assignments.catalogue import CHECKS, DEMO, LINES, MISTAKES, REFERENCE, Assignment
from grader.assignments.manifest import MANIFEST
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.recorded import RECORDED, AnswerRecorder
from grader.assignments.seeds import Seed
from grader.distribution import SCRIPT, installed
from grader.engine import grade as pipeline
from grader.errors import BadAssignment, BadCall
from grader.intake.receive import receive_path
from grader.kit.claim import Claim
from grader.sandbox.contract import Sandbox

_SECRET_FILES = (REFERENCE, "truth.py", MISTAKES)
_GIVEN_FOLDERS = ("data",)

README = """\
Check your work before you submit it
=====================================

Once:        python -m pip install ./precheck
Every time:  python -m grader check {file} -a {id}
While you work (q quits):  python -m grader watch {file} -a {id}
In a notebook of the folder handout:  %load_ext grader  and, in the next cell,  %grader check -a ../{id}

Run the first three from this folder. The handout is in handout/. Instead of {file}, write the path of the file that
you work on, such as handout/{file} (a notebook works too). The problems here use the public seed; after you submit,
your code is graded on other problems, and the checks that do not run here run then. So this is not the grade. On your
machine your code may run without isolation, so run only your own code. `grader doctor` is for servers; you do not
need it.
"""


def pack_student(assignment: Assignment, sandbox: Sandbox, tick: Callable[[int], None] = lambda _count: None) -> bytes:
    """Return a zip with the handout, the checks, the recorded answers, and the grader as an installable folder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        _add_assignment(out, assignment)
        add(out, f"{assignment.id}/{RECORDED}", _recording(assignment, sandbox, tick))
        add_grader(out, "precheck")
        add(out, "README.txt", README.format(id=assignment.id, file=assignment.files[0]).encode())
    return archive.getvalue()


def _add_assignment(out: zipfile.ZipFile, assignment: Assignment) -> None:
    code = code_of_checks(assignment)
    for path in sorted(assignment.folder.rglob("*")):
        inside = path.relative_to(assignment.folder)
        if not path.is_file() or any(part.startswith((".", "__pycache__")) for part in inside.parts):
            continue
        if inside.parts[0] == "handout":
            add(out, f"handout/{Path(*inside.parts[1:]).as_posix()}", path.read_bytes())
        elif inside.as_posix() in (MANIFEST, *code) or inside.parts[0] in _GIVEN_FOLDERS:
            add(out, f"{assignment.id}/{inside.as_posix()}", path.read_bytes())


def code_of_checks(assignment: Assignment) -> list[str]:
    """Return the files that the checks need: checks.py, lines.py, and modules of the assignment that these import.

    Raises:
        BadAssignment: One of them imports the solution.
    """
    needed = [name for name in (CHECKS, LINES) if (assignment.folder / name).exists()]
    for name in needed:  # it grows meanwhile
        imports = _own_imports((assignment.folder / name).read_text("utf-8"))
        files = [f"{module}.py" for module in imports if (assignment.folder / f"{module}.py").exists()]
        if secret := [file for file in files if file in _SECRET_FILES]:
            raise BadAssignment(
                f"{assignment.id}/{name} imports {secret[0]}, which must not be in a student's pack: use the truth"
            )
        needed += [file for file in files if file not in needed]
    return needed


def _own_imports(source: str) -> Iterator[str]:
    """Yield the names of modules that are imported from the assignment's folder."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from [node.module.partition(".")[0]] if node.module else (alias.name for alias in node.names)


def add(out: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add a file without a date, so that equal packs are equal files."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    out.writestr(entry, content, zipfile.ZIP_DEFLATED)


def _recording(assignment: Assignment, sandbox: Sandbox, tick: Callable[[int], None]) -> bytes:
    """Return the recorded answers to the public problems, with and without each known mistake."""
    recorder = AnswerRecorder(assignment.truths)
    listening = replace(assignment, truths=recorder.truth, public_cache=PublicProblemCache(recorder.truth))
    reference = receive_path(assignment.reference, assignment.files[0])
    recorded_checks: set[str] = set()
    for claim in pipeline.claims_of_code(reference, listening, sandbox, Seed()):
        tick(int(claim.check not in recorded_checks))
        recorded_checks.add(claim.check)
        assumptions = [m.id for m in assignment.mistakes if not claim.topics or m.topic in claim.topics]
        for interpretation in assignment.interpretations:
            for assumed in (frozenset[str](), *(frozenset({i}) for i in assumptions)):
                _ask(claim, recorder.truth(interpretation.id, assumed), mistaken=bool(assumed))
    checks = [check for part in assignment.parts for check in part.points_of_checks]
    for call in dict.fromkeys(target.call for check in checks for target in assignment.targets(check)):
        for interpretation in assignment.interpretations:
            call.right(recorder.truth(interpretation.id, frozenset()))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / RECORDED
        recorded.write(file, assignment.digest, recorder.answers, assignment.mistakes, assignment.interpretations)
        return file.read_bytes()


def _ask(claim: Claim, truth: Any, *, mistaken: bool) -> None:
    """Judge a claim with a truth, to record its answers. A truth with a known mistake may raise."""
    with np.errstate(all="ignore"):
        try:
            claim.judge(truth)
        except Exception:
            if not mistaken:
                raise


def add_grader(out: zipfile.ZipFile, folder: str) -> None:
    """Add this grader as a folder that pip can install."""
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and DEMO not in path.parents:
            add(out, f"{folder}/grader/{path.relative_to(package).as_posix()}", path.read_bytes())
    add(out, f"{folder}/pyproject.toml", _pyproject().encode())


def _pyproject() -> str:
    """Return the pyproject.toml of the packed grader, with the dependencies of the installed one."""
    found = installed()
    if found is None:
        raise BadCall("the grader is not installed here, so its requirements are unknown: python -m pip install .")
    facts = found.metadata
    needed = [requirement for requirement in found.requires or [] if "extra ==" not in requirement]
    return (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[project]\nname = "{found.name}"\nversion = "{__version__}"\n'
        f'requires-python = "{facts["Requires-Python"]}"\ndependencies = {json.dumps(needed, indent=4)}\n\n'
        f'[project.scripts]\ngrader = "{SCRIPT}"\n\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["grader"]\n'
    )
