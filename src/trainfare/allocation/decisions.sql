-- Decisions: per face the place whose claims come first, and who gets the rest, or all.

CREATE TEMP TABLE decided AS
WITH named AS (
    SELECT found.*, job_text AS job_run,
        coalesce(tag_derived.run, tag_text) AS tag_run,
        coalesce(split_derived.run, split_text) AS split_run,
        coalesce(rule_derived.run, rule_text) AS rule_run,
        coalesce({{priority_of_rule}}, {{never}}) AS rule_at,
        coalesce({{priority_of_run_rule}}, {{never}}) AS run_rule_at
    FROM found
        LEFT JOIN derived tag_derived ON tag_derived.text = tag_text
        LEFT JOIN derived split_derived ON split_derived.text = split_text
        LEFT JOIN derived rule_derived ON rule_derived.text = rule_text),
-- A tag is stale on a place where another run is measured while charges bear the tag; then it does
-- not take the time that no run claims.
tagged AS (
    SELECT coalesce(part_known, own_known, above_known) AS place, tag_run,
        min(spans.first_us) AS first_us, max(spans.last_us) AS last_us
    FROM named JOIN spans USING (face) WHERE NOT is_apart AND tag_run IS NOT NULL GROUP BY ALL),
stale AS (
    SELECT DISTINCT place, tag_run AS stale_run
    FROM tagged JOIN claims USING (place)
    WHERE run <> tag_run AND start_us < last_us AND end_us > first_us),
believed AS (
    SELECT named.*, CASE WHEN stale_run IS NULL THEN tag_run END AS fresh_run
    FROM named LEFT JOIN stale
        ON stale.place = coalesce(part_known, own_known, above_known) AND stale_run = tag_run),
steps AS (
    SELECT *,
        CASE WHEN is_apart THEN NULL
             WHEN job_run IS NOT NULL THEN 'managed_job'
             WHEN split_run IS NOT NULL OR is_unsplit THEN 'split_row'
             WHEN fresh_run IS NOT NULL THEN 'run_tag' END AS step,
        CASE WHEN is_apart THEN NULL
             WHEN job_run IS NOT NULL THEN 'managed_job'
             WHEN split_run IS NOT NULL THEN 'split_row'
             WHEN fresh_run IS NOT NULL THEN 'run_tag' END AS run_step,
        CASE WHEN is_apart THEN NULL
             WHEN part_known IS NOT NULL THEN 'split_row'
             WHEN own_known IS NOT NULL THEN 'resource_overlap'
             WHEN above_known IS NOT NULL THEN 'attached'
             WHEN cluster_known IS NOT NULL THEN 'cluster_share' END AS source
    FROM believed),
ordered AS (
    SELECT *,
        coalesce({{priority_of_step}}, {{never}}) AS step_at,
        coalesce({{priority_of_run_step}}, {{never}}) AS run_step_at,
        coalesce({{priority_of_source}}, {{never}}) AS source_at
    FROM steps),
-- At the same priority a rule comes before a step.
chosen AS (
    SELECT *, source_at < least(rule_at, step_at) AS is_claimed,
        CASE WHEN source_at < least(rule_at, step_at)
             THEN CASE WHEN least(run_rule_at, run_step_at) = {{never}} THEN 'idle'
                       WHEN run_rule_at <= run_step_at THEN 'run_rule'
                       ELSE run_step END
             WHEN least(rule_at, step_at) = {{never}} THEN 'last'
             WHEN rule_at <= step_at THEN 'rule'
             ELSE step END AS rest
    FROM ordered),
owned AS (
    SELECT *,
        CASE WHEN rest = 'run_rule' THEN run_rule WHEN rest = 'rule' THEN rule END AS by_rule,
        CASE WHEN rest = 'run_rule' OR rest = 'rule' AND rule = run_rule THEN rule_run
             WHEN rest = 'managed_job' THEN job_run
             WHEN rest = 'split_row' THEN split_run
             WHEN rest = 'run_tag' THEN tag_run END AS run
    FROM chosen)
SELECT face, mark,
    CASE WHEN is_claimed THEN
        CASE source WHEN 'split_row' THEN part_known WHEN 'resource_overlap' THEN own_known
                    WHEN 'attached' THEN above_known ELSE cluster_known END END AS place,
    CASE WHEN is_claimed THEN source END AS source,
    run,
    CASE WHEN run IS NOT NULL THEN NULL
         WHEN rest = 'split_row' THEN coalesce(own_remainder, 'idle')
         WHEN rest = 'idle' THEN 'idle'
         WHEN rest <> 'last' THEN {{remainder_of_rule}}
         WHEN {{is_unused}} THEN 'unused_commitment'
         ELSE 'unallocated' END AS remainder,
    CASE WHEN by_rule IS NOT NULL THEN {{name_of_rule}}
         WHEN rest = 'idle' THEN source
         WHEN rest = 'last' THEN {{last_method}}
         ELSE rest END AS method,
    CASE WHEN run IS NULL THEN coalesce({{label_of_rule}}, owner_label) END AS label,
    CASE WHEN run IS NULL THEN ({{pool_of_rule}})::INTEGER END AS pool,
    tag_run,
    "ResourceId" AS resource,
    "ServiceName" AS service,
    coalesce("SubAccountId", "BillingAccountId") AS account,
    "RegionId" AS region,
    "x_Component" AS component,
    "BillingCurrency" AS currency,
    "ChargeCategory" AS charge_category,
    coalesce("ChargeClass" = 'Correction', false) AS is_correction,
    scopes
FROM owned;

-- Each face is one description of result rows.
CREATE TEMP TABLE outs AS SELECT face AS out, * FROM decided;

CREATE TEMP TABLE ways AS SELECT face, mark, place, out FROM outs;
