-- Told: what became of every face, in words that outlast the numbers of one allocation.

CREATE TEMP TABLE place_names AS SELECT DISTINCT place, one_name FROM places;

CREATE TEMP TABLE told_outs AS
SELECT outs.* EXCLUDE (out, place), one_name AS place_name
FROM outs LEFT JOIN place_names USING (place);
