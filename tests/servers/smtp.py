"""A mail server on loopback that answers as told."""

from __future__ import annotations

import socket
import threading

from campwatch.settings import EmailSettings


class SmtpServer:
    """A loopback SMTP server that answers as told, for a bounded number of connections."""

    def __init__(
        self, *, answer: bytes = b"250 taken", hang_up_in_data: bool = False, greet: bytes = b"220 ready"
    ):
        self.answer, self.hang_up_in_data, self.greet = answer, hang_up_in_data, greet
        self.messages: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for _ in range(5):
            try:
                self.listener.settimeout(20)
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.talk(connection)

    def talk(self, connection):
        connection.settimeout(20)
        stream = connection.makefile("rwb")

        def say(line):
            stream.write(line + b"\r\n")
            stream.flush()

        say(self.greet)
        while line := stream.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                say(b"354 go on")
                body = b""
                while (part := stream.readline()) not in {b".\r\n", b""}:
                    body += part
                if self.hang_up_in_data:
                    self.messages.append(body.decode())
                    return
                if self.answer.startswith(b"2"):
                    self.messages.append(body.decode())
                say(self.answer)
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 ok")

    def settings(self) -> EmailSettings:
        return EmailSettings(
            host="127.0.0.1",
            port=self.port,
            security="none",
            sender="watch@example.org",
            recipients=("desk@example.org",),
            timeout_s=10,
        )

    def close(self):
        self.listener.close()
