-- Faces: the distinct descriptions of charges (who, what, where, tags), without amount or time.
--
-- A bill has far fewer of them than charges, and all matching is on faces. A face is told by a 64-bit
-- mark, the hash of its columns. Among a million faces the chance that any two agree is 3 in 10^8.
-- Then charges are described wrongly, but no amount is lost.

-- One struct per face and nothing beside it: DuckDB 2.0 takes 30 to 100 times as long for an aggregate
-- per column, or for the struct together with a minimum.
CREATE TEMP TABLE faces AS
SELECT (row_number() OVER () - 1)::INTEGER AS face, mark, description.*
FROM (SELECT {{mark}} AS mark, first({{description}}) AS description FROM {{files}} GROUP BY 1);

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
