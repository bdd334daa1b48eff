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
from grader.assignments.recorded_truth import AnswerRecorder, Answers
from grader.assignments.seeds import Seed
from grader.authoring.processes import Tick, run
from grader.engine import grade as pipeline
from grader.intake.receive import receive_path
from grader.kit.claim import Claim
from grader.sandbox.contract import Sandbox


def record(assignment: Assignment, sandbox: Sandbox, tick: Tick, processes: int = 0) -> Answers:
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
    """Judge claims with the right truth, and with the truth of each known mistake. A truth computes the results of a
    solution; it records its answers to the questions that a claim asks."""
    recorder = AnswerRecorder(assignment.truths)
    with np.errstate(all="ignore"):  # mistaken truths may overflow
        for claim in claims:
            mistakes = [m.id for m in assignment.mistakes if not claim.topics or m.topic in claim.topics]
            for interpretation in assignment.interpretations:
                right = recorder.truth(interpretation.id, frozenset())
                right.asked.clear()
                claim.judge(right)
                questions = {question.digest: question for question in right.asked}
                for mistake in mistakes:
                    truth = recorder.truth(interpretation.id, frozenset({mistake}))
                    for question in questions.values():  # a claim on code with the mistake passes, and asks all of them
                        with suppress(Exception):  # a truth with a mistake may raise anything
                            truth.record(question)
                    with suppress(Exception):
                        claim.judge(truth)
    return recorder.answers


def _record_lines(assignment: Assignment) -> Answers:
    """Record the values of right solutions that are only used to find the faulty line of a failed check."""
    recorder = AnswerRecorder(assignment.truths, of_lines=True)
    for call in dict.fromkeys(target.call for check in assignment.check_points for target in assignment.targets(check)):
        for interpretation in assignment.interpretations:
            call.right(recorder.truth(interpretation.id, frozenset()))
    return recorder.answers
