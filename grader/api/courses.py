"""Courses, assignments as they set them, extensions and rosters."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api/v1", tags=["courses"])
