-- Stale: tags that name one run on a resource where others were measured, the costliest first. Runs are
-- numbers in the order of their ids, and only those of what is shown are ever looked up.

CREATE TEMP TABLE tagged AS
WITH numbers AS (
    SELECT run AS tag_run, run_number AS tag_number FROM runs
    WHERE run IN (SELECT tag_run FROM outs))
SELECT out, resource, tag_run, tag_number, currency, method, remainder, run
FROM outs LEFT JOIN numbers USING (tag_run)
WHERE tag_run IS NOT NULL AND resource IS NOT NULL;

CREATE TEMP TABLE shown_tags AS
WITH given AS (
    SELECT out, sum(effective) AS effective
    FROM claimed JOIN tagged USING (out)
    WHERE run_number IS DISTINCT FROM tag_number GROUP BY out
    UNION ALL
    SELECT out, sum(effective) FROM rest JOIN tagged USING (out)
    WHERE method <> 'run_tag' AND run <> tag_run GROUP BY out),
against AS (
    SELECT resource, tag_run, currency, coalesce(sum(effective), 0) AS claimed
    FROM given JOIN tagged USING (out) GROUP BY ALL)
SELECT *, count(*) OVER () AS found FROM against
ORDER BY abs(claimed) DESC, resource, tag_run, currency LIMIT {{shown}};

CREATE TEMP TABLE shown_outs AS
SELECT * FROM tagged SEMI JOIN shown_tags USING (resource, tag_run, currency);

CREATE TEMP TABLE other_runs AS
SELECT DISTINCT resource, tag_run, currency, run_number
FROM claimed JOIN shown_outs USING (out)
WHERE run_number IS DISTINCT FROM tag_number;

CREATE TEMP TABLE stale AS
WITH others AS (
    SELECT resource, tag_run, currency, array_sort(array_agg(DISTINCT run))[1:5] AS runs
    FROM (
        SELECT resource, tag_run, currency, run FROM runs JOIN other_runs USING (run_number)
        UNION ALL
        SELECT resource, tag_run, currency, run
        FROM rest JOIN shown_outs USING (out) WHERE method <> 'run_tag' AND run <> tag_run)
    GROUP BY ALL),
idle AS (
    SELECT resource, tag_run, currency, sum(effective) AS idle
    FROM rest JOIN shown_outs USING (out) WHERE remainder = 'idle' GROUP BY ALL)
SELECT resource, tag_run, runs, currency, claimed, coalesce(idle, 0) AS idle, found
FROM shown_tags JOIN others USING (resource, tag_run, currency)
    LEFT JOIN idle USING (resource, tag_run, currency);
