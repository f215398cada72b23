-- Pools: shared charges that a rule divides over runs, for the whole bill at once.

CREATE TEMP TABLE pooled AS
SELECT pool, service, account, region, component, currency, charge_category, is_correction,
    sum(charges)::INTEGER AS charges,
    sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list,
    sum(contracted) AS contracted,
    sum(billed_missing)::INTEGER AS billed_missing,
    sum(effective_missing)::INTEGER AS effective_missing,
    sum(list_missing)::INTEGER AS list_missing,
    sum(contracted_missing)::INTEGER AS contracted_missing
FROM rest JOIN outs USING (out)
WHERE {{has_pools}} AND pool IS NOT NULL
GROUP BY ALL;

-- How much each run counts in each pool: by what it was allocated in scope, evenly, or by bytes.
CREATE TEMP TABLE pool_weights AS
WITH allocated AS (
    SELECT coalesce(runs.run, outs.run) AS run, scopes, currency,
        sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list,
        sum(contracted) AS contracted
    FROM (
        SELECT out, run_number, billed, effective, list, contracted FROM claimed
        UNION ALL
        SELECT out, NULL, billed, effective, list, contracted FROM rest) given
        JOIN outs USING (out) LEFT JOIN runs USING (run_number)
    WHERE {{has_pools}} AND (run_number IS NOT NULL OR outs.run IS NOT NULL)
    GROUP BY ALL),
rules AS ({{pool_rules}}),
entitled AS (
    SELECT rules.pool, currency, run, any_value(division) AS division,
        greatest(sum(coalesce(effective, 0)), 0) AS effective,
        sum(billed) <> 0 OR sum(effective) <> 0 OR sum(list) <> 0 OR sum(contracted) <> 0 AS has_any
    FROM rules JOIN allocated ON NOT is_scoped OR contains(scopes, ',' || rules.pool::VARCHAR || ',')
    WHERE division <> 'bytes'
    GROUP BY ALL)
SELECT pool, currency, run,
    (CASE WHEN division <> 'even' THEN effective WHEN has_any THEN 1 ELSE 0 END)::HUGEINT AS weight
FROM entitled
UNION ALL
SELECT rules.pool, currency, run, bytes
FROM rules JOIN run_bytes ON bytes > 0
    JOIN (SELECT DISTINCT pool, currency FROM pooled) lacking ON lacking.pool = rules.pool
WHERE division = 'bytes';

CREATE TEMP TABLE pool_shares AS
WITH running AS (
    SELECT pool, currency, run, weight,
        sum(weight) OVER (PARTITION BY pool, currency) AS total,
        sum(weight) OVER (PARTITION BY pool, currency ORDER BY run ROWS UNBOUNDED PRECEDING)
            AS reached
    FROM pool_weights WHERE weight > 0)
SELECT pool, currency, run, proportion({{one}}, reached - weight, total) AS low,
    proportion({{one}}, reached, total) AS high
FROM running;

CREATE TEMP TABLE pool_parts AS
SELECT pool, service, account, region, component, currency, charge_category, is_correction, charges,
    billed_missing, effective_missing, list_missing, contracted_missing, run,
    (wide_portion(billed, high) - wide_portion(billed, low))::BIGINT AS billed,
    (wide_portion(effective, high) - wide_portion(effective, low))::BIGINT AS effective,
    (wide_portion(list, high) - wide_portion(list, low))::BIGINT AS list,
    (wide_portion(contracted, high) - wide_portion(contracted, low))::BIGINT AS contracted
FROM pooled JOIN pool_shares USING (pool, currency);
