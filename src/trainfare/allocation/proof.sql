-- Proof: what runs and remainders have, less the bill, per currency and view; every number must be 0.

WITH bill AS (
    SELECT "BillingCurrency" AS currency, sum("x_BilledNano") AS billed,
        sum("x_EffectiveNano") AS effective, sum("x_ListNano") AS list,
        sum("x_ContractedNano") AS contracted
    FROM {{files}} GROUP BY "BillingCurrency"),
given AS (
    SELECT currency, sum(billed_nano) AS billed, sum(effective_nano) AS effective,
        sum(list_nano) AS list, sum(contracted_nano) AS contracted
    FROM result GROUP BY currency)
SELECT bill.currency, coalesce(given.billed, 0) - coalesce(bill.billed, 0) AS billed,
    coalesce(given.effective, 0) - coalesce(bill.effective, 0) AS effective,
    coalesce(given.list, 0) - coalesce(bill.list, 0) AS list,
    coalesce(given.contracted, 0) - coalesce(bill.contracted, 0) AS contracted
FROM bill LEFT JOIN given ON given.currency = bill.currency
ORDER BY bill.currency;
