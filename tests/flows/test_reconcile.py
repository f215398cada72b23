"""The meeting of the two paths: metered runs and real bills, causes, what is awaited, prices learnt."""

import json
from decimal import Decimal

import pytest

import trainfare as front
from flows.bills import said, trainfare, write_bill
from flows.rides import charge, instant, ride, write_charges
from trainfare.core.machine import Machine
from trainfare.prices.book import PriceBook

pytest.importorskip("duckdb")

CAUSES = ("price", "duration", "quantity", "commitment", "credit", "unmetered", "rounding")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A fresh home; commands set TRAINFARE_HOME, which is put back afterwards."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path / "home"


@pytest.fixture
def bill(home, tmp_path):
    """Import charges as one bill; later ones replace it."""

    def bring(*rows, name="b"):
        return trainfare(home, "bill", "import", write_charges(tmp_path / f"{name}.csv", *rows))

    return bring


def rows_by_run(home, *words):
    answer = trainfare(home, "reconcile", *words)
    for row in answer["rows"]:
        if row["causes"] is not None:
            assert tuple(row["causes"]) == CAUSES
            total = sum(Decimal(amount) for amount in row["causes"].values())
            assert total == Decimal(row["variance"])
            assert total == Decimal(row["billed"]) - Decimal(row["estimated"])
    return {row["run"]: row for row in answer["rows"]}


def causes(row):
    """The causes that played a part, as plain numbers."""
    return {name: float(amount) for name, amount in row["causes"].items() if Decimal(amount)}


def test_a_bill_as_estimated_leaves_nothing_to_explain(home, bill):
    ride(home, "a", 8, 9)
    bill(charge())
    row = rows_by_run(home)["a"]
    assert (row["estimated"], row["billed"], row["status"]) == (
        "10.000000000",
        "10.000000000",
        "reconciled",
    )
    assert causes(row) == {}


