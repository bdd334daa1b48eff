"""Make a report from the results of the checks, with exact points and sentences for the student."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from grader.assignments.catalogue import Assignment
from grader.assignments.manifest import PartTable, Policy, WrittenQuestion
from grader.derivations.locate import WrittenAnswers
from grader.engine.finding import SectionResult
from grader.guest.entry_points import EntryPoints
from grader.intake.receive import with_known_names
from grader.model import (
    ZERO,
    AssignmentVersion,
    CheckResult,
    Environment,
    FailedCall,
    GradedSubmission,
    Loaded,
    NoteKind,
    Opinion,
    Part,
    Place,
    Report,
    ReportScope,
    SourceLine,
    Status,
    Submission,
    Written,
)

NOT_RUN = "not run here"


def assemble(
    submission: Submission,
    assignment: Assignment,
    results: Sequence[SectionResult],
    seed: str,
    scope: ReportScope,
    environment: Environment,
    loaded: Loaded | None,
    wants: Callable[[str], bool],
    written: WrittenAnswers,
    opinions: Mapping[str, Opinion],
) -> Report:
    """Make the report on a submission.

    Args:
        submission: The graded submission.
        assignment: The assignment.
        results: The results of the sections that were judged.
        seed: Label of the seed.
        scope: The part of the assignment that was graded.
        environment: Versions of Python, numpy and so on with which the code was run.
        loaded: The class or functions found in the student's files; None if no code was run.
        wants: Function that returns whether the scope includes a section, check or question, given its id.
        written: The written answers.
        opinions: The grader's opinions on written answers, by question id.

    Returns:
        The report.
    """
    missing = assignment.missing(submission)
    policy = assignment.manifest.written.policy
    parts = []
    for row in assignment.parts:
        checks = _checks_of_part(row, results, wants)
        if missing:
            checks = [replace(check, status=Status.NOT_SUBMITTED, reason=missing) for check in checks]
        questions = [question for question in row.written if wants(question.id)]
        answers = [_written_answer(question, written, opinions.get(question.id), policy) for question in questions]
        if checks or answers:
            parts.append(Part(row.id, row.title, tuple(checks), tuple(answers)))
    remarks = [
        *submission.remarks,
        *_alias_remark(assignment, loaded),
        *_load_remarks(loaded, assignment.entry_points),
        *_notebook_remarks(written.by_notebook, loaded.source if loaded else ""),
    ]
    files = (*submission.files, *(notebook.path for notebook in submission.notebooks))
    report = Report(
        assignment=AssignmentVersion(assignment.id, assignment.title, assignment.digest, assignment.written_digest),
        submission=GradedSubmission(submission.digest, files, loaded, missing),
        seed=seed,
        scope=scope,
        environment=environment,
        parts=tuple(parts),
        remarks=tuple(dict.fromkeys(remarks)),
        evidence=tuple(itertools.chain.from_iterable(result.evidence for result in results)),
        usage={result.section: result.used for result in results},
    )
    if submission.names:
        report = _with_known_names(report, submission.names)
    return report


_FIELDS_WITH_NAMES: Mapping[type, Sequence[str]] = {
    Report: ("submission", "parts", "remarks"),
    GradedSubmission: ("files", "graded"),
    Loaded: ("source",),
    Part: ("checks",),
    CheckResult: ("reason", "cause", "failed_call", "line", "remarks"),
    FailedCall: ("call", "error", "advice", "raised_at"),
    Place: ("file",),
    SourceLine: ("file",),
}
"""Class → the fields of its objects that may contain names of submitted files."""


def _with_known_names(value: Any, names: Mapping[str, str]) -> Any:
    """Replace the grader's file names by the student's in a text, a tuple or an object."""
    if type(value) is str:
        return with_known_names(value, names)
    if isinstance(value, tuple):
        return tuple(_with_known_names(item, names) for item in value)
    fields = _FIELDS_WITH_NAMES.get(type(value))
    if fields is None:
        return value
    return replace(value, **{field: _with_known_names(getattr(value, field), names) for field in fields})


def _alias_remark(assignment: Assignment, loaded: Loaded | None) -> list[str]:
    """Return a remark if the student's class does not have the handout's name; otherwise []."""
    if loaded is None or not loaded.names or not assignment.entry_points.of_class:
        return []
    name, name_in_handout = loaded.names[0], assignment.entry_points.names[0]
    if name == name_in_handout:
        return []
    return [f"the class is called {name}; the handout calls it {name_in_handout} (accepted)"]


_SENTENCES = {
    NoteKind.FAILED: "{where} could not be loaded ({why}); {source} was graded instead",
    NoteKind.SKIPPED: "{where} failed and was left out ({why})",
    NoteKind.EMPTY: "{where} was left out: it has gaps ({why}) where an earlier definition of {what} has code",
    NoteKind.REPLACED: "{where} was left out: {why} defines {what} again",
    NoteKind.GAPS: "{where} has gaps where {source} has code; {source} was graded",
    NoteKind.OTHER: "{where} defines {what} too, in another way; {source} was graded",
    NoteKind.ELSEWHERE: "{where} has {why}, which {source} lacks; that was graded from there",
    NoteKind.ADDED: "{where} adds to the class of {source}; that was graded too",
    NoteKind.ABSENT: "{where} is not available here ({why}); only what uses it fails",
}


def _load_remarks(loaded: Loaded | None, entry_points: EntryPoints) -> list[str]:
    """Return the notes about loading the student's files as sentences."""
    remarks: list[str] = []
    if loaded is None:
        return remarks
    what = "the class" if entry_points.of_class else "the functions"
    for note in loaded.notes:
        sentence = _SENTENCES[note.kind]
        remarks.append(sentence.format(where=note.where, why=note.why, source=loaded.source, what=what))
    return remarks


