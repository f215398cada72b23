-- Faces of one more file: those that no file before it had.
--
-- A row number per mark is all that is held while the file is read: an aggregate that holds descriptions
-- makes DuckDB 2.0 thrash instead of failing where memory is short, or takes 30 to 100 times as long.

CREATE TEMP TABLE IF NOT EXISTS faces AS
SELECT 0 AS face, {{mark}} AS mark, {{face_columns}} FROM {{numbered_file}} LIMIT 0;

CREATE TEMP TABLE firsts AS
SELECT mark, min(file_row_number) AS file_row_number
FROM (SELECT {{mark}} AS mark, file_row_number FROM {{numbered_file}}) ANTI JOIN faces USING (mark)
GROUP BY mark;

INSERT INTO faces
SELECT (SELECT count(*) FROM faces) + row_number() OVER () - 1, mark, {{face_columns}}
FROM {{numbered_file}} JOIN firsts USING (file_row_number);

DROP TABLE firsts;
