"""The price book: look-up order, whole machines, and never a price that was not stated."""

import logging
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.servers import NOW_NS
from trainfare.core.errors import BadInput
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price
from trainfare.prices.age import DAY, instant_of
from trainfare.prices.book import PriceBook, count_devices
from trainfare.prices.catalogue import all_shipped
from trainfare.prices.learnt import LearntPrice, add_learnt
from trainfare.prices.listing import Listing
from trainfare.prices.overrides import Override, OwnMachine, set_override
from trainfare.prices.refreshed import Shelf, write_shelf

AT = instant_of("2026-09-01")


def machine(**words):
    p5 = {
        "resource_id": "i-0abc",
        "hostname": "node-1",
        "provider": "aws",
        "region": "us-east-1",
        "zone": "us-east-1a",
        "instance_type": "p5.48xlarge",
        "purchase_option": "on_demand",
    }
    return Machine(**{**p5, **words})


def gpus(name, count, mib=None):
    return tuple(
        Accelerator(i, f"GPU-{i}", name, memory_bytes=mib and mib * 2**20) for i in range(count)
    )


def laptop(**words):
    return Machine(**{"resource_id": "host:1", "hostname": "laptop", **words})


@pytest.fixture
def book(tmp_path):
    return PriceBook(tmp_path)


def price(book, at=AT, **words):
    return book.machine_price(machine(**words), at)


def test_the_order_is_override_learnt_refreshed_shipped(book):
    assert price(book).describe() == "$55.04/h (shipped, 2026-07-20)"

    listing = Listing(
        "aws", "us-east-1", "p5.48xlarge", "on_demand", Decimal(54), "2026-08-20", "feed"
    )
    shelf = Shelf("aws", "us-east-1", "aws-bulk", "2026-08-20T00:00:00Z", [listing])
    write_shelf(book.home, shelf)
    assert price(book).describe() == "$54.00/h (refreshed, 2026-08-20)"

    days = (date(2026, 8, 1), date(2026, 9, 1))
    sku = "aws/us-east-1/p5.48xlarge/on_demand"
    add_learnt(book.home, [LearntPrice(sku, Decimal("47.5"), *days, source="bill 2026-08")])
    assert price(book).describe() == "$47.50/h (learnt from bill, 2026-08-31)"

    set_override(book.home, Override("accelerator", "H100", amount=Decimal("2.5")))
    assert price(book).amount == 20
    set_override(book.home, Override("instance", "p5.48xlarge", amount=Decimal(44)))
    assert price(book).amount == 44
    set_override(book.home, Override("sku", sku, amount=Decimal(43)))
    assert price(book).amount == 43
    set_override(book.home, Override("host", "i-0abc", amount=Decimal(42), set_on=date(2026, 9, 1)))
    assert price(book).describe() == "$42.00/h (override, 2026-09-01)"


def test_a_refreshed_price_of_a_later_day_stands_before_an_earlier_one(book):
    for feed, amount, day in [
        ("a", 50, "2026-08-01"),
        ("b", 51, "2026-08-03"),
        ("c", 52, "2026-08-02"),
    ]:
        item = Listing("aws", "us-east-1", "p5.48xlarge", "on_demand", Decimal(amount), day)
        write_shelf(book.home, Shelf("aws", "us-east-1", feed, f"{day}T00:00:00Z", [item]))
    assert price(book).amount == 51


def test_another_region_never_answers(book):
    nothing = price(book, region="eu-west-1")
    assert isinstance(nothing, NoPrice)
    assert nothing.sku == "aws/eu-west-1/p5.48xlarge/on_demand"
    assert "us-east-1" in nothing.why
    assert "trainfare prices refresh --provider aws --region eu-west-1" in nothing.why


def test_an_unknown_region_is_unknown_not_the_first_one(book):
    nothing = price(book, region=None)
    assert isinstance(nothing, NoPrice)
    assert "the region is unknown" in nothing.why


