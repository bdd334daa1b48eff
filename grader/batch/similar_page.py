"""Pairs that are alike → one HTML file that shows them side by side, and a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from grader.batch.export import Export
from grader.batch.gradebooks import Row
from grader.batch.queue import Received
from grader.batch.run import Receipt
from grader.batch.similar import Pair, Text, code_of
from grader.batch.whose import Attribution
from grader.intake.receive import receive_all
from grader.render.html import environment

COLUMNS = ("rank", "share", "one", "share of one", "other", "share of other", "tokens")


def texts(export: Export, attribution: Attribution, receipts: Mapping[str, Receipt], file: str) -> list[Text]:
    """The code of all that can be read, each once: that several have the same files is told elsewhere."""
    names: dict[str, list[str]] = defaultdict(list)
    for student in attribution.students:
        if claimed := attribution.claimed.get(student.key):
            names[claimed.hand_in.place].append(student.shown)
    found: dict[str, Text] = {}
    for hand_in in export.hand_ins:
        receipt = receipts.get(hand_in.place)
        if isinstance(receipt, Received):
            before = found.get(receipt.digest) or Text((), code_of(receive_all([*export.content(hand_in)], file)))
            whose = tuple(names[hand_in.place]) or (hand_in.place,)
            found[receipt.digest] = replace(before, names=(*before.names, *whose))
    return list(found.values())


def page(title: str, count: int, pairs: Sequence[Pair]) -> str:
    return _TEMPLATE.render(title=title, count=count, pairs=pairs)


def rows(pairs: Sequence[Pair]) -> Iterator[Row]:
    yield COLUMNS
    for rank, pair in enumerate(pairs, start=1):
        one, other = pair.one, pair.other
        shares = [f"{share:.3f}" for share in (pair.share, one.share, other.share)]
        names = [", ".join(side.names) for side in (one, other)]
        yield (str(rank), shares[0], names[0], shares[1], names[1], shares[2], str(pair.tokens))


_TEMPLATE = environment(Path(__file__).parent).get_template("similar.html.j2")
