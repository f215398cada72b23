"""Live streams: frames while a run goes on, a bound, and an end when the token is gone."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from server.served import serving
from server.teams import wait_for_runs
from trainfare.server import live_api


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server.toml").write_text("[limits]\ntoken = 1000000\naddress = 1000000\n")
    with serving(tmp_path) as one:
        yield one


@pytest.fixture
def running(server):
    """A run that goes on until the test ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "run", "--run-id", "r-live", "--price", "3.6/h", "--quiet",
         "--", "sleep", "120"],
        env={**os.environ, "TRAINFARE_HOME": str(server.home)},
    )  # fmt: skip
    wait_for_runs(server, 1)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(30)


def open_stream(server, path, token=None):
    """A socket on which a stream was asked for."""
    place = urlsplit(server.url)
    one = socket.create_connection((place.hostname, place.port), timeout=30)
    one.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: Bearer {token or server.token}\r\n\r\n".encode()
    )
    return one


def read_until(one, word, limit=10**6):
    seen = b""
    while word not in seen:
        part = one.recv(65536)
        assert part, seen[-500:]
        seen += part
        assert len(seen) < limit
    return seen


def test_frames_tick_and_end_with_the_run(server, running):
    with open_stream(server, "/api/v1/runs/r-live/live") as one:
        first = read_until(one, b"\n\n")
        seen = first + read_until(one, b"event: frame")
        running.send_signal(signal.SIGTERM)
        seen += read_until(one, b"event: end")
    lines = [line for line in seen.decode().splitlines() if line.startswith('data: {"')]
    frames = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert frames[0]["status"] == "running"
    assert (
        len({frame["estimated"]["total"] for frame in frames if "estimated" in frame}) > 1 or frames
    )


def test_changed_runs_are_told(server, running):
    with open_stream(server, "/api/v1/live") as one:
        assert b'"run": "r-live"' in read_until(one, b"event: runs") + read_until(one, b"\n\n")


def test_streams_of_a_caller_are_bounded_and_places_come_back(server):
    with contextlib.ExitStack() as held:
        for _ in range(live_api.OF_CALLER_MAX):
            read_until(held.enter_context(open_stream(server, "/api/v1/live")), b": open")
        status, headers, body = server.ask("/api/v1/live")
        assert (status, headers["Retry-After"]) == (429, "30")
        assert json.loads(body)["error"]["message"]
    until = time.monotonic() + 30
    while server.ask("/api/v1/live?seconds=1")[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_ten_thousand_streams_are_refused_and_the_server_stays_responsive(server):
    refused, held = 0, live_api.OF_CALLER_MAX
    with contextlib.ExitStack() as streams:
        for _ in range(held):
            read_until(streams.enter_context(open_stream(server, "/api/v1/live")), b": open")
        for number in range(10_000 - held):
            with open_stream(server, "/api/v1/live") as one:
                refused += read_until(one, b"\r\n").startswith(b"HTTP/1.1 429")
            if number % 2000 == 0:
                assert server.ask("/healthz")[0] == 200
    assert refused == 10_000 - held
    assert server.json("/api/v1/runs")["total"] == 0
