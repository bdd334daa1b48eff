"""Read and validate an assignment's assignment.toml. Only this module reads that file."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from grader.errors import BadAssignment
from grader.guest.entry_points import EntryPoints
from grader.model import ZERO, Limits, Points

MANIFEST = "assignment.toml"

Policy = Literal["suggest", "full-marks-only"]
"""Rule for written answers. "suggest": only people give points. "full-marks-only": the grader gives full points to an
answer that consists only of right formulas."""


def _exact_points(value: object) -> Points:
    """Convert a number in assignment.toml to exact points."""
    try:
        if isinstance(value, bool):
            raise ValueError(value)
        points = Points(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a number of points") from None
    if (points * 100).denominator != 1 or points < 0:
        raise ValueError(f"points must be multiples of 1/100, not {value!r}")
    return points


def _credit(value: object) -> Fraction:
    """Convert a share of the points, such as "1/2" or 0.5, to a fraction."""
    try:
        credit = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'{value!r} is not a share such as "1/2"') from None
    if not 0 < credit <= 1:
        raise ValueError(f"a share of the points is more than 0 and at most 1, not {value!r}")
    return credit


def _limits(value: object) -> Limits:
    """Convert the table [limits]."""
    names = [field.name for field in fields(Limits)]
    table: dict[str, Any] = value if isinstance(value, dict) else {"limits": value}
    for name, number in table.items():
        is_positive = type(number) in (int, float) and number > 0
        if name not in names or not is_positive:
            raise ValueError(f"[limits] takes positive numbers for {', '.join(names)}, not {name} = {number!r}")
    return Limits(**table)


def _python_file(name: str) -> str:
    """Return a file name unchanged. Raise an error unless it is that of a Python file, without a folder."""
    if PurePosixPath(name).name != name or not name.endswith(".py"):
        raise ValueError(f'{name!r} must be the name of a Python file, for example "solution.py"')
    return name


def _identifier(name: str) -> str:
    """Return a name unchanged. Raise an error unless it is a valid name in Python."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} is not a Python name")
    return name


ExactPoints = Annotated[Points, BeforeValidator(_exact_points)]
Credit = Annotated[Fraction, BeforeValidator(_credit)]
Identifier = Annotated[str, AfterValidator(_identifier)]
Steps = dict[str, tuple[tuple[float, Credit], ...]]
"""Name of a measured value, such as an accuracy → (threshold, share of the points) pairs, the highest threshold
first."""


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class WrittenQuestion(Table):
    """A question with a written answer, which people mark."""

    id: str
    title: str
    points: ExactPoints
    labels: tuple[str, ...] = ()
    """Other names of the question in students' notebooks, such as "Why squares?"."""


class PartTable(Table):
    """A part of the assignment: the points of its checks and of its written questions."""

    id: str
    title: str
    written: tuple[WrittenQuestion, ...] = ()
    sections: dict[str, dict[str, ExactPoints]] = Field(default={}, alias="checks")
    """Id of a section → name of a check → points. The sections run in this order."""

    @property
    def points_of_checks(self) -> Mapping[str, Points]:
        """Id of a check, such as "q1.slope" → points."""
        points_of_checks = {}
        for section, checks in self.sections.items():
            for name, points in checks.items():
                points_of_checks[f"{section}.{name}"] = points
        return points_of_checks

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the part, its sections and its checks. A course may hide any of them."""
        return (self.id, *self.sections, *self.points_of_checks)

    @property
    def points(self) -> Points:
        """Sum of the points of all checks and written questions of the part."""
        written = sum((question.points for question in self.written), ZERO)
        return sum(self.points_of_checks.values(), written)


class LongCheck(Table):
    """A table [[long]]: sections with slow checks, such as training runs. Each section runs in a separate session. A
    student's pack leaves these sections out."""

    name: str
    """Name in reports, for example "training on the images"."""
    sections: tuple[str, ...] = Field(min_length=1)
    cpu_seconds: float = Field(gt=0)
    """CPU limit of each section, in seconds."""
    shorter: str = ""
    """Name of the shorter version that `--quick` runs, for example "training on 10,000 images". Empty if there is
    none."""
    steps: Steps = {}
    shorter_steps: Steps = {}


class ClassTable(Table):
    """The table [class]: the class that students implement."""

    name: Identifier
    aliases: tuple[Identifier, ...] = ()
    """Other accepted names of the class. If a submission uses one, the report says so."""
    methods: tuple[Identifier, ...] = ()


class RuntimeTable(Table):
    """The table [runtime]: the reference runs in a sandbox with the packages of students' code, not in the grader's
    environment."""

    lock: str = ""
    """Name of a requirements file in the assignment's folder, with versions and hashes, for packages that the common
    environment does not have. It must list ipython if notebooks may use magic commands."""


