"""Bills arrive open, closed, twice and late; the last one counts."""

from collections import Counter

from simulation.worlds import world_of
from trainfare.core.charge import View
from trainfare.core.period import HOUR
from trainfare.simulation.fault import ALL_FAULTS, Faults
from trainfare.simulation.line import DAY, Kind, Provider

OPEN = Faults(restated_delivery=True)


def test_without_faults_each_bill_comes_once_and_closed():
    world = world_of()
    assert [d.name for d in world.deliveries] == [f"{p}-2026-10-1" for p in Provider]
    assert all(d.is_final for d in world.deliveries)
    assert world.final == world.deliveries


def test_an_open_bill_lacks_the_last_days_and_the_closing_lines():
    world = world_of(7, OPEN, days=3)
    closed = {d.provider: d for d in world.deliveries if d.number == 2}
    for delivery in [d for d in world.deliveries if d.number == 1]:
        assert not delivery.is_final
        kinds = {line.kind for line in delivery.lines}
        assert not kinds & {Kind.TAX, Kind.CREDIT, Kind.REFUND, Kind.FEE}
        assert max(line.interval.start_ns for line in delivery.lines) < world.bill.end_ns - DAY
        assert delivery.total(View.BILLED) < closed[delivery.provider].total(View.BILLED)


def test_what_an_open_bill_said_may_change():
    world = world_of(7, OPEN, days=3)
    first, second = (d for d in world.deliveries if d.provider is Provider.AWS)
    known = Counter(second.lines)
    changed = [line for line in first.lines if line not in known]
    assert 0 < len(changed) < len(first.lines) / 10


def test_only_the_last_delivery_of_a_period_counts():
    world = world_of(7, OPEN, days=3)
    assert world.final == tuple(d for d in world.deliveries if d.number == 2)
    assert world.truth() == world_of(days=3).truth()


def test_a_duplicated_delivery_is_the_same_again():
    world = world_of(7, Faults(duplicated_delivery=True))
    counts = Counter(id(d) for d in world.deliveries)
    assert set(counts.values()) == {2}
    assert world.final == world_of().final


def test_deliveries_come_in_order_of_time():
    """First every provider's open bill, then the closed ones, then the next month's."""
    order = [(d.period, d.number) for d in world_of(7, ALL_FAULTS, days=5).deliveries]
    assert order == sorted(order)
    assert len(set(order)) == 3


def test_azure_and_the_small_cloud_bill_by_the_day_and_aws_where_told():
    hourly, daily = world_of(), world_of(7, Faults(day_grain=True))
    for provider, in_both in (
        (Provider.AZURE, True),
        (Provider.RENTED, True),
        (Provider.AWS, False),
    ):
        for world, is_daily in ((hourly, in_both), (daily, True)):
            lengths = {
                line.interval.duration_ns
                for line in world.lines
                if line.product.provider is provider and line.kind is Kind.USAGE
            }
            assert (HOUR not in lengths) == is_daily
    assert daily.truth() == hourly.truth()


def test_google_writes_the_very_seconds():
    lengths = {
        line.interval.duration_ns % HOUR
        for line in world_of().lines
        if line.product.provider is Provider.GCP
    }
    assert len(lengths) > 1
