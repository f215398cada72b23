-- Renewed: the kept result without the rows of touched cells, and with their new ones.

CREATE TEMP TABLE renewed AS FROM result;

CREATE TEMP VIEW kept_rows AS FROM {{kept_rows}};

-- What goes and what comes, summed as the summary sums a result.
CREATE TEMP TABLE turnover AS
SELECT currency, CASE WHEN run IS NULL THEN remainder END AS remainder, method,
    sum(sign) AS rows, sum(CASE WHEN effective_nano IS NOT NULL THEN sign ELSE 0 END) AS priced,
    sum(sign * billed_nano::HUGEINT) AS billed, sum(sign * effective_nano::HUGEINT) AS effective,
    sum(sign * list_nano::HUGEINT) AS list, sum(sign * contracted_nano::HUGEINT) AS contracted
FROM (
    SELECT 1 AS sign, currency::VARCHAR AS currency, run, remainder::VARCHAR AS remainder,
        method::VARCHAR AS method, billed_nano, effective_nano, list_nano, contracted_nano
    FROM renewed
    UNION ALL
    SELECT -1, currency, run, remainder, method, billed_nano, effective_nano, list_nano,
        contracted_nano
    FROM kept_rows SEMI JOIN touched_cells
        ON kept_rows.face = touched_cells.face AND kept_rows.day = touched_cells.date)
GROUP BY ALL;

COPY (
    FROM {{kept_gone}}
    UNION
    SELECT file_row_number AS row FROM {{kept_base}} base SEMI JOIN touched_cells
        ON base.face = touched_cells.face AND base.day = touched_cells.date
) TO {{gone_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);

COPY (
    FROM {{kept_fresh}} fresh ANTI JOIN touched_cells
        ON fresh.face = touched_cells.face AND fresh.day = touched_cells.date
    UNION ALL BY NAME
    FROM renewed
) TO {{fresh_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);
