"""The protocol with which a service tells systemd that it is ready (sd_notify)."""

from __future__ import annotations

import os
import socket

import structlog

log = structlog.get_logger()


def notify_systemd(state: str) -> None:
    """Send a state such as "READY=1" to systemd. No-op if this process was not started by a unit of `Type=notify`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), address)
    except OSError as wrong:
        log.warning("systemd notification failed", state=state, why=str(wrong))
