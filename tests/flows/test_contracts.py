"""What was bought and what it saved: the promise beside the bills, against the simulation's truth."""

import pytest

from flows.bills import said, trainfare
from trainfare.core.money import Money
from trainfare.flows.contracts import Purchase, contract_of, recorded
from trainfare.simulation.commitment import AZURE_RESERVATION, GOOGLE_COMMITMENT, SAVINGS_PLAN
from trainfare.simulation.folder import write_world
from trainfare.simulation.line import Kind
from trainfare.simulation.world import make_world
from trainfare.store.contracts import put_contracts
from trainfare.store.ledger import open_ledger

RATES = "sku,kind,term,rate\naws/us-east-1/p5.48xlarge,aws_compute_savings_plan,1y,60\n"
PLAN = ("aws_compute_savings_plan:1y=12.5", "--start", "2026-01-01")


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    """A world with commitments, its bill imported, and three of its commitments recorded."""
    home = tmp_path_factory.mktemp("home")
    world = make_world(5, runs=40, days=6, teams=2, machines=2, period="2026-09")
    places = write_world(world, home / "files", bills="focus-1.2")
    trainfare(home, "bill", "import", *(one for one in places if "rented" not in str(one)))
    (home / "rates.csv").write_text(RATES)
    rates = ("--rates", home / "rates.csv")
    trainfare(home, "commit", "record", SAVINGS_PLAN.id, *PLAN, *rates)
    azure = AZURE_RESERVATION.id.upper()  # however it is written
    trainfare(home, "commit", "record", azure, "own_contract:1y=1", *PLAN[1:], "--promised", "73")
    trainfare(home, "commit", "record", "not-on-a-bill", *PLAN, *rates)
    return home, world


def truth(world, commitment):
    """(on demand, paid) by the simulation's own lines."""
    lines = [one for one in world.lines if one.commitment and one.commitment.id == commitment.id]
    on_demand = sum(one.contracted_nano for one in lines if one.kind is Kind.USAGE)
    return on_demand, sum(one.effective_nano for one in lines)


def test_the_saving_is_on_demand_less_paid_exactly(paid):
    home, world = paid
    found = {one.contract.id: one for one in recorded(home)}
    [bill] = found[SAVINGS_PLAN.id].bills
    assert (bill.on_demand.nano, bill.paid.nano) == truth(world, SAVINGS_PLAN)
    assert bill.saved == bill.on_demand - bill.paid
    assert bill.hours == 6 * 24
    azure = found[AZURE_RESERVATION.id.upper()]
    assert (azure.bills[0].on_demand.nano, azure.bills[0].paid.nano) == truth(
        world, AZURE_RESERVATION
    )
    assert azure.promised == Money.parse("14.4")  # 73 a month of 730 hours, for 144 hours


def test_a_promise_is_what_the_bills_so_far_would_have_saved(paid):
    home, _ = paid
    [plan] = [one for one in recorded(home) if one.contract.id == SAVINGS_PLAN.id]
    # 12.50 an hour at 60 instead of 98.32 is worth 7.98 in every hour with a machine to cover.
    assert Money.zero() < plan.contract.promised <= Money.parse("5828")
    assert plan.promised is not None


def test_what_no_bill_has_says_so_and_is_told_apart(paid):
    home, _ = paid
    [none] = [one for one in recorded(home) if one.contract.id == "not-on-a-bill"]
    assert none.bills == ()
    assert none.saved is None
    assert "no bill has a commitment 'not-on-a-bill' yet" in none.why
    status = trainfare(home, "commit", "status")
    assert [one["id"] for one in status["not_on_bill"]] == ["not-on-a-bill"]
    ends = {one["id"]: one["ends"] for one in status["commitments"]}
    assert ends[SAVINGS_PLAN.id] == "2027-01-01T00:00:00Z"
    assert ends[GOOGLE_COMMITMENT.id] is None


def test_people_see_the_same(paid):
    home, _ = paid
    text = said(home, "commit", "recorded")
    assert "2026-09" in text
    assert "not-on-a-bill" in text
    text = said(home, "commit", "status")
    assert "2027-01-01" in text
    assert "Recorded, and on no bill yet" in text


