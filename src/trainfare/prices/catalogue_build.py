"""Builds the shipped tables from a folder of collected facts: ``python -m trainfare.prices.catalogue_build FOLDER``.

FOLDER holds ``catalog.csv``, ``storage.csv``, ``network.csv``, ``gpu_specs.csv``,
``commitments.csv`` and ``spot_advisor_gpu.csv``. The same folder always gives the same bytes.

What stays out, and why: prices of no stated region (they would be another region's price);
commitment rates of 2023 (list prices fell by up to 44 % since); amounts of 0 or less and known
placeholders; spot prices that are no lower than on demand; request prices (no unit for them);
software defaults that are no price list. What a seller prices per accelerator is brought to one
accelerator: ``attached-H200x8`` at 74.49392 becomes ``H200`` at 9.31174, ``tpu-v5p-8192`` (4,096
chips) becomes ``tpu-v5p``.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.prices.guards import is_placeholder
from trainfare.prices.listing import exact_decimal
from trainfare.prices.shelf import TABLES
from trainfare.prices.source_notes import NOTES, note_of

Row = dict[str, str]

_SAME_DEVICE = {"H100-MEGA": "H100"}
"""GCP's name for H100 devices with more network; the device is the same."""

_SOLD_BY_THE_PIECE = {
    "H200 HGX 141GB (per GPU)": "H200",
    "H100 HGX 80GB (per GPU)": "H100",
    "A100 SXM 80GB (per GPU)": "A100-80GB",
    "A100 PCIe 80GB (per GPU)": "A100-80GB-PCIe",
    "A100 PCIe 40GB (per GPU)": "A100-PCIe",
    "L40S 48GB (per GPU)": "L40S",
    "A40 48GB (per GPU)": "A40",
    "MI300X 192GB (per GPU)": "MI300X",
}
"""Crusoe's lines → canonical accelerator; the machine is part of the price."""

_DRIVER_NAMES = {
    "P100": "Tesla P100-PCIE-16GB",
    "T4g": "NVIDIA T4G",
    "RTX-PRO-6000": "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    "tpu-v5p": "TPU v5p",
    "tpu-v6e": "TPU v6 lite|TPU v6e",
    "tpu-v5litepod": "TPU v5 lite",
    "H100": "NVIDIA H100 SXM5 80GB",
    "H100-PCIe": "NVIDIA H100 80GB HBM2e",
}
"""Drivers' names beside those in gpu_specs.csv."""

_TRAFFIC = {
    "internet_egress": "internet",
    "internet_egress_premium_to_worldwide": "internet",
    "internet_egress_premium_to_china": "internet_china",
    "internet_egress_premium_to_australia": "internet_australia",
    "inter_region": "inter_region",
    "inter_zone_each_direction": "inter_zone",
    "same_zone_private_ip": "same_zone",
    "s3_to_ec2_same_region": "storage_same_region",
    "ingress_from_internet": "ingress",
    "nat_gateway_processed": "nat",
    "nat_data_processed": "nat",
}
"""The source's kind of traffic → ours."""


@dataclass(slots=True)
class Build:
    """The tables as they come together, with what was read and what was left out, and why."""

    tables: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    read: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def build(folder: Path) -> Build:
    """Read all facts of *folder* and decide what is shipped.

    Raises:
        BadInput: a file is missing, or two figures that must agree do not.
    """
    result = Build()
    facts = {name: _read(folder / f"{name}.csv", result) for name in _FILES}
    _add_prices(facts["catalog"], result)
    _add_instances(facts["catalog"], result)
    _add_accelerators(facts["gpu_specs"], facts["catalog"], result)
    _add_storage(facts["storage"], result)
    _add_network(facts["network"], result)
    for row in facts["spot_advisor_gpu"]:
        source = note_of(row["source"]).id
        place = (row["region"], row["instance_type"], row["savings_pct"])
        advice = (*place, row["interruption_range"], row["as_of_date"], source)
        result.tables["spot_advice"].add(advice)
    for note in NOTES:
        words = (note.id, note.title, note.url, note.licence, note.confidence)
        result.tables["sources"].add(words)
    _cross_check(facts["commitments"], result)
    return result


_FILES = ("catalog", "storage", "network", "gpu_specs", "commitments", "spot_advisor_gpu")


