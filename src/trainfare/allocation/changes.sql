-- Changes: the claims within the time of the bill that are new or gone since the result that is kept,
-- told apart by the 64-bit mark of all that they say.

CREATE TEMP TABLE changed_claims AS
WITH now AS (FROM {{marked_claims}})
SELECT lower(coalesce(now.resource, old.resource)) AS name,
    greatest(coalesce(now.start_us, old.start_us), {{first_us}}) AS start_us,
    least(coalesce(now.end_us, old.end_us), {{last_us}}) AS end_us
FROM now FULL JOIN {{kept_claims}} old USING (mark)
WHERE now.resource IS NULL OR old.resource IS NULL;
