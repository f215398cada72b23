-- Division: per period the proportions between which each run's part of a charge lies.
-- A proportion is a whole number of 2^-62; see proportion.py.

CREATE TEMP TABLE measured AS
SELECT (row_number() OVER ())::INTEGER AS period, periods.*,
    {{capacity}}::{{number}} * {{whole}} AS paid
FROM periods {{join_capacities}};

-- Most periods have one run: its part goes up to used / paid.
CREATE TEMP TABLE shares AS
SELECT place, start_us, end_us, run, 0::BIGINT AS low,
    proportion({{one}}, used, greatest(used, paid)) AS high
FROM measured WHERE pieces = 1;

-- Elsewhere every piece counts.
CREATE TEMP TABLE contested AS
SELECT period, pieces.run, share, from_us, to_us, is_crowded
FROM pieces JOIN measured USING (place, start_us, end_us)
WHERE measured.pieces > 1;

DROP TABLE pieces;