PLANTED = {
    "price": ([charge(effective="12")], {"price": 2}),
    "longer": ([charge(at=7, Tags='{"run_id": "a"}'), charge(Tags='{"run_id": "a"}')], {"duration": 10}),
    "shorter": ([charge(effective="5", ConsumedQuantity="0.5")], {"duration": -5}),
    "commitment": (
        [charge(effective="6", ListCost="10", ContractedCost="10", PricingCategory="Committed",
                CommitmentDiscountId="sp-1", CommitmentDiscountStatus="Used")],
        {"commitment": -4},
    ),
    "negotiated": ([charge(effective="9", ListCost="10")], {"commitment": -1}),
    "credit": (
        [charge(), charge(effective="-3", ChargeCategory="Credit", ConsumedQuantity="",
                          ConsumedUnit="", PricingCategory="")],
        {"credit": -3},
    ),
    "correction": (
        [charge(), charge(effective="-3", ChargeClass="Correction", ConsumedQuantity="0")],
        {"credit": -3},
    ),
    "unmetered": (
        [charge(), charge(effective="0.7", ServiceCategory="Networking", ConsumedQuantity="7",
                          ConsumedUnit="GB", ServiceSubcategory="", SkuPriceDetails="")],
        {"unmetered": 0.7},
    ),
    "missed machine": (
        [charge(), charge("i-2", Tags='{"run_id": "a"}')],
        {"quantity": 10},
    ),
    "spot": ([charge(effective="4", ListCost="10", ContractedCost="4", PricingCategory="Dynamic")],
             {"price": -6}),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_each_cause_alone_is_found_as_that_cause(home, bill, planted):
    ride(home, "a", 8, 9)
    rows, expected = PLANTED[planted]
    bill(*rows)
    assert causes(rows_by_run(home)["a"]) == expected


def test_another_run_on_the_machine_that_the_estimate_did_not_know_is_quantity(
    home, bill, tmp_path
):
    ride(home, "a", 8, 9)
    claims = tmp_path / "claims.csv"
    claims.write_text(
        "run,resource,start,end,share\nb,i-1,2026-10-01T08:00:00Z,2026-10-01T09:00:00Z,1\n"
    )
    trainfare(home, "claims", "import", claims)
    bill(charge())
    rows = rows_by_run(home)
    assert causes(rows["a"]) == {"quantity": -5}
    assert (rows["b"]["estimated"], rows["b"]["variance"], rows["b"]["metered"]) == (
        None,
        None,
        False,
    )
    assert rows["b"]["billed"] == "5.000000000"


def test_a_machine_that_a_whole_bill_does_not_name_beside_others_is_quantity(home, bill):
    ride(home, "a", 8, 9)
    ride(home, "a", 8, 9, resource="i-2")
    bill(charge())
    row = rows_by_run(home)["a"]
    assert (row["billed"], causes(row)) == ("10.000000000", {"quantity": -10})
    assert "i-2 is on no line of this bill" in said(home, "reconcile")


def test_a_run_that_a_whole_bill_does_not_name_at_all_waits_for_another(home, bill):
    """Its account's bill may be missing: a run is never billed 0 because nobody looked."""
    ride(home, "a", 8, 9)
    bill(charge("i-9"))
    row = rows_by_run(home)["a"]
    assert (row["status"], row["billed"], row["variance"]) == ("awaiting_bill", None, None)
    assert row["missing"][0]["bill_is_whole"] is True
    assert "AWS 2026-10 is here, without i-1" in said(home, "reconcile")


def test_an_invoice_is_final_whenever_it_came(home, bill, monkeypatch):
    ride(home, "a", 8, 9)
    monkeypatch.setattr("time.time_ns", lambda: instant(2, 0, "11"))
    bill(charge())
    assert rows_by_run(home)["a"]["status"] == "open_period"
    bill(charge(InvoiceId="INV-1"), name="final")
    assert rows_by_run(home)["a"]["status"] == "reconciled"


def test_a_run_without_a_bill_awaits_it_and_is_never_billed_zero(home, bill):
    ride(home, "a", 8, 9)
    ride(home, "own", 8, 9, resource="host:abc", provider=None, region=None, instance_type=None)
    rows = rows_by_run(home)
    assert rows["a"]["status"] == rows["own"]["status"] == "awaiting_bill"
    assert rows["a"]["billed"] is rows["a"]["variance"] is rows["a"]["causes"] is None
    assert rows["a"]["missing"][0]["expected"] == "2026-10-02T09:00:00Z"
    assert rows["own"]["missing"][0]["expected"] is None
    text = said(home, "reconcile")
    assert "2026-10-02" in text
    assert "nobody is known to bill it" in text
    # A bill of another provider changes nothing for it.
    bill(charge("vm-1", ServiceProviderName="Microsoft"))
    assert rows_by_run(home)["a"]["status"] == "awaiting_bill"


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("azure", "2026-10-02T09:00:00Z"),
        ("gcp", "2026-10-02T09:00:00Z"),
        ("fjordgpu", "2026-11-01T00:00:00Z"),
    ],
)
def test_each_provider_is_expected_at_its_own_time(home, provider, expected):
    ride(home, "a", 8, 9, provider=provider)
    assert rows_by_run(home)["a"]["missing"][0]["expected"] == expected


def test_what_has_arrived_of_a_run_is_told_beside_what_is_missing(home, bill):
    ride(home, "a", 8, 9)
    ride(home, "a", 8, 9, resource="vm-1", provider="azure")
    bill(charge())
    row = rows_by_run(home)["a"]
    assert (row["status"], row["billed"]) == ("awaiting_bill", None)
    assert row["billed_so_far"] == "10.000000000"
    assert [one["resource"] for one in row["missing"]] == ["vm-1"]
    assert trainfare(home, "receipt", "a")["billed"] is None


def test_a_bill_that_came_while_the_month_was_open_is_open(home, bill, monkeypatch):
    ride(home, "early", 8, 9)
    ride(home, "late", 8, 9, day=20)
    monkeypatch.setattr("time.time_ns", lambda: instant(21, 0))
    bill(charge())
    rows = rows_by_run(home)
    assert (rows["early"]["status"], rows["early"]["variance"]) == ("open_period", "0.000000000")
    assert rows["late"]["status"] == "awaiting_bill"
    assert rows["late"]["missing"][0]["bill_reaches"] == "2026-10-01T09:00:00Z"
    assert "* in a billing period that is still open" in said(home, "reconcile")


