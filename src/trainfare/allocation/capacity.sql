-- Capacity: for how long a place was paid for in a period, where that is not simply the period.
-- The rule in words is in by_hand_capacity.py.

-- Which hours and days of each resource have a quantity of time, one bit per hour of a day.
CREATE TEMP TABLE timed AS
SELECT place, start_us // {{day_us}} AS day, grain, min(end_us - start_us) AS shortest_us,
    bit_or(1 << (start_us % {{day_us}} // {{hour_us}})) AS hours
FROM (SELECT *, {{grain}} AS grain FROM {{lines}} lines
      WHERE {{needs_grains}} AND paid_us IS NOT NULL)
    JOIN faces USING (face)
    JOIN places ON places.name = lower("ResourceId")
GROUP BY ALL;

CREATE TEMP TABLE paid_places AS
SELECT place, start_us, end_us,
    coalesce(max(paid_us) FILTER (paid_us > 0 AND paid_us <= end_us - start_us),
        end_us - start_us) AS paid_us
FROM (
    SELECT place, start_us, end_us, sku, sum(paid_us) AS paid_us
    FROM paid JOIN places ON places.name = resource
    GROUP BY place, start_us, end_us, sku)
GROUP BY place, start_us, end_us;

-- Periods that are at least twice as long as a period in which their place was paid.
CREATE TEMP TABLE coarse AS
SELECT place, start_us, end_us
FROM periods JOIN (
    SELECT place, min(shortest_us) AS shortest_us FROM timed WHERE grain < 3 GROUP BY place
    ) shortest USING (place)
WHERE end_us - start_us >= 2 * shortest_us;

-- What finer charges say within them: those of hours, else of days, else of any other length.
CREATE TEMP TABLE finer AS
WITH whole AS (
    SELECT place, day, grain, hours FROM timed
    WHERE grain < 2 AND place IN (SELECT place FROM coarse)),
uneven AS (SELECT DISTINCT place, start_us // {{day_us}} AS day FROM paid_places),
spans AS (
    SELECT place, day * {{day_us}} AS start_us, (day + 1) * {{day_us}} AS end_us
    FROM whole ANTI JOIN uneven USING (place, day) WHERE grain = 1
    UNION
    SELECT place, day * {{day_us}} + hour * {{hour_us}}, day * {{day_us}} + (hour + 1) * {{hour_us}}
    FROM (SELECT *, unnest(range(24)) AS hour
          FROM whole ANTI JOIN uneven USING (place, day) WHERE grain = 0)
    WHERE hours >> hour & 1 = 1),
all_paid AS (
    SELECT place, start_us, end_us, end_us - start_us AS paid_us FROM spans
    UNION ALL
    SELECT * FROM paid_places WHERE place IN (SELECT place FROM coarse)),
grained AS (
    SELECT *, CASE WHEN end_us - start_us = {{hour_us}} AND start_us % {{hour_us}} = 0 THEN 0
        WHEN end_us - start_us = {{day_us}} AND start_us % {{day_us}} = 0 THEN 1 ELSE 2 END AS grain
    FROM all_paid),
within AS (
    SELECT coarse.place, coarse.start_us, coarse.end_us, grain, sum(paid_us) AS paid_us
    FROM coarse JOIN grained ON grained.place = coarse.place
        AND grained.start_us >= coarse.start_us AND grained.end_us <= coarse.end_us
        AND 2 * (grained.end_us - grained.start_us) <= coarse.end_us - coarse.start_us
    GROUP BY ALL),
-- What the place itself says for the very period comes first.
itself AS (
    SELECT coarse.* FROM coarse SEMI JOIN grained USING (place, start_us, end_us))
SELECT place, start_us, end_us,
    least(min_by(paid_us, grain), end_us - start_us)::BIGINT AS paid_us
FROM within ANTI JOIN itself USING (place, start_us, end_us)
GROUP BY place, start_us, end_us;

-- How much of a period a place is known to have lived, where its charges say nothing of time.
CREATE TEMP TABLE lived AS
WITH named AS (
    SELECT place, start_us, end_us
    FROM lives JOIN places ON places.name = lower(lives.name) ANTI JOIN timed USING (place)
    WHERE start_us < end_us),
marked AS (
    SELECT *, start_us > max(end_us) OVER (
        PARTITION BY place ORDER BY start_us, end_us
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_new
    FROM named),
islands AS (
    SELECT place, min(start_us) AS born_us, max(end_us) AS gone_us
    FROM (SELECT *, count(*) FILTER (is_new) OVER (
              PARTITION BY place ORDER BY start_us, end_us ROWS UNBOUNDED PRECEDING) AS island
          FROM marked)
    GROUP BY place, island)
SELECT place, start_us, end_us,
    sum(least(end_us, gone_us) - greatest(start_us, born_us))::BIGINT AS paid_us
FROM periods JOIN islands USING (place)
WHERE born_us < end_us AND gone_us > start_us
GROUP BY place, start_us, end_us;

CREATE TEMP TABLE capacities AS
SELECT * FROM paid_places SEMI JOIN periods USING (place, start_us, end_us)
UNION ALL SELECT * FROM finer
UNION ALL SELECT * FROM lived;
