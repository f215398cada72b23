"""Ingest over HTTP: from a spool on one machine to the same receipt on the server."""

import gzip
import json
import os
import subprocess
import sys
import time

import pytest

from server.served import serving
from trainfare.flows.access import sign_in_with_token
from trainfare.metering.shelf import run_ids
from trainfare.store.ledger import open_ledger

SAMPLE = b"s" * 96


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


def shipment(*chunks, **more):
    """The body of a request: (run, segment, file, start, data) each."""
    header = {"v": 1, "client": "node", "clock_ns": 1_790_000_000 * 10**9, **more}
    header.setdefault("chunks", [[*chunk[:4], len(chunk[4])] for chunk in chunks])
    return json.dumps(header).encode() + b"\n" + b"".join(chunk[4] for chunk in chunks)


def ship(server, body, **how):
    status, headers, answer = server.ask("/api/v1/ingest", method="POST", body=body, **how)
    return status, headers, json.loads(answer)


def chunk(run, start=0, data=SAMPLE, segment="s-1", file="samples.bin"):
    return run, segment, file, start, data


def until(is_so, what, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def trainfare(home, *words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "trainfare", *words],
        env={**os.environ, "TRAINFARE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_what_is_acknowledged_says_where_to_go_on(server):
    assert ship(server, shipment(chunk("r-a")))[2] == {"accepted": [96]}
    assert ship(server, shipment(chunk("r-a", 48)))[2] == {"accepted": [144]}
    assert ship(server, shipment(chunk("r-a", 500), chunk("r-b")))[2] == {"accepted": [144, 96]}
    body = gzip.compress(shipment(chunk("r-a", 144)))
    answer = ship(server, body, headers={"Content-Encoding": "gzip"})
    assert answer[2] == {"accepted": [240]}


def test_acknowledged_pieces_become_the_spools_of_the_home(server):
    ship(server, shipment(chunk("r-m", 0, b"abc"), chunk("r-m", 3, b"def")))
    file = server.home / "runs" / "r-m" / "s-1" / "samples.bin"
    until(lambda: file.exists() and file.read_bytes() == b"abcdef", "never mirrored")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no line"),
        (b"{}\n", "missing required field"),
        (b"\xff\xfe\n", "first line"),
        (b"[" * 100_000 + b"\n", "first line"),
        (shipment(v=2), "version 2"),
        (shipment(client=""), "client"),
        (shipment(clock_ns=-1), "clock_ns"),
        (shipment(chunk("R-1")), "run id 'R-1'"),
        (shipment(chunk("../x")), "run id"),
        (shipment(chunk("r-1", segment="../../x")), "segment id"),
        (shipment(chunk("r-1", segment=".")), "segment id"),
        (shipment(chunk("r-1", file="../ledger.db")), "no file of a spool"),
        (shipment(chunk("r-1", -1)), "offset -1"),
        (shipment(chunk("r-1"), chunks=[["r-1", "s", "samples.bin", 0, 97]]), "97 bytes are not"),
        (shipment(chunk("r-1"), chunks=[["r-1", "s", "samples.bin", 0, -1]]), "-1 bytes are not"),
        (shipment(chunk("r-1")) + b"x", "1 bytes after the last chunk"),
    ],
)
def test_what_is_no_shipment_is_refused_as_a_whole(server, body, words):
    status, _, answer = ship(server, body)
    assert status == 400
    assert words in answer["error"]["message"]
    assert answer["error"]["type"] == "bad_input"


def test_bodies_are_bounded_before_and_after_inflating(server):
    packed = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(64 * 2**20))
    assert ship(server, bomb, headers=packed)[0] == 413
    assert ship(server, b"no gzip", headers=packed)[0] == 400
    assert ship(server, gzip.compress(shipment())[:-1], headers=packed)[0] == 400
    assert ship(server, b"x" * (5 * 2**20))[0] == 413


def test_only_who_may_ship_ships(server):
    status, headers, _ = ship(server, shipment(chunk("r-x")), token="tf_wrong")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert server.ask("/api/v1/ingest")[0] == 405
    with open_ledger(server.home) as ledger:
        session = sign_in_with_token(ledger, server.token, None)
    assert ship(server, shipment(chunk("r-x")), token=session)[0] == 401  # of a browser's cookie


def test_the_description_of_the_api_has_it(server):
    paths = server.json("/schema/openapi.json")["paths"]
    operation = paths["/api/v1/ingest"]["post"]
    assert "application/octet-stream" in operation["requestBody"]["content"]
    assert {"200", "401", "429", "503"} <= operation["responses"].keys()
    assert "/api/v1/me" in paths


def test_a_shipped_run_has_the_same_receipt_on_both_sides(server, tmp_path):
    """The server computes from the same bytes, so both say the same to the nano."""
    trainfare(
        tmp_path, "run", "--price", "3.6", "--name", "far", "--", sys.executable, "-c", "1",
        TRAINFARE_SERVER=server.url, TRAINFARE_TOKEN=server.token,
    )  # fmt: skip
    [run] = run_ids(tmp_path)
    asked = ("receipt", run, "--format", "json")
    here = trainfare(tmp_path, *asked).stdout
    assert json.loads(here)["status"] == "finished"
    until(lambda: run in run_ids(server.home), "never mirrored")
    until(lambda: trainfare(server.home, *asked).stdout == here, "the receipts differ")
