-- Division: per period the proportions between which each run's part of a charge lies.
-- A proportion is a whole number of 2^-62; see proportion.py.

CREATE TEMP TABLE crowded AS
SELECT (row_number() OVER ())::INTEGER AS period, place, start_us, end_us
FROM periods WHERE is_crowded;

-- In crowded periods time counts share / sum of shares while the shares exceed the whole: a whole
-- number of nanoseconds per stretch between two changes.
CREATE TEMP TABLE crowded_weights AS
WITH held AS (
    SELECT period, run, share, from_us, to_us
    FROM pieces JOIN crowded USING (place, start_us, end_us)),
changes AS (
    SELECT period, at_us, sum(change) AS change
    FROM (SELECT period, from_us AS at_us, share AS change FROM held
          UNION ALL SELECT period, to_us, -share FROM held)
    GROUP BY period, at_us),
levels AS (
    SELECT period, at_us, (sum(change) OVER along)::BIGINT AS shares,
        lead(at_us) OVER along - at_us AS length_us
    FROM changes WINDOW along AS (PARTITION BY period ORDER BY at_us)),
clock AS (
    SELECT period, at_us,
        coalesce(length_us::HUGEINT * least(shares, {{whole}}), 0) AS used,
        coalesce(sum(length_us::HUGEINT * 1000 * {{whole}} // greatest(shares, {{whole}})) OVER (
            PARTITION BY period ORDER BY at_us
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS scaled_ns
    FROM levels),
weights AS (
    SELECT held.period, run, sum(share * (until.scaled_ns - since.scaled_ns)) AS weight
    FROM held
        JOIN clock since ON since.period = held.period AND since.at_us = from_us
        JOIN clock until ON until.period = held.period AND until.at_us = to_us
    GROUP BY held.period, run),
used AS (SELECT period, sum(used) AS used FROM clock GROUP BY period)
SELECT place, start_us, end_us, run, weight, used
FROM weights JOIN used USING (period) JOIN crowded USING (period);

CREATE TEMP TABLE shares AS
WITH measured AS (
    SELECT periods.*,
        greatest(used, {{capacity}}::{{number}} * {{whole}}) AS paid
    FROM periods {{join_capacities}}
    WHERE NOT is_crowded),
-- Most periods have one run: its part goes up to used / paid.
alone AS (
    SELECT place, start_us, end_us, run, 0::BIGINT AS low,
        proportion({{one}}, used, paid) AS high
    FROM measured WHERE pieces = 1),
together AS (
    SELECT place, start_us, end_us, pieces.run,
        sum(share::{{number}} * (to_us - from_us))::HUGEINT AS weight,
        any_value(used)::HUGEINT AS used, any_value(paid)::HUGEINT AS paid
    FROM pieces JOIN measured USING (place, start_us, end_us)
    WHERE measured.pieces > 1
    GROUP BY ALL
    UNION ALL
    SELECT place, start_us, end_us, run, weight, used,
        greatest(used, {{capacity}}::HUGEINT * {{whole}})
    FROM crowded_weights periods {{join_capacities}}),
running AS (
    SELECT *, sum(weight) OVER (PARTITION BY place, start_us, end_us) AS total,
        sum(weight) OVER (PARTITION BY place, start_us, end_us ORDER BY run
                          ROWS UNBOUNDED PRECEDING) AS reached
    FROM together),
claimed AS (SELECT *, proportion({{one}}, used, paid) AS claimed FROM running)
SELECT * FROM alone
UNION ALL
SELECT place, start_us, end_us, run,
    proportion(claimed, reached - weight, total), proportion(claimed, reached, total)
FROM claimed;

DROP TABLE pieces;
DROP TABLE periods;
DROP TABLE crowded;
DROP TABLE crowded_weights;
