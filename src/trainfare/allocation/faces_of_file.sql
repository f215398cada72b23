-- Faces of one more file: those that no file before it had. What a former survey numbered keeps its
-- number, so that what was kept of an allocation still means the same.
--
-- A row number per mark is all that is held while the file is read: an aggregate that holds descriptions
-- makes DuckDB 2.0 thrash instead of failing where memory is short, or takes 30 to 100 times as long.

CREATE TEMP TABLE IF NOT EXISTS faces AS
SELECT 0 AS face, {{mark}} AS mark, {{face_columns}} FROM {{numbered_file}} LIMIT 0;

CREATE TEMP TABLE firsts AS
SELECT mark, min(file_row_number) AS file_row_number
FROM (SELECT {{mark}} AS mark, file_row_number FROM {{numbered_file}}) ANTI JOIN faces USING (mark)
GROUP BY mark;

CREATE TEMP TABLE numbers AS
SELECT face, mark, file_row_number FROM firsts JOIN former USING (mark)
UNION ALL
SELECT (SELECT coalesce(max(face), -1)
        FROM (SELECT face FROM faces UNION ALL SELECT face FROM former)) + row_number() OVER (),
    mark, file_row_number
FROM firsts ANTI JOIN former USING (mark);

INSERT INTO faces
SELECT face, mark, {{face_columns}}
FROM {{numbered_file}} JOIN numbers USING (file_row_number);

DROP TABLE firsts;
DROP TABLE numbers;
