"""The network between machines and servers: a relay on loopback that cuts, delays and repeats.

It needs no privilege, and knows faults that an interface which is down does not: an answer that is
lost after the server has committed, a request of which half arrives, an old one that comes again.
"""

import contextlib
import random
import select
import socket
import struct
import threading
import time
from collections import deque

PASS, REFUSE, SWALLOW, DELAY, CUT, DEAF = "pass", "refuse", "swallow", "delay", "cut", "deaf"
"""Whole; reset at once; nothing goes on and nothing is answered; late; half of a request, then a
reset; the request arrives and its answer does not."""

MODES = (REFUSE, SWALLOW, DELAY, CUT, DEAF)

KEPT = 40
"""Requests that are remembered, to be sent again."""

PATIENCE = 15
"""Seconds after which a silent connection is given up."""


class Wire:
    """Relays connections of one machine to a server that *pick* names; one request each."""

    def __init__(self, pick, seed):
        self.mode = PASS
        self.repeated = 0
        self._pick = pick
        self._chance = random.Random(seed)
        self._kept = deque(maxlen=KEPT)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_open = True
        self._threads = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self):
        while self._is_open:
            if not select.select([self._listener], [], [], 0.2)[0]:
                continue
            client, _ = self._listener.accept()
            self._threads = [one for one in self._threads if one.is_alive()]
            thread = threading.Thread(target=self._relay, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _relay(self, client):
        mode = self.mode
        with contextlib.suppress(OSError), client:
            client.settimeout(PATIENCE)
            if mode == REFUSE:
                return reset(client)
            if mode == SWALLOW:
                return self._swallow(client)
            if mode == DELAY:
                time.sleep(self._chance.uniform(0.2, 2))
            request = read_request(client)
            if mode == CUT:
                with socket.create_connection(self._pick(), 5) as server:
                    server.sendall(request[: self._chance.randrange(len(request))])
                    reset(server)
                return reset(client)
            self._kept.append(request)
            answer = deliver(request, self._pick())
            if mode == DEAF:
                return reset(client)
            client.sendall(answer)
        return None

    def _swallow(self, client):
        until = time.monotonic() + PATIENCE
        while self.mode == SWALLOW and self._is_open and time.monotonic() < until:
            time.sleep(0.1)
        reset(client)

    def repeat(self, count):
        """Send some of the remembered requests again, in any order, to any server."""
        for request in self._chance.sample(list(self._kept), min(count, len(self._kept))):
            with contextlib.suppress(OSError):
                deliver(request, self._pick())
                self.repeated += 1

    def close(self):
        self._is_open = False
        self._accepting.join()
        for one in self._threads:
            one.join()
        self._listener.close()


def read_request(client):
    """One whole HTTP request with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(client)
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < length:
        more = received(client)
        data, body = data + more, body + more
    return data


def received(connection):
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("it ended")
    return data


def deliver(request, address):
    """The bytes that a server answers *request*, which asks it to close."""
    with socket.create_connection(address, 5) as server:
        server.settimeout(PATIENCE)
        server.sendall(request)
        answer = b""
        while more := server.recv(65536):
            answer += more
        return answer


def reset(connection):
    """End a connection by a reset, not by an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
