"""How each tracker is started and stopped in a fresh process: the tools measured beside each other.

Runs inside the measured processes, so it imports nothing heavy before it is asked to. No tool is
let out to a network: codecarbon is its offline tracker, resource-tracker does not look for a cloud,
W&B and ClearML are in their offline modes.
"""

from __future__ import annotations

import os

MODULES = {
    "trainfare": "trainfare",
    "resource-tracker": "resource_tracker",
    "codecarbon": "codecarbon",
    "trackio": "trackio",
    "mlflow": "mlflow",
    "wandb": "wandb",
    "clearml": "clearml",
}
"""Distribution → the module that a user imports."""

PEERS = ("resource-tracker", "codecarbon", "trackio", "mlflow", "wandb", "clearml")


def begin(tool, folder):
    """Start *tool* with its default sampling, writing below *folder*; returns what stops it."""
    return _STARTERS[tool](folder)


def _trainfare(folder):
    import trainfare

    # With an instance instead of a price, so that the look-up in the price book is measured too.
    return trainfare.track(model="bench", instance="p5.48xlarge", region="us-east-1").finish


def _resource_tracker(folder):
    from resource_tracker import ResourceTracker

    tracker = ResourceTracker(discover_server=False, discover_cloud=False)
    tracker.start()
    return tracker.stop


def _codecarbon(folder):
    return _codecarbon_every(folder, 15)


def _codecarbon_1s(folder):
    return _codecarbon_every(folder, 1)


def _codecarbon_every(folder, seconds):
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code="USA", output_dir=folder, log_level="error", measure_power_secs=seconds
    )
    tracker.start()
    return tracker.stop


def _trackio(folder):
    import trackio

    trackio.init(project="bench")
    return trackio.finish


def _mlflow(folder):
    import mlflow

    mlflow.set_tracking_uri("sqlite:///" + os.path.join(folder, "mlflow.db"))
    mlflow.enable_system_metrics_logging()
    mlflow.start_run()
    return mlflow.end_run


def start_wandb(folder, **settings):
    """An offline run of W&B with its system metrics, every 15 s by default."""
    import wandb

    return wandb.init(project="bench", mode="offline", dir=folder, settings=settings)


def start_clearml():
    """An offline task of ClearML with its resource monitor; its session is kept below the home."""
    from clearml import Task

    Task.set_offline(True)
    return Task.init(project_name="bench", task_name="bench")


def _wandb(folder):
    return start_wandb(folder).finish


def _wandb_1s(folder):
    return start_wandb(folder, x_stats_sampling_interval=1).finish


def _clearml(folder):
    return start_clearml().close


def _psutil_thread(folder):
    """What a user writes who needs no tool: a thread, psutil, one JSON line a second."""
    import json
    import threading
    import time

    import psutil

    process, stopped = psutil.Process(), threading.Event()
    file = open(os.path.join(folder, "usage.jsonl"), "a")  # noqa: SIM115 (lives as long as the run)

    def live():
        while not stopped.wait(1):
            net, disk = psutil.net_io_counters(), process.io_counters()
            document = {
                "t": time.time(),
                "cpu": process.cpu_times().user,
                "rss": process.memory_info().rss,
                "used": psutil.virtual_memory().used,
                "rx": net.bytes_recv,
                "tx": net.bytes_sent,
                "read": disk.read_bytes,
                "written": disk.write_bytes,
            }
            file.write(json.dumps(document) + "\n")
            file.flush()

    threading.Thread(target=live, daemon=True).start()
    return stopped.set


def _nothing(folder):
    return lambda: None


_STARTERS = {
    "nothing": _nothing,
    "trainfare": _trainfare,
    "resource-tracker": _resource_tracker,
    "codecarbon": _codecarbon,
    "codecarbon at 1 s": _codecarbon_1s,
    "trackio": _trackio,
    "mlflow": _mlflow,
    "wandb": _wandb,
    "wandb at 1 s": _wandb_1s,
    "clearml": _clearml,
    "psutil thread": _psutil_thread,
}
