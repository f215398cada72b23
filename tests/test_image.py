"""The image without an engine: its own steps make the environment, and it runs as the image would.

That is: as user 10001, without any right, on a root that is read-only, with the home alone to write.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from installed import PATIENCE, ROOT
from server.served import Served, stopping
from server.teams import wait_for_runs
from test_deploy import STATE, instructions

pytestmark = pytest.mark.long
SANDBOX = """
mount --make-rprivate /
mount -t tmpfs -o mode=700,uid=10001,gid=10001 none "$1"
mount -o remount,bind,ro /
shift
exec setpriv --reuid 10001 --regid 10001 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""


@pytest.fixture(scope="module")
def folder():
    """A folder that everybody may read."""
    made = Path(tempfile.mkdtemp(prefix="trainfare-image-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def image(folder):
    """What the first stage leaves in /opt/trainfare, with a Python that everybody may run."""
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if python is None or os.geteuid() != 0:
        pytest.skip("needs to be root, and a Python that is the system's")
    _, build, _ = instructions()
    source = folder / "src"
    source.mkdir()
    uv = str(Path(sys.executable).with_name("uv"))
    env = {**os.environ, "UV_PYTHON": python, "PATH": f"{Path(uv).parent}:{os.environ['PATH']}"}
    env |= {"EXTRAS": dict(build)["ARG"].removeprefix("EXTRAS=")}
    for word, rest in build:
        if word == "COPY":
            *names, into = rest.split()
            for one in (ROOT / name for name in names):
                if one.is_dir():
                    shutil.copytree(
                        one, source / into, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    (source / into).mkdir(exist_ok=True)
                    shutil.copy(one, source / into)
        elif word == "RUN" and "pip install --quiet --disable" not in rest:
            step = rest.replace("/opt/trainfare", str(folder / "opt"))
            done = subprocess.run(
                ["sh", "-ec", step], cwd=source, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE,
            )  # fmt: skip
            assert done.returncode == 0, (step, done.stderr)
    return folder / "opt"


@contextlib.contextmanager
def contained(image, home, *words):
    """The image's program, as an engine starts it."""
    home.mkdir()
    _, _, final = instructions()
    env = dict(one.split("=", 1) for one in dict(final)["ENV"].split())
    env["PATH"] = env["PATH"].replace("$PATH", "/usr/bin:/bin")
    places = {"/opt/trainfare": str(image), STATE: str(home)}
    for place, here in places.items():
        env = {name: value.replace(place, here) for name, value in env.items()}
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-ec", SANDBOX, "sh", str(home), "trainfare", *words],
        env={**env, "TRAINFARE_METADATA": "off"}, cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with stopping(process):
        yield process


def test_the_server_of_the_image_runs_without_rights_on_a_root_that_is_read_only(image, folder):
    _, _, final = instructions()
    words = json.loads(dict(final)["CMD"])
    words[words.index("--port") + 1] = "0"
    with contained(image, folder / "home", *words) as process:
        line = process.stdout.readline()
        port = re.search(r":(\d+)$", line.strip())
        assert port, line + process.stderr.read()
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
        mounts = Path(f"/proc/{process.pid}/mounts").read_text().splitlines()
        assert any(re.match(r"\S+ / \S+ ro\b", one) for one in mounts)
        token = process.stdout.readline().rpartition(" ")[2].strip()
        server = Served(f"http://127.0.0.1:{port[1]}", token, process, folder / "home")
        check = json.loads(dict(final)["HEALTHCHECK"].partition("CMD ")[2])
        check = [word.replace(":8642/", f":{port[1]}/") for word in check]
        done = subprocess.run([image / "bin" / check[0], *check[1:]], check=False, timeout=PATIENCE)
        assert done.returncode == 0
        ship(server, folder)
        wait_for_runs(server, 1)
        picture = server.ask("/api/v1/charts/spend?format=png")
        assert picture[0] == 200, picture[2]


def ship(server, folder):
    """A training elsewhere sends its run."""
    env = {**os.environ, "TRAINFARE_HOME": str(folder / "training"), "TRAINFARE_METADATA": "off"}
    env |= {"TRAINFARE_SERVER": server.url, "TRAINFARE_TOKEN": server.token}
    asked = ["run", "--quiet", "--price", "3.6/h", "--model", "m", "--", "true"]
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", *asked], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
