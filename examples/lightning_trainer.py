"""PyTorch Lightning, metered by one line."""

import tempfile

import lightning
import torch

import trainfare


class Line(lightning.LightningModule):
    """Learns that the answer is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(16, 1)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:  # noqa: ARG002 (Lightning's)
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main() -> None:
    rows = torch.utils.data.TensorDataset(torch.randn(512, 16))
    metered = trainfare.integrations.lightning.TrainfareCallback(
        "line", team="vision", price="3.6/h", budget="25"
    )
    with tempfile.TemporaryDirectory() as folder:
        lightning.Trainer(
            accelerator="cpu",
            max_epochs=2,
            default_root_dir=folder,
            logger=False,
            callbacks=[metered],
        ).fit(Line(), torch.utils.data.DataLoader(rows, batch_size=16))
        print(metered.run.receipt())


if __name__ == "__main__":
    main()
