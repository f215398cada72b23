"""Metadata services: good answers are understood, all others are a reason within the bound."""

import time

import pytest

from metering import clouds
from metering.loopback import behaving, drip, flood, hang, says, serving
from trainfare.metering.metadata import LINK_LOCAL, base_url, find_cloud_facts

ALL = ("aws", "gcp", "azure", "oci")


def found_in(routes, providers=ALL):
    """What is found; a generous bound, since this is about understanding and not about time."""
    with serving(routes) as service:
        inquiry = find_cloud_facts(providers, base=service.url, bound_s=5)
    assert inquiry.found is not None, inquiry.failures
    return inquiry.found


def failures_in(routes, providers=ALL):
    with serving(routes) as service:
        inquiry = find_cloud_facts(providers, base=service.url, bound_s=5)
    assert inquiry.found is None
    return inquiry.failures


def test_aws_is_understood_from_its_identity_document():
    facts = found_in(clouds.aws())
    assert facts.provider == "aws"
    assert facts.source == "aws-imds-v2"
    assert facts.resource_id == "i-0123456789abcdef0"
    assert facts.instance_type == "p5.48xlarge"
    assert (facts.region, facts.zone) == ("us-east-1", "us-east-1b")
    assert facts.purchase_option == "on_demand"
    assert facts.account == "123456789012"


@pytest.mark.parametrize(
    ("life_cycle", "option"),
    [
        ("spot", "spot"),
        ("scheduled", "reserved"),
        ("capacity-block", "capacity_block"),
        ("something-new", None),
        (None, None),
    ],
)
def test_an_aws_life_cycle_is_a_purchase_option_or_unknown(life_cycle, option):
    assert found_in(clouds.aws(life_cycle)).purchase_option == option


def test_aws_is_asked_for_a_token_first_and_for_a_short_one():
    with serving(clouds.aws()) as service:
        assert find_cloud_facts(("aws",), base=service.url, bound_s=5).found
        method, path, headers = service.requests[0]
    assert (method, path) == ("PUT", "/latest/api/token")
    assert 1 <= int(headers["x-aws-ec2-metadata-token-ttl-seconds"]) <= 300
    assert "x-forwarded-for" not in headers


@pytest.mark.parametrize("token", [(403, "no"), (404, ""), (200, "<html>log in</html>\r\nX: y")])
def test_without_a_token_version_1_answers_where_it_is_allowed(token):
    facts = found_in(clouds.aws(token=token, version_1=True))
    assert facts.source == "aws-imds-v1"
    assert facts.resource_id == "i-0123456789abcdef0"


def test_without_a_token_and_with_version_1_off_aws_is_unknown_and_says_why():
    why = failures_in(clouds.aws(token=(403, "no")), ("aws",))
    assert why == {"aws": "token: answered 403; without it: answered 401"}


def test_a_token_that_never_comes_leaves_time_for_version_1():
    """The hop limit of 1: a container's token request vanishes, version 1 still answers."""

    def vanish(connection, over):
        request = connection.recv(65536).decode()
        if request.startswith("PUT"):
            over.wait(10)
        else:
            body = '{"instanceId": "i-0123456789abcdef0", "region": "eu-west-1"}'
            connection.sendall(f"HTTP/1.1 200 OK\r\n\r\n{body}".encode())

    with behaving(vanish) as base:
        found = find_cloud_facts(("aws",), base=base, bound_s=1).found
    assert found is not None
    assert (found.source, found.region, found.instance_type) == ("aws-imds-v1", "eu-west-1", None)


@pytest.mark.parametrize(
    "document",
    [
        {"instanceId": "<html>"},
        {"instanceId": "i-0000abcd; rm -rf"},
        {"instanceId": None},
        {"instanceId": 7},
        {"region": "Welcome to the airport"},
        {"region": ["us-east-1"]},
    ],
)
def test_an_aws_document_without_a_real_id_and_region_is_no_answer(document):
    assert "without a valid" in failures_in(clouds.aws(document=document), ("aws",))["aws"]


