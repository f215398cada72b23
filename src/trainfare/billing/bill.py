"""Bills: any file, folder or URL a provider delivers, read as one stream of canonical batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from trainfare.billing import aws_cur, azure, azure_focus, canonical, focus, gcp, generic
from trainfare.billing.arrow import pa, pc
from trainfare.billing.canonical import Desk
from trainfare.billing.chunks import header_of
from trainfare.billing.components import load_components
from trainfare.billing.detect import detect
from trainfare.billing.mapping import FieldMap, load_mapping
from trainfare.billing.problems import Problems
from trainfare.billing.source import SourceFile, content_digest, open_source
from trainfare.core.charge import Problem
from trainfare.core.errors import BadInput

Adapter = Callable[[Sequence[SourceFile], Desk], Iterator[pa.RecordBatch]]
"""Reads files of its formats as canonical batches; wrong rows go to the desk's problems."""

ADAPTERS: dict[str, Adapter] = {
    "focus-1.0": focus.read,
    "focus-1.1": focus.read,
    "focus-1.2": focus.read,
    "focus-1.3": focus.read,
    "focus-1.4": focus.read,
    "aws-cur-2.0": aws_cur.read,
    "aws-cur-legacy": aws_cur.read,
    "azure-actual": azure.read,
    "azure-amortized": azure.read,
    "azure-ea": azure.read,
    "azure-focus": azure_focus.read,
    "gcp-detailed": gcp.read,
    "generic": generic.read,
}
"""Format → the function that reads it. Files of one bill must share one function."""

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(slots=True)
class Bill:
    """A bill being read: what is known before, and, once :meth:`batches` has ended, all of it.

    *format* is the detected format (joined by ``+`` where a delivery mixes two that belong
    together), *delivery* the digest of what its files hold: the same files give the same delivery.
    """

    format: str
    files: tuple[SourceFile, ...]
    delivery: str
    _desk: Desk
    _given_source: str | None = None
    rows: int = 0
    repairs: int = 0
    """Rows on which something was repaired."""
    periods: set[str] = field(default_factory=set)
    """Billing periods as ``YYYY-MM``, by their start."""
    accounts: set[tuple[str, str]] = field(default_factory=set)
    """Every (provider, billing account) seen; provider is empty where the bill names none."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every charge as canonical batches, in file order, in constant memory; once only.

        Raises:
            BadInput: something is wrong anywhere in the bill, with every problem in one message.
                It is raised at the end, so a caller keeps nothing before the stream has ended.
        """
        stamps = [_stamp(file) for file in self.files]
        try:
            for batch in ADAPTERS[self.files[0].format](self.files, self._desk):
                self._count(batch)
                yield batch
        except BadInput as error:
            if not self.problems:
                raise
            self.problems.add(self.files[0].name, str(error))
        except pa.ArrowException as error:  # a column of a type that no bill has
            self.problems.add(self.files[0].name, f"cannot be read: {' '.join(str(error).split())}")
        if not self.problems and stamps != [_stamp(file) for file in self.files]:
            self.problems.add(self.files[0].name, "changed while it was read; import it again")
        if not self.problems and self.rows == 0:
            self.problems.add(self.files[0].name, "has a header and no charges")
        self.problems.raise_if_any()

    @property
    def share(self) -> float:
        """How much of the bill has been read, 0 to 1, by the size of its files."""
        sizes = [file.size for file in self.files]
        done = len(self._desk.closed)
        current = self._desk.share * sizes[done] if done < len(sizes) else 0
        return (sum(sizes[:done]) + current) / max(1, sum(sizes))

    @property
    def problems(self) -> Problems:
        """What was found wrong so far."""
        return self._desk.problems

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know about the bill; complete once the stream has ended."""
        return tuple(self._desk.notices)

    @property
    def totals(self) -> dict[str, dict[str, Fraction]]:
        """Currency → view (billed, effective, list, contracted) → exact sum of what was read."""
        return self._desk.totals()

    @property
    def source(self) -> str:
        """The name given, or one made of provider and billing account; stable over deliveries."""
        if self._given_source is not None:
            return self._given_source
        if len(self.accounts) == 1:
            provider, account = next(iter(self.accounts))
            return _slug(f"{provider or self.format}-{account.rstrip('/').rsplit('/', 1)[-1]}")
        providers = {provider for provider, _ in self.accounts}
        return _slug(next(iter(providers)) or self.format) if len(providers) == 1 else "mixed"

    def _count(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.repairs += batch.num_rows - batch.column("x_Repairs").null_count
        starts = pc.unique(batch.column("BillingPeriodStart")).drop_null()
        self.periods.update(pc.strftime(starts, "%Y-%m").to_pylist())
        pairs = pa.table(
            [batch.column("ServiceProviderName"), batch.column("BillingAccountId")], ["p", "a"]
        )
        for row in pairs.group_by(["p", "a"]).aggregate([]).to_pylist():
            self.accounts.add((row["p"] or "", row["a"] or ""))


def _stamp(file: SourceFile) -> tuple[int, int]:
    status = file.path.stat()
    return status.st_size, status.st_mtime_ns


def _slug(text: str) -> str:
    """Lower-case letters, digits and dashes, at most 64.

    >>> _slug("AWS-1234 5678")
    'aws-1234-5678'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64] or "bill"


