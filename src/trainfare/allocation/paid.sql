-- Paid: how long resources were paid for, on the days where that is not simply the charge period.

CREATE TEMP TABLE paid AS
WITH usage AS (
    SELECT lower("ResourceId") AS resource, {{times}}, {{paid_us}} AS paid_us,
        coalesce("SkuId", "SkuMeter", "x_UsageType", '') AS sku
    FROM {{files}} WHERE {{is_telling}} AND {{has_uneven}})
SELECT usage.resource, start_us, end_us, sku, sum(paid_us)::BIGINT AS paid_us
FROM usage JOIN uneven_days
    ON uneven_days.resource = usage.resource AND uneven_days.day = start_us // {{day_us}}
WHERE paid_us IS NOT NULL AND start_us < end_us
GROUP BY ALL;
