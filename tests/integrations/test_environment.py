"""The environment that these tests run in."""

import torch


def test_training_runs_here():
    layer = torch.nn.Linear(4, 1)
    layer(torch.ones(2, 4)).sum().backward()
    assert layer.weight.grad.tolist() == [[2.0] * 4]
