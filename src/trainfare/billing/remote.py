"""Bills in object storage: what an ``s3://``, ``gs://`` or ``az://`` URL names, fetched to a folder.

One well-kept client per cloud, each behind fsspec's one interface and each an extra: s3fs
(``s3``), gcsfs (``gcs``), adlfs (``azure``). Credentials and endpoints are the client's own business
(``AWS_…``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_…``); none is taken by Trainfare.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from trainfare.billing.source import Listing, object_key, read_manifest
from trainfare.core.errors import BadInput, MissingExtra, NotFound, OutsideFailed

_CLIENTS = {
    "s3": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"),
    "abfs": ("adlfs", "azure"),
    "abfss": ("adlfs", "azure"),
}
_OUTSIDE = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
    ("azure.core.exceptions", "AzureError"),
    ("aiohttp", "ClientError"),
)
_log = logging.getLogger("trainfare")


def fetch(url: str, folder: Path) -> Path:
    """Copy what *url* names into *folder*: one object, a manifest and its files, or all of a prefix.

    Args:
        url: ``s3://bucket/key``, ``gs://bucket/key``, ``az://container/key`` or the ``abfs`` forms.
        folder: an empty local folder.

    Returns:
        The file or folder to read.

    Raises:
        BadInput: the URL is of no known kind, or a manifest leads outside its bucket.
        MissingExtra: the client of that cloud is not installed.
        NotFound: nothing is there.
        OutsideFailed: the storage refused or could not be reached.
    """
    with outside_failures(url):
        store, path = open_store(url)
        return _copy(store, path.rstrip("/"), folder, url)


def open_store(url: str) -> tuple[Any, str]:
    """The client of the cloud that *url* is of, and the path that it calls the place by.

    Raises:
        BadInput: the URL is of no known kind.
        MissingExtra: the client of that cloud is not installed.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in _CLIENTS:
        raise BadInput(f"cannot read {url}: only {', '.join(_CLIENTS)} URLs are known")
    module, extra = _CLIENTS[scheme]
    try:
        importlib.import_module(module)
        core = importlib.import_module("fsspec.core")
    except ImportError:
        raise MissingExtra(extra, f"read {scheme}:// addresses") from None
    store, path = core.url_to_fs(url, skip_instance_cache=True)
    return store, str(path)


@contextmanager
def outside_failures(url: str, doing: str = "read") -> Iterator[None]:
    """Tell in words what a store answers to whoever reads from it, or does what *doing* says."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"there is nothing at {url}; check bucket and key") from None
    except _failures() as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise OutsideFailed(f"cannot {doing} {url}: {said}") from None


def _failures() -> tuple[type[Exception], ...]:
    """What reading from outside may raise: the error families of the clients that are installed."""
    found: list[type[Exception]] = [OSError, ValueError]
    for module, name in _OUTSIDE:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(found)


def _copy(store: Any, path: str, folder: Path, url: str) -> Path:
    if store.isfile(path):
        target = folder / PurePosixPath(path).name
        store.get_file(path, str(target))
        listing = read_manifest(target) if target.name.lower().endswith("manifest.json") else None
        if listing is None:
            return target
        _copy_listed(store, path.split("/", 1)[0], listing, folder)
        return folder
    names = store.find(path)
    if not names:
        raise NotFound(f"there is nothing at {url}; check bucket and key")
    for name in names:
        _get(store, name, folder / inside(name[len(path) :].lstrip("/"), url))
    return folder


def _copy_listed(store: Any, bucket: str, listing: Listing, folder: Path) -> None:
    """The files that a manifest names, from the manifest's own bucket, under their own keys."""
    for name in listing.names:
        key = object_key(name, listing)
        if "://" in name and name.split("://", 1)[1].split("/", 1)[0] != bucket:
            raise BadInput(f"{listing.file.name} names {name!r}, which lies in another bucket")
        _get(store, f"{bucket}/{key}", folder / Path(*key.parts))


def _get(store: Any, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    store.get_file(name, str(target))
    _log.info("fetched object=%s bytes=%d", name, target.stat().st_size)


def inside(key: str, url: str) -> Path:
    """A key as a path that stays where it is put.

    Raises:
        BadInput: it leads outside.
    """
    parts = PurePosixPath(key).parts
    if not parts or ".." in parts or key.startswith("/") or "\\" in key or "\0" in key:
        raise BadInput(f"{url} holds an object called {key!r}, which leads outside its folder")
    return Path(*parts)
