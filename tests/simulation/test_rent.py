"""What machines cost: their paid seconds, and everything that hangs on them."""

from collections import defaultdict
from fractions import Fraction

from simulation.worlds import world_of
from trainfare.core.period import HOUR
from trainfare.simulation.fleet import Venue
from trainfare.simulation.line import DAY, Kind, Provider
from trainfare.simulation.product import EC2

BIG = {"runs": 120, "days": 3}


def usage():
    return [line for line in world_of(**BIG).lines if line.kind is Kind.USAGE]


def test_paid_hours_are_the_life_of_the_machine_within_the_bill():
    world = world_of(**BIG)
    paid = defaultdict(Fraction)
    for line in usage():
        if (
            line.product.service in (EC2, "Virtual Machines", "GPU instances")
            and line.product.machine
        ):
            paid[line.place.resource_id] += line.quantity
    counted = 0
    for machine in world.machines:
        if machine.type.provider is not Provider.GCP:
            life = machine.life.clip(world.bill)
            hours = Fraction(life.duration_ns, HOUR) if life else 0
            assert paid[machine.place.resource_id] == hours
            counted += 1
    assert counted > 20


def test_a_price_is_paid_by_the_second_and_never_above_the_list():
    for line in usage():
        if line.product.machine and not line.commitment and line.product.service == EC2:
            hourly = line.list_nano / line.quantity
            machine = next(
                m for m in world_of(**BIG).machines if m.place.resource_id == line.place.resource_id
            )
            assert abs(hourly - machine.type.hour_nano) < 3600
            assert line.effective_nano <= line.list_nano
            assert (line.effective_nano < line.list_nano) == machine.is_spot


def test_a_disk_belongs_to_whoever_holds_the_machine():
    lines = usage()
    follows = world_of(**BIG).attachments
    owners = defaultdict(set)
    for line in lines:
        if line.product.machine:
            owners[line.place.resource_id, line.interval].add(line.ownership)
    attached = [line for line in lines if line.place.resource_id in follows]
    assert {line.place.kind for line in attached} == {"volume", "ip", "natgateway"}
    hourly = [line for line in attached if line.interval.duration_ns < DAY]
    assert hourly
    for line in hourly:
        assert owners[follows[line.place.resource_id], line.interval] == {line.ownership}


def test_managed_jobs_are_paid_for_what_ran_on_all_their_instances():
    world = world_of(**BIG)
    hours = defaultdict(Fraction)
    for line in usage():
        if ":training-job/" in line.place.resource_id:
            hours[line.place.resource_id] += line.quantity
    jobs = [run for run in world.runs if run.venue is Venue.MANAGED]
    assert jobs
    for run in jobs:
        inside = sum(attempt.interval.overlap_ns(world.bill) for attempt in run.attempts)
        assert hours[run.job] == Fraction(inside * run.nodes, HOUR)


def test_preparing_data_is_a_job_of_its_own_that_its_run_owns():
    lines = [line for line in usage() if ":processing-job/" in line.place.resource_id]
    assert lines
    for line in lines:
        assert line.product.component == "data"
        assert [part.run for part in line.ownership.divided(1)] == [dict(line.tags)["run_id"]]
