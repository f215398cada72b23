"""The live system: PostgreSQL, servers, machines with their agents and trainings, all by pid."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from chaos.wire import Wire
from metering import clouds
from metering.loopback import serving as answering

TRAINING = Path(__file__).with_name("training.py")
PATIENCE = 240
"""Seconds in which whatever is healthy comes back, however busy the machine is."""


def eventually(look, what, seconds=PATIENCE):
    """What *look* answers once it is true; *what* is wrong until then, in words or a call."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, what() if callable(what) else what
        time.sleep(0.1)
    return found


class Process:
    """A process that is started again as it was; its words go to a file."""

    def __init__(self, name, words, env, log):
        self.name, self.words, self.log = name, words, log
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("TRAINFARE_")} | env
        self.popen = None
        self.is_wanted = False

    def start(self):
        self.is_wanted = True
        with self.log.open("ab") as file:
            self.popen = subprocess.Popen(
                self.words, env=self.env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    @property
    def is_alive(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self):
        """As a power cut would; who wants it back starts it again."""
        if self.is_alive:
            self.popen.send_signal(signal.SIGKILL)
            self.popen.wait()

    def stop(self):
        """Politely, and by force where that takes too long."""
        self.is_wanted = False
        if self.is_alive:
            self.popen.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(60)
        self.kill()


class Machine:
    """A simulated machine: a disk, an agent, trainings, a wire to the servers and its own clock."""

    def __init__(self, number, folder, disk, wire, metadata, clock, token):
        self.resource = resource_of(number)
        self.disk, self.wire, self.clock = disk, wire, clock
        self.home = disk.folder / "home"
        self._env = {
            "TRAINFARE_HOME": str(self.home),
            "TRAINFARE_METADATA_URL": metadata,
            **clock.env,
        }
        self._ships = {"TRAINFARE_SERVER": wire.url, "TRAINFARE_TOKEN": token}
        words = [sys.executable, "-m", "trainfare", "agent"]
        log = folder / f"agent-{number}.log"
        self.agent = Process(f"agent {number}", words, self._env | self._ships, log)

    def training(self, run, journal, seconds, price, budget, *, ships):
        """A training on this machine, which ships by itself or leaves that to the agent."""
        words = [sys.executable, str(TRAINING), run, str(journal), str(seconds), price, budget]
        env = self._env | (self._ships if ships else {})
        return Process(run, words, env, journal.with_suffix(".log"))


def resource_of(number):
    return f"i-0c4a05{number:011d}"


class Plant:
    """Everything that lives, and how to reach it."""

    def __init__(self, folder, postgres, stack, *, seed, machines, servers):
        self.folder, self.postgres, self.stack = folder, postgres, stack
        self.home = folder / "server"
        self.chance = random.Random(seed)
        self.url = postgres.new_database()
        self.home.mkdir()
        self.library = make_clock_library(folder)
        self.servers, self.token = [], None
        for number in range(servers):
            self.servers.append(self._server(number))
        self.machines = [self._machine(n, seed) for n in range(machines)]

    def _server(self, number):
        clock = Clock(self.folder / f"server-clock-{number}", self.library)
        home = {"TRAINFARE_HOME": str(self.home), "TRAINFARE_DATABASE": self.url}
        env = home | clock.env
        log = self.folder / f"server-{number}.log"
        words = [sys.executable, "-m", "trainfare", "serve", "--format", "json", "--port"]
        one = Process(f"server {number}", [*words, "0"], env, log)
        one.clock = clock
        self.stack.callback(one.stop)
        one.start()

        def greeting():
            assert one.is_alive, log.read_text()
            return b"\n" in log.read_bytes()

        eventually(greeting, "no server starts")
        said = json.loads(log.read_text().splitlines()[0])
        one.port = int(said["url"].rpartition(":")[2])
        one.words[-1] = str(one.port)
        self.token = self.token or said["first_token"]
        return one

    def _machine(self, number, seed):
        wire = Wire(self.pick, seed + number)
        self.stack.callback(wire.close)
        document = {"instanceId": resource_of(number), "instanceType": "m5.large"}
        metadata = self.stack.enter_context(answering(clouds.aws(document=document)))
        disk = self.stack.enter_context(small_disk(self.folder / f"machine-{number}"))
        clock = Clock(self.folder / f"clock-{number}", self.library)
        one = Machine(number, self.folder, disk, wire, metadata.url, clock, self.token)
        self.stack.callback(one.agent.stop)
        one.agent.start()
        return one

    def pick(self):
        """The address of any server; one that is down refuses."""
        return "127.0.0.1", self.chance.choice(self.servers).port

    def ask(self, path, *, method="GET", body=None, seconds=60):
        """(status, JSON) of one request to any server."""
        host, port = self.pick()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(
            f"http://{host}:{port}/api/v1{path}", body, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def insist(self, path, **how):
        """The JSON that is answered once the servers are well."""

        def look():
            with contextlib.suppress(OSError, ValueError):
                status, document = self.ask(path, **how)
                assert status not in (400, 401, 403, 404), (path, status, document)
                return (document,) if status < 300 else None

        return eventually(look, f"{path} is never answered")[0]

    def mend(self):
        """Start whatever is wanted and dead."""
        for one in (*self.servers, *(machine.agent for machine in self.machines)):
            if one.is_wanted and not one.is_alive:
                one.start()


def make_clock_library(folder):
    """What lets the wall clock of a process jump; None where no compiler is."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Clock:
    """The wall clock of some processes: ahead of the true one by so many seconds."""

    def __init__(self, path, library):
        self.path, self.can_jump = path, library is not None
        self.env = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(path)} if library else {}
        self.path.write_bytes(bytes(8))

    def set(self, ahead):
        with self.path.open("r+b", 0) as file:
            file.write(ahead.to_bytes(8, sys.byteorder, signed=True))


class Disk:
    """A folder that can be full; whether it really can, ``is_small`` says."""

    SIZE = "32m"

    def __init__(self, folder, *, is_small):
        self.folder, self.is_small = folder, is_small
        self.is_full = self.was_full = False

    def fill(self):
        """Leave no byte free."""
        self.is_full = self.was_full = True
        with contextlib.suppress(OSError), (self.folder / "balloon").open("wb", 0) as file:
            while True:
                file.write(bytes(2**16))
        with contextlib.suppress(OSError), (self.folder / "balloon").open("ab", 0) as file:
            while True:
                file.write(b"x")

    def free(self):
        (self.folder / "balloon").unlink()
        self.is_full = False


@contextlib.contextmanager
def small_disk(folder):
    """A file system of its own in memory, where that is allowed; else a folder that is never full."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={Disk.SIZE}", "none", str(folder)]
    done = subprocess.run(words, check=False, capture_output=True)
    try:
        yield Disk(folder, is_small=done.returncode == 0)
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)
