"""Pairs that are alike: what is copied is found, what was given to all is not."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.assignments.catalogue import Assignment
from grader.batch import similar
from grader.batch.similar import Text, baseline, clusters, code_of, ranked
from grader.batch.similar_page import earlier_texts, page, rows
from grader.intake.receive import receive
from tests.conftest import ROOT

VARIANTS = ROOT / "reference" / "ps4" / "variants"


def code(name: str) -> str:
    return code_of(receive("mlp.py", (VARIANTS / f"{name}.py").read_bytes(), "mlp.py"))


def disguised(source: str) -> str:
    """As one disguises it: other names, comments and spaces."""
    renamed = re.sub(r"\b(grads|scores|loss|num_train|probs)\b", r"my_\1", source)
    return re.sub(r"\n( +)", r"\n\1# thought of it myself\n\1", renamed.replace(" = ", "="))


def test_a_disguised_copy_is_ranked_first_and_others_below(ps4: Assignment) -> None:
    honest = [Text((name,), code(name)) for name in ("loops", "einsum", "subclass", "properties")]
    pairs = ranked([*honest, Text(("copy of loops",), disguised(code("loops")))], baseline(ps4))
    assert {pairs[0].one.names[0], pairs[0].other.names[0]} == {"loops", "copy of loops"}
    assert pairs[0].share > 0.9
    assert all(pair.share < 0.6 for pair in pairs[1:])
    marked = [line for line, same in pairs[0].one.lines if same]
    assert len(marked) > 0.5 * len([line for line, _ in pairs[0].one.lines if line.strip()])


def test_what_the_handout_gives_to_everybody_counts_for_nothing(ps4: Assignment) -> None:
    skeleton = (ROOT / "reference" / "ps4" / "handout" / "mlp.py").read_text("utf-8")
    both = [Text(("ada",), skeleton), Text(("grace",), f"# mine\n{skeleton}")]
    assert ranked(both, baseline(ps4)) == []
    assert ranked(both, [])[0].share > 0.9


def test_names_and_code_are_shown_and_are_no_markup(ps4: Assignment) -> None:
    source = code("loops").replace('"""', "'''</pre><script>alert(1)</script>", 1)
    pairs = ranked([Text(("<b>ada</b>", "=grace"), source), Text(("mallory",), code("loops"))], baseline(ps4))
    shown = page("x", 2, pairs)
    assert "<script>" not in shown
    assert "&lt;b&gt;ada&lt;/b&gt;, =grace" in shown
    assert "no accusation" in shown
    assert len(list(rows(pairs))) == 2


def small_class(size: int) -> list[Text]:
    """Solutions by a few hands, each without some of its lines."""
    random_numbers = random.Random(size)
    solutions = [code(name) for name in ("loops", "einsum", "subclass", "properties")]
    texts = []
    for number in range(size):
        lines = [line for line in random_numbers.choice(solutions).splitlines() if random_numbers.random() > 0.1]
        texts.append(Text((f"s{number}",), "\n".join(lines)))
    return texts


def names_of(pairs: Sequence[similar.SimilarPair]) -> list[set[str]]:
    return [{*pair.one.names, *pair.other.names} for pair in pairs]


def test_the_index_finds_the_pairs_that_comparing_all_pairs_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = small_class(20)
    monkeypatch.setattr(similar, "MOST_PAIRS", 10)
    every = names_of(ranked(texts, ()))
    monkeypatch.setattr(similar, "MOST_COMPARED", 40)  # of 190 pairs
    assert names_of(ranked(texts, ())) == every
    assert len(every) == 10


def test_copies_of_copies_are_one_group() -> None:
    copied = [Text((f"copy {number}",), code("loops") + f"\nnumber = {number}\n") for number in range(3)]
    pairs = ranked([*copied, Text(("alone",), code("einsum"))], ())
    (group,) = clusters(pairs)
    assert {text.names for text in group} == {text.names for text in copied}
    assert "Groups of three or more" in page("x", 4, pairs)


def test_a_copy_of_an_earlier_term_is_found_and_earlier_ones_are_not_compared(tmp_path: Path, ps4: Assignment) -> None:
    earlier = tmp_path / "last year"
    for student in ("ada", "bob"):
        (earlier / student).mkdir(parents=True)
        (earlier / student / "mlp.py").write_text(code("loops"))
    texts = [Text(("eve",), disguised(code("loops"))), *earlier_texts(earlier, ps4)]
    pairs = ranked(texts, baseline(ps4))
    assert names_of(pairs) == [{"eve", "last year: ada"}, {"eve", "last year: bob"}]
