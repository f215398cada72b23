-- Standings: what each kind of owner has by each method in a written result.

SELECT currency, CASE WHEN run IS NULL THEN remainder END AS remainder, method, count(*) AS rows,
    count(effective_nano) AS priced, sum(billed_nano) AS billed, sum(effective_nano) AS effective,
    sum(list_nano) AS list, sum(contracted_nano) AS contracted
FROM {{result}} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
