-- Lines: the parts of single charges, one row per charge and owner, for drill-down.

CREATE OR REPLACE TEMP TABLE chosen AS
SELECT numbered.*, place, out
FROM (
    SELECT filename AS file, file_row_number AS row, "x_SourceFile" AS source_file,
        "x_SourceRow" AS source_row, {{line}}
    FROM {{numbered_files}} WHERE {{condition}}) numbered
    JOIN ways USING (mark)
WHERE {{of_run}} IS NULL
    OR out IN (SELECT out FROM outs WHERE run = {{of_run}})
    OR (place, start_us, end_us) IN (
        SELECT (place, start_us, end_us)
        FROM shares JOIN runs ON runs.run_number = shares.run WHERE runs.run = {{of_run}});

CREATE OR REPLACE TEMP TABLE lines AS
WITH reached AS (
    SELECT place, start_us, end_us, max(high) AS low FROM shares
    SEMI JOIN chosen USING (place, start_us, end_us) GROUP BY ALL),
parts AS (
    SELECT chosen.*, low, high, run AS run_number
    FROM chosen JOIN shares USING (place, start_us, end_us)
    UNION ALL
    SELECT chosen.*, coalesce(low, 0), {{one}}, NULL
    FROM chosen LEFT JOIN reached USING (place, start_us, end_us)
    WHERE coalesce(low, 0) < {{one}})
SELECT file, row, source_file, source_row, outs.resource, outs.currency, start_us, end_us,
    coalesce(runs.run, outs.run) AS run,
    CASE WHEN run_number IS NULL THEN remainder END AS remainder,
    CASE WHEN run_number IS NULL THEN method ELSE source END AS method,
    CASE WHEN run_number IS NULL THEN label END AS label,
    run_number IS NULL AND pool IS NOT NULL AS is_pooled,
    tag_run, low, high,
    part(billed, low, high) AS billed, part(effective, low, high) AS effective,
    part(list, low, high) AS list, part(contracted, low, high) AS contracted
FROM parts JOIN outs USING (out) LEFT JOIN runs USING (run_number);
