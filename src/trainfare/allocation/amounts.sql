-- Amounts: the bill streamed past the shares, and what is left by subtraction.

-- What claims give: per description, run and day.
CREATE TEMP TABLE claimed AS
SELECT out, run AS run_number, (start_us // {{day_us}})::INTEGER AS day,
    count(*)::INTEGER AS charges,
    sum(part(billed, low, high))::BIGINT AS billed,
    sum(part(effective, low, high))::BIGINT AS effective,
    sum(part(list, low, high))::BIGINT AS list,
    sum(part(contracted, low, high))::BIGINT AS contracted,
    {{missing}}
FROM {{lines}} lines
    JOIN ways USING (face)
    JOIN shares USING ({{period}})
GROUP BY ALL;

-- What they leave over, and charges without claims: all of them, less what was given.
CREATE TEMP TABLE rest AS
WITH whole AS (SELECT totals.* EXCLUDE (face, first_us, last_us), out FROM totals JOIN ways USING (face)),
given AS (
    SELECT out, day, sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list,
        sum(contracted) AS contracted
    FROM claimed GROUP BY out, day)
SELECT whole.* REPLACE (
    (whole.billed - coalesce(given.billed, 0))::BIGINT AS billed,
    (whole.effective - coalesce(given.effective, 0))::BIGINT AS effective,
    (whole.list - coalesce(given.list, 0))::BIGINT AS list,
    (whole.contracted - coalesce(given.contracted, 0))::BIGINT AS contracted)
FROM whole LEFT JOIN given USING (out, day)
WHERE given.out IS NULL
    OR coalesce(whole.billed, 0) <> coalesce(given.billed, 0)
    OR coalesce(whole.effective, 0) <> coalesce(given.effective, 0)
    OR coalesce(whole.list, 0) <> coalesce(given.list, 0)
    OR coalesce(whole.contracted, 0) <> coalesce(given.contracted, 0);
