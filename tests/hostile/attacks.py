"""Reads the hostile suite: each submission is a file that says in its head what it tries and what it may get.

    # Tries: one sentence.
    # earns at most: 0          points of the 34 that code checks give without MNIST
    # around: perfect           the attack stands below a right solution, which it would like to improve
    # around: prize             the attack decides by `won`: what it got. If it got anything it has a right solution to
                                hand in, so that points show a success; if nothing, its class says so
    # uses: tools               tools.py stands above it
    # only: q2.1                instead of all code checks
    # limits: wall=1 …          instead of HASTY's; names of grader.model.Limits, and the seconds of patience
    # fails: pattern            what the report must say about a failed check
    # leaves: path              what must not be there afterwards, outside

`@MARK@` becomes a word that nothing else contains, `@SECRET@` the secret that problems are drawn with, as hexadecimal
digits of its bytes inverted, so that a search of the memory does not find the search. In `hostile_files` the file is
ours and makes the hand-in: `make(folder, perfect, mark)` returns its path. There `refused: pattern` says with what
words intake may turn it down.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path

from grader.intake.receive import receive, receive_path
from grader.model import Limits, Submission

HERE = Path(__file__).parent
SUITE = HERE / "suite"
TOOLS = (HERE / "tools.py").read_text("utf-8")

NOTHING = "the attack got nothing"
PRIZE = """
if won:
    exec(compile({perfect!r}, "prize.py", "exec"), globals())
else:
    class TwoLayerMLP:
        def __init__(self, *sizes, **options):
            raise RuntimeError(f"{nothing}: {{won!r}} {{globals().get('refused', '')}}")
"""


@dataclass(frozen=True)
class Hasty(Limits):
    """Those of the assignment, lowered: an abuser costs the suite a second or two."""

    load_cpu_seconds: float = 4.0
    call_cpu_seconds: float = 1.0
    session_cpu_seconds: float = 20.0
    memory_bytes: int = 1 << 30
    disk_bytes: int = 16 << 20
    wall: float = 5.0

    def call_wall_seconds(self, cpu_seconds: float) -> float:
        return self.wall + cpu_seconds


@dataclass(frozen=True)
class Attack:
    path: Path
    tries: str
    most: Fraction
    around: str = ""
    tools: bool = False
    only: str = ""
    limits: Hasty = Hasty()
    fails: str = ""
    refused: str = ""
    leaves: tuple[str, ...] = field(default=())

    @property
    def family(self) -> str:
        return self.path.parent.name

    @property
    def id(self) -> str:
        return f"{self.family}/{self.path.stem}"

    def hand_in(self, folder: Path, perfect: str, mark: str, secret: bytes) -> Submission:
        """Raises `Refused` where intake turns it down."""
        if self.family == "hostile_files":
            made: Path = runpy.run_path(str(self.path))["make"](folder, perfect, mark)
            return receive_path(made, "mlp.py")
        text = self.path.read_text("utf-8").replace("@MARK@", mark)
        text = text.replace("@SECRET@", bytes(255 - b for b in secret).hex())
        above = [TOOLS] if self.tools else []
        if self.around == "perfect":
            above.append(perfect.partition("\nif __name__")[0])
        below = [PRIZE.format(perfect=perfect, nothing=NOTHING)] if self.around == "prize" else []
        return receive("mlp.py", "\n\n".join([*above, text, *below]).encode(), "mlp.py")


_HEADER = re.compile(r"^# (Tries|earns at most|around|uses|only|limits|fails|refused|leaves): (.*)$")


def read(path: Path) -> Attack:
    head: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        if found := _HEADER.match(line):
            head.setdefault(found[1], []).append(found[2].strip())
    one = {name: values[0] for name, values in head.items()}
    assert one.get("around", "") in ("", "perfect", "prize"), path
    return Attack(
        path=path,
        tries=one["Tries"],
        most=Fraction(one["earns at most"].split()[0].rstrip(",")),
        around=one.get("around", ""),
        tools=one.get("uses", "") == "tools",
        only=one.get("only", ""),
        limits=_limits(dict(word.split("=") for word in one.get("limits", "").split())),
        fails=one.get("fails", NOTHING if one.get("around") == "prize" else ""),
        refused=one.get("refused", ""),
        leaves=tuple(head.get("leaves", ())),
    )


def _limits(words: Mapping[str, str]) -> Hasty:
    kinds = {f.name: int if f.type == "int" else float for f in fields(Hasty)}
    return Hasty(**{name: kinds[name](value) for name, value in words.items()})  # type: ignore[arg-type]


def attacks() -> list[Attack]:
    return [read(path) for path in sorted(SUITE.glob("*/*.py"))]
