"""`grader pack student`: pack the pre-check that students install. The pack contains recorded results of the reference,
but not the reference itself."""

from __future__ import annotations

import ast
import io
import json
import re
import shlex
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader import __version__
from grader.assignments import recorded_truth
from grader.assignments.archive import add, files_in
from grader.assignments.catalogue import CHECKS, DEMO, GROUP, LINES, MISTAKES, REFERENCE, Assignment
from grader.assignments.manifest import MANIFEST
from grader.assignments.recorded_truth import RECORDED
from grader.authoring.processes import Tick, silent
from grader.authoring.recording import record
from grader.distribution import NAME, SCRIPT, installed
from grader.errors import BadAssignment, BadCall
from grader.sandbox.contract import Sandbox

_SECRET_FILES = (REFERENCE, "truth.py", MISTAKES)
_DATA_FOLDER = "data"
LARGE_BYTES = 1 << 20
"""Largest size of a data file in a student's pack. Checks that need larger files do not run there."""
STUDENTS_COMMANDS = (
    "grader.__main__", "grader.cli.grading", "grader.cli.student", "grader.cli.watch", "grader.notebook.magic",
)  # fmt: skip
"""Modules of the commands for students. The student's pack has these and all modules that they import."""
NOT_FOR_STUDENTS = "grader.derivations.opinions"
"""The module that compares written answers. It is left out of a student's pack, which has no written questions."""
STUDENTS_REQUIREMENTS = ("numpy>=2", "pydantic>=2", "msgpack", "nbformat", "typer", "jinja2", "matplotlib")
"""Requirements of the modules in a student's pack. rich is not listed, because typer requires it."""
_PACKAGE = Path(__file__).parents[1]

README = """\
{title}

Work in the folder handout/. Check your work with the grader before you submit it.

Install once:     python3 -m venv .venv        (on Windows: py -m venv .venv)
                  source .venv/bin/activate    (on Windows: .venv\\Scripts\\activate; in each new terminal)
                  python -m pip install ./precheck
Check:            grader check handout/{file}
While you work:   grader watch handout/{file}
In a notebook:    %pip install ../precheck     (once, into the notebook's own Python)
                  %load_ext grader
                  %grader check
Submit:           grader login URL COURSE      (once; your course says where, and the page Settings makes a token)
                  grader submit {submitted}
                  grader status                (%grader login, submit and status in a notebook)

Run the commands in this folder. They take a notebook too, and a folder of files. The problems of this check are the
same for everybody. After you submit, your code is graded on other problems, and the checks that do not run here run as
well. So this is not the grade. Your code runs without isolation on your machine, so check only your own code.
{data}"""
DATA = """
These files are too large for this folder. If you need one, get it from your course and put it into handout/:
{names}
"""


def pack_student(assignment: Assignment, sandbox: Sandbox, tick: Tick = silent) -> bytes:
    """Return a student's pack: a zip with the handout, the checks, the recorded results, and the grader as an
    installable folder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        _add_assignment(out, assignment)
        answers = record(assignment, sandbox, tick)
        content = recorded_truth.dumps(assignment.digest, answers, assignment.mistakes, assignment.interpretations)
        add(out, f"{assignment.id}/{RECORDED}", content)
        for path in students_modules(assignment):
            add(out, f"precheck/grader/{path.relative_to(_PACKAGE).as_posix()}", path.read_bytes())
        add(out, "precheck/pyproject.toml", _students_pyproject(assignment.id).encode())
        add(out, "README.txt", _readme(assignment).encode())
    return archive.getvalue()


def large_files(assignment: Assignment) -> list[Path]:
    """Return the data files that are left out of a student's pack."""
    return [path for path in files_in(assignment.folder / _DATA_FOLDER) if path.stat().st_size > LARGE_BYTES]


def _readme(assignment: Assignment) -> str:
    """Return the README.txt of a student's pack. It names the files to submit and the data files that are left out."""
    data = ""
    large = large_files(assignment)
    if large:
        sizes = [f"  {path.name} ({path.stat().st_size / (1 << 20):.1f} MiB)" for path in large]
        data = DATA.format(names="\n".join(sizes))
    names = list(assignment.files)
    if assignment.questions:
        names = [notebook.path for notebook in assignment.handout] + names
    return README.format(
        title=assignment.title,
        file=assignment.files[0],
        submitted=shlex.join(f"handout/{name}" for name in names),
        data=data,
    )


