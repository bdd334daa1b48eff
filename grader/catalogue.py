"""reference/<id>/ → Assignment. Everything about an assignment is in its one folder."""

from __future__ import annotations

import hashlib
import importlib
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from grader.checks.claim import Check
from grader.checks.lines import Target
from grader.checks.mistakes import Ledger, Mistake, Reading, Truths
from grader.checks.recorded import RECORDED, Recorded
from grader.errors import BadAssignment, BadCall
from grader.guest.entry_points import EntryPoints
from grader.kit import reference as default_truth
from grader.kit.mistake import Interpretation, KnownMistake, interpretations_of
from grader.missing_code import has_code
from grader.model import ZERO, Limits, Notebook, Points, Submission
from grader.notebook import read_notebook
from grader.remembered import Remembered
from grader.sandbox.contract import Array
from grader.written.question import InWords, Question

_JUDGING = ("*.toml", "*.py", "data/*", "handout/*.py")
"""What verdicts depend on, and so what the digest is over; variants, faults and the handout's texts are not."""
WRITTEN = "written.py"
REFERENCE = "reference.py"
MISTAKES = "mistakes.py"
LINES = "lines.py"
"""Calls to follow for the line of a lost check; optional."""
"""What opinions on written answers depend on. No check asks it, so it has a digest of its own."""
MUTATION = "mutation.py"
"""The oracle for mutants of right solutions, by which the checks are measured. No verdict depends on it."""

Policy = Literal["suggest", "full-marks-only"]
"""What the machine may decide about a written answer: nothing, or that one that is proven right has its points."""


@dataclass(frozen=True)
class PartRow:
    id: str
    title: str
    written: Mapping[str, Points]
    """Questions for a person, by id ("q1.1", "q2.4.written"), with their points."""
    questions: Mapping[str, str]
    """Titles of the written ones."""
    sections: Mapping[str, Mapping[str, Points]]
    """Check sections in order, each with its claims' points."""


@dataclass(frozen=True)
class Assignment:
    id: str
    folder: Path
    title: str
    entry_points: EntryPoints
    parts: tuple[PartRow, ...]
    checks: tuple[Check, ...]
    limits: Limits
    config: Mapping[str, Any]
    digest: str
    mistakes: tuple[Mistake, ...]
    readings: tuple[Reading, ...]
    truths: Truths
    remembered: Remembered
    recorded: bool
    """It is a student's pack: recorded answers stand in for the reference, and long checks are left to the hand-in."""
    handout: tuple[Notebook, ...]
    """The notebooks that students were given, to tell their words from ours."""
    modules: Mapping[str, bytes]
    """The Python files that students were given, without the one that they complete: their code may import them."""
    shared: Callable[[bool], Mapping[str, Array]]
    """quick → the large arrays that long checks share with their sessions."""
    known_questions: tuple[Question | InWords, ...] = ()
    """Written questions that the machine knows something about: whose answers it can compare with the truth, or what
    in them people should notice."""
    written_digest: str = ""
    policy: Policy = "suggest"
    targets: Callable[[str], Sequence[Target]] = lambda _check: ()
    """Id of a lost check → where to look for the line that it is about."""

    @property
    def file(self) -> str:
        """The name of the file that students submit."""
        return str(next(iter(self.config.get("files", ())), self.config.get("file", "solution.py")))

    @property
    def reference(self) -> Path:
        """The reference solution: a file of the name that students submit."""
        return self.folder / _reference(self.config, self.folder)

    @property
    def reference_module(self) -> ModuleType:
        """The module of the reference solution."""
        return _submodule(self.checks[0].run.__module__.rpartition(".")[0], self.reference.stem)

    @property
    def not_submitted(self) -> str:
        """Message about a submission without its code."""
        return f"{self.file} was not submitted; upload it with the notebook."

    def missing(self, submission: Submission) -> str:
        """Return the message about a submission without its code, or "" if there is code."""
        there = has_code(submission, self.entry_points, (self.file,), self.modules)
        return "" if there else self.not_submitted

    @property
    def points(self) -> Points:
        return sum((p for part in self.parts for p in (*part.written.values(), *_claims(part).values())), ZERO)

    def section_points(self, section: str) -> Mapping[str, Points]:
        for part in self.parts:
            if section in part.sections:
                return part.sections[section]
        raise BadAssignment(f"{self.id}: no points for the section [{section}]")

    def ledger(self, truths: Truths) -> Ledger:
        return Ledger(truths, self.mistakes, self.readings)


def _claims(part: PartRow) -> dict[str, Points]:
    return {f"{s}.{name}": p for s, claims in part.sections.items() for name, p in claims.items()}


def default_root() -> Path:
    """The checkout's `reference/`, else one in the current folder."""
    beside = Path(__file__).parent.parent / "reference"
    return beside if beside.is_dir() else Path.cwd() / "reference"


def find(name: str, root: Path | None = None) -> Assignment:
    """By id in the catalogue's root, or by the path of its folder."""
    root = root or default_root()
    for folder in (Path(name), root / name):
        if (folder / "assignment.toml").is_file():
            return load(folder)
    known = ", ".join(sorted(p.parent.name for p in root.glob("*/assignment.toml"))) or "none"
    raise BadCall(f"there is no assignment {name!r} (known in {root.name}/: {known})")


