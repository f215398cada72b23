"""Trainings on a GPU for :mod:`bench.gpu_check`: what the receipt says beside what was measured."""

from __future__ import annotations

import statistics
import time

import torch

import trainfare

SIZE = 8192
MATMUL_FLOPS = 2 * SIZE**3
WIDTH, LAYERS, TOKENS = 4096, 8, 8192
QUIET_SECONDS = 20


def make_model():
    """Linear layers of 0.27 thousand million parameters: work of known size."""
    layers = []
    for _ in range(LAYERS):
        layers += [torch.nn.Linear(WIDTH, 2 * WIDTH), torch.nn.GELU()]
        layers += [torch.nn.Linear(2 * WIDTH, WIDTH)]
    return torch.nn.Sequential(*layers).to("cuda", torch.bfloat16)


def check_train(check, own_meter):
    """Half a minute and more of training in bf16, then a quiet stage."""
    model = make_model()
    parameters = sum(one.numel() for one in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    batch = torch.randn(TOKENS, WIDTH, device="cuda", dtype=torch.bfloat16)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = (model(batch) - batch).float().square().mean()
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    steps, length = 0, check.seconds(45)
    with trainfare.track("gpu-check", price="3.6/h") as run:
        run.flops(parameters=parameters)
        time.sleep(1.5)  # the meter opens the driver
        with own_meter() as own:
            began = time.monotonic()
            while time.monotonic() - began < length:
                for _ in range(10):
                    step()
                    run.step(tokens=TOKENS)
                torch.cuda.synchronize()
                steps += 10
            busy_seconds = time.monotonic() - began
            with run.stage("eval"):
                time.sleep(check.seconds(QUIET_SECONDS))
    document = run.receipt().to_json()
    uses = [use for s in run.receipt().run.segments for use in s.device_use]
    kwh = document["energy_kwh"]
    joules = None if kwh is None else kwh * 3.6e6
    flops = 6 * parameters * TOKENS * steps
    efficiency = document["efficiency"]
    check.say(
        "training",
        parameters=parameters,
        steps=[document["steps"], steps],
        gpu_activity=document["gpu_activity"],
        source=document["gpu_activity_source"],
        activity_by_window=[use.activity_permille for use in uses],
        profile=document["gpu_profile"],
        profile_by_window=[use.profile for use in uses],
        memory_mib=max((use.memory_mib or 0 for use in uses), default=None),
        torch_reserved_mib=torch.cuda.max_memory_reserved() >> 20,
        process_permille=[use.process_permille for use in uses],
        joules=joules,
        energy_source=document["energy_source"],
        counter_joules=own.counter_joules,
        power_integral_joules=round(own.power_joules, 1),
        own_seconds=round(own.wall_seconds, 3),
        metered_seconds=document["duration_seconds"],
        flops=[efficiency["flops"], flops],
        mfu=efficiency["mfu"],
        own_tflops=round(flops / busy_seconds / 1e12, 2),
        train_gpu_seconds=[efficiency["train_gpu_seconds"], round(busy_seconds, 3)],
        estimated_per_exaflop=efficiency["estimated_per_exaflop"],
        why=efficiency["why"],
        notes=document["notes"],
    )
    print(run.receipt())

    torch.cuda.empty_cache()


def check_matmul(check):
    """Products of 8192 × 8192 matrices in bf16: operations and time are known to the product."""
    left, right = (torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    for _ in range(5):
        torch.matmul(left, right, out=out)
    torch.cuda.synchronize()
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    products = 0
    with trainfare.track("gpu-check-matmul", price="3.6/h") as run:
        run.flops(per_step=MATMUL_FLOPS)
        began = time.monotonic()
        first.record()
        while time.monotonic() - began < check.seconds(20):
            for _ in range(20):
                torch.matmul(left, right, out=out)
                run.step()
            torch.cuda.synchronize()
            products += 20
        last.record()
        torch.cuda.synchronize()
    seconds = first.elapsed_time(last) / 1e3
    efficiency = run.receipt().to_json()["efficiency"]
    check.say(
        "matmul",
        products=products,
        own_tflops=round(products * MATMUL_FLOPS / seconds / 1e12, 2),
        own_seconds=round(seconds, 4),
        train_gpu_seconds=efficiency["train_gpu_seconds"],
        own_mfu=round(products * MATMUL_FLOPS / seconds / 989e12, 5),
        mfu=efficiency["mfu"],
        profile=run.receipt().to_json()["gpu_profile"],
    )


def check_steps(check):
    """``run.step()`` in a loop of short steps, in blocks with and without it, turn by turn."""
    model = torch.nn.Linear(512, 512).to("cuda")
    batch = torch.randn(64, 512, device="cuda")

    def block(count, call):
        torch.cuda.synchronize()
        began = time.perf_counter_ns()
        for _ in range(count):
            model(batch)
            call()
        torch.cuda.synchronize()
        return (time.perf_counter_ns() - began) / count / 1e3

    def nothing():
        return None

    count, pairs = 2000, max(4, round(check.seconds(40)))
    block(count, nothing)
    without = [block(count, nothing) for _ in range(pairs)]  # no meter at all
    plain, metered = [], []
    with trainfare.track("gpu-check-steps", price="3.6/h") as run:
        run.step()
        for turn in range(pairs):
            order = [(plain, nothing), (metered, run.step)]
            for kept, call in order if turn % 2 else reversed(order):
                kept.append(block(count, call))
    ratios = [b / a for a, b in zip(plain, metered, strict=True)]
    check.say(
        "step",
        blocks=pairs,
        us_without_meter=round(statistics.median(without), 3),
        us_metered_no_call=round(statistics.median(plain), 3),
        us_with_step=round(statistics.median(metered), 3),
        added_us=round(statistics.median(b - a for a, b in zip(plain, metered, strict=True)), 3),
        ratio=round(statistics.median(ratios), 4),
        ratio_quartiles=[round(q, 4) for q in statistics.quantiles(ratios, n=4)],
    )
