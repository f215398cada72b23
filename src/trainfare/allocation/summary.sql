-- Summary: questions to a written result and the tables behind it: how long it is, where charges
-- stand, what has no amount, which methods were used, which tags are stale, and which claimed
-- resources no charge names.

SELECT count(*), (SELECT coalesce(sum(charges), 0) FROM census) FROM {{result}};

SELECT currency, CASE WHEN run IS NULL THEN remainder END AS remainder, sum(billed_nano),
    sum(effective_nano), sum(list_nano), sum(contracted_nano)
FROM {{result}} GROUP BY 1, 2 ORDER BY 1, 2;

SELECT currency, sum(billed_missing), sum(effective_missing), sum(list_missing),
    sum(contracted_missing)
FROM totals JOIN ways USING (face) JOIN outs USING (out)
GROUP BY currency;

SELECT currency, method, sum(effective_nano) FROM {{result}}
WHERE run IS NOT NULL AND effective_nano IS NOT NULL
GROUP BY ALL ORDER BY ALL;

WITH tagged AS (SELECT * FROM outs WHERE tag_run IS NOT NULL AND resource IS NOT NULL),
given AS (
    SELECT resource, tag_run, currency, runs.run, effective
    FROM claimed JOIN tagged USING (out) JOIN runs USING (run_number)
    UNION ALL
    SELECT resource, tag_run, currency, tagged.run, effective
    FROM rest JOIN tagged USING (out) WHERE method <> 'run_tag'),
against AS (
    SELECT resource, tag_run, currency, array_sort(array_agg(DISTINCT run))[1:5] AS runs,
        coalesce(sum(effective), 0) AS claimed
    FROM given WHERE run <> tag_run GROUP BY ALL),
idle AS (
    SELECT resource, tag_run, currency, coalesce(sum(effective), 0) AS idle
    FROM rest JOIN tagged USING (out) WHERE remainder = 'idle' GROUP BY ALL)
SELECT resource, tag_run, runs, currency, claimed, coalesce(idle, 0), count(*) OVER ()
FROM against LEFT JOIN idle USING (resource, tag_run, currency)
ORDER BY abs(claimed) DESC, resource, tag_run, currency LIMIT {{shown}};

WITH named AS (
    SELECT DISTINCT unnest([own, part, parent, cluster, above_known, cluster_known]) AS place
    FROM found),
lost AS (
    SELECT min(name) AS name FROM places
    WHERE place IN (SELECT place FROM claimed_places)
        AND place NOT IN (SELECT place FROM named WHERE place IS NOT NULL)
    GROUP BY place)
SELECT name, count(*) OVER () FROM lost ORDER BY name LIMIT {{shown}};
