"""The small GPU cloud's invoice, and the mapping file that goes with it."""

import tomllib

import pytest

from simulation.worlds import delivery_of, nano, rows_in
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.invoice_file import write_invoice
from trainfare.simulation.line import Provider


def test_amounts_are_written_for_people_and_sum_to_the_bill(tmp_path):
    delivery = delivery_of(Provider.RENTED)
    path, _ = write_invoice(delivery, tmp_path)
    rows = rows_in(path, delimiter=";")
    assert all(row["Amount"].endswith(" €") for row in rows)
    assert any("," in row["Amount"] for row in rows)
    plain = [row["Amount"].removesuffix(" €").replace(",", "") for row in rows]
    assert sum(map(nano, plain)) == delivery.total(View.BILLED)
    assert {row["Kind"] for row in rows} == {"rental", "VAT", "rebate"}


def test_the_mapping_names_columns_of_the_file(tmp_path):
    path, mapping = write_invoice(delivery_of(Provider.RENTED), tmp_path)
    told = tomllib.loads(mapping.read_text())
    header = set(rows_in(path, delimiter=told["csv"]["delimiter"])[0])
    assert {*told["columns"].values(), *told["tags"].values()} <= header


def test_providers_with_a_format_of_their_own_send_no_invoice(tmp_path):
    with pytest.raises(BadInput, match="not a bill of the small GPU cloud"):
        write_invoice(delivery_of(Provider.AWS), tmp_path)
