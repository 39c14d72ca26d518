"""A time-stamping service (RFC 3161) on loopback: OpenSSL's own, with a root made for the test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

OPENSSL = shutil.which("openssl")
_CONFIG = """\
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[tsa_cert]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[root_cert]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = name
[name]
"""


class TimeStampingService:
    """Its keys in a folder, its answers over HTTP."""

    def __init__(self, folder: Path) -> None:
        """Make a root, and a certificate that may time-stamp."""
        self.folder = folder
        self.asked: list[bytes] = []
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder.as_posix()), encoding="utf-8")
        (folder / "serial").write_text("01\n", encoding="utf-8")
        root = (
            "-keyout",
            "root.key",
            "-out",
            "root.pem",
            "-subj",
            "/CN=Test root",
            "-extensions",
            "root_cert",
        )
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-config", "tsa.cnf", *root)
        ours = ("-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test time stamps")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", *ours)
        signed = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "tsa.pem")
        self._run("x509", "-req", "-in", "tsa.csr", "-days", "30", *signed, "-extfile", "tsa.cnf",
                  "-extensions", "tsa_cert")  # fmt: skip

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        self._run("ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile", "query.tsq",
                  "-out", "answer.tsr")  # fmt: skip
        return (self.folder / "answer.tsr").read_bytes()

    def serve(self, server: HTTPServer, path: str = "/tsr") -> str:
        def handle(request: Request) -> Response:
            self.asked.append(request.get_data())
            return Response(self.answer(self.asked[-1]), content_type="application/timestamp-reply")

        server.expect_request(path, method="POST").respond_with_handler(handle)
        return str(server.url_for(path))

    def _run(self, *words: str) -> None:
        assert OPENSSL
        done = subprocess.run(
            [OPENSSL, *words], cwd=self.folder, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