def _notebook_remarks(answered: Mapping[str, Sequence[str]], source: str) -> list[str]:
    """Return remarks that say which of several notebooks the graded code and each written answer come from. Return []
    if there is a single notebook."""
    if len(answered) < 2:
        return []
    graded = f"; the code of {source} was graded" if source else ""
    remarks = [f"{len(answered)} notebooks were submitted{graded}"]
    counting_path: dict[str, str] = {}
    for path, questions in answered.items():
        counting_path |= dict.fromkeys(questions, path)  # the last notebook counts
    for path, questions in answered.items():
        counting = [question for question in questions if counting_path[question] == path]
        if counting:
            remarks.append(f"the written answers to {', '.join(counting)} are those of {path}")
        for question in questions:
            if counting_path[question] != path:
                remarks.append(f"{path} answers {question} too; the answer in {counting_path[question]} counts")
    return remarks


def _checks_of_part(
    row: PartTable, results: Sequence[SectionResult], wants: Callable[[str], bool]
) -> list[CheckResult]:
    """Return the results of a part's checks. Checks of sections that were not judged are listed as not run."""
    judged_sections = {result.section for result in results}
    judged = {check.id: check for result in results for check in result.checks}
    checks = []
    for section, points in row.sections.items():
        for name, possible in points.items():
            id = f"{section}.{name}"
            check = judged.get(id)
            if section not in judged_sections:
                check = CheckResult(id, "", ZERO, possible, Status.NOT_RUN, NOT_RUN)
            if check and wants(section) and wants(id):
                checks.append(check)
    return checks


def _written_answer(
    question: WrittenQuestion, written: WrittenAnswers, opinion: Opinion | None, policy: Policy
) -> Written:
    """Return the report's entry for a question. It gets automatic points only if the policy allows them, the answer is
    proven right, and nothing was noted about it."""
    id = question.id
    text, cells = written.found.get(id, ("", ()))
    notes = written.notes.get(id, ())
    decided = policy == "full-marks-only" and opinion is not None and opinion.is_proven and not notes
    return Written(id, question.title, question.points, id in written.found, text, cells, opinion, decided, notes)
