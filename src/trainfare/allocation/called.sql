-- Called: what every name stood for and stands for.

CREATE TEMP TABLE called AS
SELECT name, one_name FROM places UNION SELECT name, one_name FROM {{kept_places}};
