"""Which accelerators a process holds: the environment variables that hide devices from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trainfare.core.machine import Accelerator


def visible(devices: Sequence[Accelerator], environ: Mapping[str, str]) -> tuple[Accelerator, ...]:
    """The *devices* that a process with these environment variables can use, in their order.

    * ``NVIDIA_VISIBLE_DEVICES`` is an order to the container engine: it names devices of the host.
      The driver inside shows what was granted, counted anew from 0, so its indices are applied only
      where they cut down what is seen (a privileged container sees all). ``void`` and the empty
      text grant nothing by this way, but others may; ``none`` grants no GPU.
    * ``CUDA_VISIBLE_DEVICES`` is read by CUDA: indices, UUIDs or unambiguous beginnings of them,
      MIG UUIDs. From the first entry that names nothing on, the rest is ignored (so ``-1`` and the
      empty text mean none). A GPU in MIG mode stands for its first instance.
    * AMD: ``ROCR_VISIBLE_DEVICES``, then ``HIP_VISIBLE_DEVICES``, else ``CUDA_VISIBLE_DEVICES``,
      among what is left. TPU: ``TPU_VISIBLE_CHIPS``. Gaudi: ``HABANA_VISIBLE_DEVICES``.

    Source: CUDA programming guide, "CUDA Environment Variables"; NVIDIA container toolkit; ROCm
    documentation, "GPU isolation techniques".

    >>> gpus = [Accelerator(i, f"GPU-{i}", "NVIDIA H100 80GB HBM3") for i in range(4)]
    >>> [gpu.index for gpu in visible(gpus, {"CUDA_VISIBLE_DEVICES": "2,1,9,0"})]
    [2, 1]
    """
    kinds: dict[str, list[Accelerator]] = {}
    for device in devices:
        kinds.setdefault(device.kind, []).append(device)
    held: list[Accelerator] = []
    for kind, group in kinds.items():
        held += _FILTERS.get(kind, _all)(group, environ)
    return tuple(held)


def order_is_certain(devices: Sequence[Accelerator], environ: Mapping[str, str]) -> bool:
    """Whether an index in ``CUDA_VISIBLE_DEVICES`` surely means the GPU that the driver lists there.

    CUDA counts the fastest GPU first unless ``CUDA_DEVICE_ORDER=PCI_BUS_ID``; the driver counts by
    PCI bus. On a machine of equal GPUs both agree.

    >>> mixed = [Accelerator(0, "GPU-0", "NVIDIA T400"), Accelerator(1, "GPU-1", "NVIDIA A100")]
    >>> order_is_certain(mixed, {"CUDA_VISIBLE_DEVICES": "0"})
    False
    """
    entries = environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    names = {device.name for device in devices if device.kind == "nvidia"}
    return (
        len(names) < 2
        or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        or not any(entry.strip().isdecimal() for entry in entries)
    )


def _all(devices: list[Accelerator], environ: Mapping[str, str]) -> list[Accelerator]:
    del environ
    return devices


def _nvidia(devices: list[Accelerator], environ: Mapping[str, str]) -> list[Accelerator]:
    granted = environ.get("NVIDIA_VISIBLE_DEVICES", "all").strip()
    if granted == "none":
        return []
    if granted not in {"", "all", "void"}:
        entries = granted.split(",")
        by_index = all(entry.strip().replace(":", "").isdecimal() for entry in entries)
        found = _pick(devices, granted, stops=False)
        # Indices of the host that reach beyond what is seen here have been applied already.
        if found and not (by_index and len(found) < len(entries)):
            devices = found
    return _listed(devices, environ, "CUDA_VISIBLE_DEVICES")


def _amd(devices: list[Accelerator], environ: Mapping[str, str]) -> list[Accelerator]:
    devices = _listed(devices, environ, "ROCR_VISIBLE_DEVICES")
    hip = "HIP_VISIBLE_DEVICES" if "HIP_VISIBLE_DEVICES" in environ else "CUDA_VISIBLE_DEVICES"
    return _listed(devices, environ, hip)


def _tpu(devices: list[Accelerator], environ: Mapping[str, str]) -> list[Accelerator]:
    return _listed(devices, environ, "TPU_VISIBLE_CHIPS")


def _gaudi(devices: list[Accelerator], environ: Mapping[str, str]) -> list[Accelerator]:
    if environ.get("HABANA_VISIBLE_DEVICES", "all").strip() == "all":
        return devices
    return _listed(devices, environ, "HABANA_VISIBLE_DEVICES")


_Filter = Callable[[list[Accelerator], Mapping[str, str]], list[Accelerator]]
_FILTERS: dict[str, _Filter] = {"nvidia": _nvidia, "amd": _amd, "tpu": _tpu, "gaudi": _gaudi}


def _listed(
    devices: list[Accelerator], environ: Mapping[str, str], variable: str
) -> list[Accelerator]:
    text = environ.get(variable)
    return devices if text is None else _pick(devices, text, stops=True)


def _pick(devices: list[Accelerator], text: str, *, stops: bool) -> list[Accelerator]:
    """The devices that a comma-separated list names, each once; *stops* at an entry of nothing."""
    places: dict[str, list[Accelerator]] = {}
    for device in devices:
        places.setdefault(device.parent_id or device.id, []).append(device)
    gpus = list(places.values())
    found: list[Accelerator] = []
    for entry in text.split(","):
        named = _find(gpus, entry.strip())
        if named is None and stops:
            break
        if named is not None and named not in found:
            found.append(named)
    return found


def _find(gpus: list[list[Accelerator]], entry: str) -> Accelerator | None:
    """The device named by index, ``gpu:instance``, or the beginning of a UUID."""
    gpu, _, instance = entry.partition(":")
    if gpu.isdecimal() and (instance or "0").isdecimal():
        place, within = int(gpu), int(instance or "0")
        is_there = place < len(gpus) and within < len(gpus[place])
        return gpus[place][within] if is_there else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    matches = {
        device.id: device
        for instances in gpus
        for device in instances
        if device.id.startswith(entry)
    }
    if not matches:  # a whole GPU in MIG mode stands for its first instance
        matches = {
            instances[0].id: instances[0]
            for instances in gpus
            if (instances[0].parent_id or "").startswith(entry)
        }
    return next(iter(matches.values())) if len(matches) == 1 else None
