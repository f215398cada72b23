"""What a line item is about: its resource, machine, service, job and reservation."""

import pytest

from billing.aws_bills import cur2, legacy, lines
from billing.bills import read, write

ARN = "arn:aws:sagemaker:us-east-1:444455556666:{}"


def one(tmp_path, **change):
    _, (row,) = read(write(tmp_path, legacy(lines(change))))
    return row


@pytest.mark.parametrize(
    ("resource", "kind", "name"),
    [
        (ARN.format("training-job/nightly"), "training-job", "nightly"),
        ("arn:aws:eks:us-east-1:1:pod/prod/ml/train-0/u", "pod", "prod/ml/train-0/u"),
        ("arn:aws:lambda:us-east-1:1:function:prepare", "function", "prepare"),
        ("arn:aws:sns:us-east-1:1:topic", None, None),
        ("arn:aws:s3:::datasets", None, None),
        ("i-0123456789abcdef0", "instance", None),
        ("vol-0123456789abcdef0", "volume", None),
        ("nat-0123456789abcdef0", "natgateway", None),
        ("datasets-acme", None, None),
        ("my-bucket-0123456789", None, None),
        ("", None, None),
    ],
)
def test_a_resource_keeps_its_id_and_its_kind_is_read_from_it(tmp_path, resource, kind, name):
    row = one(tmp_path, line_item_resource_id=resource)
    assert (row["ResourceId"] or "") == resource
    assert (row["ResourceType"], row["ResourceName"]) == (kind, name)


@pytest.mark.parametrize(
    ("usage_type", "component", "pricing"),
    [
        ("USE1-Train:ml.p4d.24xlarge", "compute", "Standard"),
        ("USE1-TrSpt:ml.p4d.24xlarge", "compute", "Dynamic"),
        ("USE1-Processing:ml.m5.4xlarge", "data", "Standard"),
        ("USE1-Train:VolumeUsage.gp2", "storage", "Standard"),
        ("USE1-Host:ml.g5.xlarge", "compute", "Standard"),
    ],
)
def test_a_managed_job_is_training_or_data(tmp_path, usage_type, component, pricing):
    row = one(
        tmp_path,
        line_item_product_code="AmazonSageMaker",
        product_product_name="Amazon SageMaker",
        line_item_operation="RunInstance",
        line_item_usage_type=usage_type,
        line_item_resource_id=ARN.format("training-job/nightly"),
        line_item_line_item_description="",
    )
    assert (row["x_Component"], row["PricingCategory"]) == (component, pricing)
    assert row["ServiceCategory"] == "AI and Machine Learning"


@pytest.mark.parametrize(
    ("told", "usage_type", "description", "found"),
    [
        ("g5.xlarge", "USE1-BoxUsage:g5.xlarge", "", "g5.xlarge"),
        ("", "BoxUsage:p4d.24xlarge", "", "p4d.24xlarge"),
        ("", "USW2-SpotUsage", "p5.48xlarge Linux/UNIX Spot Instance-hour", "p5.48xlarge"),
        ("", "USE1-Train:ml.p4d.24xlarge", "", "ml.p4d.24xlarge"),
        ("", "USE1-BoxUsage", "p5.48xlarge for everybody", None),
        ("", "EBS:VolumeUsage.gp3", "$0.08 per GB-month", None),
        ("", "USE1-DataTransfer-Out-Bytes", "$0.09 per GB", None),
    ],
)
def test_the_machine_is_told_or_read_from_usage_type_or_spot_description(
    tmp_path, told, usage_type, description, found
):
    row = one(
        tmp_path,
        product_instance_type=told,
        line_item_usage_type=usage_type,
        line_item_line_item_description=description,
    )
    assert row["x_InstanceType"] == found


def test_only_a_spot_row_is_described_by_its_machine(tmp_path):
    bare = {"product_instance_type": "", "line_item_line_item_description": "p5.48xlarge for all"}
    usage_types = ("SpotUsage", "BoxUsage")
    items = lines(*({**bare, "line_item_usage_type": name} for name in usage_types))
    _, rows = read(write(tmp_path, cur2(items)))
    assert [row["x_InstanceType"] for row in rows] == ["p5.48xlarge", None]


def test_spot_is_dynamic_by_usage_type_or_term(tmp_path):
    items = lines(
        {"line_item_usage_type": "SpotUsage:g5.xlarge"},
        {"line_item_usage_type": "EUC1-SpotUsage-Fargate-vCPU-Hours:perCPU"},
        {"pricing_term": "Spot"},
        {"pricing_term": "OnDemand"},
        {"pricing_term": "Spot", "line_item_line_item_type": "EdpDiscount"},
    )
    _, rows = read(write(tmp_path, cur2(items)))
    found = [row["PricingCategory"] for row in rows]
    assert found == ["Dynamic", "Dynamic", "Dynamic", "Standard", "Other"]


def test_reserved_machines_that_nobody_ran_are_unused(tmp_path):
    arn = "arn:aws:ec2:us-east-1:444455556666:capacity-reservation/cr-0123456789abcdef0"
    row = one(
        tmp_path, line_item_usage_type="USE1-UnusedBox:p5.48xlarge", line_item_resource_id=arn
    )
    assert (row["CapacityReservationId"], row["CapacityReservationStatus"]) == (arn, "Unused")
    item = {
        "capacity_reservation_capacity_reservation_arn": arn,
        "capacity_reservation_capacity_reservation_status": "USED",
    }
    _, (row,) = read(write(tmp_path, cur2(lines(item))))
    assert (row["CapacityReservationId"], row["CapacityReservationStatus"]) == (arn, "Used")
    assert one(tmp_path)["CapacityReservationStatus"] is None


def test_a_service_goes_by_its_name_else_by_its_code(tmp_path):
    assert one(tmp_path)["ServiceName"] == "Amazon Elastic Compute Cloud"
    row = one(tmp_path, product_product_name="", line_item_product_code="AmazonFSx")
    assert (row["ServiceName"], row["ServiceCategory"]) == ("AmazonFSx", "Storage")
    row = one(
        tmp_path, product_product_name="", line_item_product_code="5hnnev4d0v7mapf09j0v8of0o2"
    )
    assert row["ServiceCategory"] is None


def test_the_region_is_taken_from_the_map_where_it_has_no_column(tmp_path):
    text = cur2(lines({})).replace("product_region_code", "product_unknown")
    text = text.replace('{""product_name""', '{""region"": ""eu-west-1"", ""product_name""')
    _, (row,) = read(write(tmp_path, text))
    assert row["RegionId"] == "eu-west-1"