def test_an_unknown_name_is_unknown_and_close_names_are_offered(book):
    nothing = price(book, instance_type="p5.48xlrge")
    assert isinstance(nothing, NoPrice)
    assert "p5.48xlarge" in nothing.why


def test_a_price_for_all_regions_answers_in_each(book):
    found = price(book, provider="lambda", region="us-tx-1", instance_type="gpu_8x_h100_sxm5")
    assert found.amount == Decimal("31.92")


@given(st.sampled_from(list(all_shipped())), st.text("abcdefgh-123", min_size=1, max_size=12))
def test_a_price_is_stated_or_absent_for_any_machine(tmp_path_factory, listing, region):
    """Whatever is asked, the answer is the listed price of exactly that place, or none."""
    book = PriceBook(tmp_path_factory.getbasetemp() / "empty")
    words = {"provider": listing.provider, "instance_type": listing.name, "region": region}
    answer = price(book, purchase_option=listing.option, **words)
    stated = {(item.region, item.amount) for item in all_shipped() if item.name == listing.name}
    if isinstance(answer, Price):
        assert answer.amount > 0
        assert (
            (region, answer.amount) in stated
            or listing.region == "*"
            or listing.name.startswith("tpu")
        )
    else:
        assert answer.why


def test_without_an_option_on_demand_is_assumed_and_said(book):
    found = price(book, purchase_option=None)
    assert found.sku.endswith("/on_demand")
    assert "on demand assumed" in found.source
    assert "before any commitment discount" in price(book, purchase_option="reserved").source


def test_spot_is_reference_with_its_range_until_it_is_refreshed(book):
    found = price(book, purchase_option="spot")
    assert found.is_reference
    assert found.quality == "stale"
    assert "55.04" in found.source
    zones = {"us-east-1a": Decimal("17.5"), "us-east-1b": Decimal(21)}
    item = Listing(
        "aws",
        "us-east-1",
        "p5.48xlarge",
        "spot",
        Decimal("17.5"),
        "2026-08-31T23:00:00Z",
        high=Decimal(21),
        zones=zones,
    )
    write_shelf(book.home, Shelf("aws", "us-east-1", "aws-spot", item.as_of, [item]))
    fresh = price(book, purchase_option="spot", zone="us-east-1b")
    assert (fresh.amount, fresh.is_reference, fresh.quality) == (Decimal(21), False, "fresh")
    assert price(book, purchase_option="spot", zone=None).amount == Decimal("17.5")
    assert price(book, AT + DAY, purchase_option="spot").quality == "aging"


def test_an_option_nobody_lists_has_no_price_rather_than_on_demand(book):
    assert isinstance(price(book, purchase_option="capacity_block"), NoPrice)
    assert isinstance(price(book, purchase_option="spot", region="us-west-1"), NoPrice)


def test_a_discount_comes_off_the_list_and_not_off_a_bill(book):
    set_override(book.home, Override("provider", "aws", discount_pct=Decimal("12.5")))
    found = price(book)
    assert (found.amount, found.origin) == (Decimal("48.16"), "override")
    assert found.as_of == date(2026, 7, 20)
    sku = "aws/us-east-1/p5.48xlarge/on_demand"
    days = (date(2026, 8, 1), date(2026, 9, 1))
    add_learnt(book.home, [LearntPrice(sku, Decimal(47), *days, source="bill")])
    assert price(book).amount == 47


def test_overrides_hold_only_on_their_days(book):
    set_override(
        book.home,
        Override(
            "instance",
            "p5.48xlarge",
            amount=Decimal(40),
            start=date(2026, 9, 1),
            end=date(2026, 10, 1),
        ),
    )
    assert price(book, instant_of("2026-09-01") - 1).amount == Decimal("55.04")
    assert price(book, instant_of("2026-09-01")).amount == 40
    assert price(book, instant_of("2026-10-01") - 1).amount == 40
    assert price(book, instant_of("2026-10-01")).amount == Decimal("55.04")


