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

FROM stale ORDER BY abs(claimed) DESC, resource, tag_run, currency;

WITH named AS (
    SELECT DISTINCT unnest([own, part, parent, cluster, above_known, cluster_known]) AS place
    FROM found),
lost AS (
    SELECT min(name) AS name
    FROM places SEMI JOIN claimed_places USING (place) ANTI JOIN named USING (place)
    GROUP BY place)
SELECT name, count(*) OVER () FROM lost ORDER BY name LIMIT {{shown}};
