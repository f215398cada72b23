"""Real Sparks for tests: settings that let a small one start quickly, clusters, Connect servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m",
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
}
"""Tiny tables are worth no compilation."""

PATIENCE = 240
"""Seconds that something may take to start on a busy machine."""


def environment(folder, **settings):
    """Variables that bring a Spark its settings, which are written into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} {value}\n" for name, value in (SETTINGS | settings).items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    return {**os.environ, "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}


@dataclass
class Cluster:
    """A standalone cluster on this machine: a master and two workers, each a process."""

    url: str
    workers: list[subprocess.Popen] = field(default_factory=list)


@contextmanager
def cluster(folder):
    """A real cluster of one master and two workers of one core each."""
    env = environment(folder / "conf")
    port, page = free_ports(2)
    made = Cluster(f"spark://127.0.0.1:{port}")
    deploy = "org.apache.spark.deploy"
    where = ["--host", "127.0.0.1", "--webui-port"]
    with started(folder / "master", env, f"{deploy}.master.Master", "--port", port, *where, page):
        with (
            started(
                folder / "worker-1", env, f"{deploy}.worker.Worker", *WORKER, *where, "0", made.url
            ) as one,
            started(
                folder / "worker-2", env, f"{deploy}.worker.Worker", *WORKER, *where, "0", made.url
            ) as two,
        ):
            made.workers = [one, two]
            wait(lambda: alive(page) == 2, f"workers at {made.url}; see {folder}")
            yield made


WORKER = ("--cores", "1", "--memory", "700m")


def alive(page):
    """How many workers the master counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=10) as answer:
        return json.load(answer)["aliveworkers"]


@contextmanager
def connect_server(folder, master):
    """The address of a Spark Connect server whose Spark is *master*."""
    (port,) = free_ports(1)
    env = environment(folder / "conf")
    options = ["--conf", f"spark.connect.grpc.binding.port={port}", "--master", master]
    options += ["--conf", "spark.connect.grpc.binding.address=127.0.0.1", "spark-internal"]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    with started(
        folder / "server", env, "org.apache.spark.deploy.SparkSubmit", "--class", server, *options
    ):
        wait(lambda: is_open(port), f"a Connect server at {port}; see {folder}")
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def started(folder, env, *words):
    """A process of Spark's own, killed by its id at the end, with all that it started."""
    import pyspark

    home = Path(pyspark.__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    env = {**env, "SPARK_HOME": str(home), "SPARK_WORKER_DIR": str(folder)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *map(str, words)],
            cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            kill(process)


def kill(process):
    """End a process that has a session of its own, and those that it started in it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(is_there, what):
    """Wait until something is there."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError):
            if is_there():
                return
        time.sleep(0.3)
    raise AssertionError(f"no {what}")


def is_open(port):
    """Whether somebody listens."""
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
