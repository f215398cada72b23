-- Shares: how the time of each place is divided over the runs that claim it, period by period.
-- The rule in words is in time_shares.py. Times are microseconds; shares are parts of {{whole}}.

-- Numbers in order of ids: the order in which rounding hands out nano-units.
CREATE TEMP TABLE runs AS
SELECT run, (row_number() OVER (ORDER BY run))::INTEGER AS run_number
FROM (SELECT run FROM claims UNION SELECT run FROM outs UNION SELECT run FROM run_bytes)
WHERE run IS NOT NULL;

-- One hold per run, place and unbroken stretch of one share: of a run's overlaps the largest counts.
CREATE TEMP TABLE holds AS
WITH numbered AS (
    SELECT place, run_number AS run, start_us, end_us, share // {{share_unit}} AS share
    FROM claims JOIN runs USING (run)
    WHERE place IN (SELECT place FROM ways)),
several AS (SELECT place, run FROM numbered GROUP BY ALL HAVING count(*) > 1),
marked AS (
    SELECT numbered.*, start_us > max(end_us) OVER before AS is_new
    FROM numbered SEMI JOIN several USING (place, run)
    WINDOW before AS (PARTITION BY place, run, share ORDER BY start_us, end_us
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
islands AS (
    SELECT place, run, min(start_us) AS start_us, max(end_us) AS end_us, share
    FROM (SELECT *, count(*) FILTER (is_new) OVER (
              PARTITION BY place, run, share ORDER BY start_us, end_us
              ROWS UNBOUNDED PRECEDING) AS island
          FROM marked)
    GROUP BY place, run, share, island),
layered AS (SELECT place, run FROM islands GROUP BY ALL HAVING count(DISTINCT share) > 1),
edges AS (
    SELECT DISTINCT place, run, unnest([start_us, end_us]) AS at_us
    FROM islands SEMI JOIN layered USING (place, run)),
stretches AS (
    SELECT place, run, at_us AS from_us,
        lead(at_us) OVER (PARTITION BY place, run ORDER BY at_us) AS to_us
    FROM edges),
largest AS (
    SELECT place, run, from_us, to_us, max(share) AS share
    FROM stretches JOIN islands USING (place, run)
    WHERE start_us <= from_us AND to_us <= end_us
    GROUP BY ALL),
turned AS (
    SELECT *, lag(to_us) OVER along IS DISTINCT FROM from_us
        OR lag(share) OVER along IS DISTINCT FROM share AS is_new
    FROM largest WINDOW along AS (PARTITION BY place, run ORDER BY from_us))
SELECT * FROM numbered ANTI JOIN several USING (place, run)
UNION ALL
SELECT * FROM islands ANTI JOIN layered USING (place, run)
UNION ALL
SELECT place, run, min(from_us), max(to_us), share
FROM (SELECT *, count(*) FILTER (is_new) OVER (
          PARTITION BY place, run ORDER BY from_us ROWS UNBOUNDED PRECEDING) AS stretch
      FROM turned)
GROUP BY place, run, share, stretch;

DROP TABLE claims;

-- Which grains the charges of a place have; where the bill has one grain only, they all have it.
CREATE TEMP TABLE grains AS
SELECT DISTINCT place, {{first_grain}} AS grain FROM ways
WHERE {{is_one_grain}} AND place IS NOT NULL
UNION
SELECT DISTINCT place, {{grain}}
FROM {{lines}} lines JOIN ways USING (face)
WHERE NOT {{is_one_grain}} AND place IS NOT NULL;

-- Charge periods that are neither hours nor days must be read from the bill.
CREATE TEMP TABLE odd_periods AS
SELECT DISTINCT place, start_us, end_us
FROM {{lines}} lines JOIN ways USING (face)
WHERE {{has_odd}} AND place IS NOT NULL AND {{grain}} = 2;

-- Holds cut to the charge periods of their place; long odd periods meet holds day by day, and a pair
-- counts on the first day that both have.
CREATE TEMP TABLE pieces AS
WITH hourly AS (
    SELECT *, unnest(range(start_us // {{hour_us}} * {{hour_us}}, end_us, {{hour_us}})) AS period_us
    FROM holds WHERE place IN (SELECT place FROM grains WHERE grain = 0)),
daily AS (
    SELECT *, unnest(range(start_us // {{day_us}} * {{day_us}}, end_us, {{day_us}})) AS period_us
    FROM holds WHERE place IN (SELECT place FROM grains WHERE grain = 1)),
odd_days AS (
    SELECT *, unnest(range(start_us // {{day_us}}, (end_us - 1) // {{day_us}} + 1)) AS day
    FROM odd_periods),
held_days AS (
    SELECT *, unnest(range(start_us // {{day_us}}, (end_us - 1) // {{day_us}} + 1)) AS day
    FROM holds WHERE place IN (SELECT place FROM odd_periods))
SELECT place, period_us AS start_us, period_us + {{hour_us}} AS end_us, run, share,
    greatest(start_us, period_us) AS from_us, least(end_us, period_us + {{hour_us}}) AS to_us
FROM hourly
UNION ALL
SELECT place, period_us, period_us + {{day_us}}, run, share,
    greatest(start_us, period_us), least(end_us, period_us + {{day_us}})
FROM daily
UNION ALL
SELECT odd_days.place, odd_days.start_us, odd_days.end_us, run, share,
    greatest(held_days.start_us, odd_days.start_us), least(held_days.end_us, odd_days.end_us)
FROM odd_days JOIN held_days USING (place, day)
WHERE held_days.start_us < odd_days.end_us AND odd_days.start_us < held_days.end_us
    AND day = greatest(held_days.start_us, odd_days.start_us) // {{day_us}};

DROP TABLE holds;

-- A period is crowded when the shares of all its pieces exceed the whole; only then can runs have to
-- share what they claim. Elsewhere `used` is simply the claimed time.
CREATE TEMP TABLE periods AS
SELECT place, start_us, end_us, any_value(run) AS run, count(*)::INTEGER AS pieces,
    sum(share) > {{whole}} AS is_crowded,
    CASE WHEN sum(share) <= {{whole}}
         THEN sum(share::{{number}} * (to_us - from_us)) END::{{number}} AS used
FROM pieces GROUP BY place, start_us, end_us;
