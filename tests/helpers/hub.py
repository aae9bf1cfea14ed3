"""A stand-in for the model hub on this machine: the few requests that fetching and searching models make."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"


class StandInHub(ThreadingHTTPServer):
    """One model with `files`.

    Attributes:
        token: Who does not show it gets no file; "" for an open model.
        slow_after: After so many bytes of a file the connection becomes very slow.
        fetched: (file, first byte) of each file that was sent.
        found: What a search answers.
        searches: What was searched for.
        kinds: The kinds of models and the tags that were searched for.
    """

    daemon_threads = True

    def __init__(self, name: str, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.files = files
        self.token = ""
        self.slow_after: int | None = None
        self.fetched: list[tuple[str, int]] = []
        self.sizes: dict[str, int] = {}
        self.found: list[dict[str, Any]] = []
        self.kinds: list[str] = []
        self.searches: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: StandInHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.server, urlsplit(self.path).path
        if path == "/api/models":
            asked = parse_qs(urlsplit(self.path).query)
            hub.searches += asked["search"]
            hub.kinds += [*asked.get("pipeline_tag", []), *asked["filter"]]
            self._json(hub.found)
        elif path.startswith(f"/api/models/{hub.name}/tree/"):
            self._json([self._entry(name) for name in hub.files])
        elif path.startswith(f"/api/models/{hub.name}"):
            self._json({"id": hub.name, "sha": SHA, "siblings": [{"rfilename": name} for name in hub.files]})
        elif (match := re.fullmatch(f"/{hub.name}/resolve/[^/]+/(.+)", path)) and match[1] in hub.files:
            self._file(match[1])
        else:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _size(self, name: str) -> int:
        return self.server.sizes.get(name, len(self.server.files[name]))

    def _entry(self, name: str) -> dict[str, Any]:
        return {"type": "file", "path": name, "size": self._size(name), "oid": _tag(self.server.files[name])}

    def _json(self, value: object, code: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        for key, text in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, text)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, name: str) -> None:
        hub, data = self.server, self.server.files[name]
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._json({"error": "gated"}, 403, {"X-Error-Code": "GatedRepo"})
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{_tag(data)}"')
        self.send_header("X-Repo-Commit", SHA)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(self._size(name) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        hub.fetched.append((name, start))
        step = 1 << 16
        for place in range(start, len(data), step):
            if hub.slow_after is not None and place > hub.slow_after:
                time.sleep(0.1)
            try:
                self.wfile.write(data[place : place + step])
            except OSError:
                return  # the other end has gone


def _tag(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def stand_in_hub(name: str, files: dict[str, bytes]) -> Iterator[StandInHub]:
    """The hub at work, until the context ends."""
    hub = StandInHub(name, files)
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,), name="hub")
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