def everything(root: Path | None = None) -> list[Assignment]:
    return [load(path.parent) for path in sorted((root or default_root()).glob("*/assignment.toml"))]


def load(folder: Path) -> Assignment:
    """Reads and checks an assignment's folder; `BadAssignment` says what its author must mend."""
    folder = folder.resolve()
    try:
        config = tomllib.loads((folder / "assignment.toml").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadAssignment(f"{folder.name}/assignment.toml (TOML in UTF-8): {wrong}") from None
    digest = _digest(folder)
    written_digest = _digest_of([folder / WRITTEN], folder) if (folder / WRITTEN).exists() else ""
    package = _package(folder, f"{digest[:12]}{written_digest[:12]}")
    module = _submodule(package, "checks")
    truth = _truth(folder, package)
    checks = tuple(value for value in vars(module).values() if isinstance(value, Check))
    handout = _handout(folder)
    entry_points = _entry_points(config, folder)
    known, truths, readings = _known(truth, module, config, entry_points, folder, package)
    assignment = Assignment(
        id=str(_need(config, "id", folder)),
        folder=folder,
        title=str(_need(config, "title", folder)),
        entry_points=entry_points,
        parts=tuple(_part(row, folder) for row in _need(config, "part", folder)),
        checks=checks,
        limits=_limits(config.get("limits", {}), folder),
        config=config,
        digest=getattr(truth, "digest", digest),
        mistakes=known,
        readings=readings,
        truths=truths,
        remembered=Remembered(truths),
        recorded=isinstance(truth, Recorded),
        handout=tuple(read_notebook(p.name, p.read_bytes()) for p in sorted(handout.glob("*.ipynb"))),
        modules={
            p.name: p.read_bytes()
            for p in sorted(handout.glob("*.py"))
            if p.name not in (config.get("file"), *config.get("files", ()))
        },
        shared=getattr(module, "shared", lambda _quick: {}),
        known_questions=_known_questions(folder, package),
        written_digest=written_digest,
        policy=_policy(config.get("written", {}), folder),
        targets=_submodule(package, "lines").targets if (folder / LINES).exists() else lambda _check: (),
    )
    _agree(assignment, _points(_need(config, "points", folder), folder))
    _same_questions(assignment)
    return assignment


def mutation_module(folder: Path) -> ModuleType:
    """Load an assignment's mutation.py, and nothing else of it. Raises BadAssignment where there is none."""
    if not (folder / MUTATION).exists():
        raise BadAssignment(f"{folder.name} has no {MUTATION}, which says how mutants are classified")
    return _submodule(_package(folder.resolve(), MUTATION.removesuffix(".py")), MUTATION.removesuffix(".py"))


def _truth(folder: Path, package: str) -> Any:
    """truth.py; in a student's pack the recorded answers; in an assignment without either, checks.py itself."""
    if (folder / "truth.py").exists():
        return _submodule(package, "truth")
    if (folder / RECORDED).exists():
        return Recorded.read(folder / RECORDED)
    return _submodule(package, "checks")


def _known(
    truth: Any, checks: ModuleType, config: Mapping[str, Any], entry_points: EntryPoints, folder: Path, package: str
) -> tuple[tuple[Mistake, ...], Truths, tuple[Reading, ...]]:
    """Return the known mistakes, the truths with and without them, and the accepted interpretations: of truth.py;
    without it those of the reference and mistakes.py; without a reference checks.py itself."""
    if truth is not checks:
        return tuple(truth.mistakes(config)), truth.truths(config), _readings(truth, config)
    if not (folder / _reference(config, folder)).exists():
        return (), lambda _reading, _assumed: truth, _readings(truth, config)
    reference = _submodule(package, _reference(config, folder).removesuffix(".py"))
    ids = [
        f"{section}.{name}"
        for row in config["part"]
        for section, names in row.get("checks", {}).items()
        for name in names
    ]
    registered: list[KnownMistake] = []
    accepted: tuple[Interpretation, ...] = ()
    if (folder / MISTAKES).exists():
        mistakes = _submodule(package, MISTAKES.removesuffix(".py"))
        registered = default_truth.known_mistakes(reference, entry_points.names, mistakes, ids, folder.name)
        accepted = interpretations_of(mistakes)
    truths = default_truth.truths(reference, entry_points.names, registered, accepted)
    return tuple(registered), truths, (Reading("", ""), *accepted)


def _reference(config: Mapping[str, Any], folder: Path) -> str:
    """Return the name of the file with the reference solution."""
    return REFERENCE if (folder / REFERENCE).exists() else str(config.get("file", "solution.py"))


def _known_questions(folder: Path, package: str) -> tuple[Question | InWords, ...]:
    return tuple(_submodule(package, "written").questions()) if (folder / WRITTEN).exists() else ()


def _policy(table: Mapping[str, Any], folder: Path) -> Policy:
    match table.get("policy", "suggest"):
        case "suggest":
            return "suggest"
        case "full-marks-only":
            return "full-marks-only"
        case other:
            raise BadAssignment(
                f'{folder.name}/assignment.toml: [written] policy is "suggest" or "full-marks-only", not {other!r}'
            )


def _same_questions(assignment: Assignment) -> None:
    """written.py knows only questions of the table, and gives them the table's points."""
    worth = {name: points for part in assignment.parts for name, points in part.written.items()}
    for question in assignment.known_questions:
        if worth.get(question.id) != question.worth:
            raise BadAssignment(
                f"{assignment.id}: {WRITTEN} gives {question.worth} points to {question.id}, assignment.toml "
                f"{worth.get(question.id, 'none')}"
            )


def _handout(folder: Path) -> Path:
    """In the assignment's folder; in a student's pack beside it, where students find it."""
    inside = folder / "handout"
    return inside if inside.is_dir() or not (folder / RECORDED).exists() else folder.with_name("handout")


def _need(config: Mapping[str, Any], key: str, folder: Path) -> Any:
    if key not in config:
        raise BadAssignment(f"{folder.name}/assignment.toml: {key!r} is missing")
    return config[key]


def _entry_points(config: Mapping[str, Any], folder: Path) -> EntryPoints:
    kinds: tuple[Literal["class", "functions"], ...] = ("class", "functions")
    given = [kind for kind in kinds if kind in config]
    if len(given) != 1:
        raise BadAssignment(f"{folder.name}/assignment.toml: give either class or functions, a list of names")
    names = config[given[0]]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadAssignment(f"{folder.name}/assignment.toml: {given[0]} must be a list of names, the right one first")
    return EntryPoints(given[0], tuple(names))


def _limits(table: Mapping[str, Any], folder: Path) -> Limits:
    known = [f.name for f in fields(Limits)]
    for name, value in table.items():
        if name not in known or type(value) not in (int, float) or not value > 0:
            raise BadAssignment(
                f"{folder.name}/assignment.toml: [limits] takes positive numbers for {', '.join(known)}, "
                f"not {name} = {value!r}"
            )
    return Limits(**table)


def _points(value: Any, folder: Path) -> Points:
    try:
        points = Points(str(value))
    except (ValueError, ZeroDivisionError):
        raise BadAssignment(f"{folder.name}/assignment.toml: {value!r} is not a number of points") from None
    if (points * 100).denominator != 1 or points < 0:
        raise BadAssignment(f"{folder.name}/assignment.toml: points must be multiples of 1/100, not {value!r}")
    return points


def _part(row: Mapping[str, Any], folder: Path) -> PartRow:
    for name, claims in row.get("checks", {}).items():
        if not isinstance(claims, dict):
            raise BadAssignment(f"{folder.name}/assignment.toml: {name} must be a table of claims, not {claims!r}")
    sections = {
        name: {claim: _points(p, folder) for claim, p in claims.items()}
        for name, claims in row.get("checks", {}).items()
    }
    questions = {str(q["id"]): q for q in row.get("written", [])}
    return PartRow(
        id=str(_need(row, "id", folder)),
        title=str(_need(row, "title", folder)),
        written={name: _points(_need(q, "points", folder), folder) for name, q in questions.items()},
        questions={name: str(_need(q, "title", folder)) for name, q in questions.items()},
        sections=sections,
    )


def _agree(assignment: Assignment, total: Points) -> None:
    """The parts' points add up to the total, and there are checks for exactly the sections that have points."""
    if assignment.points != total:
        raise BadAssignment(f"{assignment.id}: the parts add up to {assignment.points}, not to points = {total}")
    in_table = {section for part in assignment.parts for section in part.sections}
    in_checks = {c.section for c in assignment.checks}
    if in_table != in_checks:
        odd = ", ".join(sorted(in_table ^ in_checks))
        raise BadAssignment(f"{assignment.id}: assignment.toml and checks.py do not have the same sections: {odd}")


def _readings(truth: Any, config: Mapping[str, Any]) -> tuple[Reading, ...]:
    readings: Sequence[Reading] = truth.readings(config) if hasattr(truth, "readings") else ()
    return tuple(readings) or (Reading("", ""),)


def credit(text: str) -> Fraction:
    """ "1/2" → Fraction(1, 2)."""
    return Fraction(text)


def _digest(folder: Path) -> str:
    judging = {p for pattern in _JUDGING for p in folder.glob(pattern) if p.is_file()}
    return _digest_of(judging - {folder / WRITTEN, folder / MUTATION}, folder)


def _digest_of(paths: Iterable[Path], folder: Path) -> str:
    over = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        over.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return over.hexdigest()


def _package(folder: Path, version: str) -> str:
    """The folder as a package under a name of its own, so that `from .problems import …` works in it and two
    versions of one assignment can be loaded side by side."""
    name = f"assignment_{folder.name}_{version}".replace("-", "_")
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _submodule(package: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{package}.{name}")
    except BadAssignment:
        raise
    except Exception as wrong:
        raise BadAssignment(f"{name}.py of the assignment cannot be loaded: {type(wrong).__name__}: {wrong}") from wrong
