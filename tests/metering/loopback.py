"""Loopback HTTP servers that stand for metadata services: one route table, or one misbehaviour."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, str] | tuple[int, str, Mapping[str, str]]
Route = Reply | Callable[[Mapping[str, str]], Reply]


class Service:
    """A running server: its *url*, and the *requests* it has seen as (method, path, headers)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]


@contextlib.contextmanager
def serving(routes: Mapping[tuple[str, str], Route]) -> Iterator[Service]:
    """Answer (method, path without query) from *routes*, all else with 404."""
    service = Service("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.requests.append((self.command, self.path, headers))
            route = routes.get((self.command, self.path.partition("?")[0]), (404, "not here"))
            answer = route(headers) if callable(route) else route
            body = answer[1].encode()
            self.send_response(answer[0])
            for name, value in (answer[2] if len(answer) == 3 else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.reply()

        def do_PUT(self) -> None:
            self.reply()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def behaving(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server of raw bytes: *behave* gets each connection and an event that says it is over."""
    over = threading.Event()
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection, over)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                if over.is_set():
                    connection.close()
                    return
                threads.append(threading.Thread(target=converse, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=listen)
    acceptor.start()
    port = listener.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        acceptor.join()
        listener.close()
        for thread in threads:
            thread.join()


def hang(connection: socket.socket, over: threading.Event) -> None:
    """Take the request and never answer."""
    over.wait(10)


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Answer one byte at a time, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.01):
        connection.sendall(b"x")


def flood(connection: socket.socket, over: threading.Event) -> None:
    """Send without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"x" * 65536)


def says(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Read the request, send *text* and hang up."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return behave
