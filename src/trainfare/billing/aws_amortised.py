"""Line items of AWS as charges: what kind each type is, and what it costs when amortised.

Cash is the unblended cost of every row. Amortised, a commitment's cost stands where it is used and,
for what was not used, on the fee itself:

========================  ==========================================================
SavingsPlanCoveredUsage   savings plan effective cost
SavingsPlanRecurringFee   total commitment − used commitment: what was paid for nothing
SavingsPlanNegation       0: it takes the on-demand cost of covered usage back
SavingsPlanUpfrontFee     0: it is amortised over the usage that it covers
DiscountedUsage           reservation effective cost
RIFee                     unused amortised upfront fee + unused recurring fee
Fee of a reservation      0: an upfront fee, amortised over usage
Refund of a savings plan  0
anything else             unblended cost
========================  ==========================================================

The net columns that some payers have are not read: discounts stand in rows of their own, so net
amounts would count them twice. Source: AWS Cloud Intelligence Dashboards, summary_view.sql.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.billing.amounts import Exact, Running
from trainfare.billing.arrow import pa, pc
from trainfare.billing.aws_rows import Rows
from trainfare.billing.texts import spread, translated

COVERED = "SavingsPlanCoveredUsage"
NEGATION = "SavingsPlanNegation"
RECURRING = "SavingsPlanRecurringFee"
UPFRONT = "SavingsPlanUpfrontFee"
USAGE = ("Usage", "DiscountedUsage", COVERED)
"""Types of line items that are the use of a resource, with an amount of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What FOCUS calls a type of line item."""

    category: str
    frequency: str | None
    pricing: str | None = None
    charge_class: str | None = None


_DISCOUNT = Kind("Usage", "Usage-Based", "Other")
_KINDS = {
    "Usage": Kind("Usage", "Usage-Based", "Standard"),
    "DiscountedUsage": Kind("Usage", "Usage-Based", "Committed"),
    COVERED: Kind("Usage", "Usage-Based", "Committed"),
    NEGATION: Kind("Usage", "Usage-Based", "Committed"),
    RECURRING: Kind("Purchase", "Recurring", "Standard"),
    UPFRONT: Kind("Purchase", "One-Time", "Standard"),
    "RIFee": Kind("Purchase", "Recurring", "Standard"),
    "Fee": Kind("Purchase", "One-Time", "Standard"),
    "Tax": Kind("Tax", "One-Time"),
    "Credit": Kind("Credit", "One-Time"),
    "Refund": Kind("Adjustment", "One-Time", None, "Correction"),
}
_UNKNOWN = Kind("Adjustment", None)


def put_kinds(rows: Rows) -> None:
    """Set what each row is: category, class, frequency and pricing; unknown types are noted."""
    types = rows.types.dictionary.to_pylist()
    kinds = [_kind(name) for name in types]
    draft = rows.draft
    draft.put("ChargeCategory", translated(rows.types, [kind.category for kind in kinds]))
    draft.put("ChargeClass", translated(rows.types, [kind.charge_class for kind in kinds]))
    draft.put("ChargeFrequency", translated(rows.types, [kind.frequency for kind in kinds]))
    draft.put("PricingCategory", translated(rows.types, [kind.pricing for kind in kinds]))
    unknown = pa.array([kind is _UNKNOWN for kind in kinds], pa.bool_())
    draft.note("ChargeCategory", "unknown-line-item-type", spread(unknown, rows.types))


def _kind(name: str) -> Kind:
    return _KINDS.get(name) or (_DISCOUNT if name.endswith("Discount") else _UNKNOWN)


def amortised(rows: Rows, unblended: Exact) -> Exact:
    """(n,) effective cost of each row, by the table above.

    What a row needs and does not say is a problem of the file.
    """
    result = unblended
    for name, rule in _RULES.items():
        if rows.has_type(name):
            where, told = rule(rows, rows.of_type(name))
            result = told.where(where, result)
    return result


_Rule = Callable[[Rows, pa.BooleanArray], tuple[pa.BooleanArray, Exact]]


def _nothing(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    return where, Exact.zero(len(rows))


def _covered(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    return where, rows.needed("savings_plan_savings_plan_effective_cost", where, COVERED)


def _discounted(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    return where, rows.needed("reservation_effective_cost", where, "DiscountedUsage")


def _plan_fee(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    total = rows.needed("savings_plan_total_commitment_to_date", where, RECURRING)
    used = rows.needed("savings_plan_used_commitment", where, RECURRING)
    return where, total.plus(used.negative())


def _reservation_fee(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    """One of the two is enough: a reservation without upfront fee may leave that part empty."""
    upfront = "reservation_unused_amortized_upfront_fee_for_billing_period"
    fixed, recurring = (
        rows.amounts(upfront, where),
        rows.amounts("reservation_unused_recurring_fee", where),
    )
    if pc.any(pc.and_(where, pc.and_(fixed.nano.is_null(), recurring.nano.is_null()))).as_py():
        recurring = rows.needed("reservation_unused_recurring_fee", where, "RIFee")
    return where, fixed.or_zero().plus(recurring.or_zero())


def _upfront_fee(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    reserved = rows.texts("reservation_reservation_a_r_n").is_valid()
    return pc.and_(where, reserved), Exact.zero(len(rows))


def _refund(rows: Rows, where: pa.BooleanArray) -> tuple[pa.BooleanArray, Exact]:
    product = rows.texts("line_item_product_code")
    of_plan = spread(pc.equal(product.dictionary, "ComputeSavingsPlans"), product)
    return pc.and_(where, of_plan), Exact.zero(len(rows))


_RULES: dict[str, _Rule] = {
    COVERED: _covered,
    RECURRING: _plan_fee,
    NEGATION: _nothing,
    UPFRONT: _nothing,
    "DiscountedUsage": _discounted,
    "RIFee": _reservation_fee,
    "Fee": _upfront_fee,
    "Refund": _refund,
}


def put_commitments(rows: Rows, effective: Exact) -> None:
    """Set which commitment a row belongs to, and whether it was used.

    A fee with an unused part is *Unused* as a whole: its effective cost is that part. In the billed
    view the same row holds the fee's cash.
    """
    plan = rows.texts("savings_plan_savings_plan_a_r_n")
    reservation = rows.texts("reservation_reservation_a_r_n")
    is_plan, is_reservation = plan.is_valid(), reservation.is_valid()
    draft = rows.draft
    draft.put(
        "CommitmentDiscountId",
        rows.texts("savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"),
    )
    draft.put("CommitmentDiscountCategory", _either(is_plan, "Spend", is_reservation, "Usage"))
    draft.put(
        "CommitmentDiscountType",
        _either(is_plan, "Savings Plan", is_reservation, "Reserved Instance"),
    )
    fee = rows.of_type(RECURRING, "RIFee")
    unused = pc.not_equal(pc.fill_null(effective.nano, 0), 0)
    for limb in effective.limbs:
        unused = pc.or_(unused, pc.not_equal(limb, 0))
    used = rows.of_type(COVERED, NEGATION, "DiscountedUsage")
    draft.put("CommitmentDiscountStatus", _either(used, "Used", pc.and_(fee, unused), "Unused"))


def _either(
    first: pa.BooleanArray, one: str, second: pa.BooleanArray, other: str
) -> pa.DictionaryArray:
    """(n,) *one* where the first is true, *other* where the second is, else null."""
    none = pa.scalar(None, pa.int32())
    codes = pc.if_else(
        first, pa.scalar(0, pa.int32()), pc.if_else(second, pa.scalar(1, pa.int32()), none)
    )
    return pa.DictionaryArray.from_arrays(codes, pa.array([one, other]))


@dataclass(slots=True)
class Coverage:
    """Whether negation rows take back what savings plans covered, per currency."""

    covered: dict[str, Running] = field(default_factory=dict)
    negated: dict[str, Running] = field(default_factory=dict)

    def add(self, rows: Rows, unblended: Exact) -> None:
        """Count the rows of one chunk."""
        for type_name, sums in ((COVERED, self.covered), (NEGATION, self.negated)):
            if not rows.has_type(type_name):
                continue
            where = rows.of_type(type_name)
            currency = rows.texts("line_item_currency_code")
            for code, name in enumerate(currency.dictionary.to_pylist()):
                mine = pc.and_(
                    where, pc.fill_null(pc.equal(currency.indices, code), fill_value=False)
                )
                if pc.any(mine).as_py():
                    part = unblended.or_zero().take(pc.indices_nonzero(mine))
                    sums.setdefault(name, Running()).round(part)

    def notices(self) -> list[str]:
        """What to tell people: a cent or more of covered usage that no negation takes back."""
        found = []
        for currency, running in sorted(self.covered.items()):
            covered = running.total
            negated = self.negated.get(currency, Running()).total
            if abs(covered + negated) >= Fraction(1, 100):
                found.append(
                    f"covered usage without negation: savings plans covered {float(covered):,.2f} "
                    f"{currency} at on-demand prices, and negation rows take back "
                    f"{float(-negated):,.2f}; billed cost counts the difference, effective cost "
                    "does not; is the export whole?"
                )
        return found
