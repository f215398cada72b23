"""Accelerators: from the name a driver gives to the model that price lists sell, and its figures.

A driver's name is matched in three steps: a known alias as it stands; else the model's words, each
a whole word of the name (``L4`` is no part of ``L40``), narrowed by form factor; then, where models
differ in memory only, the size in the name or the memory that the device reports decides, within
7 % of a known size. What stays ambiguous is unknown: "A100" alone is not a model one can price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from trainfare.core.machine import Accelerator
from trainfare.core.price import GIB
from trainfare.prices.shelf import read_table

MEMORY_TOLERANCE = Decimal("0.07")
"""How far reported memory may be from the size on the data sheet: firmware keeps a part.

Source: the rounding rule of dstack's gpuhunt 0.1.34; an L40S reports 45,776 MiB of 48 GB (6.9 %).
"""

_MIG = re.compile(r"\s+MIG\s+\S+$", re.IGNORECASE)
_MAKERS = {"nvidia", "tesla", "amd", "instinct", "geforce", "quadro", "graphics", "gpu"}
_FORMS = frozenset({"pcie", "nvl"})
_TPU_SLICE = re.compile(r"(?:tpu-)?(v2|v3|v4|v5p|v5litepod|v5e|v6e)-(\d+)")
_TPU_MACHINE = re.compile(r"(ct4p|ct5lp|ct5p|ct6e)-\w+-(\d+)t")
_TPU_FAMILIES = {
    "ct4p": "tpu-v4",
    "ct5lp": "tpu-v5litepod",
    "ct5p": "tpu-v5p",
    "ct6e": "tpu-v6e",
    "v5e": "tpu-v5litepod",
}


FORMATS = ("bf16", "fp16", "fp8")
"""Number formats of which data sheets state the peak."""


@dataclass(frozen=True, slots=True)
class AcceleratorModel:
    """What is known of one accelerator; None is "not known".

    Peak figures are dense, in 10¹² floating-point operations per second: data sheets also print
    the double of it, for matrices that are half zeros.
    """

    name: str
    """Canonical: ``H100``, ``A100-80GB``, ``tpu-v5p``."""
    aliases: tuple[str, ...]
    """Names that drivers give."""
    watts: int | None
    """Thermal design power."""
    bf16_tflops: Decimal | None
    fp16_tflops: Decimal | None
    fp8_tflops: Decimal | None
    memory_gb: Decimal | None
    memory_gb_per_second: int | None
    compute_capability: str
    source: str
    note: str

    def peak_flops(self, dtype: str) -> Fraction | None:
        """Dense peak in FLOP/s of a number format (bf16, fp16, fp8), or None where not known."""
        stated = (self.bf16_tflops, self.fp16_tflops, self.fp8_tflops)
        tera = dict(zip(FORMATS, stated, strict=True)).get(dtype)
        return None if tera is None else Fraction(tera) * 10**12


def peak_flops(device: Accelerator, dtype: str) -> Fraction | None:
    """The dense peak of one device as a driver names it; of a MIG instance, that of the whole GPU.

    >>> h100 = Accelerator(0, "GPU-1", "NVIDIA H100 80GB HBM3")
    >>> int(peak_flops(h100, "bf16") / 10**12), peak_flops(h100, "tf32")
    (989, None)
    """
    memory = None if device.parent_id else device.memory_bytes
    model = find_accelerator(device.name, memory)
    return None if model is None else model.peak_flops(dtype)


@cache
def models() -> dict[str, AcceleratorModel]:
    """Canonical name → model, for all that the shipped catalogue knows."""
    return {row[0]: _model(row) for row in read_table("accelerators")}


def find_accelerator(name: str, memory_bytes: int | None = None) -> AcceleratorModel | None:
    """The model that a driver calls *name*, or None where it is unknown or ambiguous.

    Args:
        name: As NVML or another driver says it; a canonical name is found too, in any case.
        memory_bytes: What the device reports; of a MIG instance it is ignored, since it is the
            slice's.

    >>> find_accelerator("NVIDIA H100 80GB HBM3").name, find_accelerator("NVIDIA L40").name
    ('H100', 'L40')
    >>> find_accelerator("NVIDIA A100-SXM4", 40 * 2**30).name
    'A100'
    """
    bare = _MIG.sub("", name.strip())
    if bare != name.strip():
        memory_bytes = None
    exact = _by_name().get(bare.casefold()) or _by_alias().get(_words(bare))
    if exact is not None:
        return models()[exact]
    words = set(_words(bare))
    candidates = [m for m in models().values() if words.issuperset(_model_words(m))]
    candidates = _of_form(candidates, words)
    return _of_memory(candidates, _stated_gb(words, memory_bytes))


def tpu_chips(instance_type: str) -> tuple[str, int] | None:
    """The TPU model and number of chips that a slice or machine type has, or None for no TPU.

    Slices of v2, v3, v4 and v5p are named by cores, two to a chip; later ones by chips.

    >>> tpu_chips("v5p-8"), tpu_chips("tpu-v5litepod-8"), tpu_chips("ct6e-standard-4t")
    (('tpu-v5p', 4), ('tpu-v5litepod', 8), ('tpu-v6e', 4))
    """
    machine = _TPU_MACHINE.fullmatch(instance_type)
    if machine:
        return _TPU_FAMILIES[machine[1]], int(machine[2])
    part = _TPU_SLICE.fullmatch(instance_type)
    if not part:
        return None
    version, count = part[1], int(part[2])
    chips = count // 2 if version in ("v2", "v3", "v4", "v5p") else count
    return _TPU_FAMILIES.get(version, f"tpu-{version}"), chips


def _words(text: str) -> tuple[str, ...]:
    """Lower-case words without makers' names: ``("a100", "sxm4", "80gb")``."""
    words = re.findall(r"[a-z0-9.]+", text.casefold())
    return tuple(word for word in words if word not in _MAKERS)


