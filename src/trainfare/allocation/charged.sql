-- Charged: what each wanted resource was charged as a whole, by component and day, for any run.
-- Paid time is as in capacity.sql: per charge period the longest that any SKU says, within the period.

WITH chosen AS (
    SELECT lower("ResourceId") AS resource, "x_Component" AS component, {{times}}, {{amounts}},
        "BillingCurrency" AS currency, {{paid_us}} AS paid_us,
        coalesce("SkuId", "SkuMeter", "x_UsageType", '') AS sku,
        TRY_CAST("ConsumedQuantity" AS DECIMAL(38, 12)) AS quantity,
        lower("ConsumedUnit") AS unit,
        coalesce("PricingCategory" = 'Dynamic', false) AS is_spot,
        "x_InstanceType" AS instance_type, "RegionId" AS region,
        coalesce("ServiceProviderName", "x_ProviderName") AS provider,
        CASE WHEN "x_Credits" IS NULL THEN 0 ELSE list_sum(list_transform(
            from_json("x_Credits", '[{"amount": "VARCHAR", "type": "VARCHAR"}]'),
            lambda each: CASE WHEN each."type" IN ({{promotions}})
                THEN CAST(round(TRY_CAST(each.amount AS DECIMAL(38, 12)) * 1000000000) AS BIGINT)
                ELSE 0 END)) END AS credit
    FROM {{files}}
    WHERE lower("ResourceId") IN ({{wanted}}) AND {{is_telling}} AND NOT {{is_unused}}),
timed AS (
    SELECT resource, component IN ('compute', 'data') AS is_machine, currency, start_us, end_us, sku,
        sum(paid_us) AS paid_us
    FROM chosen WHERE paid_us IS NOT NULL AND start_us < end_us GROUP BY ALL),
periods AS (
    SELECT resource, currency, start_us, end_us,
        coalesce(max(paid_us) FILTER (paid_us > 0 AND paid_us <= end_us - start_us),
            end_us - start_us) AS paid_us
    FROM timed WHERE is_machine GROUP BY resource, currency, start_us, end_us),
paid_days AS (
    SELECT resource, currency, start_us // {{day_us}} AS day, sum(paid_us)::BIGINT AS paid_us
    FROM periods GROUP BY ALL),
days AS (
    SELECT resource, component, currency, start_us // {{day_us}} AS day, count(*) AS charges,
        sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list,
        sum(contracted) AS contracted,
        sum(CASE WHEN is_spot THEN coalesce(nullif(contracted, 0), effective)
            ELSE coalesce(nullif(list, 0), nullif(contracted, 0), effective) END) AS asked,
        sum(coalesce(nullif(contracted, 0), effective)) AS agreed,
        sum(credit) AS credit,
        CASE WHEN min(unit) = max(unit) AND count(quantity) = count(*) THEN sum(quantity) END
            AS quantity,
        min(unit) AS unit,
        CASE WHEN bool_and(is_spot) THEN true WHEN NOT bool_or(is_spot) THEN false END AS is_spot,
        CASE WHEN min(instance_type) = max(instance_type) THEN min(instance_type) END
            AS instance_type,
        CASE WHEN min(region) = max(region) THEN min(region) END AS region,
        min(provider) AS provider
    FROM chosen GROUP BY ALL)
SELECT resource, component, currency, make_date(day::INTEGER) AS day, charges, billed, effective,
    list, contracted, asked, agreed, credit, quantity, unit, is_spot, instance_type, region, provider,
    CASE WHEN component IN ('compute', 'data') THEN paid_us END AS paid_us
FROM days LEFT JOIN paid_days USING (resource, currency, day)
ORDER BY ALL;

-- How far the usage of each provider's bill reaches.
SELECT coalesce("ServiceProviderName", "x_ProviderName", '') AS provider,
    "BillingAccountId" AS account, max(end_us) AS until_us,
    count(nullif("InvoiceId", '')) = count(*) AS is_invoiced
FROM (SELECT *, {{times}} FROM {{files}})
WHERE "ChargeCategory" = 'Usage' AND end_us - start_us <= {{day_us}}
GROUP BY ALL ORDER BY ALL;
