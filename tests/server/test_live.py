"""Live streams: frames while a run goes on, a bound, and an end when the token is gone."""

import asyncio
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

from cli.commands import Terminal
from cli.recordings import Recorder
from metering.instruments import Clock
from server.served import serving
from server.teams import wait_for_runs
from trainfare.cli import remote_watch
from trainfare.core.caller import Caller
from trainfare.core.errors import OutsideFailed
from trainfare.flows import access
from trainfare.server import live_api
from trainfare.server.app import make_app
from trainfare.server.service import Service, Settings


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
    assert len({one["estimated"]["total"] for one in frames if "estimated" in one}) > 1


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


def elsewhere(server, tmp_path, **more):
    """The environment of a machine that asks the server."""
    env = {**os.environ, "TRAINFARE_SERVER": server.url, "TRAINFARE_TOKEN": server.token, **more}
    return {**env, "TRAINFARE_HOME": str(tmp_path / "none")}


def test_watching_from_elsewhere_follows_the_run_to_its_end(server, running, tmp_path):
    command = [sys.executable, "-m", "trainfare", "watch", "--format", "json"]
    with subprocess.Popen(
        command, env=elsewhere(server, tmp_path), stdout=subprocess.PIPE, text=True
    ) as watcher:
        frames = [json.loads(watcher.stdout.readline()) for _ in range(3)]
        running.send_signal(signal.SIGTERM)
        frames += map(json.loads, watcher.stdout)
        assert watcher.wait(60) == 0
    totals = [one["estimated"]["total"] for one in frames]
    assert len(set(totals)) > 2
    assert [one["status"] for one in (frames[0], frames[-1])] == ["running", "killed"]


def test_a_terminal_elsewhere_shows_frames_in_place_and_then_the_receipt(server, running, tmp_path):
    command = [sys.executable, "-m", "trainfare", "watch", "r-li"]
    screen = Terminal(command, elsewhere(server, tmp_path, TERM="xterm"))
    text = screen.wait_for("Ctrl-C stops watching")
    assert text.startswith("\x1b[?1049h")
    screen.resize(60, 10)
    running.send_signal(signal.SIGTERM)
    text = screen.wait_for("killed")
    assert screen.end() == 0
    screen.read(0.5)
    _, _, receipt = screen.text.decode().rpartition("\x1b[?1049l")
    assert "r-live" in receipt
    assert "compute" in receipt
    screen.close()


def test_a_server_that_is_gone_ends_watching_with_a_sentence(
    server, running, tmp_path, monkeypatch
):
    monkeypatch.setattr(remote_watch, "TRIES", 2)
    monkeypatch.setenv("TRAINFARE_TOKEN", server.token)
    frames = remote_watch._frames(server.url, "/api/v1/runs/r-live/live")
    assert json.loads(next(frames)[1])["run"] == "r-live"
    server.process.send_signal(signal.SIGKILL)
    with pytest.raises(OutsideFailed, match="the stream ends again and again"):
        list(frames)


ADMIN, READ = access.Actor(Caller("test", frozenset({"admin"}))), frozenset({"read"})


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The application in this process, with one run that goes on."""
    monkeypatch.setattr(live_api, "FRAME_SECONDS", 0.01)
    made = Recorder(tmp_path, "r-here", clock=Clock(), name="train.py", is_alive=True)
    made.ride(3)
    service = Service(Settings(tmp_path))
    service.sights.settle()
    yield make_app(service)
    service.close()


async def stream(app, secret, send):
    """Ask for a stream as a server would, and wait for its end."""
    headers = [(b"authorization", f"Bearer {secret}".encode()), (b"host", b"here")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/api/v1/runs/r-here/live", "query_string": b"", "root_path": "",
        "raw_path": b"/api/v1/runs/r-here/live", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip

    over = asyncio.Event()

    async def receive():
        await over.wait()
        return {"type": "http.disconnect"}

    async def passed(message):
        await send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            over.set()

    await asyncio.wait_for(app(scope, receive, passed), 60)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Litestar 3 will want
def test_a_reader_that_takes_nothing_is_dropped_and_its_place_comes_back(app, monkeypatch):
    monkeypatch.setattr(live_api, "SLOW_SECONDS", 0.3)
    secret, _ = access.create_token(app.state.service.ledger, ADMIN, "slow", READ)
    taken = []

    async def send(message):
        taken.append(message)
        if len(taken) > 3:
            await asyncio.sleep(3600)

    with contextlib.suppress(Exception):
        asyncio.run(stream(app, secret, send))
    assert len(taken) == 4
    assert app.state.streams._open.total() == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_stream_ends_soon_after_its_token_is_revoked(app, monkeypatch):
    monkeypatch.setattr(live_api, "ASK_AGAIN_SECONDS", 0.2)
    ledger = app.state.service.ledger
    secret, token = access.create_token(ledger, ADMIN, "brief", READ)
    taken = []

    async def send(message):
        taken.append(message)
        if len(taken) == 5:
            await asyncio.to_thread(access.withdraw_token, ledger, ADMIN, token.id)

    asyncio.run(stream(app, secret, send))
    assert b"event: frame" in taken[2]["body"]
    assert not any(b"event: end" in one.get("body", b"") for one in taken)
    assert app.state.streams._open.total() == 0
