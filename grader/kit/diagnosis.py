"""Judge claims, and find the cause of each failure, so that one cause costs its points once.

A truth is an object that computes the right results. A claim that fails is judged again with truths that contain known
mistakes: the reference with one change each. If the claim passes with such a mistake, the mistake is the cause. It is
charged at the first check that it explains; later checks that it explains keep their points. If no known mistake
explains a failure, later claims that fail are judged again by the student's own earlier answers.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from grader.kit.claim import Claim, NotRecorded, OwnJudgement, covers
from grader.kit.lines import Line
from grader.kit.verdict import Verdict, failed, passed
from grader.model.grouping import grouped

MOST_TRIALS = 16
"""Limit on the number of mistakes that one grading combines with all others. (Single mistakes are always tried.) The
limit bounds the grading time of a submission that no mistake explains."""


@dataclass(frozen=True)
class Mistake:
    """A known mistake: a wrong solution that explains failed checks."""

    id: str
    topic: str
    """The part of the task that the mistake is about. A check with topics tries only mistakes of these topics."""
    sentence: str
    """Sentence for the student: the mistake, and how to fix it."""
    line: tuple[Line, ...] = ()
    """Descriptions of the faulty line to show to the student, the likeliest first. If empty, the line is searched by
    comparing values, which often fails if a step is missing."""
    carries: bool = True
    """False if the mistake leaves nothing for later checks to build on, such as a net that returns constants."""


@dataclass(frozen=True)
class Interpretation:
    """One of several accepted meanings of the task. If a submission follows it, the report shows `remark`."""

    id: str
    remark: str


Assumptions = frozenset[str]
"""Ids of the known mistakes that are put into the reference; empty for the right results."""

Truths = Callable[[str, Assumptions], Any]
"""Function (id of an accepted interpretation of the task, ids of known mistakes) → truth: an object that computes the
results of the reference with these mistakes put into it. Without mistakes, these are the right results."""

NO_MISTAKES: Assumptions = frozenset()

Groups = dict[str, list[Claim]]
"""A section's claims by name."""


@dataclass(frozen=True)
class JudgedCheck:
    """A check's verdict, and the cause if the check failed."""

    verdict: Verdict
    mistakes: tuple[Mistake, ...] = ()
    """The known mistakes that explain a failure."""
    open: bool = False
    """True if the check is graded later: a person must decide, or the check needs a right value that is not among the
    recorded values that students get."""
    follows_from: tuple[str, ...] = ()
    """Ids of the earlier checks that lost points to the same cause. This check then keeps its points."""

    @property
    def undiagnosed(self) -> bool:
        """True if points are lost and no known mistake explains the failure."""
        return not (self.verdict.holds or self.mistakes or self.open)


@dataclass(frozen=True)
class _ByOwnAnswers:
    """A claim's function that judges by the student's own earlier answers."""

    judge: OwnJudgement
    causes: tuple[str, ...]
    """Ids of the checks that the claim builds on and that have lost points."""


