-- Bill changes: where a delivery of the bill says other than the one that the kept result is of.

-- Faces whose numbers are others now; what is kept by number cannot be compared then.
CREATE TEMP TABLE renumbered AS
SELECT now.face FROM told_outs now JOIN {{kept_outs}} old USING (face) WHERE now.mark <> old.mark
UNION ALL
SELECT now.face FROM told_outs now JOIN {{kept_outs}} old USING (mark) WHERE now.face <> old.face;

-- Cells, which are days of faces, with other charges than before, with none before or none now.
CREATE TEMP TABLE changed_cells AS
SELECT coalesce(now.face, old.face) AS face, coalesce(now.day, old.day) AS day
FROM (SELECT face, day, charges, billed, mark FROM {{totals}}) now
    FULL JOIN (SELECT face, day, charges, billed, mark FROM {{kept_totals}}) old
        ON now.face = old.face AND now.day = old.day
WHERE now.charges IS DISTINCT FROM old.charges OR now.billed IS DISTINCT FROM old.billed
    OR now.mark IS DISTINCT FROM old.mark;

CREATE TEMP TABLE named_faces AS
SELECT face, lower(resource) AS name FROM told_outs WHERE resource <> ''
UNION SELECT face, lower(resource) FROM {{kept_outs}} WHERE resource <> '';

-- Days on which a resource may have been paid for otherwise: whatever its charges are given by, they
-- say for how long it was there to be claimed.
CREATE TEMP TABLE changed_days AS
SELECT name, day FROM changed_cells JOIN named_faces USING (face)
UNION
SELECT resource, (start_us // {{day_us}})::INTEGER
FROM ((FROM paid EXCEPT FROM {{kept_paid}}) UNION ALL (FROM {{kept_paid}} EXCEPT FROM paid));

-- Resources that are known to have lived, whose charges begin or cease to say anything of time: then
-- their lives do no more count, or do.
CREATE TEMP TABLE retimed AS
WITH lived AS (
    SELECT DISTINCT one_name FROM lives JOIN called ON called.name = lower(lives.name)),
now AS (
    SELECT DISTINCT one_name
    FROM {{totals}} totals JOIN named_faces USING (face) JOIN called USING (name)
        JOIN lived USING (one_name)
    WHERE is_timed),
old AS (
    SELECT DISTINCT one_name
    FROM {{kept_totals}} totals JOIN named_faces USING (face) JOIN called USING (name)
        JOIN lived USING (one_name)
    WHERE is_timed)
SELECT one_name FROM ((FROM now EXCEPT FROM old) UNION ALL (FROM old EXCEPT FROM now));
