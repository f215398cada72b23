-- Amounts: the bill streamed past the shares, and what is left by subtraction.

-- What claims give: per description, run and day. Where views agree, so do their parts.
CREATE TEMP TABLE claimed AS
WITH held AS (
    SELECT out, run AS run_number, (start_us // {{day_us}})::INTEGER AS day, low, high,
        billed, effective, list, contracted, part(billed, low, high) AS billed_part
    FROM {{lines}} lines
        JOIN ways USING (face)
        JOIN shares USING ({{period}}))
SELECT out, run_number, day, count(*)::INTEGER AS charges,
    sum(billed_part)::BIGINT AS billed,
    sum(CASE WHEN effective = billed THEN billed_part ELSE part(effective, low, high) END)::BIGINT
        AS effective,
    sum(CASE WHEN list = billed THEN billed_part ELSE part(list, low, high) END)::BIGINT AS list,
    sum(CASE WHEN contracted = billed THEN billed_part ELSE part(contracted, low, high) END)::BIGINT
        AS contracted,
    {{missing}}
FROM held
GROUP BY out, run_number, day;

-- What they leave over, and charges without claims: all of them, less what was given.
CREATE TEMP TABLE rest AS
WITH whole AS (
    SELECT face AS out, day, charges, billed, effective, list, contracted, billed_missing,
        effective_missing, list_missing, contracted_missing
    FROM {{totals}} totals),
given AS (
    SELECT out, day, sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list,
        sum(contracted) AS contracted
    FROM claimed GROUP BY out, day)
SELECT whole.out, whole.day, whole.charges,
    (whole.billed - coalesce(given.billed, 0))::BIGINT AS billed,
    (whole.effective - coalesce(given.effective, 0))::BIGINT AS effective,
    (whole.list - coalesce(given.list, 0))::BIGINT AS list,
    (whole.contracted - coalesce(given.contracted, 0))::BIGINT AS contracted,
    billed_missing, effective_missing, list_missing, contracted_missing
FROM whole LEFT JOIN given ON given.out = whole.out AND given.day = whole.day
WHERE given.out IS NULL
    OR coalesce(whole.billed, 0) <> coalesce(given.billed, 0)
    OR coalesce(whole.effective, 0) <> coalesce(given.effective, 0)
    OR coalesce(whole.list, 0) <> coalesce(given.list, 0)
    OR coalesce(whole.contracted, 0) <> coalesce(given.contracted, 0);
