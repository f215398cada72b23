"""``trainfare show``: everything known about a run, and who said it."""

import math

from cli.recordings import MACHINE, Recorder, record_training
from metering.instruments import Clock


def record_two_attempts(home):
    """A training that was killed, and went on on a second machine."""
    first = Recorder(home, "r-two", segment="a", name="train.py", gpus=2)
    first.stage("train", 0)
    first.ride(30, steps=10)
    first.log(loss=2.0)
    first.end("killed", exit_code=-9, error="ended by SIGKILL")
    clock = Clock()
    clock.advance(100)
    second = Recorder(home, "r-two", segment="b", clock=clock, gpus=2, rank=0)
    second.host.reading["net_tx_bytes"] = 4096
    second.stage("train", 0)
    second.ride(20, steps=20)
    second.log(loss=math.nan, accuracy=0.5)
    second.keep("checkpoint", "s3://invented/" + "deep/" * 30 + "last.pt", 5 * 2**30)
    second.meter.note("lost a device reading: NVMLError: gone")
    second.end()


def test_the_page_reads_as_agreed(home, frozen, text, golden):
    record_two_attempts(home)
    golden("show", text("show", "r-two"))


def test_json_has_all_of_the_receipt_and_more(home, frozen, answer):
    record_two_attempts(home)
    found = answer("show")
    assert found.items() >= answer("receipt").items()
    assert [s["attempt"] for s in found["segments"]] == [1, 2]
    assert [s["exit_code"] for s in found["segments"]] == [-9, None]
    assert found["segments"][0]["held_devices"] == ["GPU-0", "GPU-1"]
    assert found["segments"][1]["interfaces"] == {"eth0": {"rx_bytes": 0, "tx_bytes": 4096}}
    assert found["segments"][1]["prices"][0]["amount"] == "3.6"
    assert found["notes"] == ["lost a device reading: NVMLError: gone"]


def test_each_answer_about_the_machine_names_who_gave_it(home, frozen, answer):
    record_training(home, "r-one")
    machine = answer("show")["machines"][0]
    assert machine["answers"]["instance_type"] == {"value": "p5.48xlarge", "source": "stated"}
    assert machine["answers"]["region"] == {"value": "us-east-1", "source": "aws-imds"}
    assert machine["answers"]["account"] == {"value": None, "source": None}
    assert machine["facts"] == dict(MACHINE.facts)


def test_metrics_are_summed_up_over_all_attempts(home, frozen, answer):
    record_two_attempts(home)
    metrics = answer("show")["metrics"]
    assert metrics["loss"] == {
        "first": 2.0,
        "last": "nan",
        "last_step": 20,
        "min": 2.0,
        "max": 2.0,
        "count": 2,
    }
    assert metrics["accuracy"]["last"] == 0.5


def test_many_artifacts_are_cut_short_in_the_table_only(home, frozen, text, answer):
    made = Recorder(home, "r-many")
    for number in range(25):
        made.ride(1)
        made.keep("checkpoint", f"s3://invented/{number}.pt", 2**20)
    made.end()
    assert "5 earlier ones; --format json lists them" in text("show")
    assert len(answer("show")["artifacts"]) == 25


def test_a_run_without_samples_can_be_shown(home, frozen, text):
    made = Recorder(home, "r-new", is_alive=True)
    made.spool.close()
    (made.folder / "samples.bin").unlink()
    assert "running" in text("show")
