-- Claims: one table of them; shares as the nearest parts of {{share_grid}}, at least one.

INSERT INTO raw_claims
SELECT run, resource_id, start_ns // 1000, end_ns // 1000,
    greatest(1, (2 * share_numerator::HUGEINT * {{share_grid}} + share_denominator)
        // (2 * share_denominator::HUGEINT))::BIGINT
FROM {{source}};