def write(result: Build, folder: Path) -> int:
    """Write each table as ``<name>.csv.gz``; the number of bytes of all of them."""
    total = 0
    for table, columns in TABLES.items():
        rows = sorted(result.tables[table])
        text = "".join(",".join(row) + "\n" for row in [(columns,), *rows])
        packed = gzip.compress(text.encode(), 9, mtime=0)
        # Byte 9 names the operating system that compressed it, which is no part of the facts.
        packed = packed[:9] + b"\xff" + packed[10:]
        (folder / f"{table}.csv.gz").write_bytes(packed)
        total += len(packed)
    return total


def _read(path: Path, result: Build) -> list[Row]:
    if not path.is_file():
        raise BadInput(f"{path} is missing; give the folder that holds {', '.join(_FILES)} as .csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    result.read[path.stem] = len(rows)
    return rows


def _date(text: str) -> str:
    """The stated year, month or day, without marks of doubt: ``2025+`` is 2025."""
    match = re.match(r"\d{4}(-\d\d(-\d\d)?)?", text)
    if not match:
        raise BadInput(f"{text!r} is not a date")
    return match[0]


def _number(text: str) -> str:
    """Plain digits without useless zeros; nothing stays nothing."""
    if not text:
        return ""
    number = Decimal(text).normalize()
    return f"{number:f}"


def _add_prices(rows: Iterable[Row], result: Build) -> None:
    """Keep the newest price of each SKU that passes the guards."""
    on_demand: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        if row["purchase_option"] == "on_demand":
            key = (row["provider"], row["region"], row["instance_type"])
            on_demand[key] = Decimal(row["usd_per_hour"])
    newest: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        place = (row["provider"], row["region"], row["instance_type"])
        why = _objection(row, on_demand.get(place))
        if why:
            result.left_out[why] += 1
            continue
        name, pieces = _by_the_piece(row)
        usd = _number(str(exact_decimal(Fraction(row["usd_per_hour"]) / pieces)))
        high = re.search(r"max ([0-9.]+)\]", row["source"])
        dearest = _number(high[1]) if high and Decimal(high[1]) > Decimal(usd) else ""
        as_of = _date(row["as_of_date"])
        key4 = (row["provider"], row["region"], name, row["purchase_option"])
        cells = (usd, dearest, as_of, note_of(row["source"]).id)
        if key4 in newest and newest[key4] != cells:
            result.left_out[
                "an older price of the same SKU, or the same chip in a larger slice"
            ] += 1
        if key4 not in newest or as_of > newest[key4][2]:
            newest[key4] = cells
    result.tables["prices"].update((*key, *cells) for key, cells in newest.items())


def _objection(row: Row, on_demand: Decimal | None) -> str | None:
    """Why a row is not shipped, or None."""
    amount = Decimal(row["usd_per_hour"])
    if amount <= 0:
        return "not above 0"
    if is_placeholder(amount):
        return "a placeholder"
    if "?" in row["region"]:
        return "region not stated"
    if row["purchase_option"].startswith("commit") and row["as_of_date"] < "2024":
        return "commitment rate from before the price cuts of 2025"
    if row["purchase_option"] == "spot" and on_demand is not None and amount >= on_demand:
        return "spot no lower than on demand"
    return None


def _by_the_piece(row: Row) -> tuple[str, int]:
    """The name a price is shipped under, and the number of accelerators it covers."""
    name = row["instance_type"]
    if name.startswith(("attached-", "tpu-")):
        return row["accelerator_name"], int(row["accelerator_count"])
    return _SOLD_BY_THE_PIECE.get(name, name), 1


def _add_instances(rows: Iterable[Row], result: Build) -> None:
    """The specification that most rows of an instance type agree on."""
    votes: dict[tuple[str, str], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for row in rows:
        if "?" in row["region"]:
            continue
        name, pieces = _by_the_piece(row)
        device = _SAME_DEVICE.get(row["accelerator_name"], row["accelerator_name"])
        memory = _number(row["gpu_memory_gib"])
        if device == "A100" and memory == "80":
            device = "A100-80GB"
        sold, count = "machine", _number(row["accelerator_count"])
        if name != row["instance_type"]:
            sold = "attached" if row["instance_type"].startswith("attached-") else "piece"
            device, count = name, "1"
        assert pieces >= 1
        vcpus, gib = _number(row["vcpus"]), _number(row["memory_gib"])
        votes[row["provider"], name][vcpus, gib, device, count, memory, sold] += 1
    for key, ballot in votes.items():
        best = max(ballot, key=lambda cells: (ballot[cells], sum(map(bool, cells)), cells))
        result.tables["instances"].add((*key, *best))


def _add_accelerators(specs: Iterable[Row], rows: Iterable[Row], result: Build) -> None:
    """The specified models, and beside them the names that prices use, with their memory."""
    columns = ["tdp_w", "bf16_dense_tflops", "fp16_dense_tflops", "fp8_dense_tflops"]
    columns += ["memory_gb", "mem_bw_gb_s"]
    known = set()
    for row in specs:
        name = row["name"]
        known.add(name)
        aliases = "|".join(filter(None, [row["nvml_names"], _DRIVER_NAMES.get(name)]))
        figures = [_number(row[column]) for column in columns]
        words = [row[column].replace(",", ";") for column in ("source", "note")]
        cells = (name, aliases, *figures, row["compute_capability"], *words)
        result.tables["accelerators"].add(cells)
    memory: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        memory[row["accelerator_name"]][_number(row["gpu_memory_gib"])] += 1
    for name, sizes in memory.items():
        if name and name not in known and name not in _SAME_DEVICE:
            size = sizes.most_common(1)[0][0]
            known_by = (name, _DRIVER_NAMES.get(name, ""), "", "", "", "", size, "", "")
            result.tables["accelerators"].add((*known_by, "price lists", "no data sheet read"))


def _add_storage(rows: Iterable[Row], result: Build) -> None:
    for row in rows:
        if row["unit"] not in ("gb_month", "gb"):
            result.left_out["storage: priced per request"] += 1
        elif "unverified" in row["source"]:
            result.left_out["storage: the source itself doubts it"] += 1
        else:
            place = (row["provider"], row["region"], row["service"], row["tier"], row["unit"])
            cells = (_number(row["usd"]), _date(row["as_of_date"]), note_of(row["source"]).id)
            result.tables["storage"].add((*place, *cells))


def _add_network(rows: Iterable[Row], result: Build) -> None:
    for row in rows:
        if row["provider"].startswith("default"):
            result.left_out["network: a default of software, no price list"] += 1
        elif row["unit"] == "hour":
            result.left_out["network: priced per hour of a gateway"] += 1
        else:
            place = (row["provider"], row["region"], _TRAFFIC[row["kind"]])
            volumes = (_number(row["from_gb"]) or "0", _number(row["to_gb"]), _number(row["usd"]))
            cells = (_date(row["as_of_date"]), note_of(row["source"]).id)
            result.tables["network"].add((*place, *volumes, *cells))


def _cross_check(commitments: Iterable[Row], result: Build) -> None:
    """Hold the discounts measured elsewhere against the prices: the same source must agree.

    Raises:
        BadInput: a discount of GCP differs from its two prices by more than 0.1 %.
    """
    prices = {row[:4]: Decimal(row[4]) for row in result.tables["prices"]}
    plans = {"cud_1y": "commit_1y", "cud_3y": "commit_3y", "spot": "spot"}
    for row in commitments:
        place = (row["provider"], row["region"], row["instance_type"])
        option = plans.get(row["plan"])
        if option is None or row["provider"] != "gcp":
            result.left_out["discount ratio (prices are shipped, not averages)"] += 1
            continue
        full, reduced = prices[(*place, "on_demand")], prices[(*place, option)]
        stated = Decimal(row["discount_vs_on_demand"])
        if abs(1 - reduced / full - stated) > Decimal("0.001"):
            raise BadInput(
                f"{'/'.join(place)}: {option} at {reduced} is not {stated} below {full}; "
                "one of catalog.csv and commitments.csv is wrong"
            )


def main(arguments: list[str]) -> None:
    """Build from the folder that is the only argument, into the package's ``data/``."""
    if len(arguments) != 1:
        raise BadInput("give one folder: python -m trainfare.prices.catalogue_build FOLDER")
    result = build(Path(arguments[0]))
    target = Path(__file__).with_name("data")
    target.mkdir(exist_ok=True)
    size = write(result, target)
    lines = [f"read {count} rows of {name}" for name, count in result.read.items()]
    lines += [f"left out {count}: {why}" for why, count in result.left_out.items()]
    lines += [f"shipped {len(result.tables[table])} rows of {table}" for table in TABLES]
    sys.stdout.write("\n".join([*lines, f"{size:,} bytes in all"]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