def test_plans_reckon_with_what_was_bought_and_no_bill_has_yet(paid):
    home, _ = paid
    rates = ("--rates", home / "rates.csv")
    kinds = [
        one["commitment_per_hour"] for one in trainfare(home, "commit", "plan", *rates)["held"]
    ]
    assert kinds.count("12.500000000") == 1  # the one on no bill; the other is as the bill has it


def test_a_mistake_is_withdrawn(paid):
    home, _ = paid
    trainfare(home, "commit", "record", "slip", "my_contract:1m=1", "--start", "2026-01-01")
    assert "slip" in said(home, "commit", "recorded")
    assert "Withdrawn: slip" in said(home, "commit", "withdraw", "slip")
    assert "slip" not in said(home, "commit", "recorded")
    assert "no recorded commitment" in said(home, "commit", "withdraw", "slip", code=2)


def test_one_commitment_is_recorded_once_and_stands_in_status_once(paid):
    home, _ = paid
    short = SAVINGS_PLAN.id.rpartition("/")[2].upper()
    own = ("own:1y=1", *PLAN[1:])
    text = said(home, "commit", "record", short, *own, code=2)
    assert f"commitment {short} is recorded already as {SAVINGS_PLAN.id}" in text
    assert f"trainfare commit withdraw {SAVINGS_PLAN.id}" in text
    trainfare(home, "commit", "record", "res-7", *own)
    said(home, "commit", "record", "/orders/1/reservations/res-7", *own, code=2)
    trainfare(home, "commit", "record", "my-res-7", *own)  # another one
    trainfare(home, "commit", "record", "res-7", *own)  # a correction
    before = contract_of(Purchase(short, "own", 8760, 1767225600 * 10**9, Money.parse("1"), {}))
    with open_ledger(home) as ledger, ledger.change() as connection:
        put_contracts(connection, [before])  # told twice, as it could be before
    status = trainfare(home, "commit", "status")
    assert {one["id"] for one in status["not_on_bill"]} == {"not-on-a-bill", "res-7", "my-res-7"}
    for one in ("res-7", "my-res-7", short):
        trainfare(home, "commit", "withdraw", one)


@pytest.mark.parametrize("period", ["xx", "2026-9", "", "2026-13"])
def test_a_month_that_is_none_is_refused(paid, period):
    text = said(paid[0], "commit", "status", "--period", period, code=2)
    assert f"{period!r} is not a billing period such as 2026-10" in text


def test_a_month_without_a_bill_says_so_whatever_is_recorded(paid):
    home, _ = paid
    assert "there is no bill of 2026-08" in said(
        home, "commit", "status", "--period", "2026-08", code=2
    )
    text = said(home, "commit", "status", "--period", "2026-09")
    assert "Recorded, and not on the bills of 2026-09:" in text


def test_contracts_of_a_provider_s_file_are_recorded(paid, tmp_path):
    home, _ = paid
    (tmp_path / "c.csv").write_text(
        "ContractCommitmentId,ContractCommitmentType,ContractCommitmentPeriodStart,"
        "ContractCommitmentPeriodEnd,ContractCommitmentCost,BillingCurrency\n"
        f"{GOOGLE_COMMITMENT.id},CUD,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,8760,USD\n"
    )
    assert "1 commitment recorded" in said(home, "commit", "import", tmp_path / "c.csv")
    [google] = [one for one in recorded(home) if one.contract.id == GOOGLE_COMMITMENT.id]
    assert google.contract.per_hour == Money.parse("1")
    assert google.bills[0].saved is not None
    assert trainfare(home, "commit", "withdraw", GOOGLE_COMMITMENT.id)["id"] == GOOGLE_COMMITMENT.id


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x", "aws_compute_savings_plan=1", "--start", "2026-01-01"], "write KIND:TERM=AMOUNT"),
        (["x", "aws_reserved_instance:1y=4", "--start", "2026-01-01"], "bought by the machine"),
        (["x", "own:1y=0", "--start", "2026-01-01"], "more than 0"),
        (["x", "own:1y=1", "--start", "soon"], "is not an RFC 3339 time"),
        (["x", "own:1y=1", "--start", "2026-01-02", "--until", "2026-01-01"], "before it begins"),
    ],
)
def test_what_is_wrong_is_one_sentence(paid, words, what):
    assert what in said(paid[0], "commit", "record", *words, code=2)
