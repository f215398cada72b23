"""The agent: a node and its runs at the server, also while nobody trains."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from server.served import serving
from server.test_ingest import trainfare, until

NOWHERE = {"TRAINFARE_METADATA": "off"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


@contextmanager
def agent(server, home, *options):
    process = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "agent", *options],
        env={
            **os.environ,
            **NOWHERE,
            "TRAINFARE_HOME": str(home),
            "TRAINFARE_SERVER": server.url,
            "TRAINFARE_TOKEN": server.token,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def machines(server):
    return server.json("/api/v1/machines")["machines"]


def part(server, name):
    return server.ask(f"/parts/{name}")[2].decode()


def test_a_node_is_known_while_no_run_is_on_and_gone_when_its_agent_ends(server, tmp_path):
    other = tmp_path / "other"
    ran = trainfare(other, "run", "--quiet", "--price", "3.6", "--", "true", **NOWHERE)
    assert ran.returncode == 0
    [run] = [path.name for path in (other / "runs").iterdir()]
    trainfare(tmp_path / "home", "prices", "set", "--host", "*", "--price", "2", **NOWHERE)
    with agent(server, tmp_path / "home", "--also", str(other)) as process:
        until(lambda: any(one["is_there"] for one in machines(server)), "the node is not known")
        [found] = machines(server)
        assert (found["held_share"], found["runs"]) == ("0", [])
        assert found["idle_seconds"] == found["there_seconds"]
        until(lambda: "1 of 1 machine not wholly held" in part(server, "now"), "no page says idle")
        until(lambda: found["resource"] in part(server, "nodes"), "no page lists it")
        until((server.home / "runs" / run).is_dir, "the other home is not shipped")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    until(lambda: not any(one["is_there"] for one in machines(server)), "its end is not known")


def test_who_ships_and_how_far_its_clock_is_off_is_told(server):
    [client] = server.json("/api/v1/clients")["clients"]
    assert client["team"] is None
    assert abs(client["clock_ahead_seconds"]) < 60


def test_an_agent_without_a_server_says_what_to_set(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", "agent", "--home", str(tmp_path)],
        env={key: value for key, value in os.environ.items() if not key.startswith("TRAINFARE_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "set TRAINFARE_SERVER and TRAINFARE_TOKEN" in done.stderr
