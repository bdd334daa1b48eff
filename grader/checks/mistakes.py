"""Known mistakes: each is the reference with one thing changed, and the sentence that a student reads.

`Ledger` judges claims under the truth and, where they fail, under the truths of the mistakes; it remembers
what has been charged, so that one mistake costs its points once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from grader.checks.claim import Claim, NotRecorded, Verdict, lost
from grader.checks.lines import Line

MOST_TRIALS = 16
"""So many times in one grading all mistakes are tried together with another one; a mistake alone is always tried. A
submission that nothing explains must not cost minutes."""


@dataclass(frozen=True)
class Mistake:
    id: str
    topic: str
    """What it is a mistake in: a check looks for those of its own topics."""
    sentence: str
    """To the student: what is wrong and how to mend it."""
    line: tuple[Line, ...] = ()
    """Where it is, for what the flow of values does not show: something left out. The likeliest first."""
    carries: bool = True
    """False where its consequences are no work at all (a net that answers constants earns nothing later)."""


@dataclass(frozen=True)
class Reading:
    """One of several accepted meanings of the task, with the remark that a report makes about it."""

    id: str
    remark: str


Assumptions = frozenset[str]
"""Ids of mistakes."""

Truths = Callable[[str, Assumptions], Any]
"""(reading id, assumed mistakes) → the assignment's Truth."""


Groups = dict[str, list[Claim]]
"""A section's claims by name."""


@dataclass(frozen=True)
class Judged:
    """One check's outcome: its verdict, and the mistakes that explain what is lost."""

    verdict: Verdict
    mistakes: tuple[Mistake, ...] = ()
    open: bool = False
    """Not to be decided here: the truth that it needs is not in a student's pack."""


