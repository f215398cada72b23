-- Survey: what a bill is made of, before anything is known about runs.
--
--   faces   the distinct descriptions of charges (who, what, where, tags), without amount;
--           a bill has far fewer of them than charges, and all matching is on faces
--   totals  amounts per face and day
--
-- A face is known by a 64-bit hash of its columns. Among a million faces the chance that any two
-- agree is 3 in 10^8. Then charges are described wrongly, but no amount is lost.

-- One struct per face: an aggregate per column would touch every value of every row.
CREATE TEMP TABLE faces AS
SELECT face, first_us, last_us, unnest(description)
FROM (
    SELECT {{face}} AS face, any_value({{description}}) AS description,
        min(epoch_us("ChargePeriodStart")) AS first_us, max(epoch_us("ChargePeriodEnd")) AS last_us
    FROM {{files}} GROUP BY 1);

CREATE TEMP TABLE totals AS
SELECT face, (start_us // {{day_us}})::INTEGER AS day, count(*)::INTEGER AS charges,
    sum(billed)::BIGINT AS billed, sum(effective)::BIGINT AS effective,
    sum(list)::BIGINT AS list, sum(contracted)::BIGINT AS contracted, {{missing}}
FROM {{lines}} lines
GROUP BY face, day;
