"""Formats are told by their headers, and an unknown one is told what it is nearest to."""

import csv
import gzip
import json

import pytest

from billing.bills import CHARGE, sample
from trainfare.billing.detect import detect, focus_version
from trainfare.core.errors import BadInput


def header(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("focus/focus_1.0_sample_1000.csv", "focus-1.0"),
        ("focus/spec_examples/saas_spend_agreements_a1.csv", "focus-1.1"),
        ("focus/spec_examples/virtual_currency_pricing_model_a1.csv", "focus-1.2"),
        ("aws/cur1_anonymous.csv", "aws-cur-legacy"),
        ("nise/aws/September-2026-None.csv.gz", "aws-cur-legacy"),
        ("nise/aws/aws_p4d_savingsplan_static.csv", "aws-cur-legacy"),
        ("gcp/synth_sample_billing_data.csv", "gcp-detailed"),
        ("nise/gcp-resource/gcp_gcp-resource_202609.csv", "gcp-detailed"),
    ],
)
def test_samples_are_recognised(name, expected):
    path = sample(name)
    assert detect(header(path), path.name) == expected


def test_azure_samples_are_of_the_azure_family():
    for name in ("azure/ea_anonymous.csv", "nise/azure"):
        path = sample(name)
        path = path if path.is_file() else next(path.glob("*.csv"))
        assert detect(header(path), path.name).startswith("azure-")


def test_google_json_is_recognised():
    first = json.JSONDecoder().raw_decode(sample("gcp/cud_tests/test_1_1/export.json").read_text())
    assert detect(list(first[0]), "export.json") == "gcp-detailed"


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_the_columns_of_each_focus_version_name_it(version):
    told = json.loads(sample("focus_columns.json").read_text())["columns"]
    columns = [
        each["column"]
        for each in told
        if each["dataset"] == "CostAndUsage" and each["version"] == version
    ]
    assert len(columns) == {"1.0": 43, "1.1": 50, "1.2": 57, "1.3": 65, "1.4": 65}[version]
    assert detect(columns, "x.csv") == f"focus-{version}"


def test_azures_focus_export_is_told_from_others():
    told = json.loads(sample("azure/schema_focuscost_1.2.json").read_text())
    columns = [each["sink"]["name"] for each in told["translator"]["mappings"]]
    assert detect(columns, "part_0.csv") == "azure-focus"


def test_actual_and_amortised_are_told_by_their_names():
    told = json.loads(sample("azure/schema_amortizedcost_c360-2025-04.json").read_text())
    columns = [each["sink"]["name"] for each in told["translator"]["mappings"]]
    assert detect(columns, "part_0.csv", "AmortizedCost") == "azure-amortized"
    assert detect(columns, "amortized-october.csv") == "azure-amortized"
    assert detect(columns, "part_0.csv", "ActualCost") == "azure-actual"


def test_case_does_not_matter():
    assert detect([name.upper() for name in CHARGE], "x.csv") == "focus-1.0"


def test_the_nearest_format_is_named_with_what_it_lacks():
    columns = [name for name in CHARGE if name not in {"EffectiveCost", "ChargeCategory"}]
    with pytest.raises(BadInput) as caught:
        detect(columns, "x.csv")
    assert str(caught.value).startswith(
        "x.csv: the header is nearest to focus, but has no column EffectiveCost, ChargeCategory;"
    )


def test_a_foreign_header_is_pointed_to_a_mapping():
    with pytest.raises(BadInput, match=r"of no known bill format; .* mapping file"):
        detect(["when", "who", "how much"], "x.csv")


def test_without_columns_a_file_is_focus_1_0():
    assert focus_version(set()) == "1.0"


@pytest.mark.parametrize(
    "first",
    [
        ["JobID|JobName|State|AllocTRES"],
        ["JobID           JobName  Partition"],
        ["meta", "errors", "jobs"],
        ["12_4|12|slurm|billing=8", "cpu=8", "gres/gpu=1|node01|train"],
    ],
)
def test_what_sacct_prints_is_sent_to_the_claims(first):
    with pytest.raises(BadInput, match=r"jobs\.txt looks like .*; run trainfare claims import"):
        detect(first, "jobs.txt")


def test_what_may_be_no_bill_at_all_is_asked_whether_it_is():
    with pytest.raises(
        BadInput, match=r"of no known bill format; is this a bill\? If so, .*mapping"
    ):
        detect(["# Trainfare"], "README.md")
