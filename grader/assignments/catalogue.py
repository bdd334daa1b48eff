"""Find the folders of assignments, and load assignments from them."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.assignments import rubric_file
from grader.assignments.manifest import MANIFEST, Manifest, PartTable, WrittenQuestion, read_manifest
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.recorded_truth import RECORDED, RecordedTruth
from grader.assignments.rubric_file import Rubrics
from grader.assignments.sandboxed_truth import outline, sandboxed_truths
from grader.derivations.question import Question
from grader.errors import BadAssignment, BadCall
from grader.guest.changes import class_in
from grader.guest.entry_points import EntryPoints
from grader.intake.missing_code import has_code
from grader.intake.notebook import read_notebook
from grader.kit import reference_truth as default_truth
from grader.kit.check import Check
from grader.kit.diagnosis import Assumptions, Interpretation, Mistake, Truths
from grader.kit.lines import Target
from grader.kit.mistake import interpretations_of
from grader.model import Limits, Notebook, Points, Submission
from grader.sandbox.contract import Array, Sandbox

OTHER_VERSION = (
    "this pack was made by another version of the grader: run the grader that came with it (the folder precheck), or "
    "download the pack again"
)
GROUP = "grader.assignments"
"""Entry point group with which installed packages register assignments. Each entry point names a package whose folder
is an assignment's folder."""
DEMO = Path(__file__).parents[1] / "demo"
"""Folder of the demo assignment, which is installed with the grader."""
_DIGESTED = (MANIFEST, "*.py", "*.lock", "data/*", "handout/*.py")
"""Patterns of the files on which verdicts depend. `Assignment.digest` is computed over these."""
CHECKS = "checks.py"
WRITTEN = "written.py"
"""File with the expected formulas of written questions. No check uses it, so it has a separate digest."""
MISTAKES = "mistakes.py"
TRUTH = "truth.py"
"""Optional file that computes the right results, where calls of the reference solution are not enough."""
LINES = "lines.py"
"""Optional file with the calls that are traced to find the line that made a check fail."""
REFERENCE = "reference.py"
"""File with the reference solution, in the form that students submit."""
MUTATION = "mutation.py"
"""Optional file for mutation testing. Its code decides which mutants are wrong; no verdict on a submission uses it."""


