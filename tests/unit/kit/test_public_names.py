"""The author's API is small: what one assignment alone needs is not in it."""

import inspect
import re

from grader import kit
from tests.conftest import ROOT

NAMES = {name for name, value in vars(kit).items() if name[0] != "_" and not inspect.ismodule(value)}
DOCUMENT = (ROOT / "docs" / "write-an-assignment.md").read_text("utf-8")
TEMPLATES = (ROOT / "grader" / "authoring" / "new.py").read_text("utf-8")


def assignments() -> list[str]:
    folders = [*(ROOT / "reference").iterdir(), ROOT / "grader" / "demo"]
    return ["\n".join(file.read_text("utf-8") for file in folder.glob("*.py")) for folder in folders if folder.is_dir()]


def is_used(name: str, text: str) -> bool:
    return re.search(rf"\bkit\.{name}\b|from grader\.kit import .*\b{name}\b", text) is not None


def test_the_kit_has_at_most_45_names() -> None:
    assert len(NAMES) <= 45


def test_each_name_is_used_by_two_assignments_or_documented() -> None:
    texts = assignments()
    unused = [
        name
        for name in sorted(NAMES)
        if not is_used(name, DOCUMENT + TEMPLATES) and sum(is_used(name, text) for text in texts) < 2
    ]
    assert unused == []
