"""Energy and its emissions, in exact fractions: a rounded constant would add up over a year.

kWh = mJ / 3 600 000 000        gCO₂e = kWh × gCO₂e per kWh
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from trainfare.core.errors import BadInput

KWH_PER_JOULE = Fraction(1, 3_600_000)
"""A watt-second is a joule; a kilowatt-hour is 1000 W for 3600 s."""


def kwh(millijoules: int | None) -> Fraction | None:
    """The energy in kilowatt-hours; unknown stays unknown.

    >>> kwh(3_600_000_000)
    Fraction(1, 1)
    """
    return None if millijoules is None else Fraction(millijoules, 1000) * KWH_PER_JOULE


def carbon_grams(
    energy_kwh: Fraction | None, grams_per_kwh: Fraction | Decimal | int | None
) -> Fraction | None:
    """Emissions in gCO₂e at the carbon factor that the user set; None where either is unknown.

    There is no built-in factor: it depends on the place, the hour and the contract, and a guess
    would look like a measurement.

    Raises:
        BadInput: the factor is negative or not a finite number.

    >>> carbon_grams(Fraction(1, 2), Decimal("381.5"))
    Fraction(763, 4)
    """
    if energy_kwh is None or grams_per_kwh is None:
        return None
    if isinstance(grams_per_kwh, Decimal) and not grams_per_kwh.is_finite():
        raise BadInput(
            f"carbon factor {grams_per_kwh} gCO2e/kWh is not a number; set one such as 381"
        )
    factor = Fraction(grams_per_kwh)
    if factor < 0:
        raise BadInput(f"carbon factor {grams_per_kwh} gCO2e/kWh is below 0; set 0 or more")
    return energy_kwh * factor
