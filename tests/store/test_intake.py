"""The intake: however pieces of spools arrive, what is kept is the spools' bytes, each once."""

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import OutsideFailed
from trainfare.core.shipment import Piece
from trainfare.store import intake as room
from trainfare.store.clients import Sender, read_senders
from trainfare.store.intake import Busy, Intake, Parcel
from trainfare.store.ledger import open_ledger
from trainfare.store.stream import read_log

SPOOLS = {
    ("r-1", "s-1", "samples.bin"): bytes(range(256)) * 2,
    ("r-1", "s-2", "events.jsonl"): b'{"k":"start"}\n{"k":"end"}\n',
    ("r-2", "s-1", "samples.bin"): b"x" * 300,
}


class Desk:
    """An intake whose decisions a test waits for."""

    def __init__(self, ledger):
        self.decided = threading.Condition()
        self.added = []
        self.intake = Intake(ledger, self._decided, lambda _after, new: self.added.extend(new))

    def _decided(self, group):
        with self.decided:
            for parcel in group:
                parcel.mark = True
            self.decided.notify_all()

    def put(self, *pieces, team=None, name="node"):
        parcel = Parcel(pieces, team, Sender(name, team, 5, 10**18))
        self.intake.put(parcel)
        return parcel

    def wait(self, *parcels):
        with self.decided:
            assert self.decided.wait_for(lambda: all(one.mark for one in parcels), 60)

    def store(self, *pieces, **how):
        parcel = self.put(*pieces, **how)
        self.wait(parcel)
        if parcel.refusal:
            raise parcel.refusal
        return parcel.lengths


@pytest.fixture(scope="module")
def database(new_database):
    return new_database()


@pytest.fixture(scope="module")
def ledger(database, tmp_path_factory):
    with open_ledger(tmp_path_factory.mktemp("home"), database) as one:
        yield one


@pytest.fixture(scope="module")
def replica(database, tmp_path_factory):
    """The same ledger, as another process has it open."""
    with open_ledger(tmp_path_factory.mktemp("replica"), database) as one:
        yield one


@pytest.fixture
def desk(ledger):
    one = Desk(ledger)
    yield one
    one.intake.close()


def piece(key, start, end):
    return Piece(*key, start, SPOOLS[key][start:end])


cuts = st.sampled_from(sorted(SPOOLS)).flatmap(
    lambda key: st.tuples(
        st.just(key),
        st.integers(0, len(SPOOLS[key])),
        st.integers(0, len(SPOOLS[key])),
    ).map(lambda cut: piece(cut[0], min(cut[1:]), max(cut[1:])))
)
deliveries = st.lists(st.lists(cuts, max_size=5), max_size=12)


def kept(ledger, key):
    """The bytes of one stream by the log, in whose order each chunk continues the ones before."""
    content, place = b"", 0
    with ledger.look() as connection:
        while True:
            place, pieces = read_log(connection, place)
            if not pieces:
                return content
            for one in pieces:
                if one.key == key:
                    assert one.start == len(content)
                    content += one.data


@settings(max_examples=40)
@given(deliveries=deliveries, runs=st.uuids())
def test_repeated_overlapping_recut_reordered_pieces_leave_exactly_the_spool(
    ledger, replica, deliveries, runs
):
    """Machines send again what was not acknowledged, in other cuts, several at once: it counts once."""

    def own(one):
        return Piece(f"{runs}-{one.run}", one.segment, one.file, one.start, one.data)

    desk, other = Desk(ledger), Desk(replica)
    try:
        parcels = [
            (at, at.put(*map(own, group)))
            for group, at in zip(deliveries, itertools.cycle([desk, desk, other]), strict=False)
        ]
        for at, parcel in parcels:
            at.wait(parcel)
            assert parcel.refusal is None
        for (run, segment, file), content in SPOOLS.items():
            key = f"{runs}-{run}", segment, file
            # Nothing but a beginning of the spool is ever there …
            assert content.startswith(kept(ledger, key))
            # … and whoever goes on from the answer completes it.
            [length] = desk.store(Piece(*key, 0, b""))
            desk.store(Piece(*key, length, content[length:]))
            assert kept(ledger, key) == content
            assert other.store(Piece(*key, 0, content)) == [len(content)]
    finally:
        desk.intake.close()
        other.intake.close()