@dataclass(frozen=True)
class Assignment:
    """An assignment, as loaded from its folder."""

    manifest: Manifest
    folder: Path
    checks: tuple[Check, ...]
    digest: str
    mistakes: tuple[Mistake, ...]
    interpretations: tuple[Interpretation, ...]
    truths: Truths
    public_cache: PublicProblemCache
    recorded: bool
    """True if the folder is from a student's pack: recorded results replace the reference solution, and long checks do
    not run."""
    handout: tuple[Notebook, ...]
    """The handout's notebooks, whose text is not part of students' answers."""
    modules: Mapping[str, bytes]
    """File name → content of the handout's Python files that students' code may import."""
    shared: Callable[[bool], Mapping[str, Array]]
    """Function that returns large arrays by name, for the sessions of long checks. Its argument is True for
    `--quick`."""
    limits: Limits
    known_questions: tuple[Question, ...] = ()
    """Written questions whose formulas are compared automatically."""
    written_digest: str = ""
    outline: ModuleType | None = None
    """The functions or the class of a reference that runs in a sandbox (`in_sandbox`), without their code; None for a
    reference that is imported."""
    rest: Callable[[], None] = lambda: None
    """Function that ends the session of a reference that runs in a sandbox. The next question starts a new one."""
    rubrics: Rubrics = field(default_factory=dict)
    """The rubrics in the file rubric.toml. No verdict depends on them, so no digest contains them."""
    targets: Callable[[str], Sequence[Target]] = lambda _check: ()
    """Function: id of a failed check → targets, the most promising first. A target is a call to trace, with the output
    to follow back to the faulty line."""

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def title(self) -> str:
        return self.manifest.title

    @property
    def points(self) -> Points:
        return self.manifest.points

    @property
    def parts(self) -> tuple[PartTable, ...]:
        return self.manifest.parts

    @property
    def questions(self) -> Mapping[str, WrittenQuestion]:
        """Id of a written question → the question."""
        return self.manifest.questions

    @property
    def entry_points(self) -> EntryPoints:
        return self.manifest.entry_points

    @property
    def lock(self) -> Path | None:
        """Requirements file of the Python environment for this assignment's students' code; None if the common
        environment is used."""
        table = self.manifest.runtime
        return self.folder / table.lock if table and table.lock else None

    @property
    def runtime_name(self) -> str:
        """Name of the assignment's Python environment in reports, such as "runtime.lock 0123456789ab"; empty for the
        common environment."""
        if self.lock is None:
            return ""
        return f"{self.lock.name} {_short_digest(self.lock)}"

    def runtime(self, common: Path) -> Path:
        """Return the folder of the Python environment for students' code, given that of the common environment."""
        return environment_of(self.lock, common)

    @property
    def files(self) -> tuple[str, ...]:
        """Accepted names of the file that students submit, the preferred one first."""
        return self.manifest.files

    @property
    def reference(self) -> Path:
        """Path of the reference solution."""
        return self.folder / REFERENCE

    @property
    def reference_module(self) -> ModuleType:
        """The module of the reference solution, or its outline if the reference runs in a sandbox."""
        if self.outline is not None:
            return self.outline
        package = self.checks[0].run.__module__.rpartition(".")[0]
        return _submodule(package, REFERENCE)

    @cached_property
    def in_sandbox(self) -> Callable[[Sandbox], Assignment]:
        """Function that returns the assignment for gradings in a sandbox. A reference with a [runtime] then runs in a
        session of this sandbox, or is imported if the sandbox is the process of an author's test."""
        return cache(partial(_in_sandbox, self))  # type: ignore[return-value]  # sandboxes are hashable

    def imported(self) -> Assignment:
        """Return the assignment with an imported reference, whose packages the author's process has, and without a
        [runtime]."""
        return self if self.outline is None else load(self.folder, imports_reference=True)

    @cached_property
    def methods(self) -> frozenset[str]:
        """Names of the functions that students implement, or of all methods of the reference's class. Empty for a class
        in a student's pack."""
        if not self.entry_points.of_class:
            return frozenset(self.entry_points.names)
        if not self.reference.exists():
            return frozenset()
        reference_class = class_in(vars(self.reference_module), self.entry_points.names)
        return frozenset(dir(reference_class)) if reference_class else frozenset()

    @property
    def not_submitted(self) -> str:
        """Message to a student who has submitted no code."""
        what = self.entry_points.what
        return f"{self.files[0]} was not submitted, and no notebook defines {what}: submit the file with your code too."

    def missing(self, submission: Submission) -> str:
        """Return a message to the student if a submission has no code, otherwise ""."""
        is_there = has_code(submission, self.entry_points, self.files, self.modules)
        return "" if is_there else self.not_submitted

    def section_points(self, section: str) -> Mapping[str, Points]:
        """Return the points of a section's checks, by the check's name."""
        points: dict[str, Mapping[str, Points]] = {}
        for part in self.parts:
            points |= part.sections
        return points[section]

    @property
    def ids(self) -> list[str]:
        """The ids that a grading can be restricted to: "handout", then those of parts, written questions and checks."""
        parts = [part.id for part in self.parts]
        return ["handout", *parts, *self.manifest.questions, *self.check_points]

    @cached_property
    def check_points(self) -> Mapping[str, Points]:
        """Id of a check, such as "q2.2.W1" → its points."""
        points: dict[str, Points] = {}
        for part in self.parts:
            points |= part.points_of_checks
        return points


def _in_sandbox(assignment: Assignment, sandbox: Sandbox) -> Assignment:
    if assignment.outline is None or sandbox.name == "in process":
        return assignment.imported()
    truths, rest = sandboxed_truths(assignment, sandbox)
    return replace(assignment, truths=truths, public_cache=PublicProblemCache(truths), rest=rest)


def _without_sandbox(_interpretation: str, _assumed: Assumptions) -> Any:
    """Raise `BadAssignment`. This replaces the truths of an assignment until `in_sandbox` is called."""
    raise BadAssignment("a reference with a [runtime] runs only in a sandbox")


def environment_of(lock: Path | None, common: Path) -> Path:
    """Return the folder of the Python environment with locked requirements, which is beside the common environment;
    `common` itself if `lock` is None."""
    return common if lock is None else common.with_name(f"{common.name}-{_short_digest(lock)}")


def _short_digest(file: Path) -> str:
    """Return twelve digits of the hash of a file."""
    digest = hashlib.sha256(file.read_bytes())
    return digest.hexdigest()[:12]