@cache
def _by_name() -> dict[str, str]:
    return {name.casefold(): name for name in models()}


@cache
def _by_alias() -> dict[tuple[str, ...], str]:
    return {_words(alias): m.name for m in models().values() for alias in m.aliases}


def _model_words(model: AcceleratorModel) -> list[str]:
    """The words of a canonical name that say which model: no size, no form factor."""
    words = [word for word in _words(model.name) if word not in _FORMS]
    return [word for word in words if not re.fullmatch(r"\d+gb", word)]


def _of_form(candidates: list[AcceleratorModel], words: set[str]) -> list[AcceleratorModel]:
    """Those of the form factor that the words name, else those without one."""
    stated = next((form for form in _FORMS if form in words), None)
    same = [m for m in candidates if stated is not None and stated in _words(m.name)]
    plain = [m for m in candidates if not _FORMS & set(_words(m.name))]
    return same or plain or candidates


def _stated_gb(words: set[str], memory_bytes: int | None) -> Decimal | None:
    """The memory in GB, as reported or as the name says."""
    if memory_bytes:
        return Decimal(memory_bytes) / GIB
    sizes = [word for word in words if re.fullmatch(r"\d+gb", word)]
    return Decimal(sizes[0][:-2]) if len(sizes) == 1 else None


def _of_memory(candidates: list[AcceleratorModel], gb: Decimal | None) -> AcceleratorModel | None:
    """The candidate whose memory is nearest to *gb* and within tolerance; the only one if unknown."""
    if gb is None:
        return candidates[0] if len(candidates) == 1 else None
    near = []
    for model in candidates:
        if model.memory_gb is None:
            continue
        distance = abs(model.memory_gb - gb) / model.memory_gb
        if distance <= MEMORY_TOLERANCE:
            near.append((distance, model.name))
    return models()[min(near)[1]] if near else None


def _model(row: list[str]) -> AcceleratorModel:
    name, aliases, watts, bf16, fp16, fp8, memory, bandwidth, capability, source, note = row
    return AcceleratorModel(
        name=name,
        aliases=tuple(aliases.split("|")) if aliases else (),
        watts=int(watts) if watts else None,
        bf16_tflops=Decimal(bf16) if bf16 else None,
        fp16_tflops=Decimal(fp16) if fp16 else None,
        fp8_tflops=Decimal(fp8) if fp8 else None,
        memory_gb=Decimal(memory) if memory else None,
        memory_gb_per_second=int(bandwidth) if bandwidth else None,
        compute_capability=capability,
        source=source,
        note=note,
    )
