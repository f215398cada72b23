-- Paid: how long resources were paid for, on the days where that is not simply the charge period.

-- All names of one resource end alike; a day is uneven for all of them.
CREATE TEMP TABLE uneven_days AS
WITH uneven AS (
    SELECT DISTINCT lower("ResourceId") AS name, start_us // {{day_us}} AS day
    FROM {{lines}} lines JOIN faces USING (face)
    WHERE {{has_uneven}} AND paid_us IS NOT NULL AND start_us < end_us
        AND (paid_us <> end_us - start_us OR {{grain}} = 2)),
endings AS (SELECT DISTINCT {{last_part}} AS last_part, day FROM uneven),
names AS (SELECT DISTINCT lower("ResourceId") AS name FROM faces WHERE {{has_uneven}}),
named AS (SELECT name, {{last_part}} AS last_part FROM names)
SELECT name AS resource, day FROM named JOIN endings USING (last_part);

CREATE TEMP TABLE paid AS
WITH usage AS (
    SELECT lower("ResourceId") AS resource, {{times}}, {{paid_us}} AS paid_us,
        coalesce("SkuId", "SkuMeter", "x_UsageType", '') AS sku
    FROM {{files}} WHERE {{has_uneven}} AND {{is_telling}})
SELECT usage.resource, start_us, end_us, sku, sum(paid_us)::BIGINT AS paid_us
FROM usage JOIN uneven_days
    ON uneven_days.resource = usage.resource AND uneven_days.day = start_us // {{day_us}}
WHERE paid_us IS NOT NULL AND start_us < end_us
GROUP BY ALL;

DROP TABLE uneven_days;
