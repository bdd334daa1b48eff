"""Sizes as people write them, `1 \\times H` or `\\in \\mathbb{R}^{H \\times D}`: a remark, and no formula."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from grader.written.evaluate import Array
from grader.written.tokens import Token

Shape = tuple[str, ...]
"""Sizes as written, ("1", "H"); ("H",) is a vector, () a number."""

_SIZE = re.compile(r"\d{1,3}|[A-Z]|[cdkmnpq](_?\w{1,6})?")
"""What a size is called: no letter that the network has for something else."""
_SPOKEN = re.compile(r"(?<![\w^])\(?\s*(1|[A-Z])\s*(?:[x×]|(?<=\([1A-Z]),)\s*(1|[A-Z])\s*\)?(?!\w)")


_BETWEEN = r"\s*(?:times|by|->|→|=>|=|\*|@|·|is)?\s*"
_SPOKEN_PRODUCT = re.compile(rf"{_SPOKEN.pattern}(?:{_BETWEEN}{_SPOKEN.pattern})*")


def standing_alone(tokens: Sequence[Token]) -> Shape | None:
    """`1 \\times H`, `(H, 1)`."""
    bare = [t for t in tokens if t.kind != "&"]
    bracketed = len(bare) > 2 and str(bare[0]) == "(" and str(bare[-1]) == ")"
    found = _sizes(bare[1:-1] if bracketed else bare, ("\\times", "x", ",") if bracketed else ("\\times", "x"))
    is_of_a_size = found is not None and len(found) == 2 and (any(map(str.isalpha, found)) or found == ("1", "1"))
    return found if is_of_a_size and (bracketed or "," not in map(str, bare)) else None


def behind_in(tokens: Sequence[Token]) -> Shape | None:
    """`\\mathbb{R}^{1 \\times H}`, `\\mathbb{R}`."""
    bare = [t for t in tokens if t.kind not in ("{", "}", "&") and str(t) != "."]
    if not bare or bare[0].text != "R":
        return None
    if len(bare) == 1:
        return ()
    if str(bare[1]) != "^":
        return None
    inside = [t for t in bare[2:] if str(t) not in ("(", ")")]
    return _sizes(inside, ("\\times", "x"))


def spoken(said: str) -> Iterator[tuple[int, int, Shape]]:
    """`(1 x H)` among words: where it begins, where it ends, and it."""
    for found in _SPOKEN.finditer(said):
        yield found.start(), found.end(), (found[1], found[2])


def without_shapes(said: str) -> str:
    return _SPOKEN_PRODUCT.sub(" ", said)


def _sizes(tokens: Sequence[Token], between: Sequence[str]) -> Shape | None:
    sizes = [""]
    for token in tokens:
        if str(token) in between:
            sizes.append("")
        else:
            sizes[-1] += "" if token.kind in ("{", "}") else token.text
    return tuple(sizes) if len(sizes) <= 2 and all(_SIZE.fullmatch(size) for size in sizes) else None


def fits(shape: Shape, a: Array, values: Mapping[str, Array], sizes: Mapping[str, str]) -> bool:
    """`sizes`: the handout's letters, and the vectors that have so many elements. Other letters are any size but 1."""
    if not a.ndim or not shape:
        return not a.ndim and all(size == "1" for size in shape)
    if len(shape) == 1:
        return 1 in a.shape and _fits(shape[0], a.size, values, sizes)
    return all(_fits(size, n, values, sizes) for size, n in zip(shape, a.shape, strict=True))


def _fits(size: str, n: int, values: Mapping[str, Array], sizes: Mapping[str, str]) -> bool:
    if size.isdecimal():
        return n == int(size)
    return n == values[sizes[size]].size if size in sizes else n > 1