def test_a_restated_bill_is_followed_and_the_earlier_one_can_be_asked(home, bill):
    ride(home, "a", 8, 9)
    bill(charge(effective="11"))
    assert rows_by_run(home)["a"]["billed"] == "11.000000000"
    before = said(home, "bill", "list")
    assert before
    import time

    from trainfare.core.period import format_instant

    then = format_instant(time.time_ns())
    bill(charge(effective="13"), name="again")
    assert causes(rows_by_run(home)["a"]) == {"price": 3}
    assert causes(rows_by_run(home, "--as-of", then)["a"]) == {"price": 1}


def test_a_period_compares_only_the_part_of_a_run_within_it(home, bill):
    ride(home, "a", 23, 25, day=30, month="09")
    bill(charge(at=23, day=30, month="9", effective="12"))
    assert rows_by_run(home)["a"]["status"] == "awaiting_bill"
    row = rows_by_run(home, "2026-09")["a"]
    assert (row["status"], row["estimated"], causes(row)) == (
        "reconciled",
        "10.000000000",
        {"price": 2},
    )
    assert rows_by_run(home, "2026-10")["a"]["status"] == "awaiting_bill"


def test_currencies_never_mix(home, bill):
    ride(home, "a", 8, 9)
    bill(charge(BillingCurrency="EUR"))
    row = rows_by_run(home)["a"]
    assert (row["variance"], row["also_billed"]) == (None, {"EUR": "10.000000000"})
    assert "another currency" in said(home, "reconcile")


def test_a_run_without_a_price_says_so_and_has_its_bill(home, bill):
    ride(home, "a", 8, 9, price=None)
    bill(charge())
    row = rows_by_run(home)["a"]
    assert (row["estimated"], row["billed"], row["causes"]) == (None, "10.000000000", None)
    assert "1 run without a price; $10.00 billed" in said(home, "reconcile")


def test_the_receipt_shows_both_books_once_the_bill_is_here(home, bill):
    ride(home, "a", 8, 9)
    assert trainfare(home, "receipt", "a")["billed"] is None
    bill(charge(effective="12"), charge("vol-1", effective="0.5", ServiceCategory="Storage",
         ServiceSubcategory="", Tags='{"run_id": "a"}', ConsumedUnit="GB-Mo"))  # fmt: skip
    trainfare(home, "reconcile")
    billed = trainfare(home, "receipt", "a")["billed"]
    assert billed["total"] == "12.500000000"
    assert (billed["view"], billed["components"]["storage"]) == ("effective", "0.500000000")
    assert billed["methods"] == {"resource_overlap": "12.000000000", "run_tag": "0.500000000"}
    text = said(home, "receipt", "a")
    assert "+$2.50" in text.replace("0000", "")
    assert "difference" in said(home, "receipt", "a", "--format", "html")
    assert trainfare(home, "runs")["runs"][0]["billed"]["total"] == "12.500000000"
    assert "$12.50" in said(home, "runs")
    assert front.receipt("a").billed.total.text() == "12.500000000"


def test_python_has_the_same_answer(home, bill):
    ride(home, "a", 8, 9)
    bill(charge(effective="12"))
    found = front.reconcile("2026-10", run="a")
    [table] = found.tables
    assert [str(cell) for cell in next(iter(table)).cells.values()][:4] == [
        "a",
        "$10.00",
        "$12.00",
        "$2.00",
    ]
    assert table.to_json()["total"]["price"] == "2.000000000"
    assert "variance" in str(found)
    assert "<table" in found._repr_html_()
    assert json.loads(json.dumps(found.to_json())) == trainfare(
        home, "reconcile", "2026-10", "--run", "a"
    )


def test_a_single_run_shows_its_items_and_an_unknown_one_is_named(home, bill):
    ride(home, "a", 8, 9)
    bill(charge(effective="12"))
    text = said(home, "reconcile", "--run", "a")
    assert "i-1 asks $12.00 an hour, $10.00 was assumed (shipped)" in text
    assert "no run is called 'nobody'" in trainfare(home, "reconcile", "--run", "nobody", code=2)