def default_root() -> Path:
    """Return the folder `reference/` of the grader's repository if it exists, otherwise `reference/` in the current
    folder."""
    beside = Path(__file__).parents[2] / "reference"
    return beside if beside.is_dir() else Path.cwd() / "reference"


def folders(root: Path | None = None) -> dict[str, Path]:
    """Return the known assignments: name → folder.

    Args:
        root: Search only this folder. None to search `default_root()`, then installed packages, then the demo. If
            several assignments have the same name, the first one counts.
    """
    folder_of = {} if root else dict(_demo_and_installed())
    for file in sorted((root or default_root()).glob(f"*/{MANIFEST}")):
        folder_of[file.parent.name] = file.parent
    return folder_of


def _demo_and_installed() -> Iterator[tuple[str, Path]]:
    """Yield (name, folder) of the demo, then of each assignment that an installed package registers."""
    if DEMO.is_dir():
        yield DEMO.name, DEMO
    for point in entry_points(group=GROUP):
        spec = None
        with suppress(ImportError):  # its parent package is missing
            spec = find_spec(point.module)
        search_locations = spec.submodule_search_locations if spec else None
        # if the package is not installed, `load` reports that there is no folder of this name
        yield point.name, Path(next(iter(search_locations or [point.module])))


def places(root: Path | None = None) -> str:
    """Return a phrase for messages that says where `folders` searches."""
    if root:
        return f"{root} (GRADER_ASSIGNMENTS)"
    return f"{default_root()} (set GRADER_ASSIGNMENTS for another folder), installed packages (entry points {GROUP})"


def default(root: Path | None = None) -> str:
    """Return the id of the assignment that commands use if none is named.

    This is the only assignment besides the demo. If there are several, the file `default` in the folder of assignments
    contains its id.

    Args:
        root: The only folder to search, as for `folders`.

    Raises:
        BadCall: If there are no assignments, or several assignments but no file `default`.
    """
    names = folders(root).keys() - {DEMO.name}
    if len(names) == 1:  # as in a student's pack
        return names.pop()
    file = (root or default_root()) / "default"
    if file.is_file():
        return file.read_text("utf-8").strip()
    raise BadCall(f"name an assignment with -a or GRADER_ASSIGNMENT ({_choice(names, root)})")


def _choice(names: Iterable[str], root: Path | None) -> str:
    """Return a phrase for messages with the names to choose from and the places that were searched."""
    there_are = ", ".join(sorted(names)) or "none"
    return f"there are: {there_are}; searched: {places(root)}"


def find(name: str, root: Path | None = None) -> Assignment:
    """Load an assignment.

    Args:
        name: The assignment's name, or the path of its folder.
        root: The only folder to search, as for `folders`.

    Raises:
        BadCall: If there is no such assignment.
        BadAssignment: If the assignment's folder is not valid.
    """
    for folder in (Path(name), (root or default_root()) / name):
        if (folder / MANIFEST).is_file():
            return load(folder)
    folder_of = folders(root)
    if name in folder_of:
        return load(folder_of[name])
    raise BadCall(f"there is no assignment {name!r} ({_choice(folder_of, root)})")


def load_all(root: Path | None, report_broken: Callable[[str], None]) -> list[Assignment]:
    """Load all assignments that `folders` finds, except those that cannot be loaded.

    Args:
        root: The only folder to search, as for `folders`.
        report_broken: Function that is called for each assignment that cannot be loaded, with a sentence that names
            it and says why.
    """
    assignments = []
    for name, folder in sorted(folders(root).items()):
        try:
            assignments.append(load(folder))
        except Exception as wrong:  # noqa: BLE001  an author's code may raise anything, and harms no other assignment
            report_broken(f"{name} cannot be loaded: {wrong}")
    return assignments


