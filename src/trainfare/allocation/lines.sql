-- Lines: the parts of single charges, one row per charge and owner, for drill-down.

CREATE OR REPLACE TEMP TABLE chosen AS
SELECT filename AS file, file_row_number AS row, "x_SourceFile" AS source_file,
    "x_SourceRow" AS source_row, "ResourceId" AS resource, "BillingCurrency" AS currency, {{line}}
FROM {{numbered_files}}
WHERE {{condition}};

CREATE OR REPLACE TEMP TABLE lines AS
WITH on_way AS (SELECT * FROM chosen JOIN ways USING (face)),
reached AS (
    SELECT place, start_us, end_us, max(high) AS low FROM shares
    SEMI JOIN on_way USING (place, start_us, end_us) GROUP BY ALL),
parts AS (
    SELECT on_way.*, low, high, run AS run_number
    FROM on_way JOIN shares USING (place, start_us, end_us)
    UNION ALL
    SELECT on_way.*, coalesce(low, 0), {{one}}, NULL
    FROM on_way LEFT JOIN reached USING (place, start_us, end_us)
    WHERE coalesce(low, 0) < {{one}})
SELECT file, row, source_file, source_row, parts.resource, parts.currency, start_us, end_us,
    coalesce(runs.run, outs.run) AS run,
    CASE WHEN run_number IS NULL THEN remainder END AS remainder,
    CASE WHEN run_number IS NULL THEN method ELSE source END AS method,
    CASE WHEN run_number IS NULL THEN label END AS label,
    CASE WHEN run_number IS NULL THEN pool END AS pool,
    tag_run, low, high,
    part(billed, low, high) AS billed, part(effective, low, high) AS effective,
    part(list, low, high) AS list, part(contracted, low, high) AS contracted
FROM parts JOIN outs USING (out) LEFT JOIN runs USING (run_number)
WHERE {{of_run}};