@contextmanager
def read_bill(
    place: str | Path,
    *,
    source: str | None = None,
    mapping: Path | None = None,
    components: Path | None = None,
) -> Iterator[Bill]:
    """Open the bill at *place*; its charges come from :meth:`Bill.batches`.

    Args:
        place: a file, a folder (with or without a manifest) or an ``s3://``, ``gs://`` or
            ``az://`` URL.
        source: name under which deliveries replace one another; made from the bill when left out.
        mapping: a mapping file for bills of no known format; see :mod:`trainfare.billing.mapping`.
        components: the user's own component table; see :mod:`trainfare.billing.components`.

    Raises:
        BadInput: the format is not known, or the files cannot be one bill.
        NotFound: nothing is at *place*.
    """
    if source is not None and not _SOURCE.fullmatch(source):
        raise BadInput(f"source {source!r} is not up to 64 letters, digits, '.', '_' or '-'")
    with open_source(place) as files:
        fields = None if mapping is None else load_mapping(mapping)
        known = tuple(replace(file, format=_format_of(file, fields)) for file in files)
        formats = sorted({file.format for file in known})
        if len({ADAPTERS.get(name) for name in formats}) > 1 or formats[0] not in ADAPTERS:
            listed = "; ".join(f"{file.name}: {file.format}" for file in known[:10])
            raise BadInput(f"these files are not one bill: {listed}; import them one by one")
        words = [str(canonical.VERSION), *formats]
        table = load_components(components)
        if components is not None:
            words.append(components.read_text("utf-8-sig"))
        if fields is not None:
            words.append(fields.text)
        desk = Desk(Problems(), table, fields)
        yield Bill("+".join(formats), known, content_digest(known, *words), desk, source)


def _format_of(file: SourceFile, fields: FieldMap | None) -> str:
    """The format of one file; what a mapping describes is generic."""
    if fields is not None:
        return "generic"
    return detect(header_of(file), file.name, file.manifest)


def check(
    place: str | Path, *, mapping: Path | None = None, components: Path | None = None
) -> list[Problem]:
    """Every problem of the bill at *place*, the first of them in full; empty when it is fine.

    Raises:
        NotFound: nothing is at *place*.
    """
    try:
        with read_bill(place, mapping=mapping, components=components) as bill:
            try:
                for _ in bill.batches():
                    pass
            except BadInput:
                if not bill.problems:
                    raise
            return bill.problems.listed()
    except BadInput as error:
        return [Problem(Path(str(place)).name, None, None, None, str(error))]
