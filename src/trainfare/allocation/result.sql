-- Result: one row per run or remainder, method, description and day.

CREATE TEMP VIEW result AS
WITH described AS (
    SELECT coalesce(runs.run, outs.run) AS run,
        CASE WHEN run_number IS NULL THEN remainder END AS remainder,
        CASE WHEN run_number IS NULL THEN method ELSE source END AS method,
        CASE WHEN run_number IS NULL THEN label END AS label,
        tag_run, resource, service, account, region, component, day, currency, charge_category,
        is_correction, billed, effective, list, contracted, charges, billed_missing,
        effective_missing, list_missing, contracted_missing
    FROM (
        SELECT * FROM claimed
        UNION ALL BY NAME
        SELECT * FROM rest WHERE out NOT IN (
            SELECT out FROM outs JOIN pool_shares USING (pool, currency) WHERE pool IS NOT NULL)
        ) given
        JOIN outs USING (out) LEFT JOIN runs USING (run_number)
    UNION ALL BY NAME
    SELECT pool_parts.* EXCLUDE (pool), name AS method
    FROM pool_parts JOIN (SELECT unnest({{pool_rules}}, recursive := true)) rules USING (pool))
SELECT run, remainder, method, label, tag_run, resource, service, account, region, component,
    make_date(day) AS day, currency, charge_category, is_correction,
    billed AS billed_nano, effective AS effective_nano, list AS list_nano,
    contracted AS contracted_nano, charges, billed_missing, effective_missing, list_missing,
    contracted_missing
FROM described;
