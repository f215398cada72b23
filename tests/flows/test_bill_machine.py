"""Whatever is imported, repeated, restated, claimed and allocated, in any order: it is conserved."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flows.bills import hour, write_bill, write_claims

pytest.importorskip("duckdb")

from trainfare.clusters.options import ReadOptions
from trainfare.core.charge import View
from trainfare.flows.allocation import allocate_periods, verify
from trainfare.flows.bill import import_bills
from trainfare.flows.usage import import_claims

amounts = st.decimals("-5", "20", places=9).map(str)
charges = st.lists(
    st.builds(
        hour,
        st.sampled_from(["i-1", "i-2", ""]),
        st.integers(0, 22),
        amounts,
        day=st.sampled_from([1, 2]),
        tags=st.sampled_from(["", '{"run_id":"a"}', '{"team":"nlp"}']),
        category=st.sampled_from(["Usage", "Usage", "Tax", "Credit"]),
        currency=st.sampled_from(["USD", "USD", "EUR"]),
        month=st.sampled_from(["10", "10", "09"]),
    ),
    min_size=1,
    max_size=6,
)
claims = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["i-1", "i-2", "i-9"]),
        st.integers(0, 11),
        st.integers(12, 23),
        st.sampled_from(["1", "0.5", "0.25", "0.333"]),
    ),
    min_size=1,
    max_size=4,
)


class BillPath(RuleBasedStateMachine):
    """A home that lives through imports and allocations, and what its bill must be."""

    @initialize()
    def open_home(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name) / "home"
        self.files = 0
        self.bills = []
        self.expected = {}

    def fresh(self, ending):
        self.files += 1
        return Path(self.folder.name) / f"{self.files}.{ending}"

    def take(self, path):
        for one in import_bills(self.home, [str(path)], source="cloud"):
            self.expected[one.delivery.period] = {
                (currency, view): nano
                for currency, views in one.delivery.totals.items()
                for view, nano in views.items()
            }

    @rule(found=charges)
    def import_a_delivery(self, found):
        path = write_bill(self.fresh("csv"), *found)
        self.bills.append(path)
        self.take(path)

    @rule(data=st.data())
    def import_an_earlier_delivery_again(self, data):
        if self.bills:
            self.take(data.draw(st.sampled_from(self.bills)))

    @rule(found=claims)
    def claim(self, found):
        path = write_claims(self.fresh("csv"), *found)
        import_claims(self.home, [path], ReadOptions(0))

    @rule()
    def allocate(self):
        if self.bills:
            allocate_periods(self.home)
            assert all(one.is_unchanged for one in allocate_periods(self.home))

    @invariant()
    def it_is_conserved(self):
        if not self.bills:
            return
        balances = verify(self.home)
        # What was restated and not allocated anew stands as unallocated.
        for one in balances:
            expected = self.expected[one.period].get((one.currency, one.view.value), 0)
            assert one.bill == expected
            assert one.difference == 0
        assert {one.view for one in balances} == set(View)

    def teardown(self):
        if self.bills:
            allocate_periods(self.home)
            assert all(one.difference == 0 for one in verify(self.home))
        self.folder.cleanup()


BillPath.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBillPath = BillPath.TestCase