@dataclass
class Ledger:
    truths: Truths
    mistakes: Sequence[Mistake]
    readings: Sequence[Reading]
    reading: Reading = field(init=False)
    charged: dict[str, str] = field(default_factory=dict)
    """Mistake id → the check that it was charged at."""
    unexplained: set[str] = field(default_factory=set)
    """Checks lost for reasons that no known mistake explains."""

    _trials_left: int = MOST_TRIALS
    _known: dict[tuple[str, Assumptions], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reading = self.readings[0]

    def truth(self, assumed: Assumptions = frozenset(), reading: Reading | None = None) -> Any:
        key = ((reading or self.reading).id, assumed)
        if key not in self._known:
            self._known[key] = self.truths(*key)
        return self._known[key]

    def settle(self, claims: Sequence[Claim]) -> None:
        """Binds the reading under which most of these claims hold; the first where several do equally."""
        groups = _grouped(claims)
        sets = self._charged_sets()

        def holding(reading: Reading) -> int:
            return sum(any(self._holds(g, s, reading) for s in sets) for g in groups.values())

        self.reading = max(self.readings, key=holding)

    def judge(self, section: str, claims: Sequence[Claim]) -> dict[str, Judged]:
        """Every name among the claims → its outcome; a name holds only if all its claims do."""
        groups = _grouped(claims, self.unexplained)
        judged: dict[str, Judged] = {}
        for names in _by_check(claims):
            charged = self._charged_sets()  # what one check finds out counts from the next one on
            for name in [n for n in groups if n in names and n not in judged]:
                judged[name] = self._judge_one(name, groups, charged)
            self._charge(section, {name: judged[name] for name in names})
        for name, outcome in judged.items():
            if not (outcome.verdict.holds or outcome.mistakes or outcome.open):
                judged[name] = self._in_hindsight(outcome, groups[name])
                if not judged[name].mistakes:
                    self.unexplained.add(f"{section}.{name}")
        return {name: judged[name] for name in groups}

    def _charge(self, section: str, judged: dict[str, Judged]) -> None:
        for name, outcome in judged.items():
            for mistake in outcome.mistakes:
                if mistake.carries:
                    self.charged.setdefault(mistake.id, f"{section}.{name}")

    def _in_hindsight(self, outcome: Judged, claims: Sequence[Claim]) -> Judged:
        """What later checks of the section have found out may explain an earlier one."""
        for assumed in self._charged_sets()[1:]:
            if self._holds(claims, assumed):
                return Judged(outcome.verdict, tuple(m for m in self.mistakes if m.id in assumed))
        return outcome

    def _judge_one(self, name: str, groups: Groups, charged: Sequence[Assumptions]) -> Judged:
        claims = groups[name]
        try:
            verdict = self._evaluate(claims, frozenset())
            if verdict.holds:
                return Judged(verdict)
            for assumed in charged[1:]:
                under = self._evaluate(claims, assumed)
                if under.holds:
                    return Judged(_forgiven(under, [self.charged[i] for i in sorted(assumed)]))
        except NotRecorded:
            return Judged(lost("decided at hand-in"), open=True)
        if any(c.outcome for c in claims):
            return Judged(verdict)
        found = self._explain(claims, groups)
        return Judged(verdict, tuple(m for m in self.mistakes if m.id in found))

    def _explain(self, claims: Sequence[Claim], groups: Groups) -> Assumptions:
        """The fewest new mistakes under which all the claims hold; nothing where none do."""
        everything = frozenset(self.charged)
        beside = self._trials(frozenset({i}) for i in sorted(everything) if len(everything) > 1)
        for base in itertools.chain(dict.fromkeys((frozenset[str](), everything)), beside):
            alone = list(self._explaining(claims, base))
            if alone:
                return self._best(alone, base, groups)
        first, rest = _by_aspect(claims)
        if not (first and rest) or self._holds(first, frozenset()):
            return frozenset()
        # Two mistakes at once: one must explain the simpler problems, which do not hold, alone.
        for one in self._trials(self._explaining(first, frozenset())):
            for other in self._explaining(rest, one):
                if self._holds(first, one | other):
                    return one | other
        return frozenset()

    def _trials(self, beside: Iterable[Assumptions]) -> Iterator[Assumptions]:
        """As many as one grading can still afford."""
        for one in beside:
            if not self._trials_left:
                return
            self._trials_left -= 1
            yield one

    def _best(self, candidates: Sequence[Assumptions], base: Assumptions, groups: Groups) -> Assumptions:
        """The one that also fits most of the section's other claims: a sum in dW1 alone and one in all the
        gradients look the same in dW1."""
        if len(candidates) == 1:
            return candidates[0]

        def fits(candidate: Assumptions) -> int:
            return sum(self._holds(claims, base | candidate) for claims in groups.values())

        return max(candidates, key=fits)

    def _explaining(self, claims: Sequence[Claim], base: Assumptions) -> Iterable[Assumptions]:
        topics = {topic for one in claims for topic in one.topics}
        for mistake in self.mistakes:
            if mistake.id in base or (topics and mistake.topic not in topics):
                continue
            if self._holds(claims, base | {mistake.id}):
                yield frozenset({mistake.id})

    def _holds(self, claims: Iterable[Claim], assumed: Assumptions, reading: Reading | None = None) -> bool:
        try:
            return self._evaluate(claims, assumed, reading).holds
        except NotRecorded:
            return False

    def _evaluate(self, claims: Iterable[Claim], assumed: Assumptions, reading: Reading | None = None) -> Verdict:
        """All claims under one truth, stopping at the first that earns nothing."""
        truth = self.truth(assumed, reading)
        together = Verdict(Fraction(1))
        with np.errstate(all="ignore"):  # mistaken truths may well overflow
            for one in claims:
                try:
                    together = together & one.judge(truth)
                except NotRecorded:
                    raise
                except Exception:
                    if not assumed:
                        raise
                    return lost("no right answer has this mistake")  # or these mistakes do not go together
                if not together.credit:
                    break
        return together

    def _charged_sets(self) -> list[Assumptions]:
        """Every combination of at most four charged mistakes, none first."""
        ids = sorted(self.charged)
        sizes = range(min(len(ids), 4) + 1)
        return [frozenset(some) for size in sizes for some in itertools.combinations(ids, size)][:64]


def _grouped(claims: Sequence[Claim], unexplained: Iterable[str] = ()) -> Groups:
    groups: dict[str, list[Claim]] = {}
    for one in claims:
        groups.setdefault(one.name, [])
        if one.rests_on not in unexplained:
            groups[one.name].append(one)
    return groups


def _by_check(claims: Sequence[Claim]) -> list[list[str]]:
    """The names that each check yields, both in the order in which they come: a report must not depend on chance."""
    names: dict[str, dict[str, None]] = {}
    for one in claims:
        names.setdefault(one.check, {})[one.name] = None
    return [list(of_check) for of_check in names.values()]


def _by_aspect(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Those of a named aspect, and the others."""
    return [c for c in claims if c.aspect], [c for c in claims if not c.aspect]


def _forgiven(verdict: Verdict, checks: Sequence[str]) -> Verdict:
    where = " and ".join(dict.fromkeys(checks))
    remark = f"follows from the mistake that {where} lost points for; a mistake is charged once"
    return Verdict(verdict.credit, remarks=(*verdict.remarks, remark))
