"""What the firmware says about a machine (DMI): who built it, and which cloud it belongs to.

Reading it needs no network and no rights, so it decides whose metadata service is worth asking.
On an AWS Nitro instance it even names the instance and its type.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_AZURE_CHASSIS = "7783-7084-3265-9085-8269-3286-77"
"""The chassis asset tag of every Azure virtual machine; plain Hyper-V has another."""
_ORACLE_CHASSIS = "OracleCloud.com"

_VIRTUAL = (
    r"(?i)QEMU|KVM|Xen|VMware|OpenStack|Red Hat|innotek|Parallels|Bochs|BHYVE|Nutanix|oVirt|Microsoft"
    r"|DigitalOcean|Hetzner|Alibaba|Tencent|Huawei|OVH|Scaleway|Vultr|Linode|UpCloud|Apple.*Virtual"
)
_INSTANCE_ID = r"i-[0-9a-f]{8,17}"
_INSTANCE_TYPE = r"[a-z][a-z0-9-]*\.[a-z0-9-]+"


class Board(NamedTuple):
    """The firmware's words; empty where it does not say or may not be read."""

    vendor: str = ""
    product: str = ""
    version: str = ""
    board_tag: str = ""
    chassis_tag: str = ""
    is_virtual: bool = False
    """Whether the CPU itself says that a hypervisor is under it (x86 only)."""

    @property
    def provider(self) -> str | None:
        """The cloud that this machine surely belongs to, if it is one whose service we can ask.

        >>> Board(vendor="Google", product="Google Compute Engine").provider
        'gcp'
        """
        if self.chassis_tag == _AZURE_CHASSIS:
            return "azure"
        if self.chassis_tag == _ORACLE_CHASSIS:
            return "oci"
        if self.vendor == "Google":
            return "gcp"
        # Instances from before Nitro (p2, p3) are Xen guests; only the version names Amazon.
        if self.vendor == "Amazon EC2" or (self.vendor == "Xen" and "amazon" in self.version):
            return "aws"
        return None

    @property
    def is_own_hardware(self) -> bool:
        """Whether this is clearly no cloud: the firmware names a maker, and no hypervisor shows.

        A laptop in a café's network must not send requests to an address that anybody there may
        answer.

        >>> Board(vendor="LENOVO", product="ThinkPad").is_own_hardware, Board().is_own_hardware
        (True, False)
        """
        named = bool(self.vendor) and self.provider is None
        return (
            named
            and not self.is_virtual
            and not re.search(_VIRTUAL, f"{self.vendor} {self.product}")
        )

    @property
    def instance_id(self) -> str | None:
        """The AWS instance id that Nitro writes on the board."""
        is_said = self.vendor == "Amazon EC2" and re.fullmatch(_INSTANCE_ID, self.board_tag)
        return self.board_tag if is_said else None

    @property
    def instance_type(self) -> str | None:
        """The AWS instance type that Nitro gives as the product's name."""
        is_said = self.vendor == "Amazon EC2" and re.fullmatch(_INSTANCE_TYPE, self.product)
        return self.product if is_said else None

    def __str__(self) -> str:
        return " ".join(part for part in (self.vendor, self.product) if part) or "unknown"


def read_board(root: Path = Path("/"), *, is_virtual: bool = False) -> Board:
    """The words of ``/sys/class/dmi/id`` under *root*; all empty where there is none (ARM, gVisor).

    Source: the Linux kernel's ABI documentation, sysfs-firmware-dmi; cloud-init's ds-identify.
    """
    folder = root / "sys/class/dmi/id"

    def word(name: str) -> str:
        try:
            return (folder / name).read_text("utf-8", "replace").strip()[:200]
        except OSError:
            return ""

    return Board(
        vendor=word("sys_vendor"),
        product=word("product_name"),
        version=word("product_version"),
        board_tag=word("board_asset_tag"),
        chassis_tag=word("chassis_asset_tag"),
        is_virtual=is_virtual,
    )
