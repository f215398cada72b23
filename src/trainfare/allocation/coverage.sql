-- Coverage: who has which part of what commitments covered, could have, or left unused.
--
-- `covered` is the parts of such charges; the rest are three files made of it: the hours, for looking
-- at who burnt what and when, and two sets of corrections, which have the columns of a result and are
-- read beside it: added to it they give what each owner pays when commitments are pooled, and what
-- everybody would pay without them.

CREATE TEMP TABLE covered AS
SELECT run, remainder, method, label,
    CASE WHEN NOT is_divided THEN resource END AS resource,
    "ServiceName" AS service, coalesce("SubAccountId", "BillingAccountId") AS account,
    "RegionId" AS region, component,
    CASE WHEN NOT is_divided THEN make_date((start_us // {{day_us}})::INTEGER) END AS day,
    currency, "ChargeCategory" AS charge_category, provider, sku_region, sku, start_us, end_us,
    commitment, is_unused, on_demand IS NOT NULL AS is_priced,
    sum(on_demand)::BIGINT AS on_demand, sum(effective)::BIGINT AS effective,
    count(*) FILTER (on_demand IS NULL AND NOT is_unused) AS unpriced
FROM (
    SELECT *, "ResourceId" AS resource, "x_Component" AS component, "BillingCurrency" AS currency,
        coalesce("ServiceProviderName", "x_ProviderName", "InvoiceIssuerName", '') AS provider,
        coalesce("RegionId", "RegionName", '') AS sku_region,
        coalesce("x_InstanceType", "SkuId", "SkuMeter", "x_UsageType", '') AS sku,
        epoch_us("ChargePeriodStart") AS start_us, epoch_us("ChargePeriodEnd") AS end_us,
        coalesce("CommitmentDiscountStatus" = 'Unused', false) AS is_unused,
        CASE WHEN "CommitmentDiscountStatus" IN ('Used', 'Unused')
             THEN coalesce("CommitmentDiscountId", "CommitmentDiscountName", '') END AS commitment,
        CASE WHEN "CommitmentDiscountStatus" IS DISTINCT FROM 'Unused' THEN
            CASE WHEN "x_ContractedNano" > 0 THEN contracted
                 WHEN "x_ListNano" > 0 THEN list END END AS on_demand,
        coalesce(run IS NOT NULL AND method IN (
            SELECT name FROM ({{pool_rules}}) rules), false) AS is_divided
    FROM ({{stream}}))
WHERE start_us < end_us AND effective IS NOT NULL
    AND "ChargeClass" IS DISTINCT FROM 'Correction'
    AND (is_unused OR "ChargeCategory" = 'Usage' AND (commitment IS NOT NULL
        OR component = 'compute' AND "PricingCategory" IS DISTINCT FROM 'Dynamic'))
GROUP BY ALL;

COPY (
    SELECT provider, sku_region AS region, sku, currency, start_us, end_us, commitment, is_unused,
        run, remainder, sum(on_demand)::BIGINT AS on_demand, sum(effective)::BIGINT AS effective,
        sum(unpriced)::BIGINT AS unpriced
    FROM covered GROUP BY ALL ORDER BY ALL
) TO {{hours_file}} (FORMAT parquet, COMPRESSION zstd);

-- A pool is what commitments of one provider and currency could have covered: usage of the machines
-- that they did cover in this bill. All of it together costs what it does; each part of it pays the
-- pool's mean rate, in proportion to what it would cost on demand.
CREATE TEMP TABLE evened AS
WITH reach AS (
    SELECT DISTINCT provider, sku_region, sku, currency FROM covered
    WHERE commitment IS NOT NULL AND NOT is_unused),
members AS (
    SELECT provider, {{keys}}, sum(on_demand) AS on_demand, sum(effective) AS effective
    FROM covered SEMI JOIN reach USING (provider, sku_region, sku, currency)
    WHERE NOT is_unused AND is_priced
    GROUP BY ALL),
along AS (
    SELECT *, sum(on_demand) OVER so_far AS reached,
        sum(on_demand) OVER pool AS total, sum(effective) OVER pool AS whole
    FROM members
    WINDOW pool AS (PARTITION BY provider, currency),
        so_far AS (PARTITION BY provider, currency ORDER BY {{keys}} ROWS UNBOUNDED PRECEDING))
SELECT {{keys}}, whole * reached // total - whole * (reached - on_demand) // total - effective AS more
FROM along WHERE total > 0;

-- Without commitments what they covered is paid on demand, and nothing is paid for nothing.
CREATE TEMP TABLE uncovered AS
SELECT {{keys}}, sum(CASE WHEN is_unused THEN -effective ELSE on_demand - effective END) AS more
FROM covered WHERE commitment IS NOT NULL AND (is_unused OR is_priced)
GROUP BY ALL;

COPY (
    SELECT run, remainder, method, label, NULL::VARCHAR AS tag_run, resource, service, account,
        region, component, day, currency, charge_category, false AS is_correction,
        NULL::BIGINT AS billed_nano, sum(more)::BIGINT AS effective_nano, NULL::BIGINT AS list_nano,
        NULL::BIGINT AS contracted_nano, 0::INTEGER AS charges, 0::INTEGER AS billed_missing,
        0::INTEGER AS effective_missing, 0::INTEGER AS list_missing, 0::INTEGER AS contracted_missing,
        NULL::INTEGER AS face
    FROM evened GROUP BY ALL HAVING effective_nano <> 0 ORDER BY ALL
) TO {{pooled_file}} (FORMAT parquet, COMPRESSION zstd);

COPY (
    SELECT run, remainder, method, label, NULL::VARCHAR AS tag_run, resource, service, account,
        region, component, day, currency, charge_category, false AS is_correction,
        NULL::BIGINT AS billed_nano, sum(more)::BIGINT AS effective_nano, NULL::BIGINT AS list_nano,
        NULL::BIGINT AS contracted_nano, 0::INTEGER AS charges, 0::INTEGER AS billed_missing,
        0::INTEGER AS effective_missing, 0::INTEGER AS list_missing, 0::INTEGER AS contracted_missing,
        NULL::INTEGER AS face
    FROM uncovered GROUP BY ALL HAVING effective_nano <> 0 ORDER BY ALL
) TO {{none_file}} (FORMAT parquet, COMPRESSION zstd);
