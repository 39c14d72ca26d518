"""A small HTTP/1.1 server on loopback that misbehaves on demand, remembers requests, and can be slow."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, document: Any, *, status: int = 200, kind: str = "application/json", **headers: str
    ) -> Answer:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return cls(status=status, body=json.dumps(document).encode(), headers={"Content-Type": kind, **named})


@dataclass(kw_only=True)
class Fault:
    """Misbehaviour for requests whose path matches, as often as `times` says.

    kind: a status such as "503"; "reset" (nothing is sent), "reset-late" (half the body, then a reset),
    "truncate" (half the body, then the end), "stall" (a third, then silence), "html" (a page, status 200),
    "length" (Content-Length too long), "corrupt".
    """

    path: str
    kind: str
    times: int = 1
    method: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 30.0


Handler = Callable[[Request], Answer]

PAGE = b"<!DOCTYPE html><html><title>Scheduled maintenance</title></html>"


class Loopback:
    """Serves `handler` until the block ends."""

    def __init__(self, handler: Handler, *, latency_s: float = 0.0, bytes_per_s: float = 0.0) -> None:
        self.handler = handler
        self.latency_s, self.bytes_per_s = latency_s, bytes_per_s
        self.log: list[Request] = []
        self.statuses: list[int] = []
        self.bytes_sent = 0
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._closing = threading.Event()
        outer = self

        class Connection(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                try:
                    while outer._exchange(self):
                        pass
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
                outer.errors.append(traceback.format_exc())

        self.errors: list[str] = []
        self._server = Server(("127.0.0.1", 0), Connection)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def paths(self, pattern: str = ".") -> list[str]:
        return [request.path for request in self.log if re.search(pattern, request.path)]

    def _exchange(self, connection: Any) -> bool:
        line = connection.rfile.readline(65536).decode("latin-1")
        if not line.strip():
            return False
        method, target, _ = line.split()
        headers = {}
        while header := connection.rfile.readline(65536).decode("latin-1").strip():
            key, _, value = header.partition(":")
            headers[key.lower()] = value.strip()
        body = connection.rfile.read(int(headers.get("content-length", 0)))
        host = headers.get("host", "").split(":")[0]
        request = Request(method=method, host=host, target=target, headers=headers, body=body)
        with self._lock:
            self.log.append(request)
        if self.latency_s:
            time.sleep(self.latency_s)
        fault = self._fault(request)
        if fault is not None and fault.kind == "reset":
            return _reset(connection)
        answer = self.handler(request) if fault is None or not fault.kind.isdigit() else _status(fault)
        return self._send(connection, request, answer, fault)

    def _fault(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                fits = re.search(fault.path, request.target) and fault.method in {None, request.method}
                if fits and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _send(self, connection: Any, request: Request, answer: Answer, fault: Fault | None) -> bool:
        kind = fault.kind if fault else ""
        body, headers = answer.body, dict(answer.headers)
        if kind == "html":
            answer, body, headers = Answer(), PAGE, {"Content-Type": "text/html"}
        if kind == "corrupt":
            body = bytes(byte ^ 0x5A for byte in body)
        length = len(body) + (1000 if kind == "length" else 0)
        headers.setdefault("Content-Length", str(length))
        head = f"HTTP/1.1 {answer.status} X\r\n" + "".join(
            f"{key}: {value}\r\n" for key, value in headers.items()
        )
        with self._lock:
            self.statuses.append(answer.status)
        connection.wfile.write(head.encode("latin-1") + b"\r\n")
        if request.method == "HEAD":
            return True
        if kind == "stall":
            connection.wfile.write(body[: len(body) // 3])
            connection.wfile.flush()
            self._closing.wait(fault.seconds if fault else 0)
            return False
        self._paced(connection, body[: len(body) // 2] if kind in {"truncate", "reset-late"} else body)
        return _reset(connection) if kind == "reset-late" else kind not in {"truncate", "length"}

    def _paced(self, connection: Any, body: bytes) -> None:
        for start in range(0, len(body), 65536):
            piece = body[start : start + 65536]
            if self.bytes_per_s:
                with self._lock:
                    self._free_at = max(self._free_at, time.monotonic()) + len(piece) / self.bytes_per_s
                    wait = self._free_at - time.monotonic()
                if wait > 0.002:
                    time.sleep(wait)
            connection.wfile.write(piece)
            with self._lock:
                self.bytes_sent += len(piece)


def _reset(connection: Any) -> bool:
    """Close without a goodbye."""
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return False


def _status(fault: Fault) -> Answer:
    status = int(fault.kind)
    body = fault.body or json.dumps({"error": {"status": status, "message": "simulated"}}).encode()
    return Answer(status=status, body=body, headers={"Content-Type": "application/json", **fault.headers})
