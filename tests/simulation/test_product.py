"""Products: one SKU per meter, and Google's machines in parts that make a whole."""

import pytest

from simulation.worlds import world_of
from trainfare.core.errors import BadInput
from trainfare.simulation.fleet import A2, A3
from trainfare.simulation.product import google_products, machine_product


def test_one_meter_has_one_sku_and_one_sku_one_meter():
    products = {line.product for line in world_of(runs=120).lines}
    skus = {(product.provider, product.sku) for product in products}
    meters = {(product.provider, product.meter) for product in products}
    assert len(skus) == len(meters) > 20


@pytest.mark.parametrize("machine_type", [A2, A3], ids=lambda each: each.name)
def test_a_google_machine_is_sold_in_parts(machine_type):
    assert sum(share for _, _, share in google_products(machine_type)) == 100
    with pytest.raises(BadInput, match=f"{machine_type.name} is sold by its parts"):
        machine_product(machine_type)
