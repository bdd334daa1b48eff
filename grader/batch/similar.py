"""Rank pairs of similar submissions, for a person to read: similarity alone is no proof of copying.

The library copydetect compares tokens, so names, comments and spaces make no difference. Code of the handout is
ignored. Students' code is neither run nor compiled.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage

from grader.assignments.catalogue import Assignment
from grader.model import Submission

TOKENS = 25
"""Runs of at least this many equal tokens count as similar."""
MOST_CHARACTERS = 200_000
"""Only this many characters at the beginning of a submission's code are compared."""
LEAST_SHARE = 0.2
"""A pair is listed if at least this share of one submission's code is similar to the other submission."""
MOST_PAIRS = 100


@dataclass(frozen=True)
class Text:
    """The code of a submission, and the names of all students who submitted it."""

    names: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class Side:
    """One of the two submissions in a pair."""

    names: tuple[str, ...]
    share: float
    """Share of this submission's code that is similar to the other submission, from 0 to 1."""
    lines: tuple[tuple[str, bool], ...]
    """For each line of code: (line, True if the line is similar to the other submission)."""


@dataclass(frozen=True)
class SimilarPair:
    """Two similar submissions."""

    tokens: int
    """Number of tokens that are similar in both submissions."""
    one: Side
    other: Side

    @property
    def share(self) -> float:
        return max(self.one.share, self.other.share)


def code_of(submission: Submission) -> str:
    """Return the text of a submission's Python files and its notebooks' code cells."""
    files = [
        f"# {name}\n{content.decode('utf-8', 'replace')}"
        for name, content in sorted(submission.files.items())
        if name.endswith(".py")
    ]
    cells = [f"# {notebook.path}\n" + "\n\n".join(notebook.code) for notebook in submission.notebooks]
    return "\n\n".join((*files, *cells))[:MOST_CHARACTERS]


def baseline(task: Assignment) -> list[str]:
    """Return the code in the assignment's handout: the text of each Python file and each notebook."""
    files = [path.read_text("utf-8") for path in sorted((task.folder / "handout").glob("*.py"))]
    return [*files, *("\n\n".join(notebook.code) for notebook in task.handout)]


def ranked(
    texts: Sequence[Text], given: Iterable[str], tick: Callable[[int], object] = lambda _count: None
) -> list[SimilarPair]:
    """Return the pairs of similar texts, the most similar pair first.

    Args:
        texts: The code of the submissions.
        given: Code of the handout. Similarity to this code is ignored.
        tick: Called with 1 after each text.
    """
    known = {hash_ for text in given for hash_ in _fingerprint(text).hashes}
    prints = []
    for text in texts:
        prints.append(_without(_fingerprint(text.code), known))
        tick(1)
    found = ((i, j, *compare_files(prints[i], prints[j])) for i, j in combinations(range(len(texts)), 2))
    alike = [row for row in found if max(row[3]) >= LEAST_SHARE]
    alike.sort(key=lambda row: (-max(row[3]), -row[2], row[0], row[1]))
    return [
        SimilarPair(int(tokens), _side(texts[i], shares[0], slices[0]), _side(texts[j], shares[1], slices[1]))
        for i, j, tokens, shares, slices in alike[:MOST_PAIRS]
    ]


def _fingerprint(code: str) -> CodeFingerprint:
    return CodeFingerprint("code", TOKENS, 1, language="python", fp=io.StringIO(code))


def _without(print_: CodeFingerprint, known: set[int]) -> CodeFingerprint:
    """Return the fingerprint of a submission's code without the hashes that occur in the handout."""
    print_.hashes -= known
    print_.hash_idx = {hash_: places for hash_, places in print_.hash_idx.items() if hash_ not in known}
    print_.token_coverage = get_token_coverage(print_.hash_idx, TOKENS, len(print_.filtered_code)) or 1
    return print_


def _side(text: Text, share: float, slices: np.ndarray) -> Side:
    return Side(text.names, min(1.0, float(share)), tuple(_marked(text.code, slices)))


def _marked(code: str, slices: np.ndarray) -> Iterator[tuple[str, bool]]:
    """Yield (line, True if the line is similar to the other submission) for each line of code."""
    places = sorted((int(start), int(end)) for start, end in zip(*slices, strict=True))
    at = 0
    for line in code.splitlines(keepends=True):
        end = at + len(line)
        yield line.rstrip("\r\n"), bool(line.strip()) and any(s < end and e > at for s, e in places)
        at = end