def test_a_gap_is_answered_with_where_it_begins(desk):
    key = ("r-gap", "s", "samples.bin")
    assert desk.store(Piece(*key, 0, b"abc")) == [3]
    assert desk.store(Piece(*key, 5, b"f")) == [3]
    assert desk.store(Piece(*key, 2, b"cde"), Piece(*key, 5, b"f")) == [6, 6]


def test_a_run_is_of_the_team_whose_token_opened_it(desk):
    def piece(segment, start=0):
        return Piece("r-team", segment, "samples.bin", start, b"abc")

    desk.store(piece("s-1"), team="nlp")
    with pytest.raises(NotAllowed, match="'r-team' is not of the team 'vision'"):
        desk.store(piece("s-1", 3), team="vision")
    with pytest.raises(NotAllowed):
        desk.store(piece("s-2"), team="vision")  # another segment of the same run
    assert desk.store(piece("s-2"), team=None) == [3]  # whoever may write for all
    assert desk.store(piece("s-2", 3), team="nlp") == [6]


def test_a_refused_parcel_stores_nothing_and_holds_up_nobody(desk, ledger):
    mine, theirs = ("r-mine", "s", "samples.bin"), ("r-theirs", "s", "samples.bin")
    desk.store(Piece(*theirs, 0, b"abc"), team="b")
    bad = desk.put(Piece(*mine, 0, b"xyz"), Piece(*theirs, 3, b"def"), team="a")
    good = desk.put(Piece(*theirs, 3, b"def"), team="b")
    desk.wait(bad, good)
    assert isinstance(bad.refusal, NotAllowed)
    assert good.lengths == [6]
    assert kept(ledger, mine) == b""


def test_only_new_bytes_are_handed_on(desk):
    key = ("r-on", "s", "samples.bin")
    desk.store(Piece(*key, 0, b"abc"))
    desk.store(Piece(*key, 0, b"abcde"))
    desk.store(Piece(*key, 0, b"abcde"))
    assert [(one.start, bytes(one.data)) for one in desk.added] == [(0, b"abc"), (3, b"de")]


def test_more_than_may_wait_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "WAITING_MAX", 3)
    with open_ledger(tmp_path) as ledger:
        desk = Desk(ledger)
        with open_ledger(tmp_path) as other, other.change():  # nothing can be written meanwhile
            put = [desk.put(Piece("r-0", "s", "samples.bin", 0, b"x"))]
            with pytest.raises(Busy, match="more is being sent than can be written"):
                while len(put) < 10:
                    put += [desk.put(Piece(f"r-{len(put)}", "s", "samples.bin", 0, b"x"))]
        desk.wait(*put)
        assert all(parcel.lengths == [1] for parcel in put)
        desk.intake.close()


def test_a_commit_that_fails_fails_its_requests_and_the_next_succeeds(tmp_path):
    key = ("r-full", "s", "samples.bin")
    with open_ledger(tmp_path) as ledger:
        desk = Desk(ledger)
        with ledger.look() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(OutsideFailed, match="full"):
            desk.store(Piece(*key, 0, b"x" * 10**6))
        assert kept(ledger, key) == b""
        with ledger.look() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        assert desk.store(Piece(*key, 0, b"x" * 10**6)) == [10**6]
        desk.intake.close()


def test_closing_writes_what_waits(tmp_path):
    with open_ledger(tmp_path) as ledger:
        desk = Desk(ledger)
        put = [desk.put(Piece(f"r-{n}", "s", "samples.bin", 0, b"x")) for n in range(50)]
        desk.intake.close()
        assert all(parcel.lengths == [1] for parcel in put)
        with pytest.raises(Busy):
            desk.put(Piece("r-0", "s", "samples.bin", 1, b"x"))


def test_clocks_of_senders_are_kept(desk, ledger):
    desk.store(name="node-clock", team="nlp")
    with ledger.look() as connection:
        found = {(one.name, one.team): one.skew_ns for one in read_senders(connection)}
    assert found["node-clock", "nlp"] == 5
