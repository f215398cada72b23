-- Summary: questions to the tables behind a result: how many charges there are, what has no amount,
-- which tags are stale, and which claimed resources no charge names.

SELECT charges FROM census;

SELECT currency, sum(billed_missing), sum(effective_missing), sum(list_missing),
    sum(contracted_missing)
FROM spans JOIN outs USING (face)
GROUP BY currency;

FROM stale ORDER BY abs(claimed) DESC, resource, tag_run, currency;

WITH named AS (
    SELECT DISTINCT unnest([own, part, parent, cluster, above_known, cluster_known]) AS place
    FROM found),
lost AS (
    SELECT min(name) AS name
    FROM places SEMI JOIN claimed_places USING (place) ANTI JOIN named USING (place)
    GROUP BY place)
SELECT name, count(*) OVER () FROM lost ORDER BY name LIMIT {{shown}};
