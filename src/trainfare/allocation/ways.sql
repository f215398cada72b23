-- Ways: how the charges of each face find their owners, the steps in order, first hit first.

-- Every face with what its columns, its tags and the rules say.
CREATE TEMP TABLE found AS
WITH tagged AS (
    SELECT faces.*, own_tags.tag_map, allocated.tag_map AS allocated_tag_map
    FROM faces
        LEFT JOIN tag_maps own_tags ON own_tags.text = faces."Tags"
        LEFT JOIN tag_maps allocated ON allocated.text = faces."AllocatedTags"),
placed AS (
    SELECT tagged.*, own.place AS own, part.place AS part, parent.place AS parent,
        cluster.place AS cluster
    FROM tagged
        LEFT JOIN places own ON own.name = lower("ResourceId")
        LEFT JOIN places part ON part.name = lower("AllocatedResourceId")
        LEFT JOIN places parent ON parent.name = lower("x_ParentResourceId")
        LEFT JOIN places cluster ON cluster.name = {{cluster_name}}),
above AS (
    SELECT followed.place, min_by(above, depth) FILTER (NOT is_cluster) AS resource,
        min_by(above, depth) FILTER (is_cluster) AS cluster
    FROM followed JOIN known ON known.place = followed.above
    GROUP BY followed.place)
SELECT placed.*,
    {{is_apart}} AS is_apart,
    {{run_text}} AS tag_text,
    own_job.run AS job_text,
    CASE WHEN {{is_own}} THEN nullif("AllocatedResourceId", '')
         ELSE coalesce({{allocated_run_text}}, part_job.run,
            CASE WHEN "x_ParentResourceId" <> '' THEN {{run_text}} END) END AS split_text,
    coalesce("AllocatedMethodId" <> '' AND coalesce("AllocatedResourceId", '') = '', false)
        AS is_unsplit,
    {{own_remainder}} AS own_remainder,
    CASE WHEN NOT {{is_own}} THEN part_known.place END AS part_known,
    own_known.place AS own_known,
    coalesce(CASE WHEN NOT parent_known.is_cluster THEN parent END, above.resource) AS above_known,
    coalesce(CASE WHEN parent_known.is_cluster THEN parent END, above.cluster,
        cluster_known.place) AS cluster_known,
    ({{rule}})::INTEGER AS rule,
    ({{run_rule}})::INTEGER AS run_rule,
    ({{rule_text}})::VARCHAR AS rule_text,
    ({{owner_label}})::VARCHAR AS owner_label,
    {{scopes}} AS scopes
FROM placed
    LEFT JOIN known part_known ON part_known.place = part
    LEFT JOIN known own_known ON own_known.place = own
    LEFT JOIN known parent_known ON parent_known.place = parent
    LEFT JOIN known cluster_known ON cluster_known.place = cluster
    LEFT JOIN above ON above.place = own
    LEFT JOIN job_runs own_job ON own_job.place = own
    LEFT JOIN job_runs part_job ON part_job.place = part;

-- Texts that name a run and are no run id; Python then says which id each becomes.
CREATE TEMP TABLE derived AS
SELECT DISTINCT text, NULL::VARCHAR AS run
FROM (SELECT unnest([tag_text, split_text, rule_text]) AS text FROM found)
WHERE text IS NOT NULL AND NOT regexp_full_match(text, '[a-z0-9-]{1,63}');
