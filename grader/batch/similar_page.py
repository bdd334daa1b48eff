"""The similarity report: an HTML page with similar pairs side by side, and a CSV table of the pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grader.assignments.catalogue import Assignment
from grader.batch import formats
from grader.batch.export import Export
from grader.batch.file_tree import opened
from grader.batch.gradebooks import Row
from grader.batch.matching import Matching
from grader.batch.queue import Received
from grader.batch.run import Receipt
from grader.batch.similar import SimilarPair, Text, clusters, code_of
from grader.errors import Refused
from grader.intake.receive import receive_all
from grader.render.html import environment

COLUMNS = ("rank", "share", "one", "share of one", "other", "share of other", "tokens")


def texts(export: Export, matching: Matching, receipts: Mapping[str, Receipt], file: str) -> list[Text]:
    """Return the code of all readable submissions. Equal submissions are merged into one, with the names of all
    authors."""
    authors: dict[str, list[str]] = defaultdict(list)
    for student in matching.students:
        if student.key in matching.matches:
            match = matching.matches[student.key]
            authors[match.submission.place].append(student.shown)
    texts: dict[str, Text] = {}
    for submission in export.submissions:
        receipt = receipts.get(submission.place)
        if not isinstance(receipt, Received):
            continue
        names = tuple(authors[submission.place]) or (submission.place,)
        text = texts.get(receipt.digest)
        if text:
            texts[receipt.digest] = Text((*text.names, *names), text.code)
        else:
            content = receive_all(export.content(submission), file)
            texts[receipt.digest] = Text(names, code_of(content))
    return list(texts.values())


def earlier_texts(path: Path, task: Assignment) -> list[Text]:
    """Return the code of all readable submissions in the export of an earlier term, under the export's name and their
    place in it. Raise `BadCall` if the path holds no submissions."""
    texts = []
    with opened(path) as files:
        export = formats.read(files, task.id, task.files[0])
        for submission in export.submissions:
            try:
                content = receive_all(export.content(submission), task.files[0])
            except Refused:
                continue
            texts.append(Text((f"{path.name}: {submission.place}",), code_of(content), is_earlier=True))
    return texts


def page(title: str, count: int, pairs: Sequence[SimilarPair]) -> str:
    return _TEMPLATE.render(title=title, count=count, pairs=pairs, clusters=clusters(pairs))


def rows(pairs: Sequence[SimilarPair]) -> Iterator[Row]:
    yield COLUMNS
    for rank, pair in enumerate(pairs, start=1):
        row = [str(rank), f"{pair.share:.3f}"]
        for side in (pair.one, pair.other):
            row += [", ".join(side.names), f"{side.share:.3f}"]
        yield (*row, str(pair.tokens))


_TEMPLATE = environment(Path(__file__).parent).get_template("similar.html.j2")
