"""Runs that were metered in October 2026, written as a meter records them, and rich little bills."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from trainfare.core.claim import Claim
from trainfare.core.machine import Machine
from trainfare.core.period import Interval
from trainfare.core.price import NoPrice, Price
from trainfare.metering.event import ARTIFACT, STAGE
from trainfare.metering.shelf import segment_folders
from trainfare.metering.spool import line_of
from trainfare.simulation.meter_record import write_segment

HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingAccountId,"
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ChargeClass,ServiceName,ServiceCategory,ServiceProviderName,ResourceId,ConsumedQuantity,"
    "ConsumedUnit,Tags,InvoiceIssuerName,RegionId,ServiceSubcategory,PricingCategory,"
    "CommitmentDiscountId,CommitmentDiscountStatus,SkuPriceDetails,SkuId,InvoiceId"
)


def instant(day, hour, month="10"):
    """Nanoseconds of an hour (decimals allowed) of a day in 2026."""
    moment = datetime(2026, int(month), day, tzinfo=UTC).timestamp()
    return round((Fraction(int(moment)) + Fraction(str(hour)) * 3600) * 10**9)


def ride(home, run, start, end, **words):
    """Meter *run* from *start* to *end* o'clock; the machine is a p4d at 10 an hour."""
    day, month = words.pop("day", 1), words.pop("month", "10")
    resource, share = words.pop("resource", "i-1"), words.pop("share", 1)
    price, attempt = words.pop("price", "10"), words.pop("attempt", 1)
    origin = words.pop("origin", "shipped")
    facts = {
        "provider": "aws",
        "region": "us-east-1",
        "instance_type": "p4d.24xlarge",
        "purchase_option": "on_demand",
        **words,
    }
    machine = Machine(resource, "node-1", **facts)
    sku = f"{machine.provider}/{machine.region}/{machine.instance_type}/{machine.purchase_option}"
    known = (
        NoPrice(sku, "nobody lists it")
        if price is None
        else Price(sku, Decimal(price), "h", source="a list", origin=origin)
    )
    interval = Interval(instant(day, start, month), instant(day, end, month))
    write_segment(home, Claim(run, attempt, resource, interval, Fraction(share)), machine, known)


def says(home, run, *artifacts, is_data=False):
    """Let the one segment of *run* record artifacts: (role, uri, day of October, hour, more)."""
    (folder,) = segment_folders(home, run)
    path = folder / "events.jsonl"
    first, rest = path.read_bytes().split(b"\n", 1)
    events = [{"k": STAGE, "t": 0, "stage": "data"}] if is_data else []
    for role, uri, day, hour, more in artifacts:
        told = {"role": role, "uri": uri, "w": instant(day, hour), "bytes": 0, **more}
        events.append({"k": ARTIFACT, "t": 0, **told})
    path.write_bytes(first + b"\n" + b"".join(map(line_of, events)) + rest)


def charge(resource="i-1", at=8, effective="10", **words):
    """One charge of an hour on 2026-10-*day*, as a row; words name columns."""
    day, month, hours = words.pop("day", 1), int(words.pop("month", "10")), words.pop("hours", 1)
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    start = datetime.fromtimestamp(instant(day, at, f"{month}") // 10**9, UTC)
    end = datetime.fromtimestamp(instant(day, at, f"{month}") // 10**9 + hours * 3600, UTC)
    row = {
        "BilledCost": effective,
        "EffectiveCost": effective,
        "ListCost": effective,
        "ContractedCost": effective,
        "BillingCurrency": "USD",
        "BillingAccountId": "acct-1",
        "BillingPeriodStart": f"2026-{month:02d}-01T00:00:00Z",
        "BillingPeriodEnd": f"2026-{month + 1:02d}-01T00:00:00Z",
        "ChargePeriodStart": start.strftime(stamp),
        "ChargePeriodEnd": end.strftime(stamp),
        "ChargeCategory": "Usage",
        "ServiceName": "Amazon EC2",
        "ServiceCategory": "Compute",
        "ServiceProviderName": "AWS",
        "ResourceId": resource,
        "ConsumedQuantity": "1",
        "ConsumedUnit": "Hours",
        "InvoiceIssuerName": "AWS",
        "RegionId": "us-east-1",
        "ServiceSubcategory": "Virtual Machines",
        "PricingCategory": "Standard",
        "SkuPriceDetails": '{"InstanceType": "p4d.24xlarge"}',
        "SkuId": "SKU1",
    }
    return row | words


def write_charges(path, *rows):
    """A FOCUS bill of *rows*."""
    lines = [HEADER]
    for row in rows:
        cells = [str(row.get(name, "")) for name in HEADER.split(",")]
        lines.append(
            ",".join('"' + c.replace('"', '""') + '"' if "," in c or '"' in c else c for c in cells)
        )
    path.write_text("\n".join(lines) + "\n")
    return path
