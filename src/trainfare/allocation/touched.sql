-- Touched: the resource-days that a change reaches, and the claims on them alone.

CREATE TEMP TABLE changed_outs AS
SELECT DISTINCT face FROM (FROM told_outs EXCEPT FROM {{kept_outs}});

-- Days of places that claims or charges have changed on.
CREATE TEMP TABLE reached AS
WITH claimed AS (
    SELECT name,
        unnest(range(start_us // {{day_us}}, (end_us - 1) // {{day_us}} + 1))::INTEGER AS day
    FROM changed_claims),
named AS (FROM claimed UNION FROM changed_days)
SELECT place, day FROM named JOIN called USING (name) JOIN place_names USING (one_name)
UNION
SELECT place, day FROM changed_cells JOIN ways USING (face) WHERE place IS NOT NULL;

-- Places that are touched as a whole: what they are called has changed, or who gets what is left of
-- them, or they are reached and a charge of theirs is for more than its day.
CREATE TEMP TABLE whole_places AS
WITH long AS (
    SELECT DISTINCT place FROM {{totals}} totals JOIN ways USING (face)
    WHERE last_us > (day + 1)::BIGINT * {{day_us}})
SELECT place FROM place_names
WHERE one_name IN (SELECT one_name FROM called
                   WHERE name IN (SELECT name FROM called GROUP BY name HAVING count(*) > 1))
UNION SELECT place FROM ways SEMI JOIN changed_outs USING (face) WHERE place IS NOT NULL
UNION SELECT place FROM retimed JOIN place_names USING (one_name)
UNION SELECT place FROM reached SEMI JOIN long USING (place);

CREATE TEMP TABLE touched_days AS
SELECT place, day FROM reached WHERE place NOT IN (SELECT place FROM whole_places)
UNION
SELECT place, unnest(range({{first_us}} // {{day_us}}, ({{last_us}} - 1) // {{day_us}} + 1))::INTEGER
FROM whole_places;

-- What each touched day of a place holds of each face, all days of faces that are decided otherwise,
-- and cells with other charges.
CREATE TEMP TABLE touched_cells AS
SELECT face, day, make_date(day) AS date
FROM {{totals}} totals JOIN ways USING (face) JOIN touched_days USING (place, day)
UNION
SELECT face, day, make_date(day)
FROM {{totals}} totals SEMI JOIN changed_outs USING (face)
UNION
SELECT face, day, make_date(day) FROM changed_cells;

-- Cutting a claim changes nothing, so those on touched days are cut to them.
CREATE OR REPLACE TEMP TABLE claims AS
WITH numbered AS (
    SELECT *, day - row_number() OVER (PARTITION BY place ORDER BY day) AS island FROM touched_days),
spans AS (
    SELECT place, min(day)::BIGINT * {{day_us}} AS from_us, (max(day) + 1)::BIGINT * {{day_us}} AS to_us
    FROM numbered GROUP BY place, island)
SELECT place, run, greatest(start_us, from_us) AS start_us, least(end_us, to_us) AS end_us, share
FROM claims JOIN spans USING (place)
WHERE start_us < to_us AND end_us > from_us;
