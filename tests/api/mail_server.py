"""A mail server on this machine, which keeps the messages that it takes."""

from __future__ import annotations

import base64
import email
import email.policy
import queue
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

WAIT_SECONDS = 30


@dataclass
class MailServer:
    port: int
    messages: queue.Queue[EmailMessage] = field(default_factory=queue.Queue)
    logins: list[bytes] = field(default_factory=list)
    """What clients sent by AUTH PLAIN: a NUL before the user, and before the password."""

    def next(self) -> EmailMessage:
        return self.messages.get(timeout=WAIT_SECONDS)


@contextmanager
def mail_server(refuses: bytes = b"") -> Iterator[MailServer]:
    """A server that runs in a thread. It refuses messages to the address `refuses`."""

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                command = line[:4].upper()
                if command == b"EHLO":
                    self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
                    continue
                if command == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    content = b"".join(iter(self.rfile.readline, b".\r\n"))
                    message = email.message_from_bytes(content, policy=email.policy.default)
                    assert isinstance(message, EmailMessage)
                    server.messages.put(message)
                if command == b"AUTH":
                    server.logins.append(base64.b64decode(line.split()[2]))
                is_refused = command == b"RCPT" and refuses and refuses in line
                code = {b"QUIT": b"221", b"AUTH": b"235"}.get(command, b"250")
                self.wfile.write(b"550 unknown\r\n" if is_refused else code + b" yes\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as listener:
        listener.daemon_threads = True
        server = MailServer(listener.server_address[1])
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
