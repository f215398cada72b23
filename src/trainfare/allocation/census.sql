-- Census: the time that the bill covers, its grains, how many amounts it has, and the resources and
-- days on which some quantity of time is not simply its charge period. One pass over the files.

CREATE TEMP TABLE census AS
SELECT
    CASE WHEN is_uneven THEN lower("ResourceId") END AS resource,
    CASE WHEN is_uneven THEN start_us // {{day_us}} END AS day,
    min(start_us) FILTER (grain < 3) AS first_us, max(end_us) FILTER (grain < 3) AS last_us,
    max(end_us - start_us) AS longest_us,
    bool_or(grain = 0) AS has_hours, bool_or(grain = 1) AS has_days, bool_or(grain = 2) AS has_odd,
    bool_or(grain = 3) AS has_none,
    count(*) AS charges, count(billed) AS billed, count(effective) AS effective,
    count(list) AS list, count(contracted) AS contracted
FROM (
    SELECT *, grain < 3 AND "ResourceId" <> '' AND {{is_telling}} AND paid_us IS NOT NULL
        AND (paid_us <> end_us - start_us OR grain = 2) AS is_uneven
    FROM (SELECT *, {{grain}} AS grain
          FROM (SELECT "ResourceId", "ChargeCategory", "ChargeClass", {{times}}, {{amounts}},
                    {{paid_us}} AS paid_us
                FROM {{files}})))
GROUP BY 1, 2;