def test_nothing_metered_and_nothing_billed_is_said(home):
    assert "no run was metered or billed yet" in trainfare(home, "reconcile", code=2)


def test_imported_runs_alone_are_listed_without_an_estimate(home, tmp_path):
    from flows.bills import hour, write_claims

    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("b", "i-1", 8, 9, "1")))
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    row = rows_by_run(home)["b"]
    assert (row["estimated"], row["billed"], row["status"]) == (None, "8.000000000", "reconciled")
    assert "1 run not metered here" in said(home, "reconcile")


def price_of(home, option="on_demand", region="us-east-1", day=2):
    machine = Machine("i-5", "n", provider="aws", region=region, instance_type="p4d.24xlarge",
                      purchase_option=option)  # fmt: skip
    return PriceBook(home).machine_price(machine, instant(day, 8, "11"))


def test_a_price_is_learnt_only_when_the_user_says_so_and_the_next_estimate_says_where_from(
    home, bill
):
    ride(home, "a", 8, 9, price="21.96")
    bill(charge(effective="18", ListCost="21.96"), charge(at=9, effective="18", ListCost="21.96"))
    before = price_of(home)
    trainfare(home, "reconcile")
    assert price_of(home) == before
    learnt = trainfare(home, "reconcile", "--learn")["learning"]["prices"]
    assert [(one["amount"], one["verdict"], one["from"], one["until"]) for one in learnt] == [
        ("18", "learnt", "2026-10-01", "2026-10-02")
    ]
    assert learnt[0]["replaces"]["origin"] == "shipped"
    after = price_of(home)
    assert (after.amount, after.origin) == (18, "learnt")
    assert "learnt from bill aws 2026-10" in after.source
    assert "learnt from bill, 2026-10-01" in after.describe()
    assert price_of(home, region="eu-west-1").origin == "shipped"
    again = trainfare(home, "reconcile", "--learn")["learning"]["prices"]
    assert again[0]["verdict"] == "unchanged"


def test_a_jump_waits_until_it_is_confirmed(home, bill):
    ride(home, "a", 8, 9)
    bill(charge(effective="40"))
    [one] = trainfare(home, "reconcile", "--learn")["learning"]["prices"]
    assert (one["verdict"], price_of(home).origin) == ("waiting", "shipped")
    assert "--confirm SKU" in said(home, "reconcile", "--learn")
    [one] = trainfare(home, "reconcile", "--learn", "--confirm", one["sku"])["learning"]["prices"]
    assert (one["verdict"], price_of(home).amount) == ("learnt", 40)


UNTEACHABLE = {
    "another region": [charge(RegionId="eu-west-1")],
    "another type": [charge(SkuPriceDetails='{"InstanceType": "p5.48xlarge"}')],
    "no hours": [charge(ConsumedUnit="Units")],
    "free": [charge(effective="0")],
}


@pytest.mark.parametrize("why", UNTEACHABLE)
def test_what_is_no_whole_known_machine_teaches_nothing(home, bill, why):
    ride(home, "a", 8, 9)
    bill(*UNTEACHABLE[why])
    learning = trainfare(home, "reconcile", "--learn")["learning"]
    assert learning["prices"] == []
    assert len(learning["refused"]) == 1
    assert price_of(home).origin == "shipped"


def test_an_open_month_teaches_nothing(home, bill, monkeypatch):
    ride(home, "a", 8, 9)
    monkeypatch.setattr("time.time_ns", lambda: instant(21, 0))
    bill(charge(effective="18"))
    learning = trainfare(home, "reconcile", "--learn")["learning"]
    assert (learning["prices"], learning["refused"][0]["why"]) == ([], "the month is still open")


def test_wrong_use_is_said(home):
    assert "--learn" in trainfare(home, "reconcile", "--confirm", "all", code=2)
    assert "--as-of" in trainfare(
        home, "reconcile", "--learn", "--as-of", "2026-10-01T00:00:00Z", code=2
    )
    assert "2026-10" in trainfare(home, "reconcile", "October", code=2)
