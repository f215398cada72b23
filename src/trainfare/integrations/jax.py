"""JAX: what a compiled training step takes, for a loop that Trainfare meters.

with trainfare.track(price="3.6/h") as run:
    count_flops(run, step, state, batch)
    for batch in run.steps(batches):
        state = step(state, batch)
"""

from __future__ import annotations

from typing import Any

from trainfare.metering.notice import warn
from trainfare.metering.track import Run


def count_flops(run: Run, step: Any, *arguments: Any, **named: Any) -> None:
    """Say what one call of the jitted *step* takes, by XLA's own analysis of the traced program.

    The program is traced and not compiled, and it is that of all devices together. Operations that
    the step recomputes (``jax.checkpoint``) count too.
    """
    import jax

    try:
        analysis = step.lower(*arguments, **named).cost_analysis()
        leaves = jax.tree.leaves(arguments)
        kinds = {str(getattr(one, "dtype", "")) for one in leaves}
        dtype = next((kind for kind in _DTYPES if kind in kinds), "float32")
        run.flops(per_step=float(analysis["flops"]), dtype=dtype)
    except Exception as error:
        warn("the step's FLOPs are not known: %s: %s", type(error).__name__, error)


_DTYPES = ("float8_e4m3fn", "bfloat16", "float16", "float32")
"""The narrowest that a step is given is what most of it is computed in."""
