"""Utilization as a table: GPU time and money of every state, and what metered runs made of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from trainfare.reports.cell import Column, Kind, Role, Row, Value
from trainfare.reports.run_use import RunUse
from trainfare.reports.table import Table
from trainfare.reports.utilization import GpuState, UseRow

PARTS = "these keys cut runs into parts"
NOT_MEASURED = "nothing measured it"
NOT_METERED = "no run of it was metered here"


def utilization_table(
    by: Sequence[str],
    rows: Sequence[tuple[UseRow, RunUse | None]],
    total: tuple[UseRow, RunUse | None],
    *,
    currency: str,
    is_billed: bool,
    periods: tuple[str, ...],
    notes: tuple[str, ...] = (),
) -> Table:
    """What GPUs that were paid in one currency did, row by row.

    GPU time is in seconds to the nanosecond, so that it sums to what was paid exactly.
    """
    return Table(
        title="what paid GPUs did",
        by=tuple(by),
        columns=(*(Column(name, Kind.TEXT) for name in by), *use_columns(currency)),
        rows=tuple(_line(row, use, by) for row, use in rows),
        total=_line(*total, by, role=Role.TOTAL),
        currency=currency,
        view="effective" if is_billed else None,
        periods=periods,
        notes=notes,
    )


def use_columns(currency: str) -> list[Column]:
    """The columns beside those that name a row."""
    states = [state.value for state in GpuState]
    return [
        Column("runs", Kind.COUNT, what="Different runs."),
        Column("gpu_seconds", Kind.NUMBER, "s", is_sum=True, what="GPU time that was paid for."),
        *(Column(f"{name}_gpu_seconds", Kind.NUMBER, "s", is_sum=True) for name in states),
        Column("paid", Kind.MONEY, currency, is_sum=True, what="What the GPU time cost."),
        *(Column(name, Kind.MONEY, currency, is_sum=True) for name in states),
        Column("gpu_activity", Kind.SHARE, what="Mean over the GPU time that was measured."),
        Column("mfu", Kind.SHARE, what="Model FLOPs out of the dense peak in train, whole runs."),
        Column(
            "waiting_gpu_seconds", Kind.NUMBER, "s", what="In data, eval, checkpoint or loader."
        ),
        Column("energy", Kind.NUMBER, "kWh", what="Of the boards, whole runs."),
        Column("carbon", Kind.NUMBER, "g", what="CO2 equivalent of it and of the building."),
    ]


def _line(row: UseRow, use: RunUse | None, by: Sequence[str], role: Role = Role.GROUP) -> Row:
    key = row.key or ("total",) + ("",) * (len(by) - 1)
    cells: dict[str, Value] = dict(zip(by, key, strict=True))
    cells["runs"] = len(row.run_ids)
    cells["gpu_seconds"] = _seconds(row.paid_ns)
    cells |= {f"{state.value}_gpu_seconds": _seconds(row.gpu_ns[state]) for state in GpuState}
    cells["paid"] = row.amount
    cells |= {state.value: row.amounts[state] for state in GpuState}
    cells["gpu_activity"] = _decimal(row.gpu_activity)
    known = use or RunUse()
    cells |= {
        "mfu": _decimal(known.mfu),
        "waiting_gpu_seconds": None if known.waiting_ns is None else _seconds(known.waiting_ns),
        "energy": _decimal(known.energy_kwh),
        "carbon": _decimal(known.carbon_g),
    }
    whys = {"gpu_activity": NOT_MEASURED} if row.gpu_activity is None else {}
    why = PARTS if use is None else NOT_METERED if known.waiting_ns is None else NOT_MEASURED
    unknown = ("mfu", "waiting_gpu_seconds", "energy", "carbon")
    whys |= {name: why for name in unknown if cells[name] is None}
    return Row(cells, role, whys)


def _seconds(time_ns: int) -> Decimal:
    return Decimal(time_ns).scaleb(-9)


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else Decimal(round(value * 10**9)).scaleb(-9)
