"""What the guide says about backups is true: taken while the server works, it restores whole."""

import shutil
import sqlite3

import pytest

from flows.bills import hour, write_bill
from server.served import serving
from server.test_ingest import chunk, ship, shipment
from server.test_jobs import ended, eventually, plan


def busy(tmp_path, env):
    """A server with a bill, an allocation and shipped records."""
    write_bill(tmp_path / "bill.csv", hour("i-1", 8, "8.00"), hour("i-2", 8, "1.000000001"))
    home = plan(
        tmp_path / "home",
        f"[when]\nallocate = 'off'\nalerts = 'off'\nbills = '0 0 29 2 *'\n[[bill]]\nplace = '{tmp_path}/bill.csv'\n",
    )
    return serving(home, env=env)


def fill(server):
    server.json("/api/v1/jobs/bills/run", method="POST")
    assert ended(server, "allocate")["message"] == "allocated 2026-10"
    assert ship(server, shipment(chunk("r-a", 0, b"abc")))[0] == 200
    file = server.home / "runs" / "r-a" / "s-1" / "samples.bin"
    eventually(file.exists)


def assert_whole(server, restored):
    """The restored server knows the token, the results of jobs, the records and the bill."""
    assert restored.json("/api/v1/me")["name"] == "first admin"
    assert restored.json("/api/v1/jobs/bills") == server.json("/api/v1/jobs/bills")
    assert ship(restored, shipment(chunk("r-a", 0, b"abc")))[2] == {"accepted": [3]}
    restored.json("/api/v1/jobs/allocate/run", method="POST")
    done = ended(restored, "allocate", after=restored_id(server))
    assert done["message"] == "1 periods as before", "nothing had to be allocated anew"


def restored_id(server):
    return server.json("/api/v1/jobs/allocate")["results"][0]["id"]


def test_a_backup_of_postgresql_and_the_folder_restores_all(tmp_path, postgres):
    pytest.importorskip("psycopg")
    url, again = postgres.new_database(), postgres.new_database()
    with busy(tmp_path, {"TRAINFARE_DATABASE": url}) as server:
        fill(server)
        at = ("-h", "127.0.0.1", "-p", str(postgres.port), "-U", "trainfare")
        dump = f"{postgres.folder}/ledger.dump"
        postgres.run("pg_dump", *at, "--format", "custom", "--file", dump, url.rpartition("/")[2])
        shutil.copytree(server.home, tmp_path / "restored")
        postgres.run("pg_restore", *at, "--dbname", again.rpartition("/")[2], dump)
        env = {"TRAINFARE_DATABASE": again}
        with serving(tmp_path / "restored", env=env, token=server.token) as restored:
            assert_whole(server, restored)


def test_a_backup_of_sqlite_and_the_folder_restores_all(tmp_path):
    with busy(tmp_path, {}) as server:
        fill(server)
        with sqlite3.connect(server.home / "ledger.db") as live:
            copy = sqlite3.connect(tmp_path / "copy.db")
            live.backup(copy)  # as the shell's .backup does
            copy.close()
        live.close()
        leave = shutil.ignore_patterns("ledger.db*")
        shutil.copytree(server.home, tmp_path / "restored", ignore=leave)
        shutil.copyfile(tmp_path / "copy.db", tmp_path / "restored" / "ledger.db")
        with serving(tmp_path / "restored", token=server.token) as restored:
            assert_whole(server, restored)
