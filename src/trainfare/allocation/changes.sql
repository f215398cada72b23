-- Changes: the claims within the time of the bill that are new or gone since the result that is kept,
-- told apart by the 64-bit mark of all that they say. Only those of resources whose marks do not sum to
-- the same are looked at one by one.

CREATE TEMP TABLE changed_resources AS
SELECT DISTINCT resource FROM (
    (FROM {{claim_sums}} EXCEPT FROM {{kept_claim_sums}})
    UNION ALL (FROM {{kept_claim_sums}} EXCEPT FROM {{claim_sums}}));

CREATE TEMP TABLE changed_claims AS
WITH now AS (FROM {{claim_marks}} SEMI JOIN changed_resources USING (resource)),
old AS (FROM {{kept_claim_marks}} SEMI JOIN changed_resources USING (resource))
SELECT lower(coalesce(now.resource, old.resource)) AS name,
    greatest(coalesce(now.start_us, old.start_us), {{first_us}}) AS start_us,
    least(coalesce(now.end_us, old.end_us), {{last_us}}) AS end_us
FROM now FULL JOIN old USING (mark)
WHERE now.resource IS NULL OR old.resource IS NULL;
