"""Datasets in object storage: sized with the user's clients, each version listed once."""

import time

import pytest

import trainfare
from billing.stores import azure, google, served
from trainfare.core.carry import CarryRule
from trainfare.flows import datasets
from trainfare.flows.datasets import list_datasets
from trainfare.flows.report import make_report
from trainfare.metering.history import read_receipt

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path


@pytest.fixture
def listings(monkeypatch):
    """How many places were listed."""
    seen = []
    really = datasets._list

    def listed(store, place, uri):
        seen.append(uri)
        return really(store, place, uri)

    monkeypatch.setattr(datasets, "_list", listed)
    return seen


def size_of(home, *uris, **how):
    return {
        one.uri: (one.bytes, one.objects, one.state) for one in list_datasets(home, uris, **how)
    }


def test_a_marked_place_is_listed_once_a_version(home, bucket, listings):
    bucket("clean/part-0", b"x" * 700)
    bucket("clean/part-1", b"x" * 300)
    bucket("clean/_SUCCESS", b"")
    uri = "s3://bills/clean"
    assert size_of(home, uri, is_sized=True) == {uri: (1000, 3, "listed")}
    assert size_of(home, uri, is_sized=True) == {uri: (1000, 3, "remembered")}
    assert len(listings) == 1
    bucket("clean/part-2", b"x" * 50)
    time.sleep(1.1)  # S3 tells when an object was written in whole seconds
    bucket("clean/_SUCCESS", b"")
    assert size_of(home, uri, is_sized=True) == {uri: (1050, 4, "listed")}
    assert len(listings) == 2


def test_a_name_that_states_its_version_is_listed_once_for_all(home, bucket, listings):
    bucket("clean@v3/part-0", b"x" * 700)
    bucket("tokens/part-0", b"x" * 30)
    for _ in range(2):
        found = size_of(home, "s3://bills/clean@v3", "s3://bills/tokens@v1", is_sized=True)
        assert [one[0] for one in found.values()] == [700, 30]
    assert len(listings) == 2


def test_other_places_are_listed_again_once_a_run_named_them_since(home, bucket, listings):
    bucket("raw/part-0", b"x" * 700)
    uri = "s3://bills/raw"
    with trainfare.track(run_id="a", price="1") as run:
        run.dataset(uri)
    for _ in range(2):
        assert size_of(home, is_sized=True)[uri][0] == 700
    with trainfare.track(run_id="b", price="1") as run:
        run.dataset(uri)
    assert size_of(home, is_sized=True)[uri][2] == "listed"
    assert size_of(home, uri, is_again=True)[uri][2] == "listed"
    assert len(listings) == 3


def test_a_size_found_later_prices_the_storage_and_weighs_the_reading(home, bucket):
    bucket("clean/part-0", b"x" * 700)
    bucket("clean/part-1", b"x" * 300)
    where = {"instance": "p5.48xlarge", "region": "us-east-1"}
    with trainfare.track(run_id="prep", stage="data", price="36", **where) as run:
        run.output("s3://bills/clean")
    for name, place in (("whole", "clean"), ("part", "clean/part-1")):
        with trainfare.track(run_id=name, price="36", **where) as run:
            run.dataset(f"s3://bills/{place}")
    assert list_datasets(home)[0].bytes is None
    why = make_report(home, ("run",), carry=CarryRule.BYTES).carried["USD"]
    assert "weighs by bytes" in next(iter(why.values())).kept[0].why
    sized = list_datasets(home, is_sized=True)
    first = next(one for one in sized if one.uri == "s3://bills/clean")
    assert (first.bytes, first.objects, first.made_by) == (1000, 2, {"prep"})
    assert first.read_by == {"whole", "part"}
    assert first.monthly.nano == round(1000 / 2**30 * 0.023 * 10**9)
    (artifact,) = read_receipt(home, "prep").to_json()["artifacts"]
    assert artifact["bytes"] == 1000
    (carried,) = make_report(home, ("run",), carry=CarryRule.BYTES).carried["USD"].values()
    assert {one.reader: one.weight for one in carried.shares} == {"whole": 1000, "part": 300}


def test_what_is_not_there_says_so_and_the_rest_is_sized(home, bucket):
    bucket("raw/part-0", b"x" * 7)
    found = list_datasets(home, ("s3://bills/raw", "s3://bills/none"), is_sized=True)
    assert [one.bytes for one in found] == [7, None]
    assert "there is nothing at s3://bills/none" in found[1].why


def test_google_cloud_storage(home, monkeypatch, listings):
    objects = {"lake/clean/part-0": b"x" * 70, "lake/clean/_SUCCESS": b""}
    with served(google(objects)) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        for state in ("listed", "remembered"):
            assert size_of(home, "gs://lake/clean", is_sized=True) == {
                "gs://lake/clean": (70, 2, state)
            }
    assert len(listings) == 1


def test_azure_blob_storage(home, monkeypatch, listings):
    objects = {"lake/clean/part-0": b"x" * 70, "lake/clean/_SUCCESS": b""}
    with served(azure(objects)) as address:
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING",
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};"
            f"BlobEndpoint={address}/devstoreaccount1;",
        )
        for state in ("listed", "remembered"):
            assert size_of(home, "az://lake/clean", is_sized=True) == {
                "az://lake/clean": (70, 2, state)
            }
    assert len(listings) == 1
