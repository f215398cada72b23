"""A real PostgreSQL of its own for a test: on a free port of loopback, gone at the end.

It runs as this user, or as ``postgres`` (else ``nobody``) where this user is root, whom PostgreSQL
refuses. Programs are found on the PATH or where Debian puts them.
"""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import pytest


class Postgres:
    """A server that can be stopped and started again on the same port, with what it holds."""

    def __init__(self, programs, folder, port, owner):
        self.programs, self.folder, self.port, self.owner = programs, folder, port, owner
        self.process = None

    def run(self, program, *words):
        """Run one of PostgreSQL's own programs as the server's owner."""
        done = subprocess.run(
            [f"{self.programs}/{program}", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self.owner,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        """Start, and wait until it takes connections."""
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    f"{self.programs}/postgres", "-D", f"{self.folder}/data",
                    "-h", "127.0.0.1", "-p", str(self.port), "-k", self.folder,
                    # A test kills processes, not machines: what the system holds survives that.
                    "-c", "fsync=off", "-c", "max_connections=200",
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **self.owner,
            )  # fmt: skip
        until = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def _answers(self):
        done = subprocess.run(
            [f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return done.returncode == 0

    def stop(self, *, how=signal.SIGINT):
        """Stop: SIGINT ends every session first, SIGQUIT leaves all as after a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)

    def restart(self, **how):
        """Stop and start."""
        self.stop(**how)
        self.start()

    def new_database(self):
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:16]}"
        at = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "trainfare")
        self.run("createdb", *at, name)
        return f"postgresql+psycopg://trainfare@127.0.0.1:{self.port}/{name}"

    def ask(self, url, query):
        """What ``psql`` answers to *query* in the database of *url*."""
        at = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "trainfare")
        return self.run("psql", *at, "-At", "-d", url.rpartition("/")[2], "-c", query).strip()

    def log(self):
        """What it said."""
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as file:
            return file.read()


def find_programs():
    """The folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    if found and os.path.exists(f"{os.path.dirname(os.path.realpath(found))}/postgres"):
        return os.path.dirname(os.path.realpath(found))
    there = glob.glob("/usr/lib/postgresql/*/bin/initdb") + glob.glob("/usr/pgsql-*/bin/initdb")
    return os.path.dirname(max(there)) if there else None


def _owner():
    """How to start a process as somebody whom PostgreSQL takes."""
    if os.geteuid() != 0:
        return {}
    names = [one.pw_name for one in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def postgres_running():
    """A running server in a temporary folder; skips the test where PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        sentence = "PostgreSQL is not here; `make system-deps` installs what tests drive"
        if os.environ.get("TRAINFARE_REQUIRE_ALL") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    folder = tempfile.mkdtemp(prefix="trainfare-postgres-")
    owner = _owner()
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    server = Postgres(programs, folder, _free_port(), owner)
    try:
        server.run(
            "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "trainfare",
            "-E", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres():
    """One running PostgreSQL for all tests of this process; ``new_database()`` is one's own."""
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_database(request, tmp_path_factory):
    """``new_database()`` is the URL of a new, empty database; the test runs on both kinds."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").new_database
    return lambda: f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"
