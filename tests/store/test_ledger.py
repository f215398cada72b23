"""Many processes share one ledger: each waits its turn, and readers wait for nobody."""

import multiprocessing
from fractions import Fraction

from trainfare.core.claim import Claim
from trainfare.core.period import Interval
from trainfare.store.claims import put_claims, read_claims
from trainfare.store.ledger import open_ledger

WRITERS = 4
CHANGES = 3


def write(home, number, start):
    start.wait(60)
    with open_ledger(home) as ledger:
        for change in range(CHANGES):
            claim = Claim(f"run-{number}", 1, f"i-{change}", Interval(0, 9), Fraction(1))
            with ledger.change() as connection:
                read_claims(connection)  # a change that began by reading could not write later
                put_claims(connection, [claim], {}, "csv")


def test_processes_that_open_and_change_a_new_ledger_at_once_all_succeed(tmp_path):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WRITERS)
    writers = [
        context.Process(target=write, args=(tmp_path, number, start)) for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with open_ledger(tmp_path) as ledger, ledger.look() as connection:
        assert len(read_claims(connection)) == WRITERS * CHANGES


def test_a_reader_opens_and_reads_while_another_changes(tmp_path):
    claim = Claim("run-a", 1, "i-1", Interval(0, 9), Fraction(1))
    with open_ledger(tmp_path) as writer, writer.change() as changing:
        put_claims(changing, [claim], {}, "csv")
        with open_ledger(tmp_path) as reader, reader.look() as connection:
            assert read_claims(connection) == []
