"""A lake in object storage: whole deliveries or none, one of two writers, and faults told in words."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest

from flows.bills import hour, trainfare, write_bill, write_claims
from trainfare.billing import object_lake
from trainfare.billing.object_lake import fetch_delivery, put_delivery, trim_cache
from trainfare.core.errors import NotFound, OutsideFailed

URL = "s3://bills/lake"
PLACE = "s/2026-10/d"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A fresh home whose charges lie in the bucket."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_LAKE", URL)
    return tmp_path / "home"


@pytest.fixture
def keys(bucket, aws_here):
    """The keys in the bucket."""
    client = boto3.client("s3", endpoint_url=aws_here)

    def listed():
        return sorted(o["Key"] for o in client.list_objects_v2(Bucket="bills").get("Contents", []))

    yield listed
    client.close()


def delivery(cache, *bodies, place=PLACE):
    """A cache with a delivery of files with those bytes."""
    (cache / place).mkdir(parents=True)
    for number, body in enumerate(bodies):
        (cache / place / f"part-{number:05d}.parquet").write_bytes(body)
    return cache


def test_a_home_that_lost_its_copies_answers_from_the_bucket(home, keys, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("i-2", 8, "2.00"))
    imported = trainfare(home, "bill", "import", bill)["deliveries"][0]
    parts = [key for key in keys() if key.endswith(".parquet")]
    assert len(parts) == 1
    assert [key for key in keys() if key.endswith("manifest.json")]
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 9, "1")))
    for step in ("allocate", "verify", "report", "reconcile"):
        shutil.rmtree(home / "lake", ignore_errors=True)
        answer = trainfare(home, step)
        assert step != "verify" or answer["conserved"] is True
    shutil.rmtree(home / "lake", ignore_errors=True)
    assert trainfare(home, "bill", "show", imported["id"]) is not None
    assert trainfare(home, "report", "--by", "run")["total"] == "10.000000000"
    again = trainfare(home, "bill", "import", bill)["deliveries"][0]
    assert (again["id"], again["unchanged"]) == (imported["id"], True)


def test_a_part_that_is_gone_is_named(home, keys, tmp_path, aws_here):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    [part] = [key for key in keys() if key.endswith(".parquet")]
    boto3.client("s3", endpoint_url=aws_here).delete_object(Bucket="bills", Key=part)
    shutil.rmtree(home / "lake")
    complaint = trainfare(home, "allocate", code=2)
    assert "part part-00000.parquet of a delivery is gone" in complaint
    assert part in complaint
    assert not list((home / "lake").glob("*/*/*"))


def test_a_part_that_was_changed_is_not_believed(keys, bucket, tmp_path):
    put_delivery(URL, PLACE, delivery(tmp_path / "d", b"one"))
    [part] = [key for key in keys() if key.endswith(".parquet")]
    bucket(part, b"two")
    with pytest.raises(OutsideFailed, match="is not what its manifest says"):
        fetch_delivery(URL, PLACE, tmp_path / "other")
    assert not (tmp_path / "other" / PLACE).exists()


def test_parts_without_a_manifest_are_nobody_s_and_the_next_upload_finds_them(
    keys, tmp_path, monkeypatch
):
    own = delivery(tmp_path / "d", b"one", b"two")
    with monkeypatch.context() as patch:
        patch.setattr(object_lake, "_create", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            put_delivery(URL, PLACE, own)
    assert len(keys()) == 2
    with pytest.raises(NotFound, match=r"there is no s3://bills/lake/s/2026-10/d/manifest.json"):
        fetch_delivery(URL, PLACE, tmp_path / "other")
    put_delivery(URL, PLACE, own)
    assert len(keys()) == 3
    fetch_delivery(URL, PLACE, tmp_path / "other")
    assert [f.read_bytes() for f in sorted((tmp_path / "other" / PLACE).glob("*.parquet"))] == [
        b"one",
        b"two",
    ]


def test_of_two_writers_at_once_one_wins_and_the_other_is_told(keys, tmp_path, monkeypatch):
    mine, theirs = delivery(tmp_path / "1", b"mine"), delivery(tmp_path / "2", b"theirs")
    same = delivery(tmp_path / "3", b"theirs")
    create = object_lake._create

    def late(store, key, data):
        monkeypatch.setattr(object_lake, "_create", create)
        put_delivery(URL, PLACE, theirs)
        create(store, key, data)

    for loser, refused in ((mine, True), (same, False)):
        for key in keys():
            boto3.client("s3").delete_object(Bucket="bills", Key=key)
        monkeypatch.setattr(object_lake, "_create", late)
        if refused:
            with pytest.raises(
                OutsideFailed, match="another import wrote s3://bills/lake/s/2026-10"
            ):
                put_delivery(URL, PLACE, loser)
        else:
            put_delivery(URL, PLACE, loser)
        fetch_delivery(URL, PLACE, tmp_path / "found")
        assert (tmp_path / "found" / PLACE / "part-00000.parquet").read_bytes() == b"theirs"
    put_delivery(URL, PLACE, mine)
    assert (mine / PLACE / "part-00000.parquet").read_bytes() == b"theirs", (
        "the loser goes on from it"
    )


@pytest.fixture
def moody(aws_here):
    """A proxy before S3 that answers the first *n* writes of each object with 503: it, and a count."""
    failed = {}

    class Moody(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        moods = 2

        def log_message(self, *args):
            """Say nothing."""

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            count = failed.get(self.path, 0)
            if self.command == "PUT" and count < type(self).moods:
                failed[self.path] = count + 1
                self.answer(503, b"<Error><Code>SlowDown</Code></Error>", {})
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            request = Request(aws_here + self.path, body or None, headers, method=self.command)
            try:
                with urlopen(request) as reply:
                    self.answer(reply.status, reply.read(), reply.headers)
            except OSError as error:
                self.answer(error.code, error.read(), error.headers)

        def answer(self, status, body, headers):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {
                    "content-length",
                    "transfer-encoding",
                    "connection",
                    "date",
                }:
                    self.send_header(name, value)
            length = headers.get("Content-Length") if self.command == "HEAD" else len(body)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            self.wfile.write(body)

    for verb in ("GET", "PUT", "HEAD", "POST", "DELETE"):
        setattr(Moody, f"do_{verb}", Moody.pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", failed
    server.shutdown()
    server.server_close()


def test_storage_that_fails_for_a_moment_is_asked_again(keys, moody, tmp_path, monkeypatch):
    address, failed = moody
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    put_delivery(URL, PLACE, delivery(tmp_path / "d", b"one"))
    assert len(failed) == 2
    assert len(keys()) == 2


def test_a_bucket_that_may_only_be_read_says_that_it_cannot_be_written(keys, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(object_lake, "_create", refuse)
    with pytest.raises(OutsideFailed, match=r"cannot write s3://bills/lake/.*: Access Denied"):
        put_delivery(URL, PLACE, delivery(tmp_path / "d", b"one"))


def test_an_import_killed_in_mid_upload_changes_nothing_and_its_rerun_succeeds(
    home, keys, tmp_path
):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    script = (
        "import os, signal, sys\n"
        "from trainfare.billing import object_lake\n"
        "object_lake._create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from trainfare.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    words = [sys.executable, "-c", script, "bill", "import", str(bill), "--home", str(home)]
    died = subprocess.run(words, env={**os.environ}, capture_output=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL
    assert [Path(key).suffix for key in keys()] == [".parquet"]
    assert trainfare(home, "bill", "list")["deliveries"] == []
    assert trainfare(home, "bill", "import", bill)["deliveries"][0]["unchanged"] is False
    shutil.rmtree(home / "lake")
    trainfare(home, "allocate")
    assert trainfare(home, "verify")["conserved"] is True


def test_a_copy_that_was_damaged_is_fetched_again(home, keys, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("i-2", 8, "2.00"))
    trainfare(home, "bill", "import", bill)
    [part] = (home / "lake").glob("*/*/*/*.parquet")
    whole = part.read_bytes()
    flipped = bytes([*whole[:50], whole[50] ^ 1, *whole[51:]])
    for step, damaged in (("allocate", whole[:99]), ("verify", b""), ("verify", flipped)):
        part.write_bytes(damaged)
        trainfare(home, step)
        assert part.read_bytes() == whole
    part.unlink()
    assert trainfare(home, "verify")["conserved"] is True
    assert part.read_bytes() == whole


def test_a_copy_that_only_looks_changed_is_not_fetched_again(home, keys, tmp_path, monkeypatch):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    [part] = (home / "lake").glob("*/*/*/*.parquet")
    monkeypatch.setattr(object_lake, "_fetch", None)
    for age in (5, 5):
        os.utime(part, ns=(age, age))
        trainfare(home, "allocate")


@pytest.mark.parametrize("step", ["import", "allocate"])
def test_a_bucket_that_is_not_there_is_told_as_such(
    home, aws_here, keys, tmp_path, monkeypatch, step
):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    if step == "allocate":
        trainfare(home, "bill", "import", bill)
        shutil.rmtree(home / "lake")
    monkeypatch.setenv("TRAINFARE_LAKE", "s3://nowhere/lake")
    words = ["allocate"] if step == "allocate" else ["bill", "import", bill]
    assert "there is no bucket nowhere for s3://nowhere/lake/" in trainfare(home, *words, code=2)


def test_a_fetch_that_was_killed_leaves_nothing_for_good(home, keys, tmp_path):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    shutil.rmtree(home / "lake")
    script = (
        "import os, signal, sys\n"
        "from trainfare.billing import object_lake\n"
        "object_lake._mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from trainfare.cli.main import main\n"
        "main(['allocate', '--home', sys.argv[1]])\n"
    )
    words = [sys.executable, "-c", script, str(home)]
    died = subprocess.run(words, env={**os.environ}, capture_output=True, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL
    assert list((home / "lake" / ".incoming").iterdir())
    trainfare(home, "allocate")
    assert not list((home / "lake" / ".incoming").iterdir())
    assert trainfare(home, "verify")["conserved"] is True


def test_a_lake_of_an_unknown_kind_is_refused(home, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_LAKE", "ftp://here/lake")
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    assert "ftp://here/lake" in trainfare(home, "bill", "import", bill, code=2)


def test_what_is_held_here_stays_bounded(tmp_path):
    places = [f"s/2026-1{n}/d" for n in range(5)]
    folders = [delivery(tmp_path, b"x" * 100, place=place) / place for place in places]
    for folder, lake in zip(folders, ["s3://b", "s3://b", "s3://b", "s3://other"], strict=False):
        (folder / ".stored").write_text(json.dumps({"lake": lake}))
    for age, folder in enumerate(folders):
        os.utime(folder, ns=(age, age))
    trim_cache(tmp_path, "s3://b", folders[:1], 150)
    # The fourth is in another lake and the fifth in none: this is all that there is of them.
    assert [folder.exists() for folder in folders] == [True, False, False, True, True]


def test_what_was_sent_may_be_fetched_again_and_what_was_not_is_kept(
    home, keys, tmp_path, monkeypatch
):
    lake = os.environ["TRAINFARE_LAKE"]
    monkeypatch.delenv("TRAINFARE_LAKE")
    old = write_bill(tmp_path / "old.csv", hour("i-1", 7, "1.00"))
    trainfare(home, "bill", "import", old, "--source", "old")
    monkeypatch.setenv("TRAINFARE_LAKE", lake)
    new = write_bill(tmp_path / "new.csv", hour("i-1", 8, "8.00"))
    trainfare(home, "bill", "import", new, "--source", "new")
    trim_cache(home / "lake", lake, (), 0)
    assert trainfare(home, "allocate")
    assert trainfare(home, "report")["total"] == "9.000000000"
