-- Commitment sums: what commitments covered, what of them nobody used, and what else was bought of
-- the same kind at prices that a commitment could have covered. Spot and the like are left out.

SELECT strftime("BillingPeriodStart", '%Y-%m') AS period,
    coalesce("ServiceProviderName", "x_ProviderName", "InvoiceIssuerName", '') AS provider,
    "BillingCurrency" AS currency,
    CASE WHEN is_used OR is_unused
         THEN coalesce("CommitmentDiscountId", "CommitmentDiscountName", '') END AS commitment,
    max("CommitmentDiscountName") AS name,
    max(coalesce("CommitmentDiscountType", "CommitmentDiscountCategory")) AS kind,
    is_used, is_unused, count(*) AS charges,
    sum("x_EffectiveNano") AS effective,
    sum("x_ListNano") AS list, count("x_ListNano") AS has_list,
    sum("x_ContractedNano") AS contracted, count("x_ContractedNano") AS has_contracted
FROM (
    SELECT *, coalesce("CommitmentDiscountStatus" = 'Unused', false) AS is_unused,
        "ChargeCategory" = 'Usage' AND coalesce("CommitmentDiscountStatus" = 'Used', false)
            AS is_used
    FROM {{files}})
WHERE is_used OR is_unused
    OR "ChargeCategory" = 'Usage' AND "x_Component" = 'compute'
        AND "PricingCategory" IS DISTINCT FROM 'Dynamic'
GROUP BY ALL
ORDER BY ALL;
