"""Folders: a whole world as the files that its company would have."""

from __future__ import annotations

from pathlib import Path

from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.azure_file import write_azure
from trainfare.simulation.claim_file import write_claims, write_sagemaker
from trainfare.simulation.cur_file import write_cur
from trainfare.simulation.delivery import Delivery
from trainfare.simulation.fault import Source
from trainfare.simulation.focus_file import VERSIONS, write_azure_focus, write_focus
from trainfare.simulation.google_file import write_google
from trainfare.simulation.invoice_file import write_invoice
from trainfare.simulation.kubernetes_file import write_dcgm, write_opencost
from trainfare.simulation.line import Provider, decimal_text
from trainfare.simulation.slurm_file import write_nodes, write_sacct
from trainfare.simulation.table_file import write_bytes, write_table
from trainfare.simulation.world import World

FORMS = ("native", "focus-1.0", "focus-1.2", "focus-1.4", "every")
"""How bills can be written: each provider's own format, FOCUS for all, or the first and beside it
the final bills in every format that there is."""


def write_world(world: World, folder: Path, *, bills: str = "native") -> list[Path]:
    """Write everything that is recorded of *world* below *folder*, and the truth beside it.

    ``bills/`` holds a folder per delivery, in order of arrival; ``claims/`` what was recorded, each
    source in its own format; ``rules.toml``, ``attachments.csv``, ``faults.csv`` and ``truth.csv``
    stand beside them. The same world gives the same bytes.

    Args:
        world: any.
        folder: is made.
        bills: one of :data:`FORMS`.

    Returns:
        What to import, delivery by delivery in order of arrival: files and folders.

    Raises:
        BadInput: *bills* is no form.
    """
    if bills not in FORMS:
        raise BadInput(f"{bills!r} is not one of {', '.join(FORMS)}")
    places = []
    for number, delivery in enumerate(world.deliveries, start=1):
        place = folder / "bills" / f"{number:02d}-{delivery.name}"
        if bills in ("native", "every"):
            places.append(write_bill(delivery, place))
        else:
            places.append(write_focus(delivery, place, version=bills.removeprefix("focus-")))
    if bills == "every":
        for delivery in world.final:
            write_formats(delivery, folder / "formats")
    claims = folder / "claims"
    write_claims(world, claims / "meter.csv", sources=(Source.METER,))
    write_sacct(world, claims / "sacct.txt")
    write_sagemaker(world, claims / "sagemaker.json")
    write_opencost(world, claims / "opencost.json")
    write_dcgm(world, claims / "dcgm.prom.gz", step_seconds=900)
    write_nodes(world, claims / "nodes.csv")
    write_bytes(folder / "rules.toml", world.rules.encode())
    attached = [{"resource": part, "parent": whole} for part, whole in world.attachments.items()]
    write_table(folder / "attachments.csv", ("resource", "parent"), attached)
    faults = [
        {"kind": fault.kind, "subject": fault.subject, "detail": fault.detail}
        for fault in world.faults
    ]
    write_table(folder / "faults.csv", ("kind", "subject", "detail"), faults)
    write_truth(world, folder / "truth.csv")
    return places


def write_bill(delivery: Delivery, folder: Path) -> Path:
    """Write *delivery* in its provider's own format; what a user imports.

    The small GPU cloud's mapping file is put beside its bill, as ``mapping.toml``.
    """
    match delivery.provider:
        case Provider.AWS:
            return write_cur(delivery, folder)
        case Provider.AZURE:
            return write_azure(delivery, folder)
        case Provider.GCP:
            return write_google(delivery, folder, form="jsonl.gz")
        case Provider.RENTED:
            return write_invoice(delivery, folder)[0]


def write_formats(delivery: Delivery, folder: Path) -> list[Path]:
    """Write *delivery* in every format that its provider has sent or sends, each in a folder."""
    places = [
        write_focus(delivery, folder / f"focus-{version}", version=version, form="csv.gz")
        for version in VERSIONS
    ]
    match delivery.provider:
        case Provider.AWS:
            for version, form in (("legacy", "csv.gz"), ("2.0", "csv.gz"), ("2.0", "parquet")):
                name = f"aws-cur-{version}-{form.removesuffix('.gz')}"
                places.append(write_cur(delivery, folder / name, version=version, form=form))
        case Provider.AZURE:
            places.append(write_azure(delivery, folder / "azure-exports"))
            places.append(write_azure_focus(delivery, folder / "azure-focus", form="csv.gz"))
        case Provider.GCP:
            places.append(write_google(delivery, folder / "google-detailed", form="jsonl.gz"))
        case Provider.RENTED:
            places.append(write_invoice(delivery, folder / "own-columns")[0])
    return places


def write_truth(world: World, path: Path) -> Path:
    """Write what every run truly cost, effective and billed, as CSV."""
    columns = ("view", "currency", "run", "remainder", "component", "amount")
    rows = [
        {
            "view": view,
            "currency": row.currency,
            "run": row.run or "",
            "remainder": row.remainder or "",
            "component": row.component,
            "amount": decimal_text(row.nano),
        }
        for view in (View.EFFECTIVE, View.BILLED)
        for row in world.truth(view=view)
    ]
    return write_table(path, columns, rows)
