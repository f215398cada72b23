"""The cache of refreshed prices: whole files, a log of changes, quarantine until confirmed."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.servers import NOW
from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.prices.listing import Listing
from trainfare.prices.refreshed import (
    Shelf,
    all_refreshed,
    all_shelves,
    confirm,
    find_refreshed,
    read_shelf,
    shelf_path,
    write_shelf,
)

amounts = st.decimals("0.000001", "10000", places=6)
listings = st.builds(
    Listing,
    st.just("aws"),
    st.just("us-east-1"),
    st.text("abc.-", min_size=1, max_size=6),
    st.sampled_from(["on_demand", "spot", "commit_1y"]),
    amounts,
    st.just(NOW),
    st.text(max_size=8),
    origin=st.just("refreshed"),
    high=st.none() | amounts,
    zones=st.dictionaries(st.sampled_from(["a", "b"]), amounts),
    currency=st.sampled_from(["USD", "EUR"]),
    code=st.text("AB1", max_size=3),
    confidence=st.just("list_api"),
)


def shelf(*items, **words):
    return Shelf("aws", "us-east-1", "aws-bulk", NOW, list(items), **words)


def item(amount, name="p5"):
    return Listing(
        "aws", "us-east-1", name, "on_demand", Decimal(amount), NOW, origin="refreshed",
        confidence="list_api",
    )  # fmt: skip


@given(st.lists(listings, max_size=5), st.lists(listings, max_size=2))
def test_what_is_written_is_read_back(tmp_path_factory, kept, waiting):
    home = tmp_path_factory.mktemp("home")
    wanted = shelf(*kept, quarantined=waiting, version="v7", etag='"x"', rows_seen=9)
    write_shelf(home, wanted)
    assert read_shelf(shelf_path(home, "aws", "us-east-1", "aws-bulk")) == wanted


def test_every_change_is_logged_once(tmp_path):
    write_shelf(tmp_path, shelf(item("10"), item("3", "g5")))
    write_shelf(tmp_path, shelf(item("12"), item("3", "g5")))
    log = (tmp_path / "prices" / "changes.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in log]
    assert [(row["sku"].split("/")[2], row["old"], row["new"]) for row in rows] == [
        ("p5", None, "10"),
        ("g5", None, "3"),
        ("p5", "10", "12"),
    ]
    assert {row["at"] for row in rows} == {NOW}


def test_a_changed_file_is_noticed(tmp_path):
    place = ("aws", "us-east-1", "p5", "on_demand")
    write_shelf(tmp_path, shelf(item("10")))
    assert find_refreshed(tmp_path, *place).amount == 10
    write_shelf(tmp_path, shelf(item("11")))
    assert find_refreshed(tmp_path, *place).amount == 11
    path = shelf_path(tmp_path, "aws", "us-east-1", "aws-bulk")
    path.write_text(path.read_text().replace('"11"', '"12.5"'))
    assert find_refreshed(tmp_path, *place).amount == Decimal("12.5")


def test_confirming_believes_what_waited_and_nothing_else(tmp_path):
    new, other = item("55.04"), item("9", "g5")
    write_shelf(tmp_path, shelf(item("98.32"), quarantined=[new, other]))
    assert confirm(tmp_path, [new.sku]) == [new]
    (kept,) = all_shelves(tmp_path)
    assert kept.listings == [new]
    assert kept.quarantined == [other]
    with pytest.raises(NotFound, match="waiting: aws/us-east-1/g5/on_demand"):
        confirm(tmp_path, [new.sku])
    assert confirm(tmp_path, None) == [other]
    assert confirm(tmp_path, None) == []
    assert {listing.name for listing in all_refreshed(tmp_path)} == {"p5", "g5"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"provider": 1}', '{"prices": null}', "\x00"]
)
def test_a_damaged_file_is_refused_by_name_and_skipped_in_look_ups(tmp_path, text):
    path = shelf_path(tmp_path, "aws", "us-east-1", "aws-bulk")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(BadInput, match=r"aws\.us-east-1\.aws-bulk\.json"):
        read_shelf(path)
    assert all_shelves(tmp_path) == []
    assert find_refreshed(tmp_path, "aws", "us-east-1", "p5", "on_demand") is None


@pytest.mark.parametrize("place", [("aws", "../x"), ("a/b", "us"), ("aws", "us east"), ("", "us")])
def test_a_place_is_never_a_path(tmp_path, place):
    with pytest.raises(BadInput, match="not a provider, region or feed"):
        shelf_path(tmp_path, *place, "feed")
    assert find_refreshed(tmp_path, *place, "p5", "on_demand") is None


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_shelf(tmp_path, shelf(item("10")))

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutsideFailed, match="No space left"):
        write_shelf(tmp_path, shelf(item("11")))
    monkeypatch.undo()
    assert find_refreshed(tmp_path, "aws", "us-east-1", "p5", "on_demand").amount == 10
    assert not list(tmp_path.rglob("*.draft"))


def test_a_price_for_all_regions_has_its_own_file(tmp_path):
    anywhere = replace(item("5"), region="*")
    write_shelf(tmp_path, Shelf("aws", "*", "x", NOW, [anywhere]))
    assert shelf_path(tmp_path, "aws", "*", "x").name == "aws.all.x.json"
    assert find_refreshed(tmp_path, "aws", "*", "p5", "on_demand").amount == 5
    assert find_refreshed(tmp_path, "aws", "us-east-1", "p5", "on_demand") is None