def load(folder: Path, *, imports_reference: bool = False) -> Assignment:
    """Read and validate an assignment's folder.

    Args:
        folder: The folder.
        imports_reference: True to import a reference with a [runtime], whose packages this process has. The assignment
            then has no [runtime].

    Raises:
        BadAssignment: If the folder is not valid. The message says what the author must change.
    """
    folder = folder.resolve()
    try:
        manifest = read_manifest(folder)
    except BadAssignment:
        if (folder / RECORDED).exists():
            raise BadAssignment(OTHER_VERSION) from None
        raise
    if imports_reference:
        manifest = manifest.model_copy(update={"runtime": None})
    digest = _digest_of_folder(folder)
    written_digest = digest_of([folder / WRITTEN], folder) if (folder / WRITTEN).exists() else ""
    package = _package(folder, f"{digest[:12]}{written_digest[:12]}", manifest)
    module = _submodule(package, CHECKS)
    truth = _truth(folder, package)
    reference = _reference(truth, module, manifest, folder, package)
    written = _module_if_present(folder, package, WRITTEN)
    lines = _module_if_present(folder, package, LINES)
    handout = _handout(folder)
    assignment = Assignment(
        manifest=manifest,
        folder=folder,
        checks=_checks(module, manifest),
        digest=getattr(truth, "digest", digest),
        mistakes=reference.mistakes,
        interpretations=reference.interpretations,
        truths=reference.truths,
        public_cache=PublicProblemCache(reference.truths),
        recorded=isinstance(truth, RecordedTruth),
        handout=tuple(read_notebook(file.name, file.read_bytes()) for file in sorted(handout.glob("*.ipynb"))),
        modules=_modules(handout, manifest),
        shared=getattr(module, "shared", lambda _quick: {}),
        limits=manifest.limits,
        known_questions=tuple(written.questions()) if written else (),
        written_digest=written_digest,
        outline=reference.outline,
        rubrics=rubric_file.read(folder, manifest.questions),
        targets=lines.targets if lines else lambda _check: (),
    )
    _require_same_sections(assignment)
    _require_same_questions(assignment)
    if assignment.lock is not None and not assignment.lock.is_file():
        raise BadAssignment(f"{folder.name}/{MANIFEST}: [runtime] names {assignment.lock.name}, which does not exist")
    return assignment


def _checks(module: ModuleType, manifest: Manifest) -> tuple[Check, ...]:
    """Return the checks that checks.py defines, marked as long if the manifest says so."""
    checks = [value for value in vars(module).values() if isinstance(value, Check)]
    return tuple(replace(check, long=manifest.long_check(check.section) is not None) for check in checks)


