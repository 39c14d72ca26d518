"""A CONNECT proxy on loopback with its own certificate authority, so that clients use production host names.

A host without a route is refused: nothing can leave the machine unnoticed.
"""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme


class Proxy:
    """Routes host names (regular expressions) to ports on loopback."""

    def __init__(self, routes: Mapping[str, int], folder: Path) -> None:
        self.routes = dict(routes)
        self.hosts: list[str] = []
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.certificate = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.certificate))
        outer = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    outer._connect(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """What requests and GDAL need to come this way."""
        pem = str(self.certificate)
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": pem,
            "GDAL_HTTP_PROXY": self.url,
            "GDAL_CURL_CA_BUNDLE": pem,
        }

    def _connect(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        match = re.match(rb"CONNECT ([^: ]+):443 ", head)
        host = match[1].decode() if match else ""
        self.hosts.append(host)
        port = next((port for pattern, port in self.routes.items() if re.fullmatch(pattern, host)), None)
        if port is None:
            client.sendall(b"HTTP/1.1 502 no route\r\nContent-Length: 0\r\n\r\n")
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        inside = self._context(host).wrap_socket(client, server_side=True)
        upstream = socket.create_connection(("127.0.0.1", port))
        back = threading.Thread(target=_pump, args=(upstream, inside), daemon=True)
        back.start()
        _pump(inside, upstream)
        back.join(2)
        upstream.close()
        inside.close()

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[host] = context
        return self._contexts[host]


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
