"""Shipping: from spools to a server that answers as a test says, whatever goes wrong on the way."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trainfare.metering import shipper as room
from trainfare.metering.cargo import pieces_of, read_marks, segment_folders
from trainfare.metering.shipper import Shipper
from trainfare.metering.spool import MIRRORED, Spool
from trainfare.metering.wire import Server

RECORD = b"r" * 96


class Port(ThreadingHTTPServer):
    """Keeps what is shipped, as a server does; *answers* are given first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.answers, self.requests = {}, [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, header, data):
        accepted, at = [], 0
        for run, segment, file, start, length in header["chunks"]:
            content = self.files.setdefault((run, segment, file), b"")
            part, at = data[at : at + length], at + length
            if start <= len(content) < start + length:
                content += part[len(content) - start :]
                self.files[run, segment, file] = content
            accepted.append(len(content))
        return accepted


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        line, _, data = body.partition(b"\n")
        header = json.loads(line)
        self.server.requests.append((self.headers["Authorization"], header))
        queue = self.server.answers
        status, headers, answer = queue.pop(0) if queue else (200, {}, None)
        if callable(status):
            status = status(header)
        if answer is None:
            answer = {"error": {"message": "as told"}}
            if status == 200:
                answer = {"accepted": self.server.take(header, data)}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def port():
    server = Port()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def spool(home, run="r-1", *, samples=3, end=True):
    one = Spool(home / "runs" / run / "s-1")
    one.add_event({"k": "start", "run": run})
    one.add_sample(RECORD * samples)
    if end:
        one.add_event({"k": "end"})
    one.close()
    return one.folder


def content(folder):
    return {
        (folder.parent.name, folder.name, name): (folder / name).read_bytes()
        for name in ("events.jsonl", "samples.bin", "metrics.jsonl")
        if (folder / name).exists()
    }


def test_what_is_new_is_sent_once_and_an_ended_segment_is_done(tmp_path, port):
    folder, one = spool(tmp_path, end=False), Shipper(tmp_path, Server(port.url, "tf_x"))
    assert one.ship([folder]) == 0
    assert port.files == content(folder)
    assert [authorization for authorization, _ in port.requests] == ["Bearer tf_x"]
    one.ship([folder])
    assert len(port.requests) == 1
    again = Spool(folder)
    again.add_sample(RECORD)
    again.add_event({"k": "end"})
    again.close()
    one.ship([folder])
    assert port.files == content(folder)
    (folder / "shipped.json").unlink()
    one.ship([folder])
    one.ship([folder])
    sent = len(port.requests)
    (folder / "events.jsonl").unlink()
    one.ship([folder])  # done: not even looked at
    assert len(port.requests) == sent


def test_only_whole_records_and_lines_are_sent(tmp_path):
    """A write that the disk took in part is undone and written again, so a torn end may change."""
    folder = spool(tmp_path)
    with (folder / "samples.bin").open("ab") as file:
        file.write(b"torn")
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"k":"no')
    pieces = {piece.file: piece for piece in pieces_of("r-1", folder, {})}
    assert len(pieces["samples.bin"].data) == 3 * 96
    assert pieces["events.jsonl"].data.endswith(b"}\n")


def test_batches_are_bounded_and_go_on_where_the_last_ended(tmp_path, port, monkeypatch):
    monkeypatch.setattr(room, "BATCH_BYTES", 1000)
    folders = [spool(tmp_path, f"r-{n}", samples=30) for n in range(5)]
    Shipper(tmp_path, Server(port.url, "t")).ship(folders)
    for folder in folders:
        assert content(folder).items() <= port.files.items()
    sizes = [sum(chunk[4] for chunk in header["chunks"]) for _, header in port.requests]
    assert len(sizes) >= 15
    assert max(sizes) <= 1000


def test_a_server_that_knows_more_or_less_than_the_marks_is_believed(tmp_path, port):
    folder, one = spool(tmp_path, end=False), Shipper(tmp_path, Server(port.url, "t"))
    one.ship([folder])
    whole = content(folder)
    port.files.clear()  # it was restored from an older copy
    more = Spool(folder)
    more.add_sample(RECORD)
    more.close()
    one.ship([folder])
    assert read_marks(folder, port.url)["samples.bin"] == 0
    one.ship([folder])
    assert port.files[("r-1", "s-1", "samples.bin")] == content(folder)["r-1", "s-1", "samples.bin"]
    assert whole


