-- Renewed: the kept result without the rows of touched cells, and with their new ones.

CREATE TEMP TABLE renewed AS FROM result;

CREATE TEMP VIEW kept_rows AS FROM {{kept_rows}};

-- What goes; rows of the base by their numbers.
CREATE TEMP TABLE leaving AS
WITH standing AS (
    FROM {{kept_base}} WHERE file_row_number NOT IN (FROM {{kept_gone}})
    UNION ALL BY NAME FROM {{kept_fresh}})
SELECT standing.face, standing.file_row_number AS row, currency, run, remainder, method, tag_run,
    resource, billed_nano, effective_nano, list_nano, contracted_nano
FROM standing SEMI JOIN touched_cells
    ON standing.face = touched_cells.face AND standing.day = touched_cells.date;

-- That and what comes, summed as the summary sums a result.
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
    FROM leaving)
GROUP BY ALL;

COPY (
    FROM {{kept_gone}} UNION ALL SELECT row FROM leaving WHERE row IS NOT NULL
) TO {{gone_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);

COPY (
    FROM {{kept_fresh}} fresh ANTI JOIN touched_cells
        ON fresh.face = touched_cells.face AND fresh.day = touched_cells.date
    UNION ALL BY NAME
    FROM renewed
) TO {{fresh_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);