def test_conditions_of_an_override_are_kept(book):
    set_override(
        book.home,
        Override("instance", "p5.48xlarge", amount=Decimal(9), region="us-east-2", option="spot"),
    )
    assert price(book).amount == Decimal("55.04")
    assert price(book, region="us-east-2", purchase_option="spot").amount == 9


def test_an_own_machine_costs_its_formula(book):
    own = OwnMachine(Decimal(262_800), Decimal(5), Decimal(6500), Decimal("1.4"), Decimal("0.20"))
    set_override(book.home, Override("host", "laptop", own=own, currency="EUR"))
    found = book.machine_price(laptop(), AT)
    assert (found.amount, found.currency) == (Decimal("7.82"), "EUR")
    assert "own machine over 5 years" in found.source


def test_gpu_hours_are_counted_per_accelerator(book):
    set_override(book.home, Override("accelerator", "RTX4090", amount=Decimal("0.35")))
    two = laptop(accelerators=gpus("NVIDIA GeForce RTX 4090", 2, 24_564))
    assert book.machine_price(two, AT).amount == Decimal("0.7")
    mixed = laptop(accelerators=(*gpus("NVIDIA GeForce RTX 4090", 1), *gpus("Tesla T4", 1)))
    assert isinstance(book.machine_price(mixed, AT), NoPrice), "the T4 has no price"


def test_a_device_no_list_knows_can_be_priced_by_its_drivers_name(book):
    set_override(book.home, Override("accelerator", "NVIDIA H20", amount=Decimal(1)))
    assert book.machine_price(laptop(accelerators=gpus("NVIDIA H20", 8)), AT).amount == 8


def test_machines_nobody_sells_have_a_default_and_sold_ones_do_not_use_it(book):
    set_override(book.home, Override("host", "*", amount=Decimal("0.04")))
    assert book.machine_price(laptop(), AT).amount == Decimal("0.04")
    assert price(book).amount == Decimal("55.04")
    assert isinstance(price(book, region="nowhere"), NoPrice)


def test_a_laptop_without_any_word_has_no_price_and_is_told_how(book):
    nothing = book.machine_price(laptop(), AT)
    assert isinstance(nothing, NoPrice)
    assert "trainfare prices set --host laptop" in nothing.why


def test_gpus_attached_to_n1_are_part_of_the_machine(book):
    n1 = {"provider": "gcp", "region": "us-central1", "instance_type": "n1-standard-8"}
    bare = price(book, **n1)
    with_gpus = price(book, **n1, accelerators=gpus("Tesla T4", 2, 15_360))
    assert bare.amount == Decimal("0.379998")
    assert with_gpus.amount == Decimal("0.379998") + 2 * Decimal("0.35")
    assert with_gpus.as_of < bare.as_of, "a sum is as old as its oldest part"
    unknown = price(book, **n1, accelerators=gpus("NVIDIA H20", 1))
    assert isinstance(unknown, NoPrice), "n1 alone would hide what the GPU costs"


def test_parts_in_two_currencies_have_no_sum(book):
    t4 = Listing(
        "gcp", "us-central1", "T4", "on_demand", Decimal("0.3"), "2026-08-30", currency="EUR"
    )
    write_shelf(book.home, Shelf("gcp", "us-central1", "x", "2026-08-30T00:00:00Z", [t4]))
    n1 = {"provider": "gcp", "region": "us-central1", "instance_type": "n1-standard-8"}
    nothing = price(book, **n1, accelerators=gpus("Tesla T4", 1, 15_360))
    assert isinstance(nothing, NoPrice)
    assert "different currencies" in nothing.why


