-- Explanation: what the claims on the place of one charge were.

CREATE OR REPLACE TEMP TABLE explained AS
SELECT DISTINCT place, start_us, end_us
FROM chosen WHERE file = {{file}} AND row = {{row}} AND place IS NOT NULL;

CREATE OR REPLACE TEMP TABLE explained_period AS
SELECT coalesce(paid_us, end_us - start_us) AS capacity_us
FROM explained LEFT JOIN capacities USING (place, start_us, end_us);

CREATE OR REPLACE TEMP TABLE explained_claims AS
SELECT run, name AS resource, greatest(raw_claims.start_us, explained.start_us) AS start_us,
    least(raw_claims.end_us, explained.end_us) AS end_us, share
FROM raw_claims JOIN places ON places.name = lower(raw_claims.resource) JOIN explained USING (place)
WHERE raw_claims.start_us < explained.end_us AND raw_claims.end_us > explained.start_us
    AND raw_claims.start_us < raw_claims.end_us;
