"""Ray Train: two workers that are one run."""

import os

os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")

import ray
import torch
from ray import train
from ray.train.torch import TorchTrainer

import trainfare


def work(config: dict[str, str]) -> None:
    """What every worker does."""
    model = train.torch.prepare_model(torch.nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with trainfare.integrations.ray.track("line", **config) as run:
        for batch in run.steps(torch.randn(64, 16, 16), samples=len):
            model(batch).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    train.report({"run": run.id})


def main() -> None:
    ray.init(include_dashboard=False)
    TorchTrainer(
        work,
        train_loop_config={"team": "nlp", "price": "3.6/h", "budget": "25"},
        scaling_config=train.ScalingConfig(num_workers=2),
    ).fit()
    ray.shutdown()
    print(trainfare.receipt())


if __name__ == "__main__":
    main()
