"""Resources, machines, reservations, tags and quantities of Google's rows."""

import json

import pytest

from billing.bills import read, write
from billing.gcp_bills import CORES, FEE, FORMS, MACHINE, SPEC, export, flat, lines

UNUSED = "compute.googleapis.com/is_unused_reservation"
RESERVED = "compute.googleapis.com/reservation_name"


def only_row(tmp_path, change):
    _, (row,) = read(write(tmp_path, lines(export(change)), "export.jsonl"))
    return row


def labels(**pairs):
    return [{"key": key, "value": value} for key, value in pairs.items()]


def tags_of(tmp_path, change):
    return json.loads(only_row(tmp_path, change)["Tags"] or "{}")


SYSTEM = {CORES: "12", SPEC: "a2-highgpu-1g"}


def test_the_global_name_is_the_resource(tmp_path):
    row = only_row(tmp_path, {})
    assert (row["ResourceId"], row["ResourceType"]) == (MACHINE, "instances")


def test_without_global_name_the_name_is_the_resource(tmp_path):
    row = only_row(tmp_path, {"resource": {"name": "node-1", "global_name": ""}})
    assert (row["ResourceId"], row["ResourceName"]) == ("node-1", "node-1")
    assert row["ResourceType"] is None


def test_labels_of_all_kinds_are_tags(tmp_path):
    change = {"tags": [{"key": "env", "value": "prod", "namespace": "1", "inherited": True}]}
    assert tags_of(tmp_path, change) == {**SYSTEM, "env": "prod", "run_id": "run-1", "team": "nlp"}


def test_the_nearest_of_two_values_counts_and_the_other_is_kept(tmp_path):
    change = {
        "labels": labels(team="vision"),
        "tags": labels(team="org", env="prod"),
        "project.labels": labels(team="nlp", env="test", cost="7"),
        "system_labels": [],
    }
    assert tags_of(tmp_path, change) == {
        "team": "vision",
        "tag:team": "org",
        "project:team": "nlp",
        "env": "prod",
        "project:env": "test",
        "cost": "7",
    }


def test_the_same_value_twice_is_one_tag(tmp_path):
    change = {"labels": labels(team="nlp"), "system_labels": []}
    assert tags_of(tmp_path, change) == {"team": "nlp"}


def test_a_label_without_value_is_true(tmp_path):
    change = {"labels": labels(spot=""), "system_labels": [], "project.labels": []}
    assert tags_of(tmp_path, change) == {"spot": True}


def test_no_labels_are_no_tags(tmp_path):
    gone = {"labels": [], "system_labels": [], "project": {"id": "p"}}
    assert only_row(tmp_path, gone)["Tags"] is None


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_tags(tmp_path, form):
    changes = [
        {},
        {"labels": labels(team="vision", spot="")},
        {"labels": [], "tags": labels(team="org"), "project.labels": []},
        {"labels": [], "system_labels": [], "project": None},
    ]
    _, rows = read(FORMS[form](tmp_path, export(*changes)))
    assert [json.loads(row["Tags"] or "{}") for row in rows] == [
        {**SYSTEM, "run_id": "run-1", "team": "nlp"},
        {**SYSTEM, "team": "vision", "spot": True, "project:team": "nlp"},
        {**SYSTEM, "team": "org"},
        {},
    ]


@pytest.mark.parametrize(
    ("text", "tags", "repair"),
    [
        ("[{'key': 'a', 'value': 'b'}]", {"a": "b"}, "python-literal"),
        ('{"a": "b"}', {"a": "b"}, None),
        ("a=b", {"x_text": "a=b"}, "not-json"),
        ('["a"]', {"x_text": '["a"]'}, "not-json"),
    ],
)
def test_labels_in_other_spellings_are_read_and_noted(tmp_path, text, tags, repair):
    rows = export({"labels": "SPOT", "system_labels": [], "project.labels": []})
    quoted = '"' + text.replace('"', '""') + '"'
    _, (row,) = read(write(tmp_path, flat(rows).replace("SPOT", quoted)))
    assert json.loads(row["Tags"]) == tags
    assert (f"Tags:{repair}" in (row["x_Repairs"] or "")) == (repair is not None)


def test_system_labels_tell_the_machine(tmp_path):
    assert only_row(tmp_path, {})["x_InstanceType"] == "a2-highgpu-1g"
    assert only_row(tmp_path, {"system_labels": []})["x_InstanceType"] is None


@pytest.mark.parametrize(
    ("pairs", "name", "status"),
    [
        ({}, None, None),
        ({UNUSED: "false"}, None, None),
        ({UNUSED: "true"}, None, "Unused"),
        ({RESERVED: "mine"}, "mine", "Used"),
        ({RESERVED: "mine", UNUSED: "True"}, "mine", "Unused"),
    ],
)
def test_system_labels_tell_the_reservation(tmp_path, pairs, name, status):
    row = only_row(tmp_path, {"system_labels": labels(**pairs)})
    assert (row["CapacityReservationId"], row["CapacityReservationStatus"]) == (name, status)


@pytest.mark.parametrize(
    ("usage", "consumed", "priced"),
    [
        (
            {
                "amount": 43200,
                "unit": "seconds",
                "amount_in_pricing_units": 12,
                "pricing_unit": "hour",
            },
            *(("12", "Hours"), ("12", "hour")),
        ),
        (
            {
                "amount": 231928233984000,
                "unit": "byte-seconds",
                "amount_in_pricing_units": 0.08333333,
                "pricing_unit": "gibibyte month",
            },
            *(("0.08333333", "gibibyte month"), ("0.08333333", "gibibyte month")),
        ),
        ({"amount": 7200, "unit": "seconds"}, ("7200", "seconds"), (None, None)),
        (None, (None, None), (None, None)),
    ],
)
def test_quantities_are_in_pricing_units_or_else_as_they_were_counted(
    tmp_path, usage, consumed, priced
):
    row = only_row(tmp_path, {"usage": usage})
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == consumed
    assert (row["PricingQuantity"], row["PricingUnit"]) == priced


def test_only_usage_is_consumed(tmp_path):
    row = only_row(tmp_path, FEE)
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (None, None)


def test_prices_are_kept_as_they_were_written(tmp_path):
    row = only_row(tmp_path, {"price": {"effective_price": "0.0316110", "list_price": 0.04}})
    assert (row["ContractedUnitPrice"], row["ListUnitPrice"]) == ("0.0316110", "0.04")


def test_what_no_sku_tells_is_told_by_the_type_of_the_resource(tmp_path):
    bucket = "//storage.googleapis.com/projects/_/buckets/data"
    change = {
        "service": {"id": "x", "description": "Lake"},
        "sku": {"id": "y", "description": "Bytes"},
        "resource": {"name": "data", "global_name": bucket},
    }
    assert only_row(tmp_path, change)["x_Component"] == "storage"
