"""What tests of several frameworks ask of a receipt."""

import trainfare


def stages(document):
    return {one["stage"] for one in document["stages"]}


def epochs(document):
    return [one["epoch"] for one in document["epochs"]]


def nano(text):
    return trainfare.Money.parse(text).nano


def assert_epochs_sum(document):
    train = next(one["estimated"] for one in document["stages"] if one["stage"] == "train")
    assert nano(train) == sum(nano(one["estimated"]) for one in document["epochs"])
