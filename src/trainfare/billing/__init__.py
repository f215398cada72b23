"""Bills of any provider as canonical charges: one adapter per source.

The way of a bill: :mod:`~trainfare.billing.source` finds its files, :mod:`~trainfare.billing.detect`
names their format, the adapter of :data:`trainfare.billing.bill.ADAPTERS` reads them, and
:mod:`~trainfare.billing.lake` writes what comes out.

An adapter is one function ``read(files, desk) -> Iterator[RecordBatch]``. For each file it takes
the rows as they came (:func:`trainfare.billing.chunks.chunks_of` for CSV and Parquet,
:func:`~trainfare.billing.chunks.records_of` for JSON), puts the provider's columns under FOCUS names
into a :class:`trainfare.billing.canonical.Draft`, and yields ``draft.finish(desk)``. After each file
it calls ``desk.next_file()``. Amounts that are sums or exceptions are built with
:class:`trainfare.billing.amounts.Exact`; each source row becomes one canonical row.
"""
