"""The application behind a real uvicorn, for what a test client cannot show: streams, and connections that end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from grader.api.connections import Connections
from tests.api.world import World


@contextmanager
def serving(world: World, connections: Connections | None = None) -> Iterator[tuple[str, int]]:
    """Yield (host, port)."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        world.client.app,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
        **(Connections(100) if connections is None else connections).options(),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
