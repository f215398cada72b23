-- Faces: the distinct descriptions of charges (who, what, where, tags), without amount or time.
--
-- A bill has far fewer of them than charges, and all matching is on faces. A face is told by a 64-bit
-- mark, the hash of its columns. Among a million faces the chance that any two agree is 3 in 10^8.
-- Then charges are described wrongly, but no amount is lost.

CREATE TEMP TABLE faces AS
SELECT (row_number() OVER () - 1)::INTEGER AS face, mark, description.*
FROM (SELECT {{mark}} AS mark, first({{description}}) AS description FROM {{files}} GROUP BY 1);