def test_gpus_that_belong_to_the_type_are_not_counted_twice(book):
    a2 = {"provider": "gcp", "region": "us-central1", "instance_type": "a2-highgpu-1g"}
    found = price(book, **a2, accelerators=gpus("NVIDIA A100-SXM4-40GB", 1, 40_960))
    assert found.amount == Decimal("3.673385")


def test_what_is_sold_by_the_piece_is_priced_by_its_pieces(book):
    crusoe = {"provider": "crusoe", "region": "us-east1", "instance_type": None}
    found = price(book, **crusoe, accelerators=gpus("NVIDIA H100 80GB HBM3", 8))
    assert found.amount == Decimal("31.2")


def test_tpus_are_priced_by_the_chip(book):
    tpu = {"provider": "gcp", "region": "us-east5", "zone": "us-east5-a"}
    assert price(book, **tpu, instance_type="v5p-8").amount == Decimal("16.8")
    assert price(book, **tpu, instance_type="ct5lp-hightpu-4t").amount == Decimal("4.8")
    assert isinstance(price(book, **tpu, instance_type="v5p-128"), NoPrice)
    chips = tuple(Accelerator(i, f"h:{i}", "TPU v5p", kind="tpu") for i in range(4))
    one_host = price(book, **tpu, instance_type="v5p-128", accelerators=chips)
    assert one_host.amount == Decimal("16.8")


def test_the_provider_is_found_from_the_instance_type(book):
    assert price(book, provider=None).amount == Decimal("55.04")
    nothing = price(book, provider=None, instance_type="p99.huge")
    assert isinstance(nothing, NoPrice)
    assert "nobody lists p99.huge" in nothing.why


def test_mig_slices_count_as_parts_unless_their_gpu_is_seen():
    def part(index, slices):
        name = "NVIDIA A100-SXM4-80GB MIG 3g.40gb"
        return Accelerator(
            index, f"MIG-{index}", name, parent_id="GPU-0", slices=slices, slices_of=7
        )

    assert count_devices([part(1, 3), part(2, 4)]) == {"A100-80GB": 1}
    whole = Accelerator(0, "GPU-0", "NVIDIA A100-SXM4-80GB")
    assert count_devices([whole, part(1, 3), part(2, 3)]) == {"A100-80GB": 1}


def test_a_damaged_refreshed_file_does_not_hide_the_shipped_price(book, caplog):
    folder = book.home / "prices" / "refreshed"
    folder.mkdir(parents=True)
    (folder / "aws.us-east-1.aws-bulk.json").write_text('{"prices": [{"name": "p5.48xlarge"')
    with caplog.at_level(logging.WARNING, "trainfare"):
        assert price(book).amount == Decimal("55.04")
    assert "aws.us-east-1.aws-bulk.json" in caplog.text


def test_damaged_overrides_are_loud(book):
    (book.home / "prices").mkdir()
    (book.home / "prices" / "overrides.json").write_text("{")
    with pytest.raises(BadInput, match=r"overrides\.json"):
        price(book)


@pytest.mark.parametrize("region", ["../../etc", "a*b", "[", "us-east-1\n", ""])
def test_a_strange_region_is_no_path(book, region):
    assert isinstance(price(book, region=region), NoPrice)


def test_search_finds_by_words_and_by_accelerator(book):
    found = book.find("h100 us-east-1")
    assert "aws/us-east-1/p5.48xlarge/on_demand" in {item.sku for item in found}
    assert [item.amount for item in found] == sorted(item.amount for item in found)
    assert {item.region for item in book.find("p5.48xlarge", option="on_demand")} >= {"us-east-1"}
    only = book.find("p5.48xlarge", provider="aws", region="us-east-1", option="spot")
    assert [item.option for item in only] == ["spot"]
    assert book.find("no such thing") == []


def test_an_old_price_says_so(book):
    assert price(book, NOW_NS).describe() == "$55.04/h (shipped, 2026-07-20, aging)"
    assert price(book, instant_of("2027-01-16")).quality == "stale"
