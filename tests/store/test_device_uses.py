"""What accelerators did is kept once per moment, in whatever order exports arrive."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sqlalchemy")

from trainfare.core.period import Interval
from trainfare.core.run import DeviceUse
from trainfare.store.device_uses import Watched, put_device_uses, read_device_uses
from trainfare.store.ledger import open_ledger


@pytest.fixture
def connection(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger, ledger.change() as changing:
        yield changing


def watched(*spans, run="r", device="g"):
    uses = tuple(DeviceUse(device, a, b, 500, energy_mj=(b - a) * 10) for a, b in spans)
    return Watched(run, "i-1", uses, "DCGM_FI_DEV_GPU_UTIL")


def test_the_same_record_twice_changes_nothing(connection):
    one = watched((0, 60), (60, 120))
    assert put_device_uses(connection, [one]) == 2
    assert put_device_uses(connection, [one]) == 0
    assert read_device_uses(connection) == [one]
    assert read_device_uses(connection, Interval(60, 90)) == [watched((60, 120))]
    assert read_device_uses(connection, Interval(120, 130)) == []


def test_a_later_export_adds_what_came_since(connection):
    put_device_uses(connection, [watched((0, 60))])
    put_device_uses(connection, [watched((0, 100))])
    assert read_device_uses(connection) == [watched((0, 60), (60, 100))]


spans = st.lists(st.integers(0, 40), min_size=2, max_size=8, unique=True).map(
    lambda edges: watched(*zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


@given(st.lists(spans, max_size=5))
@settings(max_examples=25)
def test_every_moment_is_kept_once(tmp_path_factory, new_database, exports):
    home = tmp_path_factory.mktemp("home")
    with open_ledger(home, new_database()) as ledger, ledger.change() as connection:
        for one in exports:
            put_device_uses(connection, [one])
        kept = [use for one in read_device_uses(connection) for use in one.uses]
    moments = [t for use in kept for t in range(use.start_ns, use.end_ns)]
    told = {t for one in exports for use in one.uses for t in range(use.start_ns, use.end_ns)}
    assert sorted(moments) == sorted(told)
    assert sum(use.energy_mj for use in kept) == 10 * len(told)
