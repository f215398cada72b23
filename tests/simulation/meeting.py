"""Where writing and reading meet: a world's files, imported and allocated by the product."""

from __future__ import annotations

from pathlib import Path

from trainfare.allocation.by_hand import allocate_by_hand
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.rules import load_rules
from trainfare.billing.bill import read_bill
from trainfare.core.charge import Component, View
from trainfare.simulation.attribution import AllocatedRow
from trainfare.simulation.azure_file import write_azure
from trainfare.simulation.cur_file import write_cur
from trainfare.simulation.focus_file import VERSIONS, write_azure_focus, write_focus
from trainfare.simulation.google_file import write_google
from trainfare.simulation.invoice_file import write_invoice
from trainfare.simulation.line import Provider

FORMATS = [
    *(
        (provider, f"focus-{version}-{form}")
        for provider in Provider
        for version in VERSIONS
        for form in ("csv", "parquet")
    ),
    (Provider.AWS, "legacy-csv.gz"),
    (Provider.AWS, "2.0-csv"),
    (Provider.AWS, "2.0-parquet"),
    (Provider.AZURE, "exports"),
    (Provider.AZURE, "azure-focus"),
    (Provider.GCP, "detailed"),
    (Provider.RENTED, "invoice"),
]
"""Every provider and format that the simulation writes."""

NATIVE = {
    Provider.AWS: "2.0-csv",
    Provider.AZURE: "exports",
    Provider.GCP: "detailed",
    Provider.RENTED: "invoice",
}
"""Each provider's own format."""

INDEX = {view: place for place, view in enumerate(View)}


def imported(delivery, name, folder: Path):
    """A delivery written as *name* and read by the product: the bill and its canonical charges."""
    mapping = None
    words = name.split("-")
    if words[0] == "focus":
        place = write_focus(delivery, folder, version=words[1], form=words[2])
    elif name in ("exports", "azure-focus"):
        place = (write_azure if name == "exports" else write_azure_focus)(delivery, folder)
    elif name == "detailed":
        place = write_google(delivery, folder)
    elif name == "invoice":
        place, mapping = write_invoice(delivery, folder)
    else:
        place = write_cur(delivery, folder, version=words[0], form=words[1])
    with read_bill(place, mapping=mapping) as bill:
        charges = [row for batch in bill.batches() for row in batch.to_pylist()]
    return bill, charges


def allocated(world, charges, folder: Path, *, claims=None, view=View.EFFECTIVE):
    """What the product's own clerk gives to whom, with all that is recorded of *world*."""
    rules = folder / "rules.toml"
    rules.write_text(world.rules)
    known = [trace.claim for trace in world.traces] if claims is None else claims
    evidence = Evidence(known, world.jobs, world.attachments)
    return [
        AllocatedRow(
            run=part.owner.run,
            remainder=part.owner.remainder,
            method=part.owner.method,
            component=Component(charges[part.index]["x_Component"]),
            currency=charges[part.index]["BillingCurrency"],
            nano=part.amounts[INDEX[view]] or 0,
            resource=charges[part.index]["ResourceId"] or "",
            day=f"{charges[part.index]['ChargePeriodStart']:%Y-%m-%d}",
        )
        for part in allocate_by_hand(charges, evidence, load_rules(rules))
    ]
