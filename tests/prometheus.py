"""A real Prometheus of its own for a test: a process on a free port of loopback, its data in a folder."""

import contextlib
import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

PATIENCE_SECONDS = 120


@dataclass
class Prometheus:
    """One that runs, and its HTTP API."""

    url: str

    def ask(self, path, **words):
        """The ``data`` of an answer of the API."""
        query = urllib.parse.urlencode(words)
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=60) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None
        assert document["status"] == "success", document
        return document["data"]

    def query(self, text, **words):
        """What a query says now: (labels, value) of each series."""
        found = self.ask("/api/v1/query", query=text, **words)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def until(self, text, is_good=bool):
        """What a query says as soon as that is good."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            found = self.query(text)
            if is_good(found):
                return found
            time.sleep(0.2)
        raise AssertionError((text, found))


@contextlib.contextmanager
def prometheus(program, folder, jobs=(), blocks=None):
    """Prometheus with its *program*, scraping *jobs* every second.

    Args:
        program: of Prometheus.
        folder: for its configuration and data.
        jobs: scrape configurations, as JSON (which is YAML).
        blocks: OpenMetrics text with times, which it is to have scraped before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(
        json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs)})
    )
    if blocks is not None:
        text = folder / "blocks.txt"
        text.write_text(blocks)
        make = [f"{program.rpartition('/')[0]}/promtool", "tsdb", "create-blocks-from"]
        subprocess.run(
            [*make, "openmetrics", str(text), str(folder / "data")],
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    log = folder / "prometheus.log"
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=20y",
        f"--web.listen-address={address}",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        _await(process, f"http://{address}/-/ready", log)
        yield Prometheus(f"http://{address}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process, url, log):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10):
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def job(name, address, **words):
    """A scrape configuration of one target."""
    targets = [{"targets": [address.removeprefix("http://")]}]
    return {"job_name": name, "static_configs": targets, **words}
