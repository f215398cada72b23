"""A real one-node Slurm of its own for a test, with accounting: gone at the end.

munge, MariaDB, slurmdbd, slurmctld and slurmd run as this user, on free ports of loopback, with all
that they write in one folder. The node has two "GPUs", which are devices that every machine has.
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd")
CLUSTER = "ward"
PATIENCE = 120


class Slurm:
    """A cluster that takes jobs; its commands run with :attr:`env`."""

    def __init__(self, folder, hooks=None):
        self.folder = Path(folder)
        self.hooks = hooks or {}
        """Prolog, Epilog, TaskProlog … of slurm.conf → program."""
        self.host = socket.gethostname().partition(".")[0]
        self.env = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "TZ": "UTC"}
        self.daemons = []

    def start(self):
        """Start everything, each when what it needs answers."""
        self._configure()
        self._start_munge()
        self._start_database()
        self._start_daemon("slurmdbd", "-D")
        self._await("slurmdbd", lambda: self._try("sacctmgr", "-n", "list", "cluster"))
        for words in (
            ("cluster", CLUSTER),
            ("account", "nlp"),
            ("user", getpass.getuser(), "account=nlp"),
        ):
            self.run("sacctmgr", "-i", "add", *words)
        self._start_daemon("slurmctld", "-D", "-i")
        self._await("slurmctld", lambda: self._try("scontrol", "ping"))
        self._start_daemon("slurmd", "-D", "-N", self.host)
        self._await("slurmd", lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"))

    def stop(self):
        """End every daemon, the last started first."""
        for process in reversed(self.daemons):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, *words, **more):
        """What one of Slurm's commands prints."""
        env = {**self.env, **more.pop("env", {})}
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, **more)
        assert done.returncode == 0, f"{words}: {done.stderr}{self.said()}"
        return done.stdout

    def submit(self, script, *words, env=None):
        """Submit a batch script; returns the number of its job."""
        path = self.folder / f"job-{time.monotonic_ns()}.sh"
        path.write_text(f"#!/bin/bash\n{script}\n")
        said = self.run(
            "sbatch", "--parsable", f"--output={self.folder}/out-%j", *words, str(path),
            env=env or {}, cwd=self.folder,
        )  # fmt: skip
        return said.strip().partition(";")[0]

    def await_end(self, job, states=("COMPLETED",)):
        """Wait until accounting knows all parts of *job* as ended; returns its records."""
        until = time.monotonic() + PATIENCE
        while True:
            said = self.run(
                "sacct", "-j", job, "-X", "-D", "-n", "-P", "--format=JobID,State,End,NodeList"
            )
            found = [line.split("|") for line in said.splitlines()]
            ended = [row for row in found if row[1].split()[0] in states and row[2] != "Unknown"]
            if found and len(ended) == len(found) and not self.run("squeue", "-h", "-j", job):
                return found
            assert time.monotonic() < until, f"{found}{self.outputs()}{self.said()}"
            time.sleep(0.5)

    def await_that(self, is_so):
        """Wait until *is_so* says yes."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, f"{self.outputs()}{self.said()}"
            time.sleep(0.2)

    def outputs(self):
        """What jobs printed."""
        return "".join(f"\n{p.name}: {p.read_text()}" for p in sorted(self.folder.glob("out-*")))

    def said(self):
        """The last words of every daemon."""
        logs = sorted(self.folder.glob("*.log"))
        return "".join(f"\n--- {p.name}\n" + p.read_text(errors="replace")[-1500:] for p in logs)

    def _configure(self):
        for name in ("state", "spool", "data"):
            (self.folder / name).mkdir()
        control, node, accounts, self.sql_port = free_ports(4)
        user = getpass.getuser()
        common = [
            "AuthType=auth/munge",
            # A job that is requeued waits until its old credential has expired: 120 s, unless told.
            f"AuthInfo=socket={self.folder}/munge.socket,cred_expire=5",
            f"SlurmUser={user}",
        ]
        accounting = [
            *common,
            f"DbdHost={self.host}",
            f"DbdPort={accounts}",
            f"PidFile={self.folder}/slurmdbd.pid",
            f"LogFile={self.folder}/slurmdbd.log",
            "StorageType=accounting_storage/mysql",
            "StorageHost=127.0.0.1",
            f"StoragePort={self.sql_port}",
            "StorageUser=slurm",
            "StoragePass=slurm",
            "StorageLoc=slurm",
        ]
        self._write("slurmdbd.conf", accounting, mode=0o600)
        self._write("cgroup.conf", ["CgroupAutomount=no"])
        self._write("gres.conf", ["Name=gpu File=/dev/null", "Name=gpu File=/dev/zero"])
        cluster = [
            *common,
            f"ClusterName={CLUSTER}",
            f"SlurmctldHost={self.host}",
            f"SlurmctldPort={control}",
            f"SlurmdPort={node}",
            f"SlurmdUser={user}",
            f"StateSaveLocation={self.folder}/state",
            f"SlurmdSpoolDir={self.folder}/spool",
            f"SlurmctldPidFile={self.folder}/slurmctld.pid",
            f"SlurmdPidFile={self.folder}/slurmd.pid",
            f"SlurmctldLogFile={self.folder}/slurmctld.log",
            f"SlurmdLogFile={self.folder}/slurmd.log",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "MpiDefault=none",
            "SwitchType=switch/none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core",
            "SlurmdParameters=config_overrides",
            "ReturnToService=2",
            "GresTypes=gpu",
            "JobRequeue=1",
            "KillWait=5",
            "SchedulerParameters=sched_interval=1,batch_sched_delay=0",
            "AccountingStorageType=accounting_storage/slurmdbd",
            f"AccountingStorageHost={self.host}",
            f"AccountingStoragePort={accounts}",
            f"AccountingStoragePass={self.folder}/munge.socket",
            "AccountingStorageTRES=gres/gpu",
            "AccountingStoreFlags=job_comment",
            "JobAcctGatherType=jobacct_gather/none",
            *(f"{name}={program}" for name, program in self.hooks.items()),
            f"NodeName={self.host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=1000 Gres=gpu:2 State=UNKNOWN",
            f"PartitionName=gpu Nodes={self.host} Default=YES MaxTime=60 State=UP",
        ]
        self._write("slurm.conf", cluster)

    def _write(self, name, lines, mode=0o644):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        path.chmod(mode)

    def _start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(64))
        key.chmod(0o400)
        names = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self._start_daemon(
            "munged", "--foreground", "--force", f"--key-file={key}",
            *(f"--{option}={self.folder}/munge.{end}" for option, end in names.items()),
        )  # fmt: skip
        self._await("munged", (self.folder / "munge.socket").exists)

    def _start_database(self):
        data, socket_file = self.folder / "data", self.folder / "sql.socket"
        owner = ["--user=root"] if os.geteuid() == 0 else []
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal", *owner],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        self._start_daemon(
            "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket_file}",
            f"--port={self.sql_port}", "--bind-address=127.0.0.1", *owner,
            f"--pid-file={self.folder}/sql.pid", "--innodb-flush-log-at-trx-commit=0",
        )  # fmt: skip
        client = ["mariadb", "--no-defaults", f"--socket={socket_file}", "-u", "root", "-e"]
        self._await("mariadbd", lambda: self._try(*client, "SELECT 1"))
        grant = "CREATE DATABASE slurm; CREATE USER slurm@'%' IDENTIFIED BY 'slurm'; GRANT ALL ON slurm.* TO slurm@'%'; CREATE USER slurm@localhost IDENTIFIED BY 'slurm'; GRANT ALL ON slurm.* TO slurm@localhost"
        self.run(*client, grant)

    def _start_daemon(self, program, *words):
        with (self.folder / f"{program}.out.log").open("ab") as log:
            process = subprocess.Popen(
                [program, *words], env=self.env, stdout=log, stderr=log, cwd=self.folder
            )
        self.daemons.append(process)

    def _try(self, *words):
        return subprocess.run(words, env=self.env, capture_output=True, check=False).returncode == 0

    def _await(self, name, is_there):
        until = time.monotonic() + PATIENCE
        while not is_there():
            assert self.daemons[-1].poll() is None, f"{name} has ended{self.said()}"
            assert time.monotonic() < until, f"{name} does not answer{self.said()}"
            time.sleep(0.2)


def free_ports(count):
    """That many ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def slurm_cluster(hooks=None):
    """A cluster that runs while the block does; its folder is short, as sockets want it."""
    folder = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
    Path(folder).chmod(0o755)  # munge's socket is for all
    cluster = Slurm(folder, hooks)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
