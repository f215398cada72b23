"""Every tracker has what a run costs as it is read back from what was written, and both know each other."""

import contextlib
import json
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from google.protobuf.message import DecodeError

import trainfare
from trainfare.metering.history import read_receipt, run_ids

KEYS = {
    "seconds",
    "estimated_cost_USD",
    "estimated_compute_cost_USD",
    "estimated_cost_per_step_USD",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_PRICE", "3600/h")
    monkeypatch.delenv("TRAINFARE_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


def ended(home, run):
    """The receipt, what it says in figures, and the link to the one tracker."""
    receipt = read_receipt(home, run.id)
    [link] = receipt.run.trackers
    total = receipt.estimate.total
    return SimpleNamespace(
        link=link, number=total.nano / 1e9, exact=f"{total.text()} USD", document=receipt.to_json()
    )


def wandb_records(path):
    """The records of a W&B offline file: the log format of LevelDB with protobuf inside."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), 7, b""
    while at < len(data):
        room = 32768 - at % 32768
        if room < 7:
            at += room
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole of a record, or its last part
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def whole(path):
    """All records, once the one is there that ends the file: W&B's own process writes it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(struct.error, DecodeError):
            records = list(wandb_records(path))
            if any(one.WhichOneof("record_type") == "exit" for one in records):
                return records
        time.sleep(0.1)
    raise AssertionError(path.stat())


def items(one):
    """Key → value of the items of a W&B record."""
    return {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for item in one
        if item.value_json
    }


def test_wandb_has_figures_in_its_own_rows_exact_amounts_and_the_receipt(home, tmp_path):
    import wandb

    from trainfare.integrations.wandb import send_costs

    one = wandb.init(project="costs", mode="offline", dir=str(tmp_path))
    with send_costs(every_seconds=0.02) as run:
        for step in range(3):
            wandb.log({"loss": 1 / (step + 1)})
            run.step()
    one.finish()
    found = ended(home, run)
    assert (found.link.system, found.link.run, found.link.url) == ("wandb", one.id, None)
    [path] = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    records = whole(path)
    rows = [items(r.history.item) for r in records if r.WhichOneof("record_type") == "history"]
    losses = [(row["_step"], row["loss"]) for row in rows if "loss" in row]
    assert losses == [(0, 1.0), (1, 0.5), (2, 1 / 3)]  # as without Trainfare
    summary, config = {}, {}
    for record in records:
        summary |= items(record.summary.update)
        config |= items(record.config.update) | items(record.run.config.update)
    assert {f"trainfare/{key}" for key in KEYS} <= set(summary)
    assert summary["trainfare/estimated_cost_USD"] == found.number
    assert summary["trainfare.estimated_cost"] == found.exact
    assert config["trainfare.run"] == run.id
    [kept] = tmp_path.glob("wandb/offline-run-*/files/trainfare-receipt.json")
    assert json.loads(kept.read_text()) == json.loads(json.dumps(found.document))


@pytest.mark.parametrize("maker", ["torch.utils.tensorboard", "tensorboardX"])
def test_tensorboard_has_scalars_beside_those_of_the_training(maker, home, tmp_path):
    from importlib import import_module

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from trainfare.integrations.tensorboard import send_costs

    with import_module(maker).SummaryWriter(str(tmp_path / "tb")) as writer:
        with send_costs(writer, every_seconds=3600) as run:
            for step in range(3):
                writer.add_scalar("loss", 1 / (step + 1), step)
                run.step()
    found = ended(home, run)
    assert (found.link.run, found.link.place) == ("tb", str(tmp_path / "tb"))
    read = EventAccumulator(str(tmp_path / "tb")).Reload()
    assert set(read.Tags()["scalars"]) == {"loss", *(f"trainfare/{key}" for key in KEYS)}
    [point] = read.Scalars("trainfare/estimated_cost_USD")
    assert (point.step, point.value) == (3, pytest.approx(found.number, rel=1e-6))
    [words] = read.Tensors("trainfare/estimated_cost/text_summary")
    assert words.tensor_proto.string_val == [found.exact.encode()]
    assert read.Tensors("trainfare/run/text_summary")[0].tensor_proto.string_val == [
        run.id.encode()
    ]


def test_a_folder_of_tensorboard_that_belongs_to_a_metered_run_is_that_run(home, tmp_path):
    from torch.utils.tensorboard import SummaryWriter

    from trainfare.flows.logs import import_runs
    from trainfare.flows.transcribing import Words
    from trainfare.integrations.tensorboard import send_costs

    with SummaryWriter(str(tmp_path / "tb")) as writer, send_costs(writer) as run:
        writer.add_scalar("loss", 0.5, 1)
    runs, [remark] = import_runs(home, [tmp_path / "tb"], Words())
    assert (runs, run_ids(home)) == ([], [run.id])
    assert f"is of the run {run.id}, which was metered" in remark


def test_sending_costs_changes_no_bit_of_the_weights(home, tmp_path):
    import torch
    from torch.utils.tensorboard import SummaryWriter

    from trainfare.integrations.tensorboard import send_costs

    def train(run=None):
        torch.manual_seed(7)
        layer = torch.nn.Sequential(
            torch.nn.Linear(16, 32), torch.nn.Dropout(), torch.nn.Linear(32, 1)
        )
        descent = torch.optim.Adam(layer.parameters())
        for _ in range(200):
            descent.zero_grad()
            layer(torch.randn(8, 16)).square().mean().backward()
            descent.step()
            if run is not None:
                run.step()
        return [one.detach().clone() for one in layer.parameters()]

    alone = train()
    with SummaryWriter(str(tmp_path / "tb")) as writer:
        with send_costs(writer, every_seconds=0.001) as run:
            told = train(run)
    assert all(torch.equal(one, other) for one, other in zip(alone, told, strict=True))


def test_trackio_has_figures_over_time_and_its_steps_stay_what_they_are(home, tmp_path):
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    from trainfare.integrations.trackio import send_costs

    one = trackio.init(project=f"costs-{tmp_path.name[:20]}", embed=False)
    with send_costs(every_seconds=3600) as run:
        for step in range(3):
            trackio.log({"loss": 1 / (step + 1)})
            run.step()
    trackio.finish()
    found = ended(home, run)
    assert (found.link.system, found.link.run) == ("trackio", one.id)
    rows = SQLiteStorage.get_logs(one.project, one.name)
    assert [(row["step"], row["loss"]) for row in rows] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    [costs] = [r for r in SQLiteStorage.get_system_logs(one.project, one.name) if "timestamp" in r]
    assert costs["trainfare/estimated_cost_USD"] == found.number
    assert SQLiteStorage.get_run_config(one.project, one.name)["trainfare.run"] == run.id


CLEARML = """
from clearml import Task
from trainfare.integrations.clearml import send_costs

task = Task.init(
    "costs", "one", auto_connect_frameworks=False, auto_resource_monitoring=False,
    auto_connect_arg_parser=False, auto_connect_streams=False,
)
with send_costs(every_seconds=3600) as run:
    for step in range(3):
        task.get_logger().report_scalar("train", "loss", 1 / (step + 1), iteration=step)
        run.step()
folder = task.get_offline_mode_folder()
task.close()
print(f"\\n{run.id} {folder}")
"""


@pytest.mark.long
def test_clearml_has_scalars_and_the_receipt_as_an_artifact(home, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARML_OFFLINE_MODE", "1")
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "clearml"))
    done = subprocess.run(
        [sys.executable, "-c", CLEARML], capture_output=True, text=True, check=True, timeout=300
    )
    run_id, folder = done.stdout.strip().splitlines()[-1].split()
    found = ended(home, SimpleNamespace(id=run_id))
    session = Path(folder)
    assert found.link.run == session.name
    task = json.loads((session / "task.json").read_text())
    assert task["hyperparams"]["trainfare"]["run"]["value"] == run_id
    assert task["hyperparams"]["trainfare"]["estimated_cost"]["value"] == found.exact
    lines = [json.loads(line) for line in (session / "metrics.jsonl").read_text().splitlines()]
    points = {(p["metric"], p["variant"]): (p["iter"], p["value"]) for line in lines for p in line}
    assert points["trainfare", "estimated_cost_USD"] == (3, found.number)
    assert {variant for metric, variant in points if metric == "trainfare"} == KEYS
    [kept] = session.rglob("trainfare-receipt.json")
    assert json.loads(kept.read_text()) == json.loads(json.dumps(found.document))


def test_a_tracker_without_a_run_of_its_own_is_warned_of(home, caplog):
    from trainfare.integrations import clearml, trackio, wandb

    with trainfare.track() as run:
        for tracker in (clearml, trackio, wandb):
            assert tracker.send_costs() is run
    assert caplog.text.count("is live; call") == 3
    assert read_receipt(home, run.id).run.trackers == ()
