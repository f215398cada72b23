"""A loop of one's own around Hugging Face's Accelerator, metered by one line."""

import tempfile

import torch
from accelerate import Accelerator

import trainfare


def main() -> None:
    accelerator = Accelerator()
    run = trainfare.integrations.accelerate.track(
        accelerator, "line", team="nlp", price="3.6/h", budget="25"
    )
    layer = torch.nn.Linear(16, 1)
    rows = torch.utils.data.TensorDataset(torch.randn(512, 16))
    model, optimizer, loader = accelerator.prepare(
        layer,
        torch.optim.SGD(layer.parameters(), lr=0.1),
        torch.utils.data.DataLoader(rows, batch_size=16),
    )
    for epoch in run.epochs(range(3)):
        for [batch] in loader:
            loss = model(batch).pow(2).mean()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            if accelerator.check_trigger():
                break
        accelerator.log({"loss": loss.item()}, step=epoch)
        if run.should_stop:
            break
    with tempfile.TemporaryDirectory() as folder:
        accelerator.save_state(folder)
        accelerator.end_training()
    print(run.receipt())


if __name__ == "__main__":
    main()