@dataclass
class Diagnosis:
    """Judges the claims of a submission, section by section, and keeps the causes that were found."""

    truths: Truths
    mistakes: Sequence[Mistake]
    interpretations: Sequence[Interpretation]
    """The interpretations that the submission may follow; empty once it is settled which one it does."""
    interpretation: Interpretation = field(init=False)
    charged: dict[str, str] = field(default_factory=dict)
    """Mistake id → id of the check that lost points to the mistake."""
    failed: dict[str, JudgedCheck] = field(default_factory=dict)
    """Check id → its result, for checks that have lost points."""

    _claims: dict[str, Sequence[Claim]] = field(default_factory=dict)
    """Check id → claims, for checks that were judged."""
    _cached: dict[tuple[Claim, _ByOwnAnswers, Assumptions], Verdict] = field(default_factory=dict)
    """Results of `_judge_by_own_answers` in the current section. A verdict can need many calls of the code."""
    _trials_left: int = MOST_TRIALS

    def __post_init__(self) -> None:
        self.interpretation = self.interpretations[0]
        self.truths = cache(self.truths)

    def truth(self, assumed: Assumptions = NO_MISTAKES) -> Any:
        """Return an object with the results of the reference with these mistakes, under the chosen interpretation."""
        return self.truths(self.interpretation.id, assumed)

    def choose_interpretation(self, section: str, claims: Sequence[Claim]) -> str:
        """Choose the open interpretation under which the most claims pass, also by the student's own earlier answers.
        Those that tie stay open for the next section that settles the interpretation, and the first of them is chosen
        until then.

        Args:
            section: Id of the section.
            claims: The section's claims.

        Returns:
            The remark of the interpretation if these claims have settled it; else "".
        """
        charged_sets = self._charged_sets()
        counted = []
        for interpretation in self.interpretations:
            self.interpretation = interpretation
            self._cached.clear()
            passing = 0
            for claim in claims:
                explained = self._first_that_explains([claim], charged_sets) is not None
                with contextlib.suppress(NotRecorded):
                    passing += explained or self._follows_alone(f"{section}.{claim.name}", claim)
            counted.append((passing, interpretation))
        by_passing = grouped(counted)
        tied = by_passing[max(by_passing)]
        self.interpretation = tied[0]
        self.interpretations = tied if len(tied) > 1 else ()
        return "" if self.interpretations else self.interpretation.remark

    def judge(self, section: str, claims: Sequence[Claim]) -> dict[str, JudgedCheck]:
        """Judge the claims of a section.

        Args:
            section: Id of the section.
            claims: The section's claims. Claims of one name form a check, which passes if all of them pass.

        Returns:
            The result of each check by name.
        """
        self._cached.clear()
        groups = grouped((claim.name, claim) for claim in claims)
        judged: dict[str, JudgedCheck] = {}
        for names in grouped((claim.check, claim.name) for claim in claims).values():
            # mistakes that are found in this group are charged when all its names are judged
            charged_sets = self._charged_sets()
            for name in names:
                if name not in judged:
                    id = f"{section}.{name}"
                    judged[name] = self._judge_check(id, groups[name], groups, charged_sets)
                    self._claims[id] = groups[name]
            for name in dict.fromkeys(names):
                self._charge(f"{section}.{name}", judged[name])
        for name, outcome in judged.items():
            if outcome.undiagnosed:
                id = f"{section}.{name}"
                judged[name] = self._judge_again(id, groups[name], outcome)
                self._note(id, judged[name])
        for name, outcome in judged.items():
            if outcome.undiagnosed and not outcome.verdict.says_why:
                cause = self._explanation(name, groups)
                judged[name] = replace(outcome, verdict=replace(outcome.verdict, cause=cause))
        return {name: judged[name] for name in groups}

    def _charge(self, id: str, outcome: JudgedCheck) -> None:
        """Record the result of a check. For each mistake with `carries=True`, also record the first check that lost
        points to this mistake."""
        self._note(id, outcome)
        for mistake in outcome.mistakes:
            if mistake.carries:
                self.charged.setdefault(mistake.id, id)

    def _note(self, id: str, outcome: JudgedCheck) -> None:
        """Add a check that has lost points to `failed`, or remove it if it has not, or is graded later."""
        if outcome.verdict.holds or outcome.open:
            self.failed.pop(id, None)
        else:
            self.failed[id] = outcome

    def _judge_check(
        self, id: str, claims: Sequence[Claim], groups: Groups, charged_sets: Sequence[Assumptions]
    ) -> JudgedCheck:
        """Judge a check for the first time, and find the cause if it fails.

        The cause is looked for in this order: mistakes that have already cost points, the student's own wrong answers
        to earlier checks, and then all known mistakes. With one of the first two causes, the check keeps its points.

        Args:
            id: Id of the check.
            claims: The claims of the check.
            groups: The claims of all checks in the section, to test whether a mistake contradicts another check.
            charged_sets: Sets of mistakes that have already cost points, the empty set first.
        """
        try:
            verdict = self._evaluate(claims, NO_MISTAKES)
            if verdict.holds or verdict.waits:
                return JudgedCheck(verdict, open=verdict.waits)
            follows = self._judge_under_charged(claims, charged_sets)
            if follows is None:
                follows = self._judge_as_following(id, claims, charged_sets)
        except NotRecorded:
            return self._undecided(id, claims)
        if follows is not None:
            return follows
        if any(claim.outcome or not claim.diagnosable for claim in claims):
            return JudgedCheck(verdict)  # an end result, or a call that raised: no mistake is looked for
        unexplained = [claim for claim in claims if not self._follows_alone(id, claim)]
        explanation = self._explain(unexplained, groups)
        earlier_check = self._charged_as_another(explanation)
        if earlier_check:
            verdict = self._evaluate(claims, explanation)
            if not verdict.inconclusive:
                return _follows(verdict, [earlier_check])
        return JudgedCheck(self._evaluate(unexplained, NO_MISTAKES), self._mistakes_with(explanation))

    def _judge_under_charged(self, claims: Sequence[Claim], charged_sets: Sequence[Assumptions]) -> JudgedCheck | None:
        """Return the result of a check that passes, or waits for a person, with mistakes that have already cost
        points. None if there are no such mistakes."""
        for assumed in charged_sets[1:]:
            verdict = self._evaluate(claims, assumed)
            if verdict.waits:
                return JudgedCheck(verdict, open=True)
            if _is_settled(verdict, assumed):
                return _follows(verdict, self._checks_charged_with(assumed))
        return None

    def _judge_again(self, id: str, claims: Sequence[Claim], outcome: JudgedCheck) -> JudgedCheck:
        """Judge an undiagnosed check again at the end of its section, when other checks may have revealed the cause."""
        charged_sets = self._charged_sets()
        explanation = self._first_that_explains(claims, charged_sets[1:])
        if explanation is not None:
            return JudgedCheck(outcome.verdict, self._mistakes_with(explanation))
        try:
            return self._judge_as_following(id, claims, charged_sets) or outcome
        except NotRecorded:
            return self._undecided(id, claims)

    def _undecided(self, id: str, claims: Sequence[Claim]) -> JudgedCheck:
        """Return the result of a check for which the recorded right values that students get are not enough.

        If a call of the student's code failed and no earlier check may be the cause, the check fails. Otherwise the
        check is graded after submission.
        """
        for claim in claims:
            with contextlib.suppress(NotRecorded):
                verdict = self._evaluate([claim], NO_MISTAKES)
                if verdict.call is not None:
                    return JudgedCheck(verdict, open=self._by_own_answers(id, claim) is not None)
        return NOT_DECIDED_HERE

    def _charged_as_another(self, explanation: Assumptions) -> str:
        """Return the id of an earlier check that a newly found mistake explains better; "" if there is none.

        That check then counts as the one that lost points to the mistake. Only checks that lost points to a mistake
        with `carries=False` (no later check can build on the code) are considered. The new mistake must have
        `carries=True`, and the check must pass with it.
        """
        mistakes = self._mistakes_with(explanation)
        if len(mistakes) != 1 or not mistakes[0].carries:
            return ""
        for id, judged in self.failed.items():
            if not _leaves_work(judged) and self._holds(self._claims[id], explanation):
                return self.charged.setdefault(mistakes[0].id, id)
        return ""

    # ── failures that follow from the student's own earlier answers ──────────────────────────────────

    def _judge_as_following(
        self, id: str, claims: Sequence[Claim], charged_sets: Sequence[Assumptions]
    ) -> JudgedCheck | None:
        """Judge failing claims by the student's own answers to earlier checks that lost points.

        Args:
            id: Id of the check.
            claims: The claims of the check.
            charged_sets: Sets of mistakes that have already cost points. Each set is tried together with the student's
                own answers.

        Returns:
            The result if the check now passes, waits for a person, or fails for a cause that the student's own answers
            show. None if the failure does not follow from earlier checks.
        """
        own_judgements = [self._by_own_answers(id, claim) for claim in claims]
        if not any(own_judgements):
            return None
        explained: JudgedCheck | None = None
        for assumed in charged_sets:
            verdict, causes = passed(), self._checks_charged_with(assumed)
            for claim, by_own_answers in zip(claims, own_judgements, strict=True):
                claim_verdict = self._evaluate([claim], assumed)
                is_decided = claim_verdict.waits or _is_settled(claim_verdict, assumed)
                if not is_decided and by_own_answers is not None:
                    claim_verdict = self._judge_by_own_answers(claim, by_own_answers, assumed)
                    causes += by_own_answers.causes
                verdict = verdict & claim_verdict
                if not (verdict.holds or verdict.waits):
                    break
            if verdict.waits:
                return JudgedCheck(verdict, open=True)
            if verdict.holds and not verdict.inconclusive:
                return _follows(verdict, causes)
            if verdict.cause and explained is None:
                explained = JudgedCheck(verdict)
        return explained

    def _judge_by_own_answers(self, claim: Claim, by_own_answers: _ByOwnAnswers, assumed: Assumptions) -> Verdict:
        """Judge a claim by the student's own earlier answers, with the assumed mistakes put into the reference. Results
        are cached."""
        key = claim, by_own_answers, assumed
        if key not in self._cached:
            judge, causes = by_own_answers.judge, by_own_answers.causes
            verdict = self._evaluate([replace(claim, judge=lambda truth: judge(truth, causes))], assumed)
            self._cached[key] = replace(verdict, inconclusive=verdict.inconclusive and claim.needs_evidence)
        return self._cached[key]

    def _follows_alone(self, id: str, claim: Claim) -> bool:
        """Return whether the student's wrong earlier answers, without any known mistake, explain why a claim fails."""
        if self._holds([claim], NO_MISTAKES):
            return False
        follows = self._judge_as_following(id, [claim], [NO_MISTAKES])
        return follows is not None and (follows.verdict.holds or follows.open)

    def _by_own_answers(self, id: str, claim: Claim) -> _ByOwnAnswers | None:
        """Return the claim's function that judges by the student's own answers (`own` or `own_work`); None if there is
        none, or if no check that the claim builds on has lost points."""
        causes = []
        leaves_work = True
        for check, judged in self.failed.items():
            if check != id and any(covers(given, check) for given in claim.given):
                causes.append(check)
                leaves_work = leaves_work and _leaves_work(judged)
        judge = claim.own if leaves_work else claim.own_work
        return _ByOwnAnswers(judge, tuple(causes)) if causes and judge is not None else None

    def _explanation(self, name: str, groups: Groups) -> str:
        """Explain an undiagnosed failure: the cases that fail and those that pass, and the first hint of a failing
        claim."""

        def is_right(claim: Claim) -> bool:
            return self._holds([claim], NO_MISTAKES)

        def holds(id: str, case: str = "") -> bool:
            """Return whether a check has passed, as hints ask (see `Holds`)."""
            if id not in groups:
                return not any(covers(id, check) for check in self.failed)
            return all(is_right(claim) for claim in groups[id] if case in ("", claim.case))

        wrong_cases: list[str] = []
        right_cases: list[str] = []
        for case in dict.fromkeys(claim.case for claim in groups[name]):
            if case:
                cases = right_cases if holds(name, case) else wrong_cases
                cases.append(case)
        sentences = []
        if wrong_cases and right_cases:
            sentences.append(f"It is wrong for {_joined(wrong_cases)} and right for {_joined(right_cases)}.")
        for claim in groups[name]:
            hint = claim.hint(holds) if claim.hint is not None and not is_right(claim) else ""
            if hint:
                sentences.append(f"{hint[0].upper()}{hint[1:]}.")
                break
        return " ".join(sentences)

    # ── known mistakes ───────────────────────────────────────────────────────────────────────────────

    def _explain(self, claims: Sequence[Claim], groups: Groups) -> Assumptions:
        """Return one or two known mistakes that explain why the claims fail; an empty set if there are none.

        Mistakes that have already cost points may hide another one. So each mistake is tried alone, then together with
        all of these, and then with each of them. Without success, pairs of mistakes are tried.

        Args:
            claims: The failed claims of a check.
            groups: The claims of all checks in the section, by name. No check that passes may contradict the mistakes.
        """
        charged = frozenset(self.charged)
        bases = [NO_MISTAKES, charged] if charged else [NO_MISTAKES]
        single_bases = self._trials(frozenset({id}) for id in sorted(charged)) if len(charged) > 1 else ()
        for base in itertools.chain(bases, single_bases):
            candidates = []
            for explanation in self._single_explanations(claims, base):
                if not self._is_contradicted(explanation, base, groups):
                    candidates.append(explanation)
            if candidates:
                return self._best_candidate(candidates, base, groups)
        with_aspect = [claim for claim in claims if claim.aspect]
        without_aspect = [claim for claim in claims if not claim.aspect]
        if not (with_aspect and without_aspect) or self._holds(with_aspect, NO_MISTAKES):
            return NO_MISTAKES
        # Two mistakes at once: the claims with an aspect fail, and one of the mistakes alone must explain them.
        for first in self._trials(self._single_explanations(with_aspect, NO_MISTAKES)):
            for second in self._single_explanations(without_aspect, first):
                pair = first | second
                if self._holds(with_aspect, pair) and not self._is_contradicted(pair, NO_MISTAKES, groups):
                    return pair
        return NO_MISTAKES

    def _is_contradicted(self, explanation: Assumptions, base: Assumptions, groups: Groups) -> bool:
        """Return whether a check that passes would fail with a truth that contains these mistakes. If so, the student's
        code does not contain them."""
        topics = {mistake.topic for mistake in self._mistakes_with(explanation)}
        for claims in groups.values():
            check_topics = claims[0].topics
            if check_topics and topics.isdisjoint(check_topics):
                continue
            if self._holds(claims, NO_MISTAKES) and not self._holds(claims, base | explanation):
                return True
        return False

    def _trials(self, sets: Iterable[Assumptions]) -> Iterator[Assumptions]:
        """Yield the given sets of mistakes until the grading has used up its `MOST_TRIALS` trials."""
        for assumed in sets:
            if not self._trials_left:
                return
            self._trials_left -= 1
            yield assumed

    def _best_candidate(self, candidates: Sequence[Assumptions], base: Assumptions, groups: Groups) -> Assumptions:
        """Return the set of mistakes that explains the results of the most checks in the section. One check is not
        always enough: a mistake in dW1 only and a mistake in all gradients can give the same dW1."""
        if len(candidates) == 1:
            return candidates[0]

        def explained_checks(candidate: Assumptions) -> int:
            assumed = base | candidate
            return sum(self._holds(claims, assumed) for claims in groups.values())

        return max(candidates, key=explained_checks)

    def _single_explanations(self, claims: Sequence[Claim], base: Assumptions) -> Iterator[Assumptions]:
        """Yield each known mistake that, added to those in `base`, makes all claims pass."""
        topics = {topic for claim in claims for topic in claim.topics}
        for mistake in self.mistakes:
            if mistake.id in base or (topics and mistake.topic not in topics):
                continue
            if self._holds(claims, base | {mistake.id}):
                yield frozenset({mistake.id})

    def _first_that_explains(self, claims: Sequence[Claim], sets: Iterable[Assumptions]) -> Assumptions | None:
        """Return the first of these sets of mistakes with which all claims pass; None if there is none."""
        return next((assumed for assumed in sets if self._holds(claims, assumed)), None)

    def _mistakes_with(self, ids: Assumptions) -> tuple[Mistake, ...]:
        return tuple(mistake for mistake in self.mistakes if mistake.id in ids)

    def _checks_charged_with(self, ids: Assumptions) -> tuple[str, ...]:
        return tuple(self.charged[id] for id in sorted(ids))

    def _holds(self, claims: Iterable[Claim], assumed: Assumptions) -> bool:
        """Return whether all claims pass by the reference with the assumed mistakes put into it. Return False if a
        right value that this needs is not recorded."""
        try:
            return self._evaluate(claims, assumed).holds
        except NotRecorded:
            return False

    def _evaluate(self, claims: Iterable[Claim], assumed: Assumptions) -> Verdict:
        """Judge claims by the reference with the assumed mistakes put into it. Return the worst verdict."""
        truth = self.truth(assumed)
        verdict = passed()
        with np.errstate(all="ignore"):  # mistaken truths may overflow
            for claim in claims:
                try:
                    verdict = verdict & claim.judge(truth)
                except NotRecorded:
                    raise
                except Exception:
                    if not assumed:
                        raise
                    return failed("the reference raises if these mistakes are put into it")
                if not (verdict.credit or verdict.waits):
                    break
        return verdict

    def _charged_sets(self) -> list[Assumptions]:
        """Return at most 64 combinations of up to four mistakes that have cost points, the empty combination first."""
        ids = sorted(self.charged)
        sets: list[Assumptions] = []
        for size in range(min(len(ids), 4) + 1):
            sets += map(frozenset, itertools.combinations(ids, size))
        return sets[:64]


def _is_settled(verdict: Verdict, assumed: Assumptions) -> bool:
    """Return whether a verdict passes. If known mistakes were assumed, an inconclusive verdict does not pass."""
    return verdict.holds and not (assumed and verdict.inconclusive)


def _leaves_work(judged: JudgedCheck) -> bool:
    """Return whether later checks can build on the code of a check that lost points."""
    return all(mistake.carries for mistake in judged.mistakes)


NOT_DECIDED_HERE = JudgedCheck(failed("Graded after you submit."), open=True)


def _follows(verdict: Verdict, checks: Iterable[str]) -> JudgedCheck:
    """Return the result of a check whose failure follows from earlier checks, with their ids in a remark."""
    causes = tuple(dict.fromkeys(checks))
    listed = ", ".join(causes[:3])
    if len(causes) > 3:
        listed += f" and {len(causes) - 3} more"
    remark = f"follows from {listed} (already penalised)"
    return JudgedCheck(Verdict(verdict.credit, remarks=(*verdict.remarks, remark)), follows_from=causes)


def _joined(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
