"""Where the charges of a home lie: in its own folder, or in object storage with a cache there.

TRAINFARE_LAKE=s3://bucket/prefix       also gs:// and az://; import writes there, all else reads
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, NotFound, OutsideFailed

if TYPE_CHECKING:
    from trainfare.store.deliveries import StoredDelivery

VARIABLE = "TRAINFARE_LAKE"


def lake_folder(home: Path) -> Path:
    """Where the charges of a home are; of a lake in object storage, what is held of it here."""
    return home / "lake"


def object_lake() -> str | None:
    """The lake in object storage; None: charges are in the home alone.

    Raises:
        BadInput: its address names no bucket.
    """
    url = os.environ.get(VARIABLE, "").strip()
    if url and not url.partition("://")[2].strip("/"):
        raise BadInput(f"{VARIABLE}={url} names no bucket; say s3://BUCKET/PREFIX, gs:// or az://")
    return url or None


def send_delivery(home: Path, folder: str) -> None:
    """Have a delivery that was just written in object storage, too, where the lake is there.

    Raises:
        BadInput: the lake is of no known kind.
        MissingExtra: the client of its cloud is not installed.
        OutsideFailed: storage failed, or another import was first, with other bytes.
    """
    url = object_lake()
    if url is not None:
        from trainfare.billing.object_lake import put_delivery

        put_delivery(url, folder, lake_folder(home))


def delivery_files(home: Path, deliveries: Sequence[StoredDelivery]) -> list[list[Path]]:
    """The files of each of *deliveries*, fetched where they are not here as they were.

    Raises:
        NotFound: one is gone.
        OutsideFailed: storage failed, or a delivery is not whole.
    """
    url, cache = object_lake(), lake_folder(home)
    own = [cache / one.folder for one in deliveries]
    if url is not None:
        from trainfare.billing.object_lake import fetch_delivery, is_held, trim_cache

        absent = [one.folder for one in deliveries if not is_held(cache, one.folder)]
        for folder in absent:
            fetch_delivery(url, folder, cache)
        if absent:
            trim_cache(cache, url, own)
    files = [sorted(here.glob("*.parquet")) for here in own]
    for one, here, parts in zip(deliveries, own, files, strict=True):
        if not parts:
            raise NotFound(
                f"the charges of delivery {one.id[:12]} are not in {here}; import it again"
            )
    _check_whole(deliveries, own, files)
    return files


def _check_whole(
    deliveries: Sequence[StoredDelivery], own: Sequence[Path], files: Sequence[Sequence[Path]]
) -> None:
    """Check that the ends of all *files* are there and that they hold the charges of *deliveries*."""
    from trainfare.store.results import count_charges

    counts: dict[Path, int] = {}
    every = [part for parts in files for part in parts]
    with suppress(OutsideFailed):  # whose is damaged is found below
        counts = count_charges(every) if every else {}
    for one, here, parts in zip(deliveries, own, files, strict=True):
        name = f"the charges of delivery {one.id[:12]} in {here}"
        try:
            known = counts or count_charges(parts)
        except OutsideFailed as error:
            raise OutsideFailed(f"{name} were cut off or damaged ({error})") from None
        rows = sum(known[part] for part in parts)
        if rows != one.rows:
            raise OutsideFailed(f"{name} are {rows:,} of {one.rows:,}; import the bill again")
