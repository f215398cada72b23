-- Census: one row on the whole bill: the time that it covers, its grains, and how many amounts it has.

CREATE TEMP TABLE census AS
SELECT min(start_us) FILTER (start_us < end_us) AS first_us,
    max(end_us) FILTER (start_us < end_us) AS last_us,
    coalesce(max(end_us - start_us), 0) AS longest_us,
    coalesce(bool_or(grain = 0), false) AS has_hours,
    coalesce(bool_or(grain = 1), false) AS has_days,
    coalesce(bool_or(grain = 2), false) AS has_odd,
    count(*) AS charges, count(billed) AS billed, count(effective) AS effective,
    count(list) AS list, count(contracted) AS contracted
FROM (SELECT {{times}}, {{grain}} AS grain, {{amounts}} FROM {{files}});
