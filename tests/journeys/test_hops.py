"""The path from the command line to the first judged claim is short enough to be read in one go."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from grader.cli.app import app
from tests.conftest import ROOT

PACKAGE = str(ROOT / "grader")
MOST_HOPS = 8


def _stack(frame: FrameType | None) -> list[str]:
    """Return our functions on the stack, the outermost first."""
    names = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return names[::-1]


def test_few_hops_lead_from_the_command_line_to_the_first_judgement(capsys: pytest.CaptureFixture[str]) -> None:
    stacks: list[list[str]] = []

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and not stacks and frame.f_code.co_qualname.endswith("<locals>.judge"):
            stacks.append(_stack(frame))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        app(["check", str(ROOT / "submissions" / "perfect"), "--only", "q2.1"], standalone_mode=False)
    finally:
        sys.setprofile(before)
    (stack,) = stacks
    assert stack[0] == "check"
    assert len(stack) - 1 <= MOST_HOPS, " → ".join(stack)
