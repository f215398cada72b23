-- Places: one number per resource, whatever the bill and the claims call it.

-- Tags by plain key; of two spellings of a key the last one counts.
CREATE TEMP TABLE tag_maps AS
WITH texts AS (
    SELECT "Tags" AS text FROM faces UNION SELECT "AllocatedTags" FROM faces),
pairs AS (
    SELECT text, entry.key AS key, entry.value AS value
    FROM (
        SELECT text,
            unnest(map_entries(TRY_CAST(TRY_CAST(text AS JSON) AS MAP(VARCHAR, VARCHAR)))) AS entry
        FROM texts WHERE text IS NOT NULL) each_text),
plain AS (
    SELECT text, max_by(value, pairs.key) AS value,
        regexp_replace(regexp_replace(regexp_replace(
            lower(pairs.key), '^user:', ''), '^label_', ''), '[^a-z0-9]+', '', 'g') AS key
    FROM pairs WHERE value <> '' GROUP BY ALL)
SELECT text, map_from_entries(list((key, value))) AS tag_map FROM plain GROUP BY text;

-- Two names are one place when they are equal, or when one is the last part of the other and no
-- second longer name ends so.
CREATE TEMP TABLE places AS
WITH named AS (
    SELECT "ResourceId" AS name FROM faces
    UNION SELECT "AllocatedResourceId" FROM faces
    UNION SELECT "x_ParentResourceId" FROM faces
    UNION SELECT DISTINCT {{cluster_name}} FROM tag_maps
    UNION SELECT DISTINCT resource FROM raw_claims
    UNION SELECT name FROM jobs
    UNION SELECT name FROM attachments
    UNION SELECT parent FROM attachments
    UNION SELECT name FROM lives),
small AS (SELECT DISTINCT lower(name) AS name FROM named WHERE name <> ''),
parts AS (SELECT name, {{last_part}} AS last_part FROM small),
longer AS (SELECT last_part, count(*) AS names FROM parts WHERE name <> last_part GROUP BY 1),
joined AS (
    SELECT name, CASE WHEN coalesce(names, 0) <= 1 THEN last_part ELSE name END AS one_name
    FROM parts LEFT JOIN longer USING (last_part))
SELECT name, one_name, starts_with(one_name, '{{cluster}}') AS is_cluster,
    (dense_rank() OVER (ORDER BY one_name))::INTEGER AS place
FROM joined;

-- What a place hangs on, what that hangs on, and so on.
CREATE TEMP TABLE followed AS
WITH RECURSIVE following AS (
    SELECT below.place, max_by(above.place, attachments.name) AS above
    FROM attachments
        JOIN places below ON below.name = lower(attachments.name)
        JOIN places above ON above.name = lower(attachments.parent)
    GROUP BY below.place),
chain(place, above, depth) AS (
    SELECT place, above, 1 FROM following
    UNION ALL
    SELECT chain.place, following.above, depth + 1
    FROM chain JOIN following ON following.place = chain.above
    WHERE depth < {{follow_max}})
SELECT place, above, depth FROM chain;

CREATE TEMP TABLE job_runs AS
SELECT place, max_by(run, jobs.name) AS run
FROM jobs JOIN places ON places.name = lower(jobs.name)
GROUP BY place;

-- Claims on places, cut to the time of the bill; a run's overlaps are still in them.
CREATE TEMP TABLE claims AS
SELECT place, run, greatest(start_us, {{first_us}}) AS start_us,
    least(end_us, {{last_us}}) AS end_us, share
FROM raw_claims JOIN places ON places.name = lower(resource)
WHERE start_us < {{last_us}} AND end_us > {{first_us}} AND start_us < end_us;

DROP TABLE raw_claims;

CREATE TEMP TABLE claimed_places AS SELECT DISTINCT place FROM claims;

CREATE TEMP TABLE known AS
SELECT place, bool_or(is_cluster) AS is_cluster
FROM places SEMI JOIN (
    SELECT place FROM claimed_places
    UNION SELECT place FROM lives JOIN places ON places.name = lower(lives.name)) named USING (place)
GROUP BY place;
