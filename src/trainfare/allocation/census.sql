-- Census: the time that the bill covers, its grains, and how many amounts it has.

CREATE TEMP TABLE census AS
WITH periods AS (
    SELECT start_us, end_us, count(*) AS charges, count(billed) AS billed,
        count(effective) AS effective, count(list) AS list, count(contracted) AS contracted,
        count(paid_us) > 0 AS is_paid, bool_or(paid_us <> end_us - start_us) AS is_uneven
    FROM {{lines}} lines GROUP BY start_us, end_us),
grained AS (SELECT *, {{grain}} AS grain FROM periods)
SELECT min(start_us) FILTER (grain < 3) AS first_us, max(end_us) FILTER (grain < 3) AS last_us,
    max(end_us - start_us) AS longest_us,
    bool_or(grain = 0) AS has_hours, bool_or(grain = 1) AS has_days, bool_or(grain = 2) AS has_odd,
    bool_or(grain = 3) AS has_none,
    coalesce(sum(charges), 0)::BIGINT AS charges, coalesce(sum(billed), 0)::BIGINT AS billed,
    coalesce(sum(effective), 0)::BIGINT AS effective, coalesce(sum(list), 0)::BIGINT AS list,
    coalesce(sum(contracted), 0)::BIGINT AS contracted,
    bool_or(grain < 3 AND (is_uneven OR grain = 2 AND is_paid)) AS has_uneven
FROM grained;
