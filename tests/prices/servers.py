"""Loopback servers that stand for providers' price services, and the sample answers."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from trainfare.prices.age import instant_of
from trainfare.prices.download import Line

DATA = Path(__file__).parents[3] / "shared" / "data" / "prices"
NOW = "2026-11-23T12:00:00Z"
NOW_NS = instant_of(NOW)
HASTE = Line(timeout_seconds=5, attempts=2, limit=2**20, pause=lambda _: None)
"""Small bounds and no waiting."""


@dataclass
class Call:
    """One request as the server saw it."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    def first(self, name: str) -> str:
        return self.query.get(name, [""])[0]


@dataclass
class Reply:
    """What the server says."""

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Service:
    """A running server and the calls it had."""

    url: str
    calls: list[Call] = field(default_factory=list)


@contextlib.contextmanager
def serving(answer: Callable[[Call], Reply]) -> Iterator[Service]:
    """A server on a free port of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(parts.path, parse_qs(parts.query), headers, self.rfile.read(size))
            service.calls.append(call)
            said = answer(call)
            body = said.encoded()
            self.send_response(said.status)
            length = said.headers.get("Content-Length", str(len(body)))
            for name, value in {**said.headers, "Content-Length": length}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sample(name: str) -> str:
    """A provider's answer as collected, or a skip where the samples are absent."""
    path = DATA / "samples" / name
    if not path.is_file():
        pytest.skip(f"sample data is not here: {path}")
    return path.read_text()


def need_data() -> Path:
    """The folder of collected facts, or a skip where it is absent."""
    if not (DATA / "catalog.csv").is_file():
        pytest.skip(f"collected price facts are not here: {DATA}")
    return DATA
