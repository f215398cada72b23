-- Keep: every charge as its face, times and amounts, in a file of its own.

COPY (FROM {{lines}} lines) TO {{file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);
