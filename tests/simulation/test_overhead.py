"""What nobody in particular uses: shared or unallocated, as the company's rules say."""

import tomllib

from simulation.worlds import world_of
from trainfare.core.charge import Remainder
from trainfare.simulation.line import Kind, Provider
from trainfare.simulation.overhead import BUCKET


def owners_of(lines):
    return {part.remainder for line in lines for part in line.ownership.divided(10)}


def test_buckets_of_data_sets_are_shared_on_every_cloud():
    lines = [line for line in world_of().lines if BUCKET in line.place.resource_id]
    assert {line.product.provider for line in lines} == set(Provider)
    assert owners_of(lines) == {Remainder.SHARED}


def test_tax_support_credits_and_refunds_have_no_owner():
    closing = [
        line
        for line in world_of().lines
        if line.kind in (Kind.TAX, Kind.FEE, Kind.CREDIT, Kind.REFUND)
    ]
    assert owners_of(closing) == {Remainder.UNALLOCATED}
    for line in closing:
        is_negative = line.kind in (Kind.CREDIT, Kind.REFUND)
        assert (line.billed_nano < 0) == is_negative
        assert line.billed_nano == line.effective_nano


def test_tax_is_a_part_of_what_is_billed():
    world = world_of()
    for delivery in world.final:
        tax = sum(line.billed_nano for line in delivery.lines if line.kind is Kind.TAX)
        usage = sum(line.billed_nano for line in delivery.lines if line.kind is Kind.USAGE)
        assert (tax > usage * 5 // 100) == (delivery.provider is not Provider.AZURE)


def test_the_rules_file_is_toml_with_a_name_and_an_outcome_each():
    rules = tomllib.loads(world_of().rules)["rule"]
    assert len(rules) == 3
    assert all(rule["name"] and ("shared" in rule or "label" in rule) for rule in rules)
