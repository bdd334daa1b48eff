"""Record the answers that a student's pack contains instead of the reference: the right results of the public problems,
and the results with each known mistake."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from multiprocessing import active_children, get_context, parent_process
from threading import Thread

import numpy as np

from grader.assignments.catalogue import Assignment
from grader.assignments.public_problems import PublicProblemCache
from grader.assignments.recorded_truth import AnswerRecorder, Answers, RecordingTruth, TruthQuestion
from grader.assignments.seeds import Seed
from grader.engine import grade as pipeline
from grader.intake.receive import receive_path
from grader.kit.claim import Claim
from grader.sandbox.contract import Sandbox

Job = Callable[[], Answers]


def record(assignment: Assignment, sandbox: Sandbox, tick: Callable[[int], None], processes: int = 0) -> Answers:
    """Record the right results that the checks need to judge the reference, and those with each known mistake.

    The result does not depend on the number of processes.

    Args:
        assignment: The assignment.
        sandbox: The sandbox in which the reference runs.
        tick: Called with 1 after each check, and after the values for finding faulty lines.
        processes: Number of processes; 0 for one per core that this process may use.

    Returns:
        The answers, in the order of the checks.
    """
    drawing = AnswerRecorder(assignment.truths)
    listening = replace(assignment, truths=drawing.truth, public_cache=PublicProblemCache(drawing.truth))
    reference = receive_path(assignment.reference, assignment.files[0])
    drawn: list[Answers] = []
    jobs: list[Job] = []
    claims = pipeline.claims_of_code(reference, listening, sandbox, Seed())
    for _, of_check in groupby(claims, key=lambda claim: claim.check):
        drawn.append(drawing.taken())  # drawing the problems of a section asks the truth, too
        jobs.append(partial(_record_check, assignment, list(of_check)))
    jobs.append(partial(_record_lines, assignment))
    answers = Answers()
    for of_draws, of_job in zip([*drawn, drawing.taken()], _run(jobs, processes or _cores(), tick), strict=True):
        answers.update(of_draws)
        answers.update(of_job)
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


# ── several processes ────────────────────────────────────────────────────────────────────────────────


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1  # other systems cannot fork safely


def _run(jobs: Sequence[Job], processes: int, tick: Callable[[int], None]) -> list[Answers]:
    """Run jobs, and return their results in the order of the jobs.

    Several processes are forked, not spawned, because claims cannot be pickled.
    """
    if processes == 1:
        results = []
        for job in jobs:
            results.append(job())
            tick(1)
        return results
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("fork"), _start_worker, (jobs,)) as pool:
        try:
            with warnings.catch_warnings():  # the thread of a progress bar may run, but no worker uses its locks
                warnings.simplefilter("ignore", DeprecationWarning)
                running = [pool.submit(_run_job, number) for number in range(len(jobs))]
            for future in as_completed(running):
                future.result()
                tick(1)
        except BaseException:  # also on Ctrl-C: do not wait for the other jobs
            for process in active_children():
                process.terminate()
            raise
        return [future.result() for future in running]


_worker_jobs: list[Job] = []


def _start_worker(jobs: Sequence[Job]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # the parent's handlers raise an exception, which the pool would catch
    Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()  # collections skip what the parent has created
    _worker_jobs.extend(jobs)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_job(number: int) -> Answers:
    return _worker_jobs[number]()
