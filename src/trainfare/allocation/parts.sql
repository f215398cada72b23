-- Parts: what the stream of parts looks up, all of it on the side of the runs.

-- The parts of each period that runs claim, and what is left of it.
CREATE TEMP TABLE period_parts AS
SELECT place, start_us, end_us, reached,
    CASE WHEN reached < {{one}} THEN list_append(parts, {'run': NULL, 'low': reached, 'high': {{one}}})
         ELSE parts END AS parts
FROM (
    SELECT place, start_us, end_us, max(high) AS reached,
        list({'run': runs.run, 'low': low, 'high': high} ORDER BY low, high) AS parts
    FROM shares JOIN runs ON runs.run_number = shares.run
    WHERE low < high
    GROUP BY place, start_us, end_us);

-- The parts of each pool, so many runs together: a longer list would be copied for every charge of a
-- batch at once.
CREATE TEMP TABLE pool_lists AS
WITH counted AS (
    SELECT pool, currency, name, run, low, high,
        (row_number() OVER (PARTITION BY pool, currency ORDER BY run) - 1) // {{together}} AS number
    FROM pool_shares JOIN ({{pool_rules}}) rules USING (pool)
    WHERE low < high)
SELECT pool, currency, name,
    list({'run': run, 'low': low, 'high': high} ORDER BY run) AS pool_parts
FROM counted GROUP BY pool, currency, name, number ORDER BY pool, currency, number DESC;

-- How far each pooled charge brings the sum of its kind: the pool is divided as a whole, so a part
-- of one charge is what it adds to the part of the sum.
CREATE TEMP TABLE pool_sums AS
WITH numbered AS (
    SELECT filename AS file, file_row_number AS row, {{line}}
    FROM {{numbered_files}} WHERE {{has_pools}}),
pooled_charges AS (
    SELECT file, row, outs.* EXCLUDE (resource), coalesce(reached, 0) AS low, billed, effective,
        list, contracted
    FROM numbered JOIN ways USING (mark) JOIN outs USING (out)
        LEFT JOIN period_parts ON period_parts.place = ways.place
            AND period_parts.start_us = numbered.start_us AND period_parts.end_us = numbered.end_us
    WHERE pool IS NOT NULL)
SELECT file, row,
    sum(part(billed, low, {{one}})) OVER along AS billed_to,
    sum(part(effective, low, {{one}})) OVER along AS effective_to,
    sum(part(list, low, {{one}})) OVER along AS list_to,
    sum(part(contracted, low, {{one}})) OVER along AS contracted_to
FROM pooled_charges
WINDOW along AS (
    PARTITION BY pool, service, account, region, component, currency, charge_category, is_correction
    ORDER BY file, row ROWS UNBOUNDED PRECEDING);
