"""Products: what the simulated providers sell, in the words of their price lists."""

from __future__ import annotations

import hashlib
from functools import cache

from trainfare.core.charge import Component
from trainfare.core.errors import BadInput
from trainfare.simulation.fleet import MachineType
from trainfare.simulation.line import Product, Provider

EC2 = "Amazon Elastic Compute Cloud"
_COMPUTE, _STORAGE, _NETWORK = Component.COMPUTE, Component.STORAGE, Component.NETWORK


def _sku(provider: Provider, meter: str) -> str:
    """An id that the same meter always has, in the provider's form."""
    digits = hashlib.sha256(f"{provider}/{meter}".encode()).hexdigest()
    if provider is Provider.AZURE:
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
    if provider is Provider.GCP:
        return f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}".upper()
    return digits[:12].upper()


def _product(
    provider: Provider,
    component: Component,
    words: tuple[str, str, str],
    meter: str,
    unit: str,
    operation: str = "",
    machine: str = "",
    *,
    is_spot: bool = False,
) -> Product:
    """A product; *words* are its service, FOCUS category and the provider's code."""
    service, category, code = words
    return Product(
        provider, component, service, category, code, meter, _sku(provider, meter), unit,
        operation, machine, is_spot,
    )  # fmt: skip


_EC2 = (EC2, "Compute", "AmazonEC2")
_EBS = (EC2, "Storage", "AmazonEC2")
_EC2_NETWORK = (EC2, "Networking", "AmazonEC2")
_VPC = ("Amazon Virtual Private Cloud", "Networking", "AmazonVPC")
_SAGEMAKER = ("Amazon SageMaker", "AI and Machine Learning", "AmazonSageMaker")
_VM = ("Virtual Machines", "Compute", "Microsoft.Compute")
_GCE = ("Compute Engine", "Compute", "6F81-5844-456A")
_GPUS = ("GPU instances", "Compute", "gpu")


@cache
def machine_product(machine_type: MachineType, *, is_spot: bool = False) -> Product:
    """An hour of a machine of AWS, Azure or the small GPU cloud.

    Raises:
        BadInput: it is one of Google's, which sells cores, memory and GPUs.
    """
    name = machine_type.name
    if machine_type.provider is Provider.AWS:
        way = "SpotUsage" if is_spot else "BoxUsage"
        return _product(
            Provider.AWS, _COMPUTE, _EC2, f"{way}:{name}", "Hours",
            "RunInstances:SV001" if is_spot else "RunInstances", name, is_spot=is_spot,
        )  # fmt: skip
    if machine_type.provider is Provider.AZURE:
        bare = name.removeprefix("Standard_").replace("_", " ")
        series = f"{bare.split(' ')[0]} Series"
        return _product(Provider.AZURE, _COMPUTE, _VM, bare, "Hours", series, name)
    if machine_type.provider is Provider.RENTED:
        return _product(Provider.RENTED, _COMPUTE, _GPUS, name, "Hours", machine=name)
    raise BadInput(f"{name} is sold by its parts; ask for google_products")


@cache
def google_products(machine_type: MachineType) -> tuple[tuple[Product, int, int], ...]:
    """What an hour of a Google machine is billed as: product, units a second, share of the price.

    Shares are in percent and sum to 100.
    """
    series = machine_type.name.partition("-")[0].upper()
    gpu = {"h100": "Nvidia H100 80GB GPU", "a100": "Nvidia Tesla A100 GPU"}[machine_type.gpu]
    parts = (
        (f"{gpu} running in Americas", machine_type.gpus, 78),
        (f"{series} Instance Core running in Americas", machine_type.cpus, 14),
        (f"{series} Instance Ram running in Americas", machine_type.memory_gib, 8),
    )
    units = ("seconds", "seconds", "gibibyte-seconds")
    return tuple(
        (
            _product(Provider.GCP, _COMPUTE, _GCE, meter, unit, machine=machine_type.name),
            count,
            share,
        )
        for (meter, count, share), unit in zip(parts, units, strict=True)
    )


@cache
def managed_product(machine_type: MachineType, *, is_spot: bool) -> Product:
    """An hour of an instance of SageMaker training, on managed spot or not."""
    way = "TrSpt" if is_spot else "Train"
    meter = f"USE1-{way}:{machine_type.name}"
    return _product(
        Provider.AWS, _COMPUTE, _SAGEMAKER, meter, "Hours", "RunInstance", machine_type.name,
        is_spot=is_spot,
    )  # fmt: skip