@pytest.mark.parametrize("status", [429, 503, 500, 302])
def test_a_server_that_wants_time_is_asked_again_later_and_nothing_is_lost(tmp_path, port, status):
    folder, one = spool(tmp_path), Shipper(tmp_path, Server(port.url, "t"))
    port.answers.append((status, {"Retry-After": "77"}, None))
    assert one.ship([folder]) >= 77
    assert one.is_away
    assert one.ship([folder]) == 0
    assert not one.is_away
    assert port.files == content(folder)


def test_waits_double_and_are_spread_and_bounded(tmp_path, monkeypatch, caplog):
    one = Shipper(tmp_path, Server("http://127.0.0.1:9", "t"))
    folder = spool(tmp_path)
    asked = []
    monkeypatch.setattr(room.random, "uniform", lambda low, high: asked.append((low, high)) or 1)
    for _ in range(9):
        assert one.ship([folder]) == 1
    assert asked[:4] == [(0, 5), (0, 10), (0, 20), (0, 40)]
    assert asked[-1] == (0, 300)
    assert len(caplog.records) == 1


def test_one_segment_that_is_refused_holds_up_no_other(tmp_path, port, caplog):
    folders = [spool(tmp_path, f"r-{n}") for n in range(3)]
    about = lambda header: 403 if any(c[0] == "r-1" for c in header["chunks"]) else 200  # noqa: E731
    port.answers += [(about, {}, None)] * 4
    one = Shipper(tmp_path, Server(port.url, "t"))
    assert one.ship(folders) == 0
    assert {run for run, _, _ in port.files} == {"r-0", "r-2"}
    assert "r-1/s-1 is not shipped: 403: as told" in caplog.text


@pytest.mark.parametrize("answer", [{}, {"accepted": []}, {"accepted": ["x", 1]}, [], "hello"])
def test_what_is_no_trainfare_server_is_taken_for_away(tmp_path, port, answer):
    port.answers.append((200, {}, answer))
    one = Shipper(tmp_path, Server(port.url, "t"))
    one.ship([spool(tmp_path)])
    assert one.is_away


def test_what_was_shipped_here_or_has_no_proper_name_is_not_sent_on(tmp_path):
    good = spool(tmp_path, "r-1")
    (spool(tmp_path, "r-2") / MIRRORED).touch()
    spool(tmp_path, "R-3")
    assert list(segment_folders(tmp_path)) == [good]


def test_only_segments_that_were_to_be_shipped_there_are_taken_over(tmp_path, port):
    """Nothing is sent anywhere unless somebody said so."""
    told, untold = spool(tmp_path, "r-1"), spool(tmp_path, "r-2")
    one = Shipper(tmp_path, Server(port.url, "t"))
    one.mark(told)
    assert [folder for some in one.rest([]) for folder in some] == [told]
    assert not (untold / "shipped.json").exists()


TRAINING = """
import os, sys, time, trainfare
with trainfare.track("t", price="1") as run:
    if os.fork() == 0:
        with trainfare.track("child") as inner: inner.step()
        sys.exit()
    os.wait()
    run.step()
"""


def train(home, url, code=TRAINING):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ, "TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off",
            "TRAINFARE_SERVER": url, "TRAINFARE_TOKEN": "tf_x",
        },
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_training_and_its_forked_child_ship_what_each_records(tmp_path, port):
    done = train(tmp_path, port.url)
    assert (done.returncode, done.stderr) == (0, "")
    folders = list(segment_folders(tmp_path))
    assert len(folders) == 2
    for folder in folders:
        assert content(folder).items() <= port.files.items()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://[::1", "http://x:99999"])
def test_a_training_never_fails_for_a_server(tmp_path, url):
    done = train(tmp_path, url, "import trainfare\nwith trainfare.track(): pass\nprint('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert len(done.stderr.splitlines()) == 1
    assert ("waits" if url.endswith(":9") else "is no address") in done.stderr


def test_the_next_run_ships_what_an_earlier_one_could_not(tmp_path, port):
    train(tmp_path, "http://127.0.0.1:9")
    for folder in segment_folders(tmp_path):  # the same server, whose address was not reachable
        (folder / "shipped.json").write_text(json.dumps({port.url: {}}))
    code = "import time, trainfare\nwith trainfare.track(): time.sleep(2.5)"
    subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ, "TRAINFARE_HOME": str(tmp_path), "TRAINFARE_METADATA": "off",
            "TRAINFARE_SERVER": port.url, "TRAINFARE_TOKEN": "tf_x",
        },
        check=True, timeout=60,
    )  # fmt: skip
    end = time.monotonic() + 10
    while not all(content(f).items() <= port.files.items() for f in segment_folders(tmp_path)):
        assert time.monotonic() < end
        time.sleep(0.05)
