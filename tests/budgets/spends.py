"""Days of spend for tests, in dollars."""

from fractions import Fraction

from trainfare.budgets.spend_alerts import DaySpend
from trainfare.core.charge import Component
from trainfare.core.money import NANO


def spend(day, dollars, quantity=1, sku="sku", component=Component.COMPUTE, currency="USD"):
    """What a day cost for so much of a SKU; a quantity of None is not said."""
    nano = round(Fraction(dollars) * NANO)
    return DaySpend(
        day, component, sku, currency, nano, None if quantity is None else Fraction(quantity)
    )
