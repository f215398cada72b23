-- Commitment hours: compute of a bill by charge period, SKU and commitment, at on-demand prices:
-- what commitments covered, what of them nobody used, and what else they could have covered.
-- What nobody used is a charge of any category: some providers bill it as the fee that it is.
-- A machine whose cores, memory and GPUs are sold apart ran for as long as the longest of them.

WITH charges AS (
    SELECT coalesce("ServiceProviderName", "x_ProviderName", "InvoiceIssuerName", '') AS provider,
        coalesce("RegionId", "RegionName", '') AS region,
        coalesce("x_InstanceType", "SkuId", "SkuMeter", "x_UsageType", '') AS sku,
        coalesce("SkuId", "SkuMeter", "x_UsageType", '') AS part,
        coalesce("ResourceId", '') AS resource,
        "BillingCurrency" AS currency,
        epoch_us("ChargePeriodStart") AS start_us, epoch_us("ChargePeriodEnd") AS end_us,
        coalesce("CommitmentDiscountStatus" = 'Unused', false) AS is_unused,
        CASE WHEN "CommitmentDiscountStatus" IN ('Used', 'Unused')
             THEN coalesce("CommitmentDiscountId", "CommitmentDiscountName", '') END AS commitment,
        "CommitmentDiscountName" AS name,
        coalesce("CommitmentDiscountType", "CommitmentDiscountCategory") AS kind,
        CASE WHEN "CommitmentDiscountStatus" IS DISTINCT FROM 'Unused' THEN
            CASE WHEN "x_ContractedNano" > 0 THEN "x_ContractedNano"
                 WHEN "x_ListNano" > 0 THEN "x_ListNano" END END AS on_demand,
        "x_EffectiveNano" AS effective, {{paid_us}} AS paid_us
    FROM {{files}}
    WHERE epoch_us("ChargePeriodEnd") > epoch_us("ChargePeriodStart")
        AND "ChargeClass" IS DISTINCT FROM 'Correction'
        AND (is_unused OR "ChargeCategory" = 'Usage' AND (
            coalesce("CommitmentDiscountStatus" = 'Used', false)
            OR "x_Component" = 'compute' AND "PricingCategory" IS DISTINCT FROM 'Dynamic'))),
parts AS (
    SELECT provider, region, sku, part, resource, currency, start_us, end_us, is_unused, commitment,
        max(name) AS name, max(kind) AS kind, sum(on_demand) AS on_demand,
        count(*) FILTER (on_demand IS NULL AND NOT is_unused) AS unpriced,
        sum(effective) AS effective, sum(paid_us) AS paid_us
    FROM charges GROUP BY ALL),
machines AS (
    SELECT provider, region, sku, resource, currency, start_us, end_us, is_unused, commitment,
        max(name) AS name, max(kind) AS kind, sum(on_demand) AS on_demand,
        sum(unpriced) AS unpriced, sum(effective) AS effective,
        coalesce(CASE WHEN resource = '' THEN sum(paid_us)
            ELSE max(paid_us) FILTER (paid_us BETWEEN 1 AND end_us - start_us) END,
            end_us - start_us) AS paid_us
    FROM parts
    GROUP BY provider, region, sku, resource, currency, start_us, end_us, is_unused, commitment)
SELECT provider, region, sku, currency, start_us, end_us, commitment, max(name) AS name,
    max(kind) AS kind, is_unused, sum(on_demand) AS on_demand, sum(unpriced) AS unpriced,
    sum(effective) AS effective, sum(paid_us) AS paid_us
FROM machines
GROUP BY ALL
ORDER BY ALL;
