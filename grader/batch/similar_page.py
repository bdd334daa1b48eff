"""The similarity report: an HTML page with similar pairs side by side, and a CSV table of the pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from grader.batch.export import Export
from grader.batch.gradebooks import Row
from grader.batch.matching import Matching
from grader.batch.queue import Received
from grader.batch.run import Receipt
from grader.batch.similar import SimilarPair, Text, code_of
from grader.intake.receive import receive_all
from grader.render.html import environment

COLUMNS = ("rank", "share", "one", "share of one", "other", "share of other", "tokens")


def texts(export: Export, matching: Matching, receipts: Mapping[str, Receipt], file: str) -> list[Text]:
    """Return the code of all readable submissions. Equal submissions are merged into one, with the names of all
    authors."""
    names: dict[str, list[str]] = defaultdict(list)
    for student in matching.students:
        if matches := matching.matches.get(student.key):
            names[matches.submission.place].append(student.shown)
    found: dict[str, Text] = {}
    for submission in export.submissions:
        receipt = receipts.get(submission.place)
        if isinstance(receipt, Received):
            before = found.get(receipt.digest) or Text((), code_of(receive_all([*export.content(submission)], file)))
            authors = tuple(names[submission.place]) or (submission.place,)
            found[receipt.digest] = replace(before, names=(*before.names, *authors))
    return list(found.values())


def page(title: str, count: int, pairs: Sequence[SimilarPair]) -> str:
    return _TEMPLATE.render(title=title, count=count, pairs=pairs)


def rows(pairs: Sequence[SimilarPair]) -> Iterator[Row]:
    yield COLUMNS
    for rank, pair in enumerate(pairs, start=1):
        one, other = pair.one, pair.other
        shares = [f"{share:.3f}" for share in (pair.share, one.share, other.share)]
        names = [", ".join(side.names) for side in (one, other)]
        yield (str(rank), shares[0], names[0], shares[1], names[1], shares[2], str(pair.tokens))


_TEMPLATE = environment(Path(__file__).parent).get_template("similar.html.j2")