def _modules(handout: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the handout's Python files that students import and do not submit, by file name."""
    files = [file for file in sorted(handout.glob("*.py")) if file.name not in manifest.files]
    return {file.name: file.read_bytes() for file in files}


def mutation_module(folder: Path) -> ModuleType:
    """Load the file mutation.py of an assignment, and nothing else of it. The file must exist."""
    folder = folder.resolve()
    package = _package(folder, "mutation", read_manifest(folder))
    return _submodule(package, MUTATION)


def _truth(folder: Path, package: str) -> Any:
    """Return the source of the right results: the module truth.py if there is one, else the recorded results of a
    student's pack, else the module checks.py."""
    if (folder / TRUTH).exists():
        return _submodule(package, TRUTH)
    if (folder / RECORDED).exists():
        return RecordedTruth.read(folder / RECORDED)
    return _submodule(package, CHECKS)


@dataclass(frozen=True)
class _Reference:
    """The right results of an assignment, and those of known mistakes."""

    mistakes: tuple[Mistake, ...]
    truths: Truths
    """Function that creates truths, which are objects that compute the right results."""
    interpretations: tuple[Interpretation, ...]
    """The accepted interpretations of the task."""
    outline: ModuleType | None = None
    """See `Assignment.outline`."""


def _reference(truth: Any, checks: ModuleType, manifest: Manifest, folder: Path, package: str) -> _Reference:
    """Return what truth.py defines. If there is no truth.py, take it from reference.py and mistakes.py, or from their
    outlines; if there is no reference.py, from checks.py."""
    settings = manifest.settings
    if truth is not checks:
        if not hasattr(truth, "truths"):
            raise BadAssignment(
                f"{folder.name}/truth.py must define truths(settings), which returns a function (interpretation id, "
                "mistake ids) → truth; or remove truth.py, so that reference.py is the truth"
            )
        mistakes = truth.mistakes(settings) if hasattr(truth, "mistakes") else ()
        return _Reference(tuple(mistakes), truth.truths(settings), _interpretations(truth, settings))
    if not (folder / REFERENCE).exists():
        return _Reference((), lambda _interpretation, _assumed: truth, _interpretations(truth, settings))
    outlined = manifest.runtime is not None
    solution = _submodule(package, REFERENCE, outlined=outlined)
    names = manifest.entry_points.names
    _require_methods(solution, manifest.entry_points, folder)
    module = ModuleType(MISTAKES)
    if (folder / MISTAKES).exists():
        module = _submodule(package, MISTAKES, outlined=outlined)
    ids = [check for part in manifest.parts for check in part.points_of_checks]
    mistakes = default_truth.known_mistakes(solution, names, module, ids, folder.name)
    accepted = interpretations_of(module)
    truths = _without_sandbox if outlined else default_truth.truths(solution, names, mistakes, accepted)
    interpretations = (Interpretation("", ""), *accepted)
    return _Reference(tuple(mistakes), truths, interpretations, solution if outlined else None)


def _require_methods(solution: ModuleType, entry_points: EntryPoints, folder: Path) -> None:
    """Raise `BadAssignment` if assignment.toml lists a method that the reference's class does not have."""
    reference_class = class_in(vars(solution), entry_points.names)
    for method in entry_points.methods:
        if reference_class and not hasattr(reference_class, method):
            raise BadAssignment(
                f"{folder.name}/{MANIFEST}: [class] lists the method {method!r}, which the class "
                f"{reference_class.__name__} in {REFERENCE} does not define; correct the name"
            )


def _require_same_questions(assignment: Assignment) -> None:
    """Raise `BadAssignment` if a question in written.py is not in assignment.toml or has other points there."""
    for question in assignment.known_questions:
        in_manifest = assignment.questions.get(question.id)
        points = in_manifest.points if in_manifest else "none"
        if points != question.worth:
            raise BadAssignment(
                f"{assignment.id}: {WRITTEN} gives {question.worth} points to {question.id}, but assignment.toml "
                f"gives {points}; make them equal"
            )


def _handout(folder: Path) -> Path:
    """Return the folder `handout`: inside the assignment's folder, or beside it in a student's pack."""
    inside = folder / "handout"
    is_pack = (folder / RECORDED).exists()
    return folder.with_name("handout") if is_pack and not inside.is_dir() else inside


def _require_same_sections(assignment: Assignment) -> None:
    """Raise `BadAssignment` if a section has checks but no points, or points but no checks."""
    with_points = {section for part in assignment.parts for section in part.sections}
    with_checks = {check.section for check in assignment.checks}
    if with_points != with_checks:
        odd = ", ".join(sorted(with_points ^ with_checks))
        raise BadAssignment(
            f"{assignment.id}: {MANIFEST} and checks.py do not have the same sections: {odd} (in only one of them)"
        )


def _interpretations(truth: Any, settings: Mapping[str, Any]) -> tuple[Interpretation, ...]:
    """Return the accepted interpretations of the task. Without any, there is one without a name."""
    if not hasattr(truth, "interpretations"):
        return (Interpretation("", ""),)
    return tuple(truth.interpretations(settings)) or (Interpretation("", ""),)


def _digest_of_folder(folder: Path) -> str:
    """Return the digest of the files on which verdicts depend."""
    matching = {path for pattern in _DIGESTED for path in folder.glob(pattern)}
    files = [path for path in matching - {folder / WRITTEN, folder / MUTATION} if path.is_file()]
    return digest_of(files, folder)


def digest_of(paths: Iterable[Path], folder: Path) -> str:
    """Return a digest of the names and contents of files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        line = f"{path.relative_to(folder).as_posix()} {content}\n"
        digest.update(line.encode())
    return digest.hexdigest()


def _package(folder: Path, version: str, manifest: Manifest) -> str:
    """Register the assignment's folder as a Python package with a unique name, and return the name.

    Then `from .problems import …` works in the folder, and two versions of an assignment can be loaded at the same
    time. The package also contains the manifest, for `kit.settings`.
    """
    name = f"assignment_{folder.name}_{version}".replace("-", "_")
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        vars(package)["__manifest__"] = manifest
        sys.modules[name] = package
    return name


def _module_if_present(folder: Path, package: str, file: str) -> ModuleType | None:
    """Load a file of the assignment's package; return None if the folder does not have it."""
    return _submodule(package, file) if (folder / file).exists() else None


def _submodule(package: str, file: str, *, outlined: bool = False) -> ModuleType:
    """Load a file of the assignment's package, or its outline."""
    try:
        if outlined:
            return outline(Path(sys.modules[package].__path__[0]) / file)
        return importlib.import_module(f"{package}.{file.removesuffix('.py')}")
    except BadAssignment:
        raise
    except (Exception, SystemExit) as wrong:
        name = Path(sys.modules[package].__path__[0]).name
        raise BadAssignment(f"{name}/{file} cannot be loaded: {type(wrong).__name__}: {wrong}") from wrong
