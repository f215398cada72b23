-- Machine time: for how long each machine was paid for in each day (or hour), and what it is.
-- Of a charge period the SKUs are taken apart: a machine's hour at two rates is one hour in two
-- rows of one SKU, its cores, memory and GPUs are rows of several. Google's GPU rows count GPU-hours.

WITH usage AS (
    SELECT "ResourceId" AS resource, {{times}},
        coalesce("SkuId", "SkuMeter", "x_UsageType", '') AS sku,
        max(coalesce("x_InstanceType", '')) AS instance_type,
        bool_or("ServiceProviderName" ILIKE '%google%' AND "SkuMeter" ILIKE '%gpu%') AS is_gpu,
        sum({{paid_us}}) AS paid_us
    FROM {{files}}
    WHERE "x_Component" = 'compute' AND {{is_telling}} AND "ResourceId" <> ''
    GROUP BY ALL),
machines AS (
    SELECT resource, start_us, end_us, max(instance_type) AS instance_type,
        max(paid_us) FILTER (paid_us BETWEEN 1 AND end_us - start_us) AS machine_us,
        max(paid_us) FILTER (is_gpu AND paid_us > 0) AS gpu_us,
        end_us - start_us AS period_us
    FROM usage WHERE end_us > start_us GROUP BY resource, start_us, end_us),
timed AS (
    SELECT *, machine_us IS NOT NULL OR gpu_us IS NOT NULL AS is_timed FROM machines)
-- Where some charges of a machine say how long, those that do not (fees, discounts) say nothing.
SELECT resource, max(instance_type) AS instance_type, start_us // {{slot_us}} AS slot,
    sum(coalesce(machine_us, period_us))::BIGINT AS machine_us,
    max(end_us) AS until_us,
    CASE WHEN bool_and(gpu_us IS NOT NULL) THEN sum(gpu_us)::BIGINT END AS gpu_us
FROM timed
WHERE is_timed OR resource NOT IN (SELECT resource FROM timed WHERE is_timed)
GROUP BY resource, slot
ORDER BY resource, slot;
