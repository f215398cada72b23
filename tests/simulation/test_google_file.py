"""Google's export: cost and credits together are what was billed."""

import gzip
import json
from collections import Counter

import pytest

from simulation.worlds import delivery_of, nano, world_of
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.commitment import GOOGLE_COMMITMENT, GOOGLE_HOUR_NANO
from trainfare.simulation.fault import Faults
from trainfare.simulation.google_file import write_google
from trainfare.simulation.line import Provider


def records(path):
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    return [json.loads(line) for line in text.decode().splitlines()]


def credit_of(record):
    return sum(nano(each["amount"]) for each in record["credits"])


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz"])
def test_cost_and_credits_are_what_was_billed(form, tmp_path):
    delivery = delivery_of(Provider.GCP)
    found = records(write_google(delivery, tmp_path, form=form))
    assert len(found) == len(delivery.lines)
    net = sum(nano(record["cost"]) + credit_of(record) for record in found)
    assert net == delivery.total(View.BILLED) == delivery.total(View.EFFECTIVE)
    assert sum(nano(r["cost_at_list"]) for r in found) == delivery.total(View.LIST)


def test_a_machine_is_gpus_cores_and_memory_of_one_resource(tmp_path):
    found = records(write_google(delivery_of(Provider.GCP), tmp_path))
    skus = Counter()
    for record in found:
        if record["system_labels"]:
            key = (record["resource"]["global_name"], record["usage_start_time"])
            skus[key] += 1
    assert skus
    assert set(skus.values()) == {3}


def test_credits_take_off_and_name_their_kind(tmp_path):
    found = records(write_google(delivery_of(Provider.GCP), tmp_path))
    kinds = Counter(each["type"] for record in found for each in record["credits"])
    assert set(kinds) == {"SUSTAINED_USAGE_DISCOUNT", "FEE_UTILIZATION_OFFSET"}
    assert all(nano(e["amount"]) < 0 for record in found for e in record["credits"])


def test_an_hours_fee_less_its_use_and_what_it_covers_is_the_commitment():
    hours = Counter()
    for line in delivery_of(Provider.GCP).lines:
        if line.commitment == GOOGLE_COMMITMENT:
            hours[line.interval.start_ns // (3600 * 10**9)] += line.effective_nano
    assert set(hours.values()) == {GOOGLE_HOUR_NANO}
    assert len(hours) == 72


def test_a_correction_says_so_and_is_invoiced_later(tmp_path):
    world = world_of(7, Faults(late_corrections=1.0), days=3)
    late = next(d for d in world.final if d.provider is Provider.GCP and d.period != world.period)
    found = records(write_google(late, tmp_path))
    assert found
    for record in found:
        assert record["adjustment_info"]["type"] == "USAGE_CORRECTION"
        assert record["invoice"]["month"] == "202611"
        assert record["usage_start_time"].startswith("2026-10-0")
        assert nano(record["cost"]) + credit_of(record) < 0


def test_only_google_has_such_exports(tmp_path):
    with pytest.raises(BadInput, match="azure-2026-10-1 is not a bill of Google's"):
        write_google(delivery_of(Provider.AZURE), tmp_path)
