"""Ingest under faults: what was acknowledged is there, once, whatever is killed, full or restarted."""

import http.client
import json
import random
import resource
import signal
import socket
import threading
import time
import urllib.parse

import pytest

from postgres import postgres_running
from server.served import serving
from server.test_ingest import shipment, until
from trainfare.store.ledger import open_ledger
from trainfare.store.stream import read_log


class Node(threading.Thread):
    """Ships one file, in cuts and with repetitions of its own, until all of it is acknowledged."""

    def __init__(self, number, where, token, size):
        super().__init__(daemon=True)
        self.chance = random.Random(number)
        self.content = self.chance.randbytes(size)
        self.key = f"r-{number % 2}", f"s-{number}", "samples.bin"
        self.where, self.token = where, token
        self.acknowledged = 0
        self.refusals = []

    def run(self):
        while self.acknowledged < len(self.content):
            start = max(0, self.acknowledged - self.chance.randrange(500))
            end = self.acknowledged + self.chance.randrange(1, 3000)
            body = shipment((*self.key, start, self.content[start:end]))
            try:
                status, answer = self.post(body)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if status == 200:
                [self.acknowledged] = answer["accepted"]
            else:
                self.refusals.append(status)
                time.sleep(0.05)

    def post(self, body):
        connection = http.client.HTTPConnection(self.where, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            connection.request("POST", "/api/v1/ingest", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def nodes(server, count=6, size=150_000):
    where = urllib.parse.urlsplit(server.url).netloc
    started = [Node(number, where, server.token, size) for number in range(count)]
    for one in started:
        one.start()
    return started


def logged(home, database=None):
    """Every stream by the log; each chunk begins where the ones before it ended."""
    found, place = {}, 0
    with open_ledger(home, database) as ledger, ledger.look() as connection:
        while True:
            place, pieces = read_log(connection, place)
            if not pieces:
                return found
            for one in pieces:
                content = found.get(one.key, b"")
                assert one.start == len(content), "a byte counted twice, or a gap"
                found[one.key] = content + one.data


def is_mirrored(home, started):
    def file(one):
        return home.joinpath("runs", *one.key)

    return all(file(one).exists() and file(one).read_bytes() == one.content for one in started)


def finish(started, home):
    for one in started:
        one.join(120)
        assert one.acknowledged == len(one.content)
    until(lambda: is_mirrored(home, started), "the mirror lacks something")


def at_least(started, part):
    until(
        lambda: sum(one.acknowledged for one in started) > part * sum(len(one.content) for one in started),
        "nothing is acknowledged",
        60,
    )  # fmt: skip


def test_a_killed_server_has_all_that_it_acknowledged_and_none_twice(tmp_path):
    with serving(tmp_path) as server:
        port = server.url.rpartition(":")[2]
        started = nodes(server)
        at_least(started, 0.3)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        acknowledged = [one.acknowledged for one in started]
        kept = logged(tmp_path)
        for one, length in zip(started, acknowledged, strict=True):
            assert len(kept.get(one.key, b"")) >= length
            assert one.content.startswith(kept.get(one.key, b""))
    with serving(tmp_path, "--port", port, token=server.token):
        finish(started, tmp_path)
    assert logged(tmp_path) == {one.key: one.content for one in started}


def test_a_full_disk_is_said_with_503_and_shipping_goes_on_when_there_is_room(tmp_path):
    """A bound on the size of any file stands for the disk: no privilege is needed to lift it."""
    with serving(tmp_path) as server:
        started = nodes(server, count=4, size=300_000)
        at_least(started, 0.1)
        pid = server.process.pid
        free = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, free[1]))
        until(lambda: all(503 in one.refusals for one in started), "it is not refused")
        acknowledged = [one.acknowledged for one in started]
        kept = logged(tmp_path)
        for one, length in zip(started, acknowledged, strict=True):
            assert len(kept.get(one.key, b"")) >= length
        assert server.ask("/healthz", token="x")[0] == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
        finish(started, tmp_path)
    assert logged(tmp_path) == {one.key: one.content for one in started}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "crash"])
def test_postgresql_restarted_under_load_loses_and_doubles_nothing(tmp_path, how):
    with postgres_running() as postgres:
        database = postgres.new_database()
        with serving(tmp_path, env={"TRAINFARE_DATABASE": database}) as server:
            started = nodes(server)
            at_least(started, 0.3)
            postgres.restart(how=how)
            finish(started, tmp_path)
        assert logged(tmp_path, database) == {one.key: one.content for one in started}


def test_two_servers_on_one_postgresql_take_in_the_same_streams(tmp_path):
    with postgres_running() as postgres:
        env = {"TRAINFARE_DATABASE": postgres.new_database()}
        with serving(tmp_path, env=env) as one, serving(tmp_path, env=env, token=one.token) as two:
            started = nodes(one)
            twins = []
            for node in started:  # the same file from the same node, to the other replica
                twin = Node(0, urllib.parse.urlsplit(two.url).netloc, one.token, 1)
                twin.content, twin.key = node.content, node.key
                twin.start()
                twins.append(twin)
            finish([*started, *twins], tmp_path)
        assert logged(tmp_path, env["TRAINFARE_DATABASE"]) == {n.key: n.content for n in started}


def test_clients_that_dawdle_hold_up_no_other(tmp_path):
    with serving(tmp_path) as server:
        where = urllib.parse.urlsplit(server.url)
        slow = [socket.create_connection((where.hostname, where.port)) for _ in range(200)]
        try:
            for number, one in enumerate(slow):
                head = b"POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                rest = f"Authorization: Bearer {server.token}\r\nContent-Length: 9\r\n\r\n{{"
                one.sendall(head + (rest.encode() if number % 2 else b"X-"))
            started = nodes(server, count=2, size=30_000)
            finish(started, tmp_path)
        finally:
            for one in slow:
                one.close()
