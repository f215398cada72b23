"""Where the charges of a home lie: in its own folder, or in object storage with a cache there.

TRAINFARE_LAKE=s3://bucket/prefix       also gs:// and az://; import writes there, all else reads
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from trainfare.core.errors import BadInput, NotFound

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


def delivery_files(home: Path, folders: Sequence[str]) -> list[list[Path]]:
    """The files of each of the deliveries at *folders*, fetched where they are not here as they were.

    Raises:
        NotFound: one is gone.
        OutsideFailed: storage failed.
    """
    url, cache = object_lake(), lake_folder(home)
    own = [cache / folder for folder in folders]
    if url is not None:
        from trainfare.billing.object_lake import fetch_delivery, is_held, trim_cache

        absent = [folder for folder in folders if not is_held(cache, folder)]
        for folder in absent:
            fetch_delivery(url, folder, cache)
        if absent:
            trim_cache(cache, url, own)
    files = [sorted(here.glob("*.parquet")) for here in own]
    for here, parts in zip(own, files, strict=True):
        if not parts:
            raise NotFound(
                f"the charges of delivery {here.name[:12]} are not in {here}; import it again"
            )
    return files
