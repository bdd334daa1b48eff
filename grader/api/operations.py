"""For those who run the service: health, metrics, the queue."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="is_alive", summary="The process answers")
def is_alive() -> dict[str, bool]:
    return {"ok": True}
