-- Tag sums: per face whose tags name a run, what other runs have of it in a written result.

CREATE OR REPLACE TEMP TABLE tag_sums AS
SELECT face, count(*) AS rows, coalesce(sum(effective_nano), 0)::DECIMAL(38, 0) AS effective
FROM {{result}} result
WHERE tag_run IS NOT NULL AND resource IS NOT NULL AND method <> 'run_tag' AND run <> tag_run
GROUP BY face;