DISKS = {
    Provider.AWS: _product(
        Provider.AWS, _STORAGE, _EBS, "EBS:VolumeUsage.gp3", "GB-Mo", "CreateVolume-Gp3"
    ),
    Provider.AZURE: _product(
        Provider.AZURE, _STORAGE, ("Storage", "Storage", "Microsoft.Compute"), "P40 LRS Disk",
        "Disk-Months", "Premium SSD Managed Disks",
    ),
    Provider.GCP: _product(
        Provider.GCP, _STORAGE, _GCE, "SSD backed PD Capacity", "gibibyte-month"
    ),
    Provider.RENTED: _product(
        Provider.RENTED, _STORAGE, ("Block storage", "Storage", "disk"), "nvme-volume", "GB-Mo"
    ),
}  # fmt: skip
"""A machine's disk."""

ADDRESSES = {
    Provider.AWS: _product(
        Provider.AWS, _NETWORK, _VPC, "USE1-PublicIPv4:InUseAddress", "Hours", "AllocateAddress"
    ),
    Provider.AZURE: _product(
        Provider.AZURE, _NETWORK, ("Virtual Network", "Networking", "Microsoft.Network"),
        "Standard IPv4 Static Public IP", "Hours", "IP Addresses",
    ),
}  # fmt: skip
"""A public address."""

EGRESS = {
    Provider.AWS: _product(
        Provider.AWS, _NETWORK, _EC2_NETWORK, "DataTransfer-Out-Bytes", "GB", "RunInstances"
    ),
    Provider.AZURE: _product(
        Provider.AZURE, _NETWORK, ("Bandwidth", "Networking", "Microsoft.Compute"),
        "Standard Data Transfer Out", "GB", "Rtn Preference: MGN",
    ),
    Provider.GCP: _product(
        Provider.GCP, _NETWORK, _GCE, "Network Internet Data Transfer Out from Americas", "gibibyte"
    ),
}  # fmt: skip
"""Bytes that a machine sent out."""

GATEWAY = _product(
    Provider.AWS, _NETWORK, _EC2_NETWORK, "NatGateway-Bytes", "GB", "NatGateway"
)  # fmt: skip

BUCKETS = {
    Provider.AWS: _product(
        Provider.AWS, _STORAGE, ("Amazon Simple Storage Service", "Storage", "AmazonS3"),
        "TimedStorage-ByteHrs", "GB-Mo", "StandardStorage",
    ),
    Provider.AZURE: _product(
        Provider.AZURE, _STORAGE, ("Storage", "Storage", "Microsoft.Storage"),
        "Hot LRS Data Stored", "GB-Months", "Tiered Block Blob",
    ),
    Provider.GCP: _product(
        Provider.GCP, _STORAGE, ("Cloud Storage", "Storage", "95FF-2EF5-5EA1"),
        "Standard Storage US Regional", "gibibyte-month",
    ),
    Provider.RENTED: _product(
        Provider.RENTED, _STORAGE, ("Object storage", "Storage", "object"), "object-store", "GB-Mo"
    ),
}  # fmt: skip
"""Where data sets lie that everybody reads."""

PREPARATION = _product(
    Provider.AWS, Component.DATA, ("AWS Glue", "Analytics", "AWSGlue"), "USE1-ETL-DPU-Hour",
    "DPU-Hours", "Jobrun",
)  # fmt: skip
PROCESSING = _product(
    Provider.AWS, Component.DATA, _SAGEMAKER, "USE1-Processing:ml.m5.4xlarge", "Hours",
    "RunInstance", "ml.m5.4xlarge",
)  # fmt: skip
LOGS = _product(
    Provider.AWS, Component.OTHER,
    ("AmazonCloudWatch", "Management and Governance", "AmazonCloudWatch"),
    "USE1-DataProcessing-Bytes", "GB", "PutLogEvents",
)  # fmt: skip
CONTROL_PLANE = _product(
    Provider.GCP, _COMPUTE, ("Kubernetes Engine", "Compute", "CCD8-9BF1-090E"),
    "Regional Kubernetes Clusters", "hour",
)  # fmt: skip
SUPPORT = _product(
    Provider.AWS, Component.OTHER, ("AWS Support (Business)", "Other", "AWSSupportBusiness"),
    "Dollar", "Dollar", "AWSSupportBusiness",
)  # fmt: skip


@cache
def tax_product(provider: Provider) -> Product:
    """Sales or value added tax on a bill."""
    service, code = {
        Provider.AWS: (EC2, "AmazonEC2"),
        Provider.GCP: ("Invoice", "1D95-C8C5-BF5A"),
        Provider.RENTED: ("Tax", "vat"),
    }[provider]
    return _product(provider, Component.OTHER, (service, "Other", code), "Tax", "")