def test_gcp_is_understood_value_by_value_and_its_attributes_are_left_alone():
    with serving(clouds.gcp(model="STANDARD")) as service:
        facts = find_cloud_facts(("gcp",), base=service.url, bound_s=5).found
        paths = service.paths()
    assert facts is not None
    assert facts.provider == "gcp"
    assert facts.resource_id == (
        "//compute.googleapis.com/projects/trainers-prod/zones/us-central1-a"
        "/instances/5477418834823412345"
    )
    assert facts.instance_type == "a3-highgpu-8g"
    assert (facts.region, facts.zone) == ("us-central1", "us-central1-a")
    assert facts.account == "trainers-prod"
    assert facts.purchase_option == "on_demand"
    assert not any("recursive" in path for path in paths)


@pytest.mark.parametrize(
    ("preemptible", "model", "option"),
    [
        ("TRUE", None, "spot"),
        ("TRUE", "SPOT", "spot"),
        ("FALSE", None, "on_demand"),
        ("FALSE", "STANDARD", "on_demand"),
        ("FALSE", "RESERVATION_BOUND", "reserved"),
        ("FALSE", "FLEX_START", None),
        ("perhaps", None, None),
    ],
)
def test_gcp_scheduling_is_a_purchase_option_or_unknown(preemptible, model, option):
    assert found_in(clouds.gcp(preemptible, model)).purchase_option == option


def test_a_tpu_vm_names_its_slice():
    facts = found_in(clouds.gcp(**{"instance/attributes/accelerator-type": "v5litepod-8"}))
    assert facts.details["accelerator_type"] == "v5litepod-8"


def test_gcp_without_zone_and_project_keeps_the_number():
    routes = clouds.gcp(**{"instance/zone": None, "project/project-id": None})
    facts = found_in(routes)
    assert (facts.resource_id, facts.region) == ("5477418834823412345", None)


def test_a_server_that_does_not_say_google_is_not_google():
    routes = {("GET", "/computeMetadata/v1/instance/id"): (200, "5477418834823412345")}
    assert "Metadata-Flavor" in failures_in(routes, ("gcp",))["gcp"]


def test_azure_is_understood_and_its_ids_are_lower_case():
    with serving(clouds.azure()) as service:
        facts = find_cloud_facts(("azure",), base=service.url, bound_s=5).found
        path = service.paths()[0]
    assert facts is not None
    assert facts.resource_id == (
        "/subscriptions/8d10da13-8125-4ba9-a717-bf7490507b3d/resourcegroups/ml"
        "/providers/microsoft.compute/virtualmachines/trainer-1"
    )
    assert facts.instance_type == "Standard_ND96isr_H100_v5"
    assert (facts.region, facts.zone) == ("eastus", "2")
    assert facts.purchase_option == "on_demand"
    assert facts.details["instance_id"] == "13f56399-bd52-4150-9748-7190aae1ff21"
    assert "scale_set" not in facts.details
    assert "api-version=2020-12-01" in path


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"priority": "Spot", "evictionPolicy": "Deallocate"}, "spot"),
        ({"priority": "Low"}, "spot"),
        ({"priority": "", "evictionPolicy": "Delete"}, "spot"),
        ({"priority": "Regular"}, "on_demand"),
    ],
)
def test_azure_priority_is_a_purchase_option(changes, option):
    assert found_in(clouds.azure(**changes)).purchase_option == option


def test_azure_without_a_resource_id_keeps_the_machine_id():
    assert found_in(clouds.azure(resourceId="")).resource_id.startswith("13f56399-")


@pytest.mark.parametrize("changes", [{"vmId": "1"}, {"location": None}, {"vmId": {"a": 1}}])
def test_an_azure_document_without_a_real_id_and_location_is_no_answer(changes):
    assert "without a valid" in failures_in(clouds.azure(**changes), ("azure",))["azure"]


def test_oracle_is_understood():
    facts = found_in(clouds.oci())
    assert (facts.provider, facts.instance_type) == ("oci", "BM.GPU.H100.8")
    assert facts.region == "us-ashburn-1"
    assert facts.purchase_option is None


@pytest.mark.parametrize(
    ("routes", "provider"),
    [
        (clouds.aws(), "aws"),
        (clouds.gcp(), "gcp"),
        (clouds.azure(), "azure"),
        (clouds.oci(), "oci"),
    ],
)
def test_among_all_providers_the_one_that_is_there_is_found(routes, provider):
    assert found_in(routes).provider == provider


PORTAL = (200, "<html><title>Free WiFi</title>Accept the terms to go on</html>")


