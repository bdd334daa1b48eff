"""Record the answers that a student's pack contains instead of the reference: the right results of the public problems,
and the results with each known mistake."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.recorded_truth import AnswerRecorder, Answers, RecordingTruth, TruthQuestion
from grader.assignments.seeds import Seed
from grader.authoring.processes import run
from grader.engine import grade as pipeline
from grader.intake.receive import receive_path
from grader.kit.claim import Claim
from grader.sandbox.contract import Sandbox


def record(assignment: Assignment, sandbox: Sandbox, tick: Callable[[int], None], processes: int = 0) -> Answers:
    """Record the right results that the checks need to judge the reference, and those with each known mistake.

    The result does not depend on the number of processes.

    Args:
        assignment: The assignment.
        sandbox: The sandbox in which the reference runs.
        tick: Called with 1 after each check, and after the values for finding faulty lines.
        processes: Number of processes; 0 for one for each core.

    Returns:
        The answers, in the order of the checks.
    """
    drawing = AnswerRecorder(assignment.truths)
    listening = replace(assignment, truths=drawing.truth, public_cache=PublicProblemCache(drawing.truth))
    reference = receive_path(assignment.reference, assignment.files[0])
    answers_to_draws: list[Answers] = []
    jobs: list[Callable[[], Answers]] = []
    claims = pipeline.claims_of_code(reference, listening, sandbox, Seed())
    for _, claims_of_check in groupby(claims, key=lambda claim: claim.check):
        answers_to_draws.append(drawing.taken())  # drawing the problems of a section asks the truth, too
        jobs.append(partial(_record_check, assignment, list(claims_of_check)))
    answers_to_draws.append(drawing.taken())
    jobs.append(partial(_record_lines, assignment))
    answers = Answers()
    recorded = run(jobs, processes or os.cpu_count() or 1, lambda _answers: tick(1))
    for draws_of_check, answers_of_check in zip(answers_to_draws, recorded, strict=True):
        answers.update(draws_of_check)
        answers.update(answers_of_check)
    return answers


# ── the answers for one check ────────────────────────────────────────────────────────────────────────


def _record_check(assignment: Assignment, claims: Sequence[Claim]) -> Answers:
    recorder = AnswerRecorder(assignment.truths)
    with np.errstate(all="ignore"):  # mistaken truths may overflow
        for claim in claims:
            mistakes = [m.id for m in assignment.mistakes if not claim.topics or m.topic in claim.topics]
            for interpretation in assignment.interpretations:
                right = recorder.truth(interpretation.id, frozenset())
                right.asked.clear()
                claim.judge(right)
                questions = list({question.digest: question for question in right.asked}.values())
                judged: _Judged = {_given(right, questions): [([], ())]}
                for mistake in mistakes:
                    truth = recorder.truth(interpretation.id, frozenset({mistake}))
                    _record_under_mistake(claim, truth, questions, judged)
    return recorder.answers


_Given = tuple[bytes | None, ...]


def _given(truth: RecordingTruth, questions: Sequence[TruthQuestion]) -> _Given:
    """Return the digest of the recorded answer to each question; None if the truth has no answer. A truth computes
    right results; a question is a call of one of its methods."""
    return tuple(map(truth.record_if_any, questions))


_Judged = dict[_Given, list[tuple[list[TruthQuestion], _Given]]]
"""The judgements of one claim so far. Key: a truth's answers to the questions that the claim asks of the right truth.
Value: (questions, answers) of each judgement with these answers. Answers are digests."""


def _record_under_mistake(
    claim: Claim, truth: RecordingTruth, questions: Sequence[TruthQuestion], judged: _Judged
) -> None:
    """Judge a claim with a truth: here the reference with a known mistake put into it. The claim calls methods of the
    truth (questions), and the truth records its answers.

    If an earlier truth gave the same answers to all questions of the claim, skip this: the claim would ask this truth
    the same questions, and the comparison has recorded the answers.
    """
    earlier = judged.setdefault(_given(truth, questions), [])
    if any(_given(truth, earlier_questions) == given for earlier_questions, given in earlier):
        return
    truth.asked.clear()
    with suppress(Exception):  # a truth with a mistake may raise anything
        claim.judge(truth)
    earlier.append((list(truth.asked), _given(truth, truth.asked)))


def _record_lines(assignment: Assignment) -> Answers:
    """Record the values of right solutions that are only used to find the faulty line of a failed check."""
    recorder = AnswerRecorder(assignment.truths, of_lines=True)
    checks = [check for part in assignment.parts for check in part.points_of_checks]
    for call in dict.fromkeys(target.call for check in checks for target in assignment.targets(check)):
        for interpretation in assignment.interpretations:
            call.right(recorder.truth(interpretation.id, frozenset()))
    return recorder.answers