def students_modules(assignment: Assignment) -> list[Path]:
    """Return the grader's files in a student's pack: the modules that the students' commands and the checks import, the
    code that runs in the sandbox, and the files that reports need."""
    files: set[Path] = set()
    modules = list(STUDENTS_COMMANDS)
    for name in code_of_checks(assignment):
        modules += _imported(assignment.folder / name)
    while modules:
        module = modules.pop()
        path = _file_of(module)
        if path is not None and path not in files and module != NOT_FOR_STUDENTS:
            files.add(path)
            modules += [module.rpartition(".")[0], *_imported(path)]
    files.update(files_in(_PACKAGE / "guest"))
    files.update(path for path in files_in(_PACKAGE / "render") if path.suffix != ".py")
    return sorted(files)


def _file_of(module: str) -> Path | None:
    """Return the file of one of the grader's modules; None for any other module."""
    if not module.startswith("grader"):
        return None
    place = _PACKAGE.parent.joinpath(*module.split("."))
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


def _imported(path: Path, level: int = 0) -> Iterator[str]:
    """Yield the names of all modules that a module may import: a and a.b for `from a import b`, or for `from .a import
    b` if the level is 1."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == level:
            prefix = f"{node.module}." if node.module else ""
            yield prefix[:-1]
            yield from (prefix + alias.name for alias in node.names)


def _students_pyproject(id: str) -> str:
    """Return the pyproject.toml for the grader in a student's pack. It also installs the assignment, so that the grader
    finds it from any folder."""
    package = f"grader_{re.sub(r'[^A-Za-z0-9_]', '_', id)}"
    return _pyproject(NAME, f"{__version__}+student", ">=3.11", STUDENTS_REQUIREMENTS) + (
        f'\n[project.entry-points."{GROUP}"]\n"{id}" = "{package}"\n\n'
        f'[tool.hatch.build.targets.wheel.force-include]\n"../{id}" = "{package}"\n'
    )


def _pyproject(name: str, version: str, python: str, requirements: Sequence[str]) -> str:
    """Return the text of a pyproject.toml for a packed grader."""
    return (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n'
        f'requires-python = "{python}"\ndependencies = {json.dumps(requirements, indent=4)}\n\n'
        f'[project.scripts]\ngrader = "{SCRIPT}"\n\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["grader"]\n'
    )


def _add_assignment(out: zipfile.ZipFile, assignment: Assignment) -> None:
    """Add the handout as the student's working folder, and the assignment's folder with the files that the checks need.
    Files with the solution are left out."""
    code = code_of_checks(assignment)
    large = large_files(assignment)
    for path in files_in(assignment.folder):
        inside = path.relative_to(assignment.folder)
        is_handout = inside.parts[0] == "handout"
        is_data = inside.parts[0] == _DATA_FOLDER and path not in large
        if is_handout:
            add(out, inside.as_posix(), path.read_bytes())
        # the assignment has a copy of the handout, which the student does not edit
        if (is_handout and path.name not in assignment.files) or is_data or inside.as_posix() in (MANIFEST, *code):
            add(out, f"{assignment.id}/{inside.as_posix()}", path.read_bytes())


def code_of_checks(assignment: Assignment) -> list[str]:
    """Return the files that the checks need: checks.py, lines.py, and modules of the assignment that these import.

    Raises:
        BadAssignment: If one of these files imports a file with the solution.
    """
    folder = assignment.folder
    needed = [name for name in (CHECKS, LINES) if (folder / name).exists()]
    for name in needed:  # the list grows during the loop
        for module in _imported(folder / name, level=1):
            file = f"{module}.py"
            if file in needed or not (folder / file).exists():
                continue
            if file in _SECRET_FILES:
                raise BadAssignment(
                    f"{assignment.id}/{name} imports {file}, which must not be in a student's pack: get the right "
                    "results from `truth`, the argument of the functions that judge claims"
                )
            needed.append(file)
    return needed


def add_grader(out: zipfile.ZipFile, folder: str) -> None:
    """Add this grader as a folder that pip can install. The folder's dependencies are those of the installed grader."""
    distribution = installed()
    if distribution is None:
        raise BadCall("the grader is not installed here, so its requirements are unknown: python -m pip install .")
    needed = [requirement for requirement in distribution.requires or [] if "extra ==" not in requirement]
    for path in files_in(_PACKAGE):
        if DEMO not in path.parents:
            add(out, f"{folder}/grader/{path.relative_to(_PACKAGE).as_posix()}", path.read_bytes())
    python = distribution.metadata["Requires-Python"]
    add(out, f"{folder}/pyproject.toml", _pyproject(distribution.name, __version__, python, needed).encode())
