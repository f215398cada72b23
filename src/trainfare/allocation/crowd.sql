-- Crowd: the proportions of the periods that several runs hold, from one period number to another;
-- so many at a time that memory stays bounded however many runs there are.

-- In crowded periods time counts share / sum of shares while the shares exceed the whole: a whole
-- number of ticks per stretch between two changes.
CREATE OR REPLACE TEMP TABLE crowded_weights AS
WITH held AS (
    SELECT period, run, share, from_us, to_us
    FROM contested
    WHERE is_crowded AND period BETWEEN {{first_period}} AND {{last_period}}),
changes AS (
    SELECT period, at_us, sum(change)::BIGINT AS change
    FROM (SELECT period, from_us AS at_us, share AS change FROM held
          UNION ALL SELECT period, to_us, -share FROM held)
    GROUP BY period, at_us),
levels AS (
    SELECT period, at_us, (sum(change) OVER along)::BIGINT AS shares,
        (lead(at_us) OVER along - at_us)::{{scaled}} AS length_us
    FROM changes WINDOW along AS (PARTITION BY period ORDER BY at_us)),
clock AS (
    SELECT period, at_us, coalesce(length_us * least(shares, {{whole}}), 0) AS used,
        coalesce(sum(length_us * {{whole_ticks}} // greatest(shares, {{whole}})) OVER (
            PARTITION BY period ORDER BY at_us
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::{{scaled}} AS scaled_ticks
    FROM levels),
weights AS (
    SELECT held.period, run, sum(share * (until.scaled_ticks - since.scaled_ticks)) AS weight
    FROM held
        JOIN clock since ON since.period = held.period AND since.at_us = from_us
        JOIN clock until ON until.period = held.period AND until.at_us = to_us
    GROUP BY held.period, run),
used AS (SELECT period, sum(used) AS used FROM clock GROUP BY period)
SELECT period, run, weight, used FROM weights JOIN used USING (period);

-- Runs in order of their ids go up to their running sums.
INSERT INTO shares
WITH together AS (
    SELECT period, run, sum(share::{{number}} * (to_us - from_us)) AS weight, NULL AS used
    FROM contested
    WHERE NOT is_crowded AND period BETWEEN {{first_period}} AND {{last_period}}
    GROUP BY period, run
    UNION ALL
    SELECT period, run, weight, used FROM crowded_weights),
running AS (
    SELECT *, sum(weight) OVER (PARTITION BY period) AS total,
        sum(weight) OVER (PARTITION BY period ORDER BY run ROWS UNBOUNDED PRECEDING) AS reached
    FROM together),
claimed AS (
    SELECT place, start_us, end_us, run, weight, reached, total,
        proportion({{one}}, in_use, greatest(in_use, paid)) AS claimed
    FROM (SELECT running.*, place, start_us, end_us, paid,
              coalesce(running.used, measured.used::HUGEINT) AS in_use
          FROM running JOIN measured USING (period)
          WHERE period BETWEEN {{first_period}} AND {{last_period}}) running)
SELECT place, start_us, end_us, run, proportion(claimed, reached - weight, total),
    proportion(claimed, reached, total)
FROM claimed;
