"""One process of a small distributed training, for torchrun; prints one JSON line."""

import hashlib
import json
import os
import sys
import time

import torch
import torch.distributed as dist

import trainfare


def shard(layer, kind):
    if kind == "fsdp":
        from torch.distributed.fsdp import fully_shard

        mesh = dist.device_mesh.init_device_mesh("cpu", (dist.get_world_size(),))
        return fully_shard(layer, mesh=mesh)
    return torch.nn.parallel.DistributedDataParallel(layer)


def main(kind, steps, pause, words):
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    rank = dist.get_rank()
    layer = torch.nn.Linear(4, 2)
    model = shard(layer, kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows = torch.randn(steps, 4, generator=torch.Generator().manual_seed(rank))
    made, ended = 0, "finished"
    run = trainfare.integrations.torch.track("ranks", **words) if words else None
    try:
        for row in run.steps(rows, samples=1) if run else rows:
            time.sleep(pause * (1 + rank))
            model(row[None]).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            made += 1
    except trainfare.BudgetExceeded:
        ended = "stopped"
    if run:
        run.finish()
    parts = [getattr(one, "full_tensor", lambda one=one: one)() for one in layer.parameters()]
    digest = hashlib.sha256(b"".join(one.detach().numpy().tobytes() for one in parts)).hexdigest()
    told = {"rank": rank, "made": made, "ended": ended, "run": run and run.id, "weights": digest}
    os.write(1, f"{json.dumps(told)}\n".encode())  # at once, so that ranks' lines do not mix
    dist.barrier()
    os._exit(0)  # gloo's own threads abort about one in ten exits, metered or not


if __name__ == "__main__":
    os.environ.pop("TRAINFARE_RUN_ID", None)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), json.loads(sys.argv[4]))
