"""FOCUS ContractCommitment: what a provider's file says of commitments, one row each (1.3 and 1.4).

=================================  ================================================================
ContractCommitmentId               the id that charges have in CommitmentDiscountId
ContractCommitmentType             the provider's word for its kind
ContractCommitmentPeriodStart/End  its term, the end not in it
ContractCommitmentCost             its monetary value, taken as that of its whole term
ContractCommitmentLifecycleStatus  1.4: a commitment that was never agreed holds nothing
ServiceProviderName                1.4; who sells it, else InvoiceIssuerName
=================================  ================================================================

Other columns are left alone. Where the cost is null (the specification allows it beside a quantity)
what an hour costs is not known, never 0. Source: FOCUS_Spec, datasets/contract_commitment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainfare.billing.chunks import chunks_of, header_of, records_of
from trainfare.billing.lateness import provider_of
from trainfare.billing.problems import Problems
from trainfare.billing.source import SourceFile, open_source
from trainfare.core.contract import STATES, Contract, hourly
from trainfare.core.errors import BadInput
from trainfare.core.money import Money, decimal_of
from trainfare.core.period import parse_instant
from trainfare.core.tally import BadRecords, Tally

NEEDED = (
    "ContractCommitmentId", "ContractCommitmentType", "ContractCommitmentPeriodStart",
    "ContractCommitmentPeriodEnd", "ContractCommitmentCost", "BillingCurrency",
)  # fmt: skip
"""Columns that a file must have."""


def read_contract_file(path: Path, at_ns: int, who: str) -> list[Contract]:
    """Every commitment of a CSV, Parquet or JSON file, or of all files of a folder.

    Args:
        path: where it lies.
        at_ns: when it is read.
        who: reads it.

    Raises:
        NotFound: nothing is there.
        BadRecords: with everything that is wrong.
    """
    found: list[Contract] = []
    with open_source(path) as files:
        for file in files:
            tally = Tally(file.name)
            found += _contracts(file, tally, at_ns, who)
            if tally.problem_count:
                raise BadRecords(tuple(tally.problems), tally.problem_count)
    return found


def _contracts(file: SourceFile, tally: Tally, at_ns: int, who: str) -> Iterator[Contract]:
    missing = [name for name in NEEDED if name not in header_of(file)]
    if missing:
        tally.refuse(
            f"has no column {', '.join(missing)}; a FOCUS ContractCommitment file has "
            f"{', '.join(NEEDED)}"
        )
        return
    seen: set[str] = set()
    for number, cells in _rows(file, tally):
        column = ["ContractCommitmentId"]
        try:
            one = _contract(cells, column, file.name, at_ns, who)
        except BadInput as error:
            tally.refuse(str(error), number, column[0], cells.get(column[0]))
            continue
        if one.id in seen:
            tally.refuse("is there twice; each commitment has one row", number, column[0], one.id)
        seen.add(one.id)
        yield one


def _rows(file: SourceFile, tally: Tally) -> Iterator[tuple[int, dict[str, str]]]:
    if file.form == "json":
        for number, record in records_of(file):
            yield number, {name: _text(value) for name, value in record.items()}
        return
    problems = Problems()
    for chunk in chunks_of(file, problems):
        for place, row in enumerate(chunk.batch.to_pylist()):
            yield chunk.first_row + place, {name: _text(value) for name, value in row.items()}
    for problem in problems.listed():
        tally.refuse(problem.what, problem.row, problem.column, problem.value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return "" if value is None else str(value).strip()


def _contract(
    cells: Mapping[str, str], column: list[str], file: str, at_ns: int, who: str
) -> Contract:
    """One row; *column* says where its reading has come to."""

    def cell(name: str) -> str:
        column[0] = name
        return cells.get(name, "")

    id_ = cell("ContractCommitmentId")
    if not id_:
        raise BadInput("is empty; it is what charges call the commitment")
    kind = cell("ContractCommitmentType") or cell("ContractCommitmentCategory") or "commitment"
    start_ns = parse_instant(cell("ContractCommitmentPeriodStart"))
    end_ns = parse_instant(cell("ContractCommitmentPeriodEnd"))
    if end_ns <= start_ns:
        raise BadInput("is not after the start of the period")
    currency = cell("BillingCurrency") or "USD"
    text = cell("ContractCommitmentCost")
    per_hour = None
    if text:
        per_hour = hourly(Money.nearest(decimal_of(text), currency), start_ns, end_ns)
    state = cell("ContractCommitmentLifecycleStatus").lower() or "active"
    if state not in STATES:
        raise BadInput(f"is none of {', '.join(STATES[:-1])}")
    column[0] = "ContractCommitmentId"
    return Contract(
        id=id_,
        kind=kind[:64],
        name=(cell("ContractCommitmentDescription") or id_)[:1000],
        provider=provider_of(cell("ServiceProviderName") or cell("InvoiceIssuerName"))[:64],
        currency=currency,
        per_hour=per_hour,
        start_ns=start_ns,
        end_ns=end_ns,
        source=file,
        at_ns=at_ns,
        who=who,
        state=state,
    )
