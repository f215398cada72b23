"""Everything that reads bytes from outside, as functions of bytes, with honest bytes to begin from.

A parser may refuse (an error of Trainfare's own, in one sentence) and nothing else: whatever other
error leaves it is found by ``test_parsers`` or by ``hunt``.
"""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clusters import exports
from flows.bills import HEADER, hour
from logs import test_dbt as dbt_artifacts
from trainfare.core.errors import TrainfareError

CASES = Path(__file__).parents[1] / "billing" / "cases"
RULES = b"""[[rule]]
name = "etl"
match = '''Tags.job prefix "etl-" and not RegionId = "us-east-1"'''
run = "etl-{Tags.job}-{SubAccountId}"
priority = 350

[[rule]]
name = "datasets"
match = 'ResourceId glob "*datasets*" or ServiceName ~ "a.*b"'
shared = "proportional"
"""
SERVER = b"""url = "https://fare.example.com"
hosts = ["a"]
trusted_proxies = ["10.0.0.0/8"]
[limits]
token = 3
[oidc]
issuer = "https://id.example.com"
client_id = "t"
[[oidc.role]]
value = "x"
scopes = "read"
"""


@dataclass(frozen=True)
class Parser:
    """One reader of bytes."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list]
    rooms: tuple
    """Packages whose branches the hunt watches."""


def _in_file(name, read):
    """A reader of files as a reader of bytes."""

    def of_bytes(data):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            return read(path)

    return of_bytes


def _bill(path):
    from trainfare.billing.bill import read_bill

    with read_bill(path) as bill:
        for _ in bill.batches():
            pass
        return bill.totals


def _bill_seeds(*names):
    focus = "\n".join([HEADER, hour("i-1", 0, "1.5"), hour("i-2", 1, "-2", tags='{"a": "b"}')])
    return [focus.encode(), *((CASES / name).read_bytes() for name in names)]


def _claims(path):
    from trainfare.clusters.detect import read_claims
    from trainfare.clusters.options import ReadOptions

    return list(read_claims(path, ReadOptions(now_ns=1_790_000_000 * 10**9)).records)


def _claim_seeds():
    json_texts = [
        {"jobs": [exports.sacct_job()]},
        {"data": [{"a": exports.allocation()}]},
        exports.sagemaker(),
        exports.vertex(),
        exports.azureml(),
    ]
    return [
        f"{exports.SACCT_HEADER}\n{exports.sacct_row()}\n".encode(),
        (exports.CLAIMS_HEADER + exports.CLAIMS_ROW).encode(),
        f"{exports.OPENCOST_HEADER}\n{exports.opencost_row('a')}\n".encode(),
        exports.scrape(1_790_000_000, exports.util("GPU-1")).encode(),
        *(json.dumps(one).encode() for one in json_texts),
    ]


def _artifacts(data):
    """Bytes of dbt's results before the first NUL, of its manifest after it."""
    from trainfare.logs.dbt import read_run_results

    with tempfile.TemporaryDirectory() as folder:
        results, _, manifest = data.partition(b"\0")
        (Path(folder) / "manifest.json").write_bytes(manifest)
        path = Path(folder) / "run_results.json"
        path.write_bytes(results)
        return read_run_results(path)


def _artifact_seeds():
    with tempfile.TemporaryDirectory() as folder:
        results = dbt_artifacts.write(Path(folder), *dbt_artifacts.ALL)
        return [results.read_bytes() + b"\0" + results.with_name("manifest.json").read_bytes()]


