"""Pages for browsers. All pages work without JavaScript."""

from __future__ import annotations

from fastapi import APIRouter

from grader.api.pages import (
    assignment,
    failures,
    gradebook,
    gradings,
    home,
    marking,
    rubric,
    scores,
    settings,
    submission,
)

router = APIRouter(include_in_schema=False)
for part in (home, assignment, submission, settings, scores, gradebook, failures, gradings, rubric, marking):
    router.include_router(part.router)
