-- Summary: questions to a written result and the tables behind it: how long it is, where charges
-- stand, what has no amount, which methods were used, which tags are stale, and which claimed
-- resources no charge names.

SELECT count(*), (SELECT charges FROM census) FROM {{result}};

SELECT currency, CASE WHEN run IS NULL THEN remainder END AS remainder, sum(billed_nano),
    sum(effective_nano), sum(list_nano), sum(contracted_nano)
FROM {{result}} GROUP BY 1, 2 ORDER BY 1, 2;

SELECT currency, sum(billed_missing), sum(effective_missing), sum(list_missing),
    sum(contracted_missing)
FROM spans JOIN outs USING (face)
GROUP BY currency;

SELECT currency, method, sum(effective_nano) FROM {{result}}
WHERE run IS NOT NULL AND effective_nano IS NOT NULL
GROUP BY ALL ORDER BY ALL;

WITH tagged AS (
    SELECT outs.*, run_number AS tag_number FROM outs LEFT JOIN runs ON runs.run = tag_run
    WHERE tag_run IS NOT NULL AND resource IS NOT NULL),
given AS (
    SELECT out, sum(effective) AS effective
    FROM claimed JOIN tagged USING (out)
    WHERE claimed.run_number IS DISTINCT FROM tag_number GROUP BY out
    UNION ALL
    SELECT out, sum(effective) FROM rest JOIN tagged USING (out)
    WHERE method <> 'run_tag' AND run <> tag_run GROUP BY out),
against AS (
    SELECT resource, tag_run, currency, coalesce(sum(effective), 0) AS claimed
    FROM given JOIN tagged USING (out) GROUP BY ALL),
shown AS (
    SELECT *, count(*) OVER () AS found FROM against
    ORDER BY abs(claimed) DESC, resource, tag_run, currency LIMIT {{shown}}),
shown_outs AS (
    SELECT tagged.* FROM tagged SEMI JOIN shown USING (resource, tag_run, currency)),
others AS (
    SELECT resource, tag_run, currency, array_sort(array_agg(DISTINCT run))[1:5] AS runs
    FROM (
        SELECT resource, tag_run, currency, runs.run
        FROM claimed JOIN shown_outs USING (out)
            JOIN runs ON runs.run_number = claimed.run_number
        UNION ALL
        SELECT resource, tag_run, currency, run
        FROM rest JOIN shown_outs USING (out) WHERE method <> 'run_tag')
    WHERE run <> tag_run GROUP BY ALL),
idle AS (
    SELECT resource, tag_run, currency, coalesce(sum(effective), 0) AS idle
    FROM rest JOIN shown_outs USING (out) WHERE remainder = 'idle' GROUP BY ALL)
SELECT resource, tag_run, runs, currency, claimed, coalesce(idle, 0), found
FROM shown JOIN others USING (resource, tag_run, currency)
    LEFT JOIN idle USING (resource, tag_run, currency)
ORDER BY abs(claimed) DESC, resource, tag_run, currency;

WITH named AS (
    SELECT DISTINCT unnest([own, part, parent, cluster, above_known, cluster_known]) AS place
    FROM found),
lost AS (
    SELECT min(name) AS name FROM places
    WHERE place IN (SELECT place FROM claimed_places)
        AND place NOT IN (SELECT place FROM named WHERE place IS NOT NULL)
    GROUP BY place)
SELECT name, count(*) OVER () FROM lost ORDER BY name LIMIT {{shown}};