@cache
def _spool():
    """The bytes of a run that was really metered: (events, samples)."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "TRAINFARE_HOME": home, "TRAINFARE_METADATA": "off"}
        code = """if True:
            import trainfare
            with trainfare.track('x', price='3/h') as run:
                for _ in run.epochs(range(2)):
                    run.step(samples=3)
        """
        subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
        [events] = Path(home).rglob("events.jsonl")
        [samples] = Path(home).rglob("samples.bin")
        return events.read_bytes(), samples.read_bytes()


def _segment(data):
    """Bytes of a spool: the events before the first NUL line, the samples after it."""
    from trainfare.metering.shelf import Faults, read_stored

    events, _, samples = data.partition(b"\n\0\n")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "events.jsonl").write_bytes(events + b"\n")
        (Path(folder) / "samples.bin").write_bytes(samples)
        return read_stored(Path(folder), time.time_ns(), Faults(), with_devices=True)


def _shipment(data):
    from trainfare.server.ingest import Refused, open_shipment

    try:
        return open_shipment(data[1:], data[:1] == b"z")
    except Refused as refused:
        return refused.body


def _shipment_seeds():
    header = {"v": 1, "client": "n", "clock_ns": 1, "chunks": [["r-1", "s", "samples.bin", 0, 3]]}
    plain = json.dumps(header).encode() + b"\nabc"
    return [b" " + plain, b"z" + gzip.compress(plain)]


def _rules(path):
    from trainfare.allocation.rules import check_rules, load_rules

    check_rules(path)
    return load_rules(path)


def _mapping(path):
    from trainfare.billing.mapping import load_mapping

    return load_mapping(path)


def _header(data):
    """What a request shows of itself: Authorization, cookie, Host, where to go on."""
    from trainfare.core.caller import read_scopes
    from trainfare.server import door, gate
    from trainfare.store.tokens import digest_of

    text = data.decode("latin-1")
    headers = {"authorization": text}
    secret = door.bearer_of(headers) or door.session_of({door.COOKIE: text})
    gate.is_address(gate.name_of(data))
    path = door.safe_next(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    digest_of(secret or text)
    return read_scopes(text)


def _id_token(data):
    from trainfare.server.oidc import check_id_token
    from trainfare.server.policy import Provider

    token, _, keys = data.partition(b"\n")
    try:
        told = json.loads(keys)
    except (ValueError, RecursionError):
        return None
    provider = Provider("https://id.example.com", "trainfare")
    return check_id_token(provider, token.decode("latin-1"), told, "n")


def _id_token_seeds():
    from joserfc import jwt
    from joserfc.jwk import ECKey, KeySet

    key = ECKey.generate_key("P-256", {"kid": "one"})
    claims = {"iss": "https://id.example.com", "aud": "trainfare", "sub": "a", "iat": 1, "exp": 2}
    token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
    return [token.encode() + b"\n" + json.dumps(KeySet([key]).as_dict(private=False)).encode()]


def _policy(path):
    from trainfare.server.policy import load_policy

    return load_policy(path.parent, {})


def _budgets(path):
    from trainfare.budgets.target import read_targets

    return read_targets(path.parent, {})


def _parquet():
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.csv.read_csv(io.BytesIO(_bill_seeds()[0]))
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


PARSERS = {
    "spool": Parser(
        _segment, lambda: [_spool()[0] + b"\0\n" + _spool()[1]], ("trainfare.metering",)
    ),
    "shipment": Parser(_shipment, _shipment_seeds, ("trainfare.server.ingest",)),
    "bill-csv": Parser(
        _in_file("bill.csv", _bill),
        lambda: _bill_seeds(
            "aws-line-items/in.csv", "azure-enterprise-actual/in.csv", "azure-focus-export/in.csv"
        ),
        ("trainfare.billing",),
    ),
    "bill-jsonl": Parser(
        _in_file("bill.jsonl", _bill),
        lambda: _bill_seeds("gcp-detailed/in.jsonl"),
        ("trainfare.billing",),
    ),
    "bill-gzip": Parser(
        _in_file("bill.csv.gz", _bill),
        lambda: [gzip.compress(one) for one in _bill_seeds()],
        ("trainfare.billing",),
    ),
    "bill-parquet": Parser(
        _in_file("bill.parquet", _bill), lambda: [_parquet()], ("trainfare.billing",)
    ),
    "mapping": Parser(
        _in_file("map.toml", _mapping),
        lambda: [b'[columns]\nBilledCost = "cost"\n'],
        ("trainfare",),
    ),
    "claims": Parser(_in_file("claims.txt", _claims), _claim_seeds, ("trainfare.clusters",)),
    "dbt": Parser(
        _artifacts, _artifact_seeds, ("trainfare.logs.dbt", "trainfare.metering.dbt_artifacts")
    ),
    "rules": Parser(_in_file("rules.toml", _rules), lambda: [RULES], ("trainfare.allocation",)),
    "targets": Parser(
        _in_file("notify.toml", _budgets),
        lambda: [
            b'[[target]]\nname = "a"\nurl = "json://x"\nquiet = "22:00-07:00"\nzone = "UTC"\n'
        ],
        ("trainfare.budgets",),
    ),
    "policy": Parser(_in_file("server.toml", _policy), lambda: [SERVER], ("trainfare.server",)),
    "header": Parser(
        _header,
        lambda: [b"Bearer tf_abc", b"ts_abc", b"[::1]:80", b"/runs?a=b", b"read, ingest"],
        ("trainfare.server", "trainfare.core"),
    ),
    "id-token": Parser(_id_token, _id_token_seeds, ("trainfare.server.oidc", "joserfc")),
}


def try_one(parser, data):
    """Read *data*; an error that is not a refusal in one sentence leaves this."""
    try:
        parser.read(data)
    except TrainfareError as refusal:
        if not str(refusal).strip():
            raise