def test_a_captive_portal_is_no_cloud():
    paths = [
        ("PUT", "/latest/api/token"),
        ("GET", "/latest/dynamic/instance-identity/document"),
        ("GET", "/computeMetadata/v1/instance/id"),
        ("GET", "/metadata/instance/compute"),
        ("GET", "/opc/v2/instance/"),
    ]
    failures = failures_in(dict.fromkeys(paths, PORTAL))
    assert failures.keys() == set(ALL)
    assert "not JSON" in failures["azure"]


def test_an_openstack_that_imitates_ec2_is_not_aws():
    routes = {
        ("GET", "/latest/meta-data/instance-id"): (200, "i-0000abcd"),
        ("GET", "/latest/meta-data/instance-type"): (200, "m1.large"),
    }
    assert failures_in(routes, ("aws",))["aws"].endswith("answered 404")


@pytest.mark.parametrize("body", ["[]", "null", "3", '{"a": ', "[" * 100_000, '{"vmId": NaN}'])
def test_json_of_another_shape_is_no_answer(body):
    routes = {
        ("GET", "/metadata/instance/compute"): (200, body),
        ("GET", "/opc/v2/instance/"): (200, body),
    }
    failures = failures_in(routes, ("azure", "oci"))
    assert all(why.startswith("answered") for why in failures.values())


def test_redirects_lead_nowhere():
    routes = {
        ("GET", "/metadata/instance/compute"): (307, "", {"Location": "/real"}),
        ("GET", "/real"): (200, "{}"),
    }
    assert failures_in(routes, ("azure",)) == {"azure": "answered 307"}


@pytest.mark.parametrize(
    "behave", [hang, drip, flood, says(b"\x00\xff garbage")], ids=["hang", "drip", "flood", "noise"]
)
def test_a_misbehaving_service_costs_no_more_than_the_bound(behave):
    with behaving(behave) as base:
        began_s = time.monotonic()
        inquiry = find_cloud_facts(base=base)
        took_s = time.monotonic() - began_s
    assert inquiry.found is None
    assert inquiry.failures.keys() == set(ALL)
    assert took_s < 2


def test_one_hanging_provider_does_not_delay_the_one_that_answers():
    routes = clouds.gcp()

    def only_google(connection, over):
        path = connection.recv(65536).decode().split()[1]
        if not path.startswith("/computeMetadata/"):
            over.wait(10)
            return
        route = routes.get(("GET", path))
        status, body = route({"metadata-flavor": "Google"})[:2] if route else (404, "")
        head = f"HTTP/1.1 {status} -\r\nMetadata-Flavor: Google\r\n\r\n"
        connection.sendall((head + body).encode())

    with behaving(only_google) as base:
        began_s = time.monotonic()
        found = find_cloud_facts(base=base, bound_s=5).found
        took_s = time.monotonic() - began_s
    assert found is not None
    assert found.provider == "gcp"
    assert took_s < 4


def test_nobody_there_is_a_reason_for_each():
    with serving({}) as service:
        base = service.url
    failures = find_cloud_facts(base=base, bound_s=5).failures
    assert set(failures) == set(ALL)
    assert all("refused" in why for why in failures.values())


@pytest.mark.parametrize("base", ["nonsense", "https://127.0.0.1:1", "http://", ""])
def test_an_address_that_is_none_is_a_reason_and_no_error(base):
    assert find_cloud_facts(("gcp",), base=base, bound_s=5).found is None


def test_when_no_thread_can_start_nothing_is_known_and_nothing_raised(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    failures = find_cloud_facts(("aws", "gcp")).failures
    assert set(failures.values()) == {"no thread could be started to ask"}


@pytest.mark.parametrize(
    ("env", "base"),
    [
        ({}, LINK_LOCAL),
        ({"TRAINFARE_METADATA": "off"}, None),
        ({"TRAINFARE_METADATA": " OFF "}, None),
        ({"TRAINFARE_METADATA": "on"}, LINK_LOCAL),
        ({"TRAINFARE_METADATA_URL": "http://127.0.0.1:99/"}, "http://127.0.0.1:99"),
        ({"TRAINFARE_METADATA_URL": "http://x", "TRAINFARE_METADATA": "off"}, None),
    ],
)
def test_the_environment_says_where_to_ask(env, base):
    assert base_url(env) == base
