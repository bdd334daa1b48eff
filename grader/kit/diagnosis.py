"""Judge claims, and find the cause of each failure, so that one cause costs its points once.

A truth is an object that computes the right results. A claim that fails is judged again with truths that contain known
mistakes: the reference with one change each. If the claim passes with such a mistake, the mistake is the cause. It is
charged at the first check that it explains; later checks that it explains keep their points. If no known mistake
explains a failure, later claims that fail are judged again by the student's own earlier answers.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


@dataclass
class Diagnosis:
    """Judges the claims of a submission, section by section, and keeps the causes that were found."""

    truths: Truths
    mistakes: Sequence[Mistake]
    interpretations: Sequence[Interpretation]
    interpretation: Interpretation = field(init=False)
    charged: dict[str, str] = field(default_factory=dict)
    """Mistake id → id of the check that lost points to the mistake."""
    failed: dict[str, JudgedCheck] = field(default_factory=dict)
    """Check id → its result, for checks that have lost points."""

    _claims: dict[str, Sequence[Claim]] = field(default_factory=dict)
    """Check id → claims, for checks that were judged."""
    _by_own_answers: dict[tuple[int, OwnJudgement, tuple[str, ...], Assumptions], Verdict] = field(default_factory=dict)
    """Cached results of `_judge_by_own_answers` in the current section. A verdict can need many calls of the code."""
    _trials_left: int = MOST_TRIALS

    def __post_init__(self) -> None:
        self.interpretation = self.interpretations[0]
        self.truths = cache(self.truths)

    def truth(self, assumed: Assumptions = frozenset()) -> Any:
        """Return an object with the results of the reference with these mistakes, under the chosen interpretation."""
        return self.truths(self.interpretation.id, assumed)

    def choose_interpretation(self, claims: Sequence[Claim]) -> None:
        """Choose the interpretation under which the most checks pass, and the first one in a tie."""
        groups = grouped((one.name, one) for one in claims)
        sets = self._charged_sets()

        def holding(interpretation: Interpretation) -> int:
            before, self.interpretation = self.interpretation, interpretation
            try:
                return sum(any(self._holds(g, s) for s in sets) for g in groups.values())
            finally:
                self.interpretation = before

        self.interpretation = max(self.interpretations, key=holding)

    def judge(self, section: str, claims: Sequence[Claim]) -> dict[str, JudgedCheck]:
        """Judge the claims of a section.

        Args:
            section: Id of the section.
            claims: The section's claims. Claims of one name form a check, which passes if all of them pass.

        Returns:
            The result of each check by name.
        """
        self._by_own_answers.clear()
        groups = grouped((one.name, one) for one in claims)
        judged: dict[str, JudgedCheck] = {}
        for names in grouped((one.check, one.name) for one in claims).values():
            charged = self._charged_sets()  # mistakes found in this group are charged once all its names are judged
            for name in dict.fromkeys(n for n in names if n not in judged):
                judged[name] = self._judge_one(section, name, groups, charged)
                self._claims[f"{section}.{name}"] = groups[name]
            self._charge(section, {name: judged[name] for name in names})
        for name in [n for n, outcome in judged.items() if outcome.undiagnosed]:
            judged[name] = self._judge_again(section, name, groups, judged[name])
            self._note(section, name, judged[name])
        for name, outcome in judged.items():
            if outcome.undiagnosed and not outcome.verdict.says_why:
                judged[name] = replace(outcome, verdict=self._with_hint(section, name, groups, outcome.verdict))
        return {name: judged[name] for name in groups}

    def _charge(self, section: str, judged: Mapping[str, JudgedCheck]) -> None:
        """Record the results of checks. For each mistake with `carries=True`, also record the first check that lost
        points to this mistake."""
        for name, outcome in judged.items():
            self._note(section, name, outcome)
            for mistake in outcome.mistakes:
                if mistake.carries:
                    self.charged.setdefault(mistake.id, f"{section}.{name}")

    def _note(self, section: str, name: str, outcome: JudgedCheck) -> None:
        if outcome.verdict.holds or outcome.open:
            self.failed.pop(f"{section}.{name}", None)
        else:
            self.failed[f"{section}.{name}"] = outcome

    def _judge_again(self, section: str, name: str, groups: Groups, outcome: JudgedCheck) -> JudgedCheck:
        """Judge an undiagnosed check again at the end of its section, when other checks may have revealed the cause."""
        claims, charged = groups[name], self._charged_sets()
        for assumed in charged[1:]:
            if self._holds(claims, assumed):
                return JudgedCheck(outcome.verdict, tuple(m for m in self.mistakes if m.id in assumed))
        try:
            return self._judge_as_following(f"{section}.{name}", claims, charged) or outcome
        except NotRecorded:
            return self._undecided(f"{section}.{name}", claims)

    def _judge_one(self, section: str, name: str, groups: Groups, charged: Sequence[Assumptions]) -> JudgedCheck:
        claims = groups[name]
        try:
            verdict = self._evaluate(claims, frozenset())
            if verdict.holds or verdict.waits:
                return JudgedCheck(verdict, open=verdict.waits)
            for assumed in charged[1:]:
                under = self._evaluate(claims, assumed)
                if under.waits:
                    return JudgedCheck(under, open=True)
                if under.holds and not under.inconclusive:
                    return _follows(under, [self.charged[i] for i in sorted(assumed)])
            if (follows := self._judge_as_following(f"{section}.{name}", claims, charged)) is not None:
                return follows
        except NotRecorded:
            return self._undecided(f"{section}.{name}", claims)
        if any(c.outcome or not c.diagnosable for c in claims):
            return JudgedCheck(verdict)
        own = [one for one in claims if not self._follows_alone(f"{section}.{name}", one)]
        verdict, found = self._evaluate(own, frozenset()), self._explain(own, groups)
        if (earlier := self._charged_as_another(found)) and not (under := self._evaluate(claims, found)).inconclusive:
            return _follows(under, [earlier])
        return JudgedCheck(verdict, tuple(m for m in self.mistakes if m.id in found))

    def _undecided(self, id: str, claims: Sequence[Claim]) -> JudgedCheck:
        """Return the result of a check for which the recorded right values that students get are not enough.

        If a call of the student's code failed and no earlier check may be the cause, the check fails. Otherwise the
        check is graded after submission.
        """
        for one in claims:
            with contextlib.suppress(NotRecorded):
                verdict = self._evaluate([one], frozenset())
                if verdict.call is not None:
                    return JudgedCheck(verdict, open=self._own_judgement(one, self._causes(id, one)) is not None)
        return NOT_DECIDED_HERE

    def _charged_as_another(self, found: Assumptions) -> str:
        """Return the id of an earlier check that a newly found mistake explains better; "" if there is none.

        That check then counts as the one that lost points to the mistake. Only checks that lost points to a mistake
        with `carries=False` (no later check can build on the code) are considered. The new mistake must have
        `carries=True`, and the check must pass with it.
        """
        carries = [m for m in self.mistakes if m.id in found and m.carries]
        if len(carries) != 1 or len(found) != 1:
            return ""
        for id, judged in self.failed.items():
            if any(not m.carries for m in judged.mistakes) and self._holds(self._claims[id], found):
                return self.charged.setdefault(carries[0].id, id)
        return ""

    # ── failures that follow from the student's own earlier answers ──────────────────────────────────

    def _judge_as_following(
        self, id: str, claims: Sequence[Claim], charged: Sequence[Assumptions]
    ) -> JudgedCheck | None:
        """Judge failing claims by the student's own answers to earlier checks that lost points.

        Args:
            id: Id of the check.
            claims: The claims of the check.
            charged: Sets of mistakes that have already cost points. Each set is tried together with the student's own
                answers.

        Returns:
            The result if the check now passes, waits for a person, or fails for a cause that the student's own answers
            show. None if the failure does not follow from earlier checks.
        """
        explained: JudgedCheck | None = None
        causes = [self._causes(id, one) for one in claims]
        ways = [self._own_judgement(one, of_one) for one, of_one in zip(claims, causes, strict=True)]
        if not any(ways):
            return None
        for assumed in charged:
            together, used = passed(), [self.charged[i] for i in sorted(assumed)]
            for one, of_one, way in zip(claims, causes, ways, strict=True):
                under = self._evaluate([one], assumed)
                if not (_is_settled(under, assumed) or under.waits) and way is not None:
                    under = self._judge_by_own_answers(one, way, of_one, assumed)
                    used += of_one
                together = together & under
                if not (together.holds or together.waits):
                    break
            if together.waits:
                return JudgedCheck(together, open=True)
            if _is_settled(together, assumed):
                return _follows(together, used)
            if together.cause and explained is None:
                explained = JudgedCheck(together)
        return explained

    def _judge_by_own_answers(
        self, one: Claim, way: OwnJudgement, causes: Sequence[str], assumed: Assumptions
    ) -> Verdict:
        key = id(one), way, tuple(causes), assumed
        if key not in self._by_own_answers:
            verdict = self._evaluate([replace(one, judge=lambda truth: way(truth, causes))], assumed)
            self._by_own_answers[key] = replace(verdict, inconclusive=False)
        return self._by_own_answers[key]

    def _follows_alone(self, id: str, one: Claim) -> bool:
        """Return whether the student's wrong earlier answers, without any known mistake, explain why a claim fails."""
        if self._holds([one], frozenset()):
            return False
        follows = self._judge_as_following(id, [one], [frozenset()])
        return follows is not None and (follows.verdict.holds or follows.open)

    def _causes(self, id: str, one: Claim) -> list[str]:
        """Return the ids of the checks that a claim builds on and that have lost points."""
        return [check for check in self.failed if check != id and any(covers(given, check) for given in one.given)]

    def _own_judgement(self, one: Claim, causes: Sequence[str]) -> OwnJudgement | None:
        """Return the claim's function that judges by the student's own answers (`own` or `own_work`); None if there is
        none, or if `causes` is empty. `causes` are the ids from `_causes`.
        """
        if not causes:
            return None
        leaves_work = all(mistake.carries for check in causes for mistake in self.failed[check].mistakes)
        return one.own if leaves_work else one.own_work

    def _with_hint(self, section: str, name: str, groups: Groups, verdict: Verdict) -> Verdict:
        """Add an explanation to the verdict of an undiagnosed check: the cases that fail and those that pass, and the
        first hint of a failing claim."""

        def right(one: Claim) -> bool:
            return self._holds([one], frozenset())

        def holds(id: str, case: str = "") -> bool:
            if id not in groups:
                return not any(covers(id, check) for check in self.failed)
            return all(right(one) for one in groups[id] if case in ("", one.case))

        failing = [one for one in groups[name] if not right(one)]
        hint = next(filter(None, (one.hint(holds) for one in failing if one.hint is not None)), "")
        of_case = {c.case: holds(name, c.case) for c in groups[name] if c.case}
        wrong_for, right_for = (
            _joined(c for c, is_right in of_case.items() if is_right is kind) for kind in (False, True)
        )
        narrowed = f"it is wrong for {wrong_for} and right for {right_for}" if wrong_for and right_for else ""
        return replace(verdict, cause=_sentences(narrowed, hint))

    # ── known mistakes ───────────────────────────────────────────────────────────────────────────────

    def _explain(self, claims: Sequence[Claim], groups: Groups) -> Assumptions:
        """Return one or two known mistakes that explain why the claims fail; an empty set if there are none."""
        everything = frozenset(self.charged)
        single = self._trials(frozenset({i}) for i in sorted(everything) if len(everything) > 1)
        for base in itertools.chain(dict.fromkeys((frozenset[str](), everything)), single):
            explaining = self._single_explanations(claims, base)
            if alone := [one for one in explaining if not self._is_contradicted(one, base, groups)]:
                return self._best_candidate(alone, base, groups)
        first, rest = [c for c in claims if c.aspect], [c for c in claims if not c.aspect]
        if not (first and rest) or self._holds(first, frozenset()):
            return frozenset()
        # Two mistakes at once: the claims with an aspect fail, and one of the mistakes alone must explain them.
        for one in self._trials(self._single_explanations(first, frozenset())):
            for other in self._single_explanations(rest, one):
                if self._holds(first, one | other) and not self._is_contradicted(one | other, frozenset(), groups):
                    return one | other
        return frozenset()

    def _is_contradicted(self, found: Assumptions, base: Assumptions, groups: Groups) -> bool:
        """Return whether a check that passes would fail with a truth that contains these mistakes. If so, the student's
        code does not contain them."""
        topics = {mistake.topic for mistake in self.mistakes if mistake.id in found}
        concerned = (c for c in groups.values() if not c[0].topics or topics.intersection(c[0].topics))
        return any(self._holds(c, frozenset()) and not self._holds(c, base | found) for c in concerned)

    def _trials(self, sets: Iterable[Assumptions]) -> Iterator[Assumptions]:
        """Yield the given sets of mistakes until the grading has used up its `MOST_TRIALS` trials."""
        for one in sets:
            if not self._trials_left:
                return
            self._trials_left -= 1
            yield one

    def _best_candidate(self, candidates: Sequence[Assumptions], base: Assumptions, groups: Groups) -> Assumptions:
        """Return the set of mistakes that explains the results of the most checks in the section. One check is not
        always enough: a mistake in dW1 only and a mistake in all gradients can give the same dW1."""
        if len(candidates) == 1:
            return candidates[0]

        def fits(candidate: Assumptions) -> int:
            return sum(self._holds(claims, base | candidate) for claims in groups.values())

        return max(candidates, key=fits)

    def _single_explanations(self, claims: Sequence[Claim], base: Assumptions) -> Iterable[Assumptions]:
        """Yield each known mistake that, added to those in `base`, makes all claims pass."""
        topics = {topic for one in claims for topic in one.topics}
        for mistake in self.mistakes:
            if mistake.id in base or (topics and mistake.topic not in topics):
                continue
            if self._holds(claims, base | {mistake.id}):
                yield frozenset({mistake.id})

    def _holds(self, claims: Iterable[Claim], assumed: Assumptions) -> bool:
        try:
            return self._evaluate(claims, assumed).holds
        except NotRecorded:
            return False

    def _evaluate(self, claims: Iterable[Claim], assumed: Assumptions) -> Verdict:
        """Judge claims by the reference with the assumed mistakes put into it. Return the worst verdict."""
        truth = self.truth(assumed)
        together = passed()
        with np.errstate(all="ignore"):  # mistaken truths may overflow
            for one in claims:
                try:
                    together = together & one.judge(truth)
                except NotRecorded:
                    raise
                except Exception:
                    if not assumed:
                        raise
                    return failed("the reference raises if these mistakes are put into it")
                if not (together.credit or together.waits):
                    break
        return together

    def _charged_sets(self) -> list[Assumptions]:
        """Return at most 64 combinations of up to four mistakes that have cost points, the empty combination first."""
        ids = sorted(self.charged)
        sizes = range(min(len(ids), 4) + 1)
        return [frozenset(some) for size in sizes for some in itertools.combinations(ids, size)][:64]


def _is_settled(verdict: Verdict, assumed: Assumptions) -> bool:
    """Return whether a verdict passes. If known mistakes were assumed, an inconclusive verdict does not pass."""
    return verdict.holds and not (assumed and verdict.inconclusive)


NOT_DECIDED_HERE = JudgedCheck(failed("Graded after you submit."), open=True)


def _follows(verdict: Verdict, checks: Sequence[str]) -> JudgedCheck:
    causes = tuple(dict.fromkeys(checks))
    remark = f"follows from {_shortened(causes)} (already penalised)"
    return JudgedCheck(Verdict(verdict.credit, remarks=(*verdict.remarks, remark)), follows_from=causes)


def _joined(words: Iterable[str]) -> str:
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _shortened(checks: Sequence[str]) -> str:
    shown, rest = list(checks[:3]), len(checks) - 3
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _sentences(*texts: str) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts if text)
