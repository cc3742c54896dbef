"""A server that answers as the hub does, of files in a folder, and as it is told to fail."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

SHA = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Repositories by id, as folders; what `gated` names is not for everybody. Requests are noted."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.token = "hf_good"
        self.revision = SHA
        self.cut_after: int | None = None  # so many bytes of weights in an answer
        self.asked: list[tuple[str, str, str | None]] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        self.asked.append((handler.command, path, handler.headers.get("Range")))
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(?:revision|tree)/([^/]+))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = api or file
        repository = found[1] if found else ""
        if repository not in self.repositories:
            return _refuse(handler, 404, "RepoNotFound")
        allowed = handler.headers.get("Authorization") == f"Bearer {self.token}"
        if repository in self.gated and not allowed:
            return _refuse(handler, 403, "GatedRepo")
        assert found is not None
        if found[2] not in (None, "main", self.revision):
            return _refuse(handler, 404, "RevisionNotFound")
        folder = self.repositories[repository]
        if api and "/tree/" in path:
            return _send(handler, json.dumps(self._tree(folder)).encode())
        if api:
            return _send(handler, json.dumps(self._about(repository, folder)).encode())
        return self._file(handler, folder / found[3])

    def _about(self, repository: str, folder: Path) -> dict[str, Any]:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        siblings = [
            {"rfilename": str(path.relative_to(folder)), "size": path.stat().st_size} for path in files
        ]
        return {
            "id": repository,
            "modelId": repository,
            "sha": self.revision,
            "siblings": siblings,
            "tags": [],
        }

    def _tree(self, folder: Path) -> list[dict[str, Any]]:
        return [
            {
                "type": "file",
                "path": path.relative_to(folder).as_posix(),
                "size": path.stat().st_size,
                "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
            }
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]

    def _file(self, handler: BaseHTTPRequestHandler, path: Path) -> None:
        data = path.read_bytes()
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": self.revision,
            "Accept-Ranges": "bytes",
        }
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cut = self.cut_after if path.suffix == ".safetensors" else None
        _send(handler, data[start:], status=206 if start else 200, headers=headers, cut=cut)


def _refuse(handler: BaseHTTPRequestHandler, status: int, code: str) -> None:
    _send(handler, b'{"error": "no"}', status=status, headers={"X-Error-Code": code})


def _send(
    handler: BaseHTTPRequestHandler,
    data: bytes,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    cut: int | None = None,
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(data if cut is None else data[:cut])
        if cut is not None and cut < len(data):
            handler.connection.close()


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """A hub on a free port of this machine."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
