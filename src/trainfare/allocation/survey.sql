-- Survey: what a bill is made of, before anything is known about runs.
--
--   faces   the distinct descriptions of charges (who, what, where, tags), without amount;
--           a bill has far fewer of them than charges, and all matching is on faces
--   totals  amounts per face and day
--
-- A face is known by a 64-bit hash of its columns. Among a million faces the chance that any two
-- agree is 3 in 10^8. Then charges are described wrongly, but no amount is lost.

-- One struct per face and nothing beside it: DuckDB 2.0 takes 30 to 100 times as long for an aggregate
-- per column, or for the struct together with a minimum.
CREATE TEMP TABLE faces AS
SELECT face, unnest(description)
FROM (SELECT {{face}} AS face, first({{description}}) AS description FROM {{files}} GROUP BY 1);

CREATE TEMP TABLE totals AS
SELECT face, (start_us // {{day_us}})::INTEGER AS day, count(*)::INTEGER AS charges,
    min(start_us) AS first_us, max(end_us) AS last_us,
    sum(billed)::BIGINT AS billed, sum(effective)::BIGINT AS effective,
    sum(list)::BIGINT AS list, sum(contracted)::BIGINT AS contracted, {{missing}}
FROM {{lines}} lines
GROUP BY face, day;
