"""A training that any service can run: nothing in it says where it runs."""

import trainfare

with trainfare.track(model="tiny") as run:
    for _ in run.steps(range(100)):
        sum(range(10_000))
print("run", run.id)
