"""Many processes share one ledger: each waits its turn, and readers wait for nobody."""

import multiprocessing
import threading
from fractions import Fraction

import pytest

from trainfare.core.claim import Claim
from trainfare.core.errors import OutsideFailed
from trainfare.core.period import Interval
from trainfare.store.claims import put_claims, read_claims
from trainfare.store.ledger import open_ledger

WRITERS = 4
CHANGES = 3


def claim(run="run-a", resource="i-1"):
    return Claim(run, 1, resource, Interval(0, 9), Fraction(1))


def write(home, url, number, start):
    start.wait(60)
    with open_ledger(home, url) as ledger:
        for change in range(CHANGES):
            own = claim(f"run-{number}", f"i-{change}")
            with ledger.change() as connection:
                read_claims(connection)  # a change that began by reading could not write later
                # All of them tell of one claim, which only the first may add.
                put_claims(connection, [own, claim("of-all", f"i-{change}")], {}, "csv")


def test_processes_that_open_and_change_a_new_ledger_at_once_all_succeed(tmp_path, new_database):
    url = new_database()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WRITERS)
    writers = [
        context.Process(target=write, args=(tmp_path, url, number, start))
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with open_ledger(tmp_path, url) as ledger, ledger.look() as connection:
        assert len(read_claims(connection)) == (WRITERS + 1) * CHANGES


def test_a_reader_opens_and_reads_while_another_changes(tmp_path, new_database):
    url = new_database()
    with open_ledger(tmp_path, url) as writer, writer.change() as changing:
        put_claims(changing, [claim()], {}, "csv")
        with open_ledger(tmp_path, url) as reader, reader.look() as connection:
            assert read_claims(connection) == []


def test_a_look_sees_one_state_though_others_change_meanwhile(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger, ledger.look() as connection:
        assert read_claims(connection) == []
        with ledger.change() as changing:
            put_claims(changing, [claim()], {}, "csv")
        assert read_claims(connection) == []


def test_a_change_waits_for_the_one_before_it_and_then_sees_it(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger:
        seen = []

        def second():
            with ledger.change() as connection:
                seen.extend(read_claims(connection))

        thread = threading.Thread(target=second)
        with ledger.change() as connection:
            put_claims(connection, [claim()], {}, "csv")
            thread.start()
            thread.join(0.3)
            assert seen == []
        thread.join(30)
        assert seen == [claim()]


def test_changes_of_another_queue_go_on_meanwhile_on_postgresql(tmp_path, postgres):
    with open_ledger(tmp_path, postgres.new_database()) as ledger:
        with ledger.change(), ledger.change("lease") as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_restarted_postgresql_is_noticed_before_the_next_change(tmp_path, postgres):
    with open_ledger(tmp_path, postgres.new_database()) as ledger:
        with ledger.change() as connection:
            put_claims(connection, [claim()], {}, "csv")
        postgres.restart()
        with ledger.change() as connection:
            put_claims(connection, [claim("run-b")], {}, "csv")
        with ledger.look() as connection:
            assert len(read_claims(connection)) == 2


def test_a_postgresql_that_is_gone_is_one_sentence_and_no_change(tmp_path, postgres):
    with open_ledger(tmp_path, postgres.new_database()) as ledger:
        try:
            with pytest.raises(OutsideFailed, match="nothing was changed"):
                with ledger.change() as connection:
                    put_claims(connection, [claim()], {}, "csv")
                    postgres.stop()
            with pytest.raises(OutsideFailed):
                ledger.ping()
        finally:
            postgres.start()
        ledger.ping()
        with ledger.look() as connection:
            assert read_claims(connection) == []
