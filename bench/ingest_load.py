"""A load for ``bench.ingest``: connections that each ship as soon as they are answered.

    python -m bench.ingest_load PORT TOKEN CONNECTIONS RUNS SAMPLES SECONDS OFFSETS [PER_SECOND]

Prints one JSON object. Requests are written by hand and answers are read no further than needed, so
that the load takes little of the machine it shares with the server; its own CPU is in the answer.
OFFSETS is a file in which it is kept from call to call how far each run is. With PER_SECOND it sends that many requests a second, whatever the answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop


class Load:
    def __init__(self, token, runs, samples, prefix):
        self.token, self.prefix = token, prefix
        self.offsets = [0] * runs
        self.data = (b"0123456789abcdef" * 6) * samples
        self.free = list(range(runs))
        self.taken: list[float] = []
        self.refused = 0
        self.closed: list[Sender] = []
        self.is_over = False

    def request(self, run):
        start = self.offsets[run]
        line = (
            f'{{"v":1,"client":"n{run % 64}","clock_ns":{time.time_ns()},"chunks":'
            f'[["{self.prefix}-{run}","s-0","samples.bin",{start},{len(self.data)}]]}}\n'
        ).encode()
        return (
            b"POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
            b"Content-Length: %d\r\n\r\n%s%s"
            % (self.token, len(line) + len(self.data), line, self.data)
        )


class Sender(asyncio.Protocol):
    def __init__(self, load, *, is_paced):
        self.load, self.is_paced = load, is_paced
        self.run, self.sent = None, 0.0
        self.got = b""

    def connection_made(self, transport):
        self.transport = transport
        if not self.is_paced:
            self.ship()

    def ship(self):
        load = self.load
        self.run = load.free.pop(0)
        self.sent = time.perf_counter()
        self.transport.write(load.request(self.run))

    def data_received(self, data):
        self.got += data
        if not self.got.endswith(b"}"):
            return
        load = self.load
        load.taken.append(time.perf_counter() - self.sent)
        if self.got.startswith(b"HTTP/1.1 200"):
            load.offsets[self.run] = int(self.got[self.got.rindex(b"[") + 1 : -2])
        else:
            load.refused += 1
        load.free.append(self.run)
        self.got, self.run = b"", None
        if not load.is_over and not self.is_paced:
            self.ship()

    def connection_lost(self, exc):
        if self.load.is_over:
            return
        assert self.run is None, exc  # a connection that waited long is closed by the server
        self.load.closed.append(self)


async def work(port, load, connections, seconds, per_second):
    loop = asyncio.get_running_loop()

    async def connect():
        made = lambda: Sender(load, is_paced=bool(per_second))  # noqa: E731
        return (await loop.create_connection(made, "127.0.0.1", port))[1]

    for _ in range(0 if per_second else connections):
        await connect()
    while not (load.taken or per_second):  # noqa: ASYNC110 (once, while the server starts)
        await asyncio.sleep(0.01)
    load.taken.clear()
    began = time.perf_counter()
    if per_second:
        count = 0
        while time.perf_counter() - began < seconds:
            due = int((time.perf_counter() - began) * per_second)
            while count < due and load.free:
                # As machines do that ship once a minute: one connection for each shipment.
                (await connect()).ship()
                count += 1
            await asyncio.sleep(0.01)
    else:
        await asyncio.sleep(seconds)
    load.is_over = True
    return len(load.taken), time.perf_counter() - began


def main(port, token, connections, runs, samples, seconds, offsets, per_second="0"):
    load = Load(token.encode(), int(runs), int(samples), f"r{samples}")
    if Path(offsets).exists():
        load.offsets = json.loads(Path(offsets).read_text())
        load.free = load.free[len(load.free) // 2 :] + load.free[: len(load.free) // 2]
    cpu = time.process_time()
    count, wall = uvloop.run(
        work(int(port), load, int(connections), float(seconds), float(per_second))
    )
    ordered = sorted(load.taken[:count])
    Path(offsets).write_text(json.dumps(load.offsets))
    print(
        json.dumps(
            {
                "requests": count,
                "refused": load.refused,
                "seconds": wall,
                "cpu": time.process_time() - cpu,
                "p50": ordered[len(ordered) // 2],
                "p99": ordered[int(len(ordered) * 0.99)],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
