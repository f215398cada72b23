"""Mapping files are checked, and a mistake in one is explained."""

from fractions import Fraction

import pytest

from billing.bills import write
from trainfare.billing.mapping import FieldMap, load_mapping
from trainfare.core.errors import BadInput

WHOLE = """
provider = "Lambda"
[columns]
BilledCost = "Amount"
[constants]
BillingCurrency = "EUR"
[values.ChargeCategory]
rental = "Usage"
[tags]
team = "Cost centre"
[times]
format = "%d.%m.%Y"
grain = "day"
[numbers]
decimal = ","
thousands = "."
strip = "€"
scale = "0.01"
[csv]
delimiter = ";"
"""


def test_every_table_is_read(tmp_path):
    mapping = load_mapping(write(tmp_path, WHOLE, "m.toml"))
    assert mapping == FieldMap(
        columns={"BilledCost": "Amount"},
        constants={"ServiceProviderName": "Lambda", "BillingCurrency": "EUR"},
        values={"ChargeCategory": {"rental": "Usage"}},
        tags={"team": "Cost centre"},
        time_format="%d.%m.%Y",
        grain="day",
        decimal=",",
        thousands=".",
        strip="€",
        scale=Fraction(1, 100),
        delimiter=";",
        text=WHOLE,
    )
    assert mapping.respells
    assert not FieldMap().respells


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[columns", "cannot read the mapping file"),
        ("[colums]\na = 'b'", "no such table: colums"),
        ("[columns]\nCost = 'Amount'", "'Cost' is no canonical column"),
        ("[columns]\nx_BilledNano = 'Amount'", "'x_BilledNano' is no canonical column"),
        ("[constants]\nBilledCost = 1.5", r"\[constants\] is not a table of texts"),
        ("columns = 'all'", r"\[columns\] is not a table of texts"),
        ("values = 'all'", r"\[values\] is not a table"),
        ("[values]\nChargeCategory = 'Usage'", r"\[ChargeCategory\] is not a table of texts"),
        ("[times]\nzone = 'CET'", r"\[times\] has no zone; there are format, grain"),
        ("[times]\ngrain = 'week'", "'week' is not one of hour, day, month"),
        ("[csv]\ndelimiter = '||'", "is not one character"),
        ("[numbers]\nscale = 'percent'", "'percent' is not a number"),
    ],
)
def test_a_mistake_is_explained(tmp_path, text, said):
    with pytest.raises(BadInput, match=said):
        load_mapping(write(tmp_path, text, "m.toml"))


def test_a_mapping_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(BadInput, match="cannot read the mapping file"):
        load_mapping(tmp_path / "none.toml")
