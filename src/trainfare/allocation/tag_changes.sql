-- Tag changes: the kept tag sums, less what went, and what came; then as if each face had one row.

CREATE OR REPLACE TEMP TABLE tag_changes AS
SELECT face, 1 AS sign, tag_run::VARCHAR AS tag_run, run, resource::VARCHAR AS resource,
    method::VARCHAR AS method, effective_nano
FROM renewed
UNION ALL
SELECT face, -1, tag_run, run, resource, method, effective_nano FROM leaving;

CREATE OR REPLACE TEMP TABLE tag_sums AS
SELECT face, sum(rows)::BIGINT AS rows, sum(effective)::DECIMAL(38, 0) AS effective
FROM (
    FROM {{kept_tags}}
    UNION ALL
    SELECT face, sign, sign * coalesce(effective_nano, 0)::HUGEINT
    FROM tag_changes
    WHERE tag_run IS NOT NULL AND resource IS NOT NULL AND method <> 'run_tag' AND run <> tag_run)
GROUP BY face HAVING sum(rows) > 0;

-- Only runs of what was touched have numbers yet; any will do for those whose ids are compared.
INSERT INTO runs
SELECT tag_run, (SELECT coalesce(max(run_number), 0) FROM runs)::INTEGER
    + (row_number() OVER ())::INTEGER
FROM (SELECT DISTINCT tag_run FROM outs WHERE tag_run IS NOT NULL
      AND tag_run NOT IN (SELECT run FROM runs));

CREATE OR REPLACE TEMP TABLE claimed AS
SELECT face AS out, -1 AS run_number, effective::HUGEINT AS effective FROM tag_sums;

DELETE FROM rest;
