"""Hugging Face Trainer, metered by one line; a tiny model from its configuration, nothing downloaded."""

import tempfile

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import trainfare


class Sentences(torch.utils.data.Dataset):
    """Random tokens, and whether their sum is odd."""

    ids = torch.randint(0, 100, (256, 32), generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> dict[str, object]:
        return {"input_ids": self.ids[row], "labels": int(self.ids[row].sum()) % 2}


def main() -> None:
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=100, intermediate_size=64, **size)
    metered = trainfare.integrations.transformers.TrainfareCallback(
        "tiny-bert", team="nlp", price="3.6/h", budget="25"
    )
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            BertForSequenceClassification(config),
            TrainingArguments(
                folder, num_train_epochs=2, eval_strategy="epoch", use_cpu=True, report_to=[]
            ),
            train_dataset=Sentences(),
            eval_dataset=Sentences(),
            callbacks=[metered],
        ).train()
        print(metered.run.receipt())


if __name__ == "__main__":
    main()
