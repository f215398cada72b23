-- Narrow lines: every charge as its face, times, paid time and amounts. Most bills say the same amount
-- in several views; what agrees is kept as 0, which costs neither room nor time.
COPY (
    SELECT face, start_us, end_us, paid_us, billed,
        xor(effective, coalesce(billed, 0)) AS effective, xor(list, coalesce(billed, 0)) AS list,
        xor(contracted, coalesce(billed, 0)) AS contracted
    FROM (
        SELECT {{mark}} AS mark, {{times}}, {{amounts}},
            CASE WHEN {{is_telling}} AND "ResourceId" <> '' THEN {{paid_us}} END AS paid_us
        FROM {{files}}) charges
        JOIN faces USING (mark)
) TO {{lines_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);
