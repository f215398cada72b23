-- Claims: one table of them; shares as the nearest parts of {{share_grid}}, at least one.

INSERT INTO raw_claims
SELECT run, resource_id AS resource, start_ns // 1000 AS start_us, end_ns // 1000 AS end_us,
    greatest(1, (2 * share_numerator::HUGEINT * {{share_grid}} + share_denominator)
        // (2 * share_denominator::HUGEINT))::BIGINT AS share
FROM {{source}};
