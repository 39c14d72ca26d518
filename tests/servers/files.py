"""Files with byte ranges, as object stores serve them."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from tests.servers.loopback import Answer, Handler, Request


def serve_files(root: Path, *, prefix: str = "/") -> Handler:
    """A handler for the files below `root`; a path outside it, or a missing file, is 404."""

    def handle(request: Request) -> Answer:
        name = urllib.parse.unquote(request.path).removeprefix(prefix).lstrip("/")
        path = root / name
        if not path.is_file() or root not in path.parents:
            return Answer(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>")
        return ranged(path, request)

    return handle


def ranged(path: Path, request: Request) -> Answer:
    """The whole file, or the range that was asked for."""
    size = path.stat().st_size
    common = {"Accept-Ranges": "bytes", "ETag": f'"{size:x}"', "Content-Type": "image/tiff"}
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if match is None or match.groups() == ("", ""):
        if request.method == "HEAD":
            return Answer(headers={**common, "Content-Length": str(size)})
        return Answer(body=path.read_bytes(), headers=common)
    first = int(match[1]) if match[1] else max(0, size - int(match[2]))
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if first >= size:
        return Answer(status=416, headers={"Content-Range": f"bytes */{size}"})
    with path.open("rb") as stream:
        stream.seek(first)
        body = stream.read(last - first + 1)
    return Answer(status=206, body=body, headers={**common, "Content-Range": f"bytes {first}-{last}/{size}"})
