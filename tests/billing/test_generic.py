"""Bills of any layout are read by a mapping: invoices, small clouds, on-premises lists."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from billing.bills import charges, read, write, write_parquet
from trainfare.billing.bill import check
from trainfare.core.errors import BadInput

INVOICE = """Von;Instanz;Stunden;Betrag;Team;Art
01.10.2026;gpu-1;24;1.204,50 €;nlp;Miete
02.10.2026;gpu-2;12;-3,005 €;;Gutschrift
31.12.2026;gpu-1;24;0,10 €;nlp;Miete
"""

MAPPING = """
provider = "Kleine Wolke"
[columns]
BilledCost = "Betrag"
ChargePeriodStart = "Von"
ResourceId = "Instanz"
ConsumedQuantity = "Stunden"
ChargeCategory = "Art"
[constants]
BillingAccountId = "acme"
BillingCurrency = "EUR"
ServiceName = "GPU-Server"
ConsumedUnit = "Hours"
[values.ChargeCategory]
Miete = "Usage"
Gutschrift = "Credit"
[tags]
team = "Team"
[times]
format = "%d.%m.%Y"
grain = "day"
[numbers]
decimal = ","
thousands = "."
strip = "€"
[csv]
delimiter = ";"
"""


def bill_of(tmp_path, text=INVOICE, mapping=MAPPING):
    return read(write(tmp_path, text), mapping=write(tmp_path, mapping, "m.toml"))


def test_an_invoice_becomes_canonical_charges(tmp_path):
    bill, rows = bill_of(tmp_path)
    assert bill.format == "generic"
    assert bill.source == "kleine-wolke-acme"
    assert bill.totals == {
        "EUR": {"billed": Fraction("1201.595"), "effective": Fraction("1201.595")}
    }
    first, second, third = rows
    assert first["x_BilledNano"] == first["x_EffectiveNano"] == 1_204_500_000_000
    assert first["x_ListNano"] is None  # nobody said what it would have cost
    assert first["ChargePeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert first["ChargePeriodEnd"] == datetime(2026, 10, 2, tzinfo=UTC)
    assert first["BillingPeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert first["BillingPeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert third["BillingPeriodEnd"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert (first["ChargeCategory"], second["ChargeCategory"]) == ("Usage", "Credit")
    assert (first["Tags"], second["Tags"]) == ('{"team":"nlp"}', None)
    assert first["ServiceProviderName"] == "Kleine Wolke"
    assert (first["ConsumedQuantity"], first["ConsumedUnit"]) == ("24", "Hours")
    assert first["x_Component"] == "other" if first["ServiceCategory"] else True
    assert bill.periods == {"2026-10", "2026-12"}
    assert "x_BilledNano:respelt" in first["x_Repairs"]


def test_amounts_in_cents_are_scaled_exactly(tmp_path):
    text = charges({"BilledCost": "12345", "EffectiveCost": "1", "ListCost": ""})
    bill, rows = bill_of(tmp_path, text, '[numbers]\nscale = "0.01"')
    assert bill.totals["USD"]["billed"] == Fraction("123.45")
    assert rows[0]["x_EffectiveNano"] == 10_000_000
    assert rows[0]["x_ListNano"] is None


def test_a_constant_amount_and_a_constant_period(tmp_path):
    """A flat invoice: one machine, one price, one month."""
    mapping = """
    [columns]
    ResourceId = "host"
    [constants]
    BilledCost = "99.5"
    BillingCurrency = "USD"
    BillingAccountId = "lab"
    ServiceName = "Rack"
    ChargeCategory = "Usage"
    ChargePeriodStart = "2026-10-01T00:00:00Z"
    [times]
    grain = "month"
    """
    bill, rows = bill_of(tmp_path, "host\na\nb\n", mapping)
    assert bill.totals["USD"]["billed"] == 199
    assert rows[0]["ChargePeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)


def test_hours_end_an_hour_later(tmp_path):
    text = charges({}).replace("ChargePeriodEnd", "Ende")
    _, rows = bill_of(tmp_path, text, '[times]\ngrain = "hour"')
    assert rows[0]["ChargePeriodEnd"] == datetime(2026, 10, 5, 11, tzinfo=UTC)


def test_a_focus_file_needs_only_what_it_lacks(tmp_path):
    text = charges({}).replace("BillingAccountId", "Konto")
    bill, rows = bill_of(tmp_path, text, '[constants]\nBillingAccountId = "acme"')
    assert rows[0]["BillingAccountId"] == "acme"
    assert rows[0]["x_EffectiveNano"] == 1_250_000_000
    assert bill.repairs == 0


def test_parquet_is_mapped_too(tmp_path):
    columns = {"von": ["2026-10-01T00:00:00Z"], "usd": [1.25], "team": ["nlp"]}
    mapping = """
    [columns]
    BilledCost = "usd"
    ChargePeriodStart = "von"
    [constants]
    BillingCurrency = "USD"
    BillingAccountId = "lab"
    ServiceName = "Rack"
    ChargeCategory = "Usage"
    [tags]
    team = "team"
    [times]
    grain = "day"
    """
    _, rows = read(write_parquet(tmp_path, columns), mapping=write(tmp_path, mapping, "m.toml"))
    assert rows[0]["x_BilledNano"] == 1_250_000_000


def test_columns_that_are_not_there_and_things_unsaid_are_told_together(tmp_path):
    mapping = '[columns]\nBilledCost = "Preis"\n[csv]\ndelimiter = ";"'
    problems = check(write(tmp_path, INVOICE), mapping=write(tmp_path, mapping, "m.toml"))
    assert "has no column Preis, which the mapping names" in problems[0].what
    assert (
        "gives no BillingAccountId, BillingCurrency, ChargeCategory, ChargePeriodEnd, "
        "ChargePeriodStart, ServiceName" in problems[1].what
    )


@pytest.mark.parametrize("amount", ["zwölf", "1.2.3,x", "12.50"])
def test_an_amount_of_another_spelling_is_a_problem(tmp_path, amount):
    """A point where the mapping says comma could be thousands or cents: it is not guessed."""
    mapping = MAPPING.replace('thousands = "."', "")
    text = INVOICE.replace("1.204,50 €", amount)
    problems = check(write(tmp_path, text), mapping=write(tmp_path, mapping, "m.toml"))
    assert [(p.row, p.column) for p in problems] == [(1, "Betrag"), (1, "Betrag")]
    assert problems[0].value == amount


def test_a_wrong_date_is_a_problem_once(tmp_path):
    text = INVOICE.replace("02.10.2026", "2026-10-02")
    problems = check(write(tmp_path, text), mapping=write(tmp_path, MAPPING, "m.toml"))
    assert ("Von", "2026-10-02", 2) in [(p.column, p.value, p.row) for p in problems]


def test_without_a_mapping_a_foreign_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="of no known bill format"):
        read(write(tmp_path, INVOICE.replace(";", ",")))


def test_another_mapping_makes_another_delivery(tmp_path):
    one = bill_of(tmp_path)[0].delivery
    assert bill_of(tmp_path)[0].delivery == one
    assert bill_of(tmp_path, INVOICE, MAPPING + "\n# now different\n")[0].delivery != one
