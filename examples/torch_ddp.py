"""Plain PyTorch on several processes, which are one run and end at the same step.

torchrun --standalone --nproc-per-node=2 examples/torch_ddp.py
"""

import torch
import torch.distributed as dist

import trainfare


def main() -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows = torch.utils.data.TensorDataset(torch.randn(512, 16))
    sampler = torch.utils.data.DistributedSampler(rows)
    loader = torch.utils.data.DataLoader(rows, batch_size=16, sampler=sampler)
    with trainfare.integrations.torch.track("line", price="3.6/h", budget="25") as run:
        for epoch in run.epochs(range(3)):
            sampler.set_epoch(epoch)
            for [batch] in run.steps(loader, samples=lambda items: len(items[0])):
                model(batch).pow(2).mean().backward()
                optimizer.step()
                optimizer.zero_grad()
    dist.barrier()
    if dist.get_rank() == 0:
        print(run.receipt())
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
