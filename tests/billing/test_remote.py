"""Bills are read from object storage as they are from disk, and its failures are told in words."""

import json
import subprocess
import sys

import pytest

from billing.bills import charges, read
from billing.stores import azure, google, served
from trainfare.billing.remote import fetch
from trainfare.core.errors import BadInput, MissingExtra, NotFound, OutsideFailed

OCTOBER = charges({"BilledCost": "1"}).encode()
MORE = charges({"BilledCost": "2"}, {"BilledCost": "3"}).encode()
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def test_one_object(bucket):
    bucket("2026/october.csv", OCTOBER)
    bill, rows = read("s3://bills/2026/october.csv")
    assert bill.totals["USD"]["billed"] == 1
    assert rows[0]["x_SourceFile"] == "october.csv"


def test_everything_under_a_prefix(bucket):
    bucket("2026/a/1.csv", OCTOBER)
    bucket("2026/b/2.csv", MORE)
    bucket("2027/3.csv", MORE)
    bill, rows = read("s3://bills/2026/")
    assert bill.totals["USD"]["billed"] == 6
    assert [row["x_SourceFile"] for row in rows] == ["a/1.csv", "b/2.csv", "b/2.csv"]


def test_a_manifest_and_the_files_it_names(bucket):
    key = "exports/focus/data/BILLING_PERIOD=2026-10/focus-1.csv"
    bucket(key, MORE)
    bucket("exports/focus/data/BILLING_PERIOD=2026-09/focus-1.csv", OCTOBER)
    manifest = "exports/focus/metadata/BILLING_PERIOD=2026-10/focus-Manifest.json"
    bucket(manifest, json.dumps({"dataFiles": [f"s3://bills/{key}"]}).encode())
    bill, rows = read(f"s3://bills/{manifest}")
    assert bill.rows == len(rows) == 2


@pytest.mark.parametrize(
    ("key", "said"),
    [("s3://other/data/x.csv", "lies in another bucket"), ("../x.csv", "leads outside its folder")],
)
def test_a_manifest_that_leads_elsewhere_is_refused(bucket, key, said):
    bucket("m/x-Manifest.json", json.dumps({"reportKeys": [key]}).encode())
    with pytest.raises(BadInput, match=said):
        read("s3://bills/m/x-Manifest.json")


@pytest.mark.parametrize("url", ["s3://bills/none.csv", "s3://bills/none/", "s3://nobody/x.csv"])
def test_nothing_there_is_not_found(bucket, url):
    with pytest.raises(NotFound, match="there is nothing at"):
        read(url)


def test_the_same_object_twice_is_the_same_delivery(bucket):
    bucket("a.csv", OCTOBER)
    bucket("copy/b.csv", OCTOBER)
    assert read("s3://bills/a.csv")[0].delivery == read("s3://bills/copy/b.csv")[0].delivery


def test_a_changed_object_is_seen(bucket):
    bucket("a.csv", OCTOBER)
    assert read("s3://bills/a.csv")[0].rows == 1
    bucket("a.csv", MORE)
    assert read("s3://bills/a.csv")[0].rows == 2


def test_what_was_fetched_is_removed(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    bucket("a.csv", OCTOBER)
    read("s3://bills/a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_reached_is_the_outsides_fault(tmp_path):
    """In a process of its own: the client keeps trying in threads that outlive the test."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from trainfare.billing.remote import fetch\n"
        "from trainfare.core.errors import OutsideFailed\n"
        "try:\n    fetch('s3://bills/a.csv', Path(sys.argv[1]))\n"
        "except OutsideFailed as error:\n    print(error)\n"
    )
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_MAX_ATTEMPTS": "1",
        "PATH": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.startswith("cannot read s3://bills/a.csv: ")


@pytest.mark.parametrize("place", ["data/part_0.csv", "data"])
def test_google_cloud_storage(place, monkeypatch):
    with served(google({"bills/data/part_0.csv": MORE})) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        bill, _ = read(f"gs://bills/{place}")
    assert bill.totals["USD"]["billed"] == 5


@pytest.mark.parametrize("place", ["data/part_0.csv", "data"])
def test_azure_blob_storage(place, monkeypatch):
    with served(azure({"bills/data/part_0.csv": MORE})) as address:
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING",
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};"
            f"BlobEndpoint={address}/devstoreaccount1;",
        )
        bill, _ = read(f"az://bills/{place}")
    assert bill.totals["USD"]["billed"] == 5


def test_an_unknown_scheme_names_the_known_ones(tmp_path):
    with pytest.raises(BadInput, match="only s3, gs, gcs, az, abfs, abfss URLs are known"):
        fetch("ftp://host/bill.csv", tmp_path)


@pytest.mark.parametrize(
    ("url", "module", "extra"), [("s3://b/k", "s3fs", "s3"), ("gs://b/k", "gcsfs", "gcs"),
                                 ("az://b/k", "adlfs", "azure")],
)  # fmt: skip
def test_a_missing_client_names_its_extra(tmp_path, monkeypatch, url, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"install 'trainfare\[{extra}\]'"):
        fetch(url, tmp_path)


class _Hostile:
    """A store whose objects have names that lead outside."""

    def isfile(self, path):
        return False

    def find(self, path):
        return [f"{path}/../../outside.csv"]


def test_an_object_whose_key_leads_outside_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda url, **_: (_Hostile(), "bills/x"))
    with pytest.raises(BadInput, match="leads outside its folder"):
        fetch("s3://bills/x", tmp_path)


def test_a_refused_request_is_the_outsides_fault(tmp_path, monkeypatch):
    def refuse(url, **_):
        raise PermissionError("Access Denied")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(OutsideFailed, match="cannot read s3://bills/x: Access Denied"):
        fetch("s3://bills/x", tmp_path)
