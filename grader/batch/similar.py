"""Rank pairs of similar submissions, for a person to read: similarity alone is no proof of copying.

The library copydetect compares tokens, so names, comments and spaces make no difference. Code of the handout is
ignored. Students' code is neither run nor compiled.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

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
MOST_COMPARED = 20 * MOST_PAIRS
"""Only this many pairs, those that share most hashes, are compared token by token."""
CLUSTER_SHARE = 0.5
"""A pair belongs to one cluster if at least this share of one submission's code is similar."""


@dataclass(frozen=True)
class Text:
    """The code of a submission, and the names of all students who submitted it."""

    names: tuple[str, ...]
    code: str
    is_earlier: bool = False
    """True for a submission of an earlier term. Such submissions are not compared with each other."""


@dataclass(frozen=True)
class Side:
    """One of the two submissions in a pair."""

    text: Text
    share: float
    """Share of this submission's code that is similar to the other submission, from 0 to 1."""
    slices: np.ndarray
    """Starts and ends of the similar code, in characters."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.text.names

    @property
    def lines(self) -> Iterator[tuple[str, bool]]:
        """Yield (line, True if the line is similar to the other submission) for each line of code."""
        starts, ends = self.slices
        start = 0
        for line in self.text.code.splitlines(keepends=True):
            end = start + len(line)
            overlaps = (starts < end) & (ends > start)
            is_similar = bool(np.any(overlaps))
            yield line.rstrip("\r\n"), is_similar and not line.isspace()
            start = end


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
    chunks = []
    for name, content in sorted(submission.files.items()):
        if name.endswith(".py"):
            code = content.decode("utf-8", "replace")
            chunks.append(f"# {name}\n{code}")
    for notebook in submission.notebooks:
        code = "\n\n".join(notebook.code)
        chunks.append(f"# {notebook.path}\n{code}")
    return "\n\n".join(chunks)[:MOST_CHARACTERS]


def baseline(task: Assignment) -> list[str]:
    """Return the code in the assignment's handout: the text of each Python file and each notebook."""
    handout = task.folder / "handout"
    codes = [file.read_text("utf-8") for file in sorted(handout.glob("*.py"))]
    for notebook in task.handout:
        codes.append("\n\n".join(notebook.code))
    return codes


def ranked(
    texts: Sequence[Text], given: Iterable[str], tick: Callable[[int], object] = lambda _count: None
) -> list[SimilarPair]:
    """Return the pairs of similar texts, the most similar pair first.

    Args:
        texts: The code of the submissions.
        given: Code of the handout. Similarity to this code is ignored.
        tick: Called with 1 after each text.
    """
    handout_hashes: set[int] = set()
    for code in given:
        handout_hashes |= _fingerprint(code).hashes
    hashes = []
    for text in texts:
        own_hashes = _fingerprint(text.code).hashes - handout_hashes
        hashes.append(np.array(sorted(own_hashes), dtype=np.int64))
        tick(1)

    @lru_cache(MOST_PAIRS)  # a fingerprint is far larger than its hashes
    def fingerprint(number: int) -> CodeFingerprint:
        return _without(_fingerprint(texts[number].code), handout_hashes)

    pairs = []
    for first, second in _candidates(hashes, [text.is_earlier for text in texts]):
        # shares and slices are pairs: of the first code, and of the second
        tokens, shares, slices = compare_files(fingerprint(first), fingerprint(second))
        if max(shares) >= LEAST_SHARE:
            first_side = Side(texts[first], min(1.0, shares[0]), slices[0])
            second_side = Side(texts[second], min(1.0, shares[1]), slices[1])
            pairs.append(SimilarPair(int(tokens), first_side, second_side))
    pairs.sort(key=lambda pair: (-pair.share, -pair.tokens))
    return pairs[:MOST_PAIRS]


def _candidates(hashes: Sequence[np.ndarray], is_earlier: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the pairs of texts that share most hashes, as positions, in ascending order.

    An inverted index lists the texts that contain each hash. Thus texts without a common hash are never paired.

    Args:
        hashes: The distinct hashes of each text.
        is_earlier: True for each text of an earlier term.
    """
    sizes = np.array([len(own_hashes) for own_hashes in hashes])
    all_hashes = np.concatenate([np.empty(0, np.int64), *hashes])
    by_hash = np.argsort(all_hashes, kind="stable")
    holders = np.repeat(np.arange(len(hashes)), sizes)[by_hash]  # ascending for each hash
    sorted_hashes = all_hashes[by_hash]
    earlier = np.array(is_earlier, dtype=bool)
    shares: list[tuple[float, int, int]] = []
    for number, own_hashes in enumerate(hashes):
        begins = np.searchsorted(sorted_hashes, own_hashes, "left")
        ends = np.searchsorted(sorted_hashes, own_hashes, "right")
        lists = [holders[begin:end] for begin, end in zip(begins, ends, strict=True)]
        shared = np.bincount(np.concatenate([holders[:0], *lists]), minlength=len(hashes))
        shared[: number + 1] = 0  # every pair once
        if earlier[number]:
            shared[earlier] = 0
        for partner in np.flatnonzero(shared):
            share = shared[partner] / min(sizes[number], sizes[partner])
            shares.append((share, number, int(partner)))
        shares = nlargest(MOST_COMPARED, shares)
    return sorted((first, second) for _share, first, second in shares)


def clusters(pairs: Iterable[SimilarPair]) -> list[list[Text]]:
    """Return groups of at least three texts that are connected by pairs with a share of at least `CLUSTER_SHARE`, the
    largest first."""
    cluster_of: dict[Text, list[Text]] = {}
    for pair in pairs:
        if pair.share < CLUSTER_SHARE:
            continue
        first = cluster_of.setdefault(pair.one.text, [pair.one.text])
        second = cluster_of.setdefault(pair.other.text, [pair.other.text])
        if first is not second:
            first += second
            cluster_of.update((text, first) for text in second)
    distinct = {id(cluster): cluster for cluster in cluster_of.values()}
    large = [cluster for cluster in distinct.values() if len(cluster) > 2]
    return sorted(large, key=len, reverse=True)


def _fingerprint(code: str) -> CodeFingerprint:
    """Return the hashes of all runs of `TOKENS` tokens in Python code, as copydetect compares them."""
    return CodeFingerprint("code", TOKENS, 1, language="python", fp=io.StringIO(code))


def _without(fingerprint: CodeFingerprint, handout_hashes: set[int]) -> CodeFingerprint:
    """Return the fingerprint of a submission's code without the hashes that occur in the handout."""
    fingerprint.hashes -= handout_hashes
    for hash_ in handout_hashes & fingerprint.hash_idx.keys():
        del fingerprint.hash_idx[hash_]
    coverage = get_token_coverage(fingerprint.hash_idx, TOKENS, len(fingerprint.filtered_code))
    fingerprint.token_coverage = coverage or 1
    return fingerprint
