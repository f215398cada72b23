"""Every charge has one component, decided by a table that users extend."""

import pyarrow as pa
import pytest

from trainfare.billing.arrow import text_of
from trainfare.billing.components import FIELDS, load_components
from trainfare.core.charge import COLUMNS, Component
from trainfare.core.errors import BadInput

TABLE = load_components()


def component(**values):
    columns = {name: text_of(pa.array([value])) for name, value in values.items()}
    return TABLE.of(columns, 1).to_pylist()[0]


def aws(service, usage_type, **more):
    return component(ServiceName=service, x_UsageType=usage_type, **more)


@pytest.mark.parametrize(
    ("service", "meter", "expected"),
    [
        ("AmazonEC2", "BoxUsage:p4d.24xlarge", "compute"),
        ("AmazonEC2", "USW2-SpotUsage:p5.48xlarge", "compute"),
        ("AmazonEC2", "EBS:VolumeUsage.gp3", "storage"),
        ("AmazonEC2", "USE2-EBS:SnapshotUsage", "storage"),
        ("AmazonEC2", "DataTransfer-Regional-Bytes", "network"),
        ("AmazonEC2", "USE1-USW2-AWS-Out-Bytes", "network"),
        ("AmazonEC2", "USE1-NatGateway-Hours", "network"),
        ("AmazonEC2", "SoftwareUsage:m5.xlarge", "other"),
        ("AmazonS3", "TimedStorage-ByteHrs", "storage"),
        ("AmazonS3", "USW2-Requests-Tier1", "storage"),
        ("AmazonS3", "CAN1-DataTransfer-Out-Bytes", "network"),
        ("AmazonSageMaker", "USE1-Train:ml.p4d.24xlarge", "compute"),
        ("AmazonSageMaker", "USE1-TrSpt:ml.g5.xlarge", "compute"),
        ("AmazonSageMaker", "USE1-Processing:ml.m5.xlarge", "data"),
        ("AWSGlue", "USW2-Catalog-Storage", "data"),
        ("ElasticMapReduce", "BoxUsage:m5.xlarge", "data"),
        ("AmazonFSx", "USE1-Lustre-Storage", "storage"),
        ("AmazonCloudWatch", "CAN1-TimedStorage-ByteHrs", "other"),
        ("AWSSupportBusiness", "Dollar", "other"),
        ("AmazonVPC", "USE1-PublicIPv4:InUseAddress", "network"),
        ("ComputeSavingsPlans", "ComputeSP:1yrNoUpfront", "compute"),
    ],
)
def test_aws_usage_types(service, meter, expected):
    assert aws(service, meter) == expected


@pytest.mark.parametrize(
    ("service", "meter", "expected"),
    [
        ("Virtual Machines", "ND96isr H100 v5 Spot", "compute"),
        ("Azure Machine Learning", "Standard", "compute"),
        ("Storage", "Hot LRS Data Stored", "storage"),
        ("Storage", "P10 Disks", "storage"),
        ("Storage", "Hot LRS Write Operations", "storage"),
        ("Virtual Network", "Intra-Region Ingress", "network"),
        ("Bandwidth", "Data Transfer Out - Free", "network"),
        ("Azure Data Factory v2", "Cloud Pipeline Activity", "data"),
        ("Azure Databricks", "Premium All-purpose Compute DBU", "data"),
        ("Event Hubs", "Standard Throughput Unit", "data"),
        ("Virtual Machine Licenses", "1 vCPU VM License", "other"),
        ("Compute Engine", "Nvidia Tesla A100 GPU running in Americas", "compute"),
        ("Compute Engine", "N1 Custom Ram", "compute"),
        ("Compute Engine", "Storage PD Capacity", "storage"),
        ("Compute Engine", "Network Internet Data Transfer Out from Americas", "network"),
        ("Compute Engine", "Licensing Fee for Debian 10 Buster (RAM cost)", "other"),
        ("Cloud Storage", "Standard Storage US Regional", "storage"),
        ("Cloud Dataflow", "vCPU Time Batch", "data"),
        ("BigQuery", "Analysis Slots", "data"),
        ("BigQuery", "Active Storage", "storage"),
        ("Vertex AI", "Custom training a2-highgpu", "compute"),
        ("Vertex AI", "Network Inter-region Egress", "network"),
    ],
)
def test_azure_and_google_meters(service, meter, expected):
    assert component(ServiceName=service, SkuMeter=meter) == expected


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("Compute", "compute"),
        ("AI and Machine Learning", "compute"),
        ("Storage", "storage"),
        ("Networking", "network"),
        ("Analytics", "data"),
        ("Databases", "data"),
        ("Security", "other"),
        ("Nothing known", "other"),
    ],
)
def test_an_unknown_service_follows_its_focus_category(category, expected):
    assert component(ServiceCategory=category, ServiceName="Unheard Of") == expected


def test_tax_is_other_whatever_it_taxes():
    assert aws("AmazonEC2", "BoxUsage:p5.48xlarge", ChargeCategory="Tax") == "other"


def test_each_row_is_decided_by_itself_and_null_matches_only_empty_patterns():
    columns = {
        "ServiceName": text_of(pa.array(["AmazonEC2", "AmazonEC2", None, "AmazonS3"])),
        "x_UsageType": text_of(pa.array(["BoxUsage", "EBS:VolumeUsage", None, None])),
    }
    assert TABLE.of(columns, 4).to_pylist() == ["compute", "storage", "other", "storage"]


def test_no_column_at_all_is_other():
    assert TABLE.of({}, 2).to_pylist() == ["other", "other"]


def test_descriptions_are_compared_without_their_digits():
    """Prices and ids in descriptions would make every row a combination of its own."""
    rows = [f"${n}.{n} per GB - data transfer out" for n in range(500)]
    table = load_components()
    assert set(table.of({"ChargeDescription": text_of(pa.array(rows))}, 500).to_pylist()) == {
        "network"
    }
    assert len(table._known) == 1


def test_the_users_table_goes_first(tmp_path):
    extra = tmp_path / "mine.csv"
    extra.write_text("component,service,why\ndata,^AmazonS3$,our buckets hold data sets\n")
    table = load_components(extra)
    columns = {"ServiceName": text_of(pa.array(["AmazonS3", "AmazonEC2"]))}
    assert table.of(columns, 2).to_pylist() == ["data", "compute"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("component,servise\ndata,x\n", "unknown: servise"),
        ("service\nx\n", "the header is not of component"),
        ("component,service\ngpu,x\n", "row 1: component 'gpu' is not one of compute"),
        ("component,service\ndata,(x\n", "row 1, service: '\\(x' is no pattern"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path, text, said):
    extra = tmp_path / "mine.csv"
    extra.write_text(text)
    with pytest.raises(BadInput, match=said):
        load_components(extra)


def test_a_table_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(BadInput, match="cannot read the component table"):
        load_components(tmp_path / "none.csv")


def test_the_table_looks_only_at_canonical_columns():
    assert {name for names in FIELDS.values() for name in names} <= set(COLUMNS)


def test_every_shipped_row_says_why():
    assert all(rule.why for rule in TABLE.rules)
    assert {rule.component for rule in TABLE.rules} == set(Component)
