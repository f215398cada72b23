-- Stream of parts: every charge with all of its columns, once per owner of a part of it, in order of
-- files and rows. `low` and `high` are the proportions of the charge between which a part lies.

WITH numbered AS (
    SELECT {{lake_columns}}, filename AS file, file_row_number AS row, {{line}} FROM {{numbered_files}}),
divided AS (
    SELECT numbered.* EXCLUDE (mark), outs.run AS rest_run, remainder, method, label, source, pool,
        currency,
        unnest(coalesce(parts, [{'run': NULL::VARCHAR, 'low': 0::BIGINT, 'high': {{one}}}])) AS piece
    FROM numbered JOIN ways USING (mark) JOIN outs USING (out)
        LEFT JOIN period_parts ON period_parts.place = ways.place
            AND period_parts.start_us = numbered.start_us AND period_parts.end_us = numbered.end_us),
owned AS (
    SELECT * EXCLUDE (piece, pool), piece.run AS claim_run, piece.low AS low, piece.high AS high,
        CASE WHEN piece.run IS NULL THEN pool END AS pool
    FROM divided),
pooled AS (
    SELECT owned.*, name AS pool_name, billed_to, effective_to, list_to, contracted_to,
        unnest(coalesce(pool_parts,
            [{'run': NULL::VARCHAR, 'low': 0::BIGINT, 'high': {{one}}}])) AS share
    FROM owned
        LEFT JOIN pool_lists
            ON pool_lists.pool = owned.pool AND pool_lists.currency = owned.currency
        LEFT JOIN pool_sums ON pool_sums.file = owned.file AND pool_sums.row = owned.row),
parted AS (
    SELECT * EXCLUDE (low, high, share), low AS from_low, high AS to_high, share.run AS pool_run,
        share.low AS pool_low, share.high AS pool_high
    FROM pooled)
SELECT {{lake_columns}}, file, row,
    coalesce(claim_run, pool_run, rest_run) AS run,
    CASE WHEN claim_run IS NULL AND pool_run IS NULL THEN remainder END AS remainder,
    CASE WHEN claim_run IS NOT NULL THEN source ELSE coalesce(pool_name, method) END AS method,
    CASE WHEN claim_run IS NULL AND pool_run IS NULL THEN label END AS label,
    CASE WHEN pool_run IS NULL THEN from_low
         ELSE from_low + ((to_high - from_low)::HUGEINT * pool_low // {{one}})::BIGINT END AS low,
    CASE WHEN pool_run IS NULL THEN to_high
         ELSE from_low + ((to_high - from_low)::HUGEINT * pool_high // {{one}})::BIGINT END AS high,
    {{part_amounts}}
FROM parted
