"""Make a report from the results of the checks, with exact points and sentences for the student."""

from __future__ import annotations

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
    answers = {
        q.id: _written_answer(q, written, opinions.get(q.id), assignment.manifest.written.policy)
        for q in assignment.questions.values()
        if wants(q.id)
    }
    decided = {result.section: {f.id: f.result() for f in result.findings} for result in results}
    parts = [_part_of_report(row, decided, wants, answers) for row in assignment.parts]
    if missing := assignment.missing(submission):
        parts = [_without_code(part, missing) for part in parts]
    remarks = [
        *submission.remarks,
        *_alias_remark(assignment, loaded),
        *_load_remarks(loaded, assignment.entry_points),
        *_notebook_remarks(written.by_notebook, loaded.source if loaded else ""),
    ]
    files = (*submission.files, *(n.path for n in submission.notebooks))
    report = Report(
        assignment=AssignmentVersion(assignment.id, assignment.title, assignment.digest, assignment.written_digest),
        submission=GradedSubmission(submission.digest, files, loaded, missing),
        seed=seed,
        scope=scope,
        environment=environment,
        parts=tuple(p for p in parts if p.checks or p.written),
        remarks=tuple(dict.fromkeys(remarks)),
        evidence=tuple(e for result in results for e in result.evidence),
        usage={result.section: result.used for result in results},
    )
    return _with_known_names(report, submission.names) if submission.names else report


def _without_code(part: Part, why: str) -> Part:
    return replace(part, checks=tuple(replace(c, status=Status.NOT_SUBMITTED, reason=why) for c in part.checks))


_FIELDS_WITH_NAMES: Mapping[type, Sequence[str]] = {
    CheckResult: ("reason", "cause", "place", "failed_call", "remarks"),
    FailedCall: ("call", "error", "advice", "raised_at"),
    Place: ("file",),
}
"""Class → the fields of its objects that may contain names of submitted files."""


def _with_known_names(report: Report, names: Mapping[str, str]) -> Report:
    def known(value: Any) -> Any:
        """Replace the grader's file names by the student's in a text, a tuple or an object."""
        if type(value) is str:
            return with_known_names(value, names)
        if isinstance(value, tuple):
            return tuple(map(known, value))
        names_in = _FIELDS_WITH_NAMES.get(type(value), ())
        return replace(value, **{name: known(getattr(value, name)) for name in names_in}) if names_in else value

    submission, graded = report.submission, report.submission.graded
    graded = replace(graded, source=known(graded.source)) if graded else None
    return replace(
        report,
        submission=replace(submission, files=known(submission.files), graded=graded),
        parts=tuple(replace(part, checks=known(part.checks)) for part in report.parts),
        remarks=known(report.remarks),
    )


def _alias_remark(assignment: Assignment, loaded: Loaded | None) -> list[str]:
    wanted = assignment.entry_points
    if loaded is None or not loaded.names or not wanted.of_class or loaded.names[0] == wanted.names[0]:
        return []
    return [f"the class is called {loaded.names[0]}; the handout calls it {wanted.names[0]} (accepted)"]


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


def _load_remarks(loaded: Loaded | None, wanted: EntryPoints) -> list[str]:
    if loaded is None:
        return []
    what = "the class" if wanted.of_class else "the functions"
    return [_SENTENCES[n.kind].format(where=n.where, why=n.why, source=loaded.source, what=what) for n in loaded.notes]


def _notebook_remarks(answered: Mapping[str, Sequence[str]], source: str) -> list[str]:
    """Return remarks that say which of several notebooks the graded code and each written answer come from. Return []
    if there is a single notebook."""
    if len(answered) < 2:
        return []
    graded = f"; the code of {source} was graded" if source else ""
    remarks = [f"{len(answered)} notebooks were submitted{graded}"]
    counts = {question: path for path, questions in answered.items() for question in questions}  # the last notebook
    for path, questions in answered.items():
        if counting := [question for question in questions if counts[question] == path]:
            remarks.append(f"the written answers to {', '.join(counting)} are those of {path}")
        remarks += [f"{path} answers {q} too; the answer in {counts[q]} counts" for q in questions if counts[q] != path]
    return remarks


def _part_of_report(
    row: PartTable,
    decided: Mapping[str, Mapping[str, CheckResult]],
    wants: Callable[[str], bool],
    answers: Mapping[str, Written],
) -> Part:
    """Return a part of the report. Checks of sections that were not judged are listed as not run."""
    checks = [
        decided[section][id] if section in decided else CheckResult(id, "", ZERO, possible, Status.NOT_RUN, NOT_RUN)
        for section, claims in row.sections.items()
        for id, possible in ((f"{section}.{name}", points) for name, points in claims.items())
        if wants(section) and wants(id) and (section not in decided or id in decided[section])
    ]
    written = tuple(answers[q.id] for q in row.written if q.id in answers)
    return Part(row.id, row.title, tuple(checks), written)


def _written_answer(
    question: WrittenQuestion, written: WrittenAnswers, opinion: Opinion | None, policy: Policy
) -> Written:
    id = question.id
    text, cells = written.found.get(id, ("", ()))
    notes = written.notes.get(id, ())
    decided = policy == "full-marks-only" and opinion is not None and opinion.is_proven and not notes
    return Written(id, question.title, question.points, id in written.found, text, cells, opinion, decided, notes)