class WrittenTable(Table):
    """The table [written]: options for written answers."""

    policy: Policy = "suggest"


class Manifest(Table):
    """The contents of assignment.toml."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str
    points: ExactPoints
    files: tuple[Annotated[str, AfterValidator(_python_file)], ...] = Field(min_length=1)
    """Accepted names of the file that students submit. A single uploaded file with another name gets the first of these
    names."""
    functions: tuple[Identifier, ...] = ()
    class_: ClassTable | None = Field(default=None, alias="class")
    limits: Annotated[Limits, BeforeValidator(_limits)] = Limits()
    parts: tuple[PartTable, ...] = Field(alias="part", min_length=1)
    long: tuple[LongCheck, ...] = ()
    written: WrittenTable = WrittenTable()
    runtime: RuntimeTable | None = None
    demo: tuple[str, ...] = ()
    """Submissions that `grader demo` grades, as paths in the assignment's folder: "variants/loops.py"."""
    settings: dict[str, Any] = {}
    """Data for the assignment's modules, which read it with `kit.settings`."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Manifest:
        """Raise an error if two entries of the file contradict each other."""
        if bool(self.functions) == (self.class_ is not None):
            raise ValueError("give either functions = [names] or a table [class] with a name")
        total = sum((part.points for part in self.parts), ZERO)
        if total != self.points:
            raise ValueError(f"the parts add up to {total}, not to points = {self.points}")
        sections = {section for part in self.parts for section in part.sections}
        for section in [section for long in self.long for section in long.sections]:
            if section not in sections:
                raise ValueError(
                    f"[[long]] names the section {section}, which no part has: add it to a part, or correct the name"
                )
        ids = Counter(question.id for part in self.parts for question in part.written)
        for id, count in ids.items():
            if count > 1:
                raise ValueError(f"two written questions have the id {id!r}: make the ids different")
        return self

    @property
    def entry_points(self) -> EntryPoints:
        """The functions or the class that students implement."""
        if self.class_ is None:
            return EntryPoints("functions", self.functions)
        return EntryPoints("class", (self.class_.name, *self.class_.aliases), self.class_.methods)

    @cached_property
    def questions(self) -> Mapping[str, WrittenQuestion]:
        """Id of a written question → the question."""
        return {question.id: question for part in self.parts for question in part.written}

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Id of a written question → the names by which notebooks may refer to it. If a part has only one question,
        these include the part's id."""
        labels = {}
        for part in self.parts:
            for question in part.written:
                labels[question.id] = (question.id, *question.labels)
            if len(part.written) == 1:
                labels[question.id] += (part.id,)
        return labels

    def long_check(self, section: str) -> LongCheck | None:
        """Return the table [[long]] that lists a section; None if the section is not long."""
        for long in self.long:
            if section in long.sections:
                return long
        return None


def read_manifest(folder: Path) -> Manifest:
    """Read and validate assignment.toml.

    Raises:
        BadAssignment: If the file is not valid. The message names file and key, and says what to change.
    """
    try:
        table = tomllib.loads((folder / MANIFEST).read_text("utf-8"))
    except OSError as wrong:
        raise BadAssignment(f"{folder.name}/{MANIFEST} cannot be read: {wrong.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadAssignment(f"{folder.name}/{MANIFEST} is not valid TOML in UTF-8: {wrong}") from None
    try:
        return Manifest.model_validate(table)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise BadAssignment(f"{folder.name}/{MANIFEST}: {validation_message(first)}") from None


def validation_message(error: Mapping[str, Any]) -> str:
    """Return a message for the author about an error of pydantic. It says where the error is and, if that is known,
    what to change."""
    keys = error["loc"]
    key = keys[-1] if keys else ""
    match error["type"]:
        case "missing":
            return f"{_location(keys[:-1])}{key!r} is missing: add it"
        case "extra_forbidden":
            advice = f"remove it; data for your code go into [settings] of {MANIFEST}"
            return f"{_location(keys[:-1])}unknown key {key!r}: {advice}"
        case "value_error":
            return f"{_location(keys)}{error['ctx']['error']}"
        case "string_pattern_mismatch" if key == "id":
            return f"{_location(keys)}{error['input']!r} may only contain letters, digits and _ . -"
    message = error["msg"]
    return f"{_location(keys)}{message[:1].lower()}{message[1:]}, not {error['input']!r:.200}"


def _location(keys: Sequence[str | int]) -> str:
    """Return a prefix for messages that says where a value is in assignment.toml, such as "part 2, written 1: ". Lists
    count from 1."""
    names: list[str] = []
    for key in keys:
        if isinstance(key, int) and names:
            names[-1] += f" {key + 1}"
        else:
            names.append(str(key))
    return f"{', '.join(names)}: " if names else ""
