-- Trainfare: every charge of a bill to a run or to a named remainder, for trino.
--
-- Written from the statements that Trainfare runs on DuckDB and on Spark. It was read back by a parser
-- of this dialect and was not executed there: run it in an empty schema, and look at the proof at its end.
--
-- It expects
--   charges          one billing period, with the columns of Trainfare's lake: FOCUS names as they are
--                    written there, times with a zone, amounts in nano-units as x_BilledNano,
--                    x_EffectiveNano, x_ListNano, x_ContractedNano (64-bit integers)
--   incoming_claims  who used what: run, resource_id, start_ns, end_ns, share_numerator,
--                    share_denominator (64-bit integers)
-- and takes, where they are: jobs (name, run), attachments (name, parent), lives (name, start_us,
-- end_us), run_bytes (run, bytes). It makes the tables named below, and last of all: result.
--
-- A text in tags that names a run and is no run id stands as it is; put the id into the table derived.
-- A sum or product that does not fit 38 digits is an error, never another number.


CREATE TABLE IF NOT EXISTS "jobs" AS
SELECT
  CAST(NULL AS VARCHAR) AS "name",
  CAST(NULL AS VARCHAR) AS "run"
WHERE
  FALSE;

CREATE TABLE IF NOT EXISTS "attachments" AS
SELECT
  CAST(NULL AS VARCHAR) AS "name",
  CAST(NULL AS VARCHAR) AS "parent"
WHERE
  FALSE;

CREATE TABLE IF NOT EXISTS "lives" AS
SELECT
  CAST(NULL AS VARCHAR) AS "name",
  CAST(NULL AS BIGINT) AS "start_us",
  CAST(NULL AS BIGINT) AS "end_us"
WHERE
  FALSE;

CREATE TABLE IF NOT EXISTS "run_bytes" AS
SELECT
  CAST(NULL AS VARCHAR) AS "run",
  CAST(NULL AS BIGINT) AS "bytes"
WHERE
  FALSE;

-- Claims: one table of them; shares as the nearest parts of 144144000, at least one.

DROP TABLE IF EXISTS "raw_claims";

CREATE TABLE "raw_claims" AS
SELECT
  "run",
  "resource_id" AS "resource",
  CAST((
    "start_ns" - (
      "start_ns" % 1000
    )
  ) / 1000 AS BIGINT) AS "start_us",
  CAST((
    "end_ns" - (
      "end_ns" % 1000
    )
  ) / 1000 AS BIGINT) AS "end_us",
  CAST(GREATEST(
    1,
    CAST((
      (
        2 * CAST("share_numerator" AS DECIMAL(38, 0)) * 144144000 + "share_denominator"
      ) - (
        (
          2 * CAST("share_numerator" AS DECIMAL(38, 0)) * 144144000 + "share_denominator"
        ) % (
          2 * CAST("share_denominator" AS DECIMAL(38, 0))
        )
      )
    ) / (
      2 * CAST("share_denominator" AS DECIMAL(38, 0))
    ) AS DECIMAL(38, 0))
  ) AS BIGINT) AS "share"
FROM "incoming_claims";

-- Faces: the distinct descriptions of charges (who, what, where, tags), without amount or time.
--
-- A bill has far fewer of them than charges, and all matching is on faces. A face is told by a 64-bit
-- mark, the hash of its columns. Among a million faces the chance that any two agree is 3 in 10^8.
-- Then charges are described wrongly, but no amount is lost.

DROP TABLE IF EXISTS "faces";

CREATE TABLE "faces" AS
SELECT
  CAST((
    ROW_NUMBER() OVER () - 1
  ) AS BIGINT) AS "face",
  "mark",
  "ResourceId",
  "Tags",
  "AllocatedResourceId",
  "AllocatedMethodId",
  "AllocatedTags",
  "x_ParentResourceId",
  "ServiceName",
  "SubAccountId",
  "BillingAccountId",
  "RegionId",
  "x_Component",
  "BillingCurrency",
  "ChargeCategory",
  "ChargeClass",
  "CommitmentDiscountStatus",
  "CapacityReservationStatus",
  "x_LineItemType"
FROM (
  SELECT
    FROM_BIG_ENDIAN_64(
      XXHASH64(
        TO_UTF8(
          JSON_FORMAT(
            CAST(ARRAY["ResourceId", "Tags", "AllocatedResourceId", "AllocatedMethodId", "AllocatedTags", "x_ParentResourceId", "ServiceName", "SubAccountId", "BillingAccountId", "RegionId", "x_Component", "BillingCurrency", "ChargeCategory", "ChargeClass", "CommitmentDiscountStatus", "CapacityReservationStatus", "x_LineItemType"] AS JSON)
          )
        )
      )
    ) AS "mark",
    ARBITRARY("ResourceId") AS "ResourceId",
    ARBITRARY("Tags") AS "Tags",
    ARBITRARY("AllocatedResourceId") AS "AllocatedResourceId",
    ARBITRARY("AllocatedMethodId") AS "AllocatedMethodId",
    ARBITRARY("AllocatedTags") AS "AllocatedTags",
    ARBITRARY("x_ParentResourceId") AS "x_ParentResourceId",
    ARBITRARY("ServiceName") AS "ServiceName",
    ARBITRARY("SubAccountId") AS "SubAccountId",
    ARBITRARY("BillingAccountId") AS "BillingAccountId",
    ARBITRARY("RegionId") AS "RegionId",
    ARBITRARY("x_Component") AS "x_Component",
    ARBITRARY("BillingCurrency") AS "BillingCurrency",
    ARBITRARY("ChargeCategory") AS "ChargeCategory",
    ARBITRARY("ChargeClass") AS "ChargeClass",
    ARBITRARY("CommitmentDiscountStatus") AS "CommitmentDiscountStatus",
    ARBITRARY("CapacityReservationStatus") AS "CapacityReservationStatus",
    ARBITRARY("x_LineItemType") AS "x_LineItemType"
  FROM "charges"
  GROUP BY
    1
);

-- Narrow lines: every charge as its face, times, paid time and amounts. Most bills say the same amount
-- in several views; what agrees is kept as 0, which costs neither room nor time.

DROP TABLE IF EXISTS "narrow_lines";

CREATE TABLE "narrow_lines" AS
SELECT
  "face",
  "start_us",
  "end_us",
  "paid_us",
  "billed",
  BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
  BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
  BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
FROM (
  SELECT
    FROM_BIG_ENDIAN_64(
      XXHASH64(
        TO_UTF8(
          JSON_FORMAT(
            CAST(ARRAY["ResourceId", "Tags", "AllocatedResourceId", "AllocatedMethodId", "AllocatedTags", "x_ParentResourceId", "ServiceName", "SubAccountId", "BillingAccountId", "RegionId", "x_Component", "BillingCurrency", "ChargeCategory", "ChargeClass", "CommitmentDiscountStatus", "CapacityReservationStatus", "x_LineItemType"] AS JSON)
          )
        )
      )
    ) AS "mark",
    CAST(ROUND(TO_UNIXTIME("ChargePeriodStart") * 1000000) AS BIGINT) AS "start_us",
    CAST(ROUND(TO_UNIXTIME("ChargePeriodEnd") * 1000000) AS BIGINT) AS "end_us",
    "x_BilledNano" AS "billed",
    "x_EffectiveNano" AS "effective",
    "x_ListNano" AS "list",
    "x_ContractedNano" AS "contracted",
    CASE
      WHEN (
        "ChargeCategory" = 'Usage' AND "ChargeClass" IS DISTINCT FROM 'Correction'
      )
      AND "ResourceId" <> ''
      THEN CASE
        WHEN LOWER("ConsumedUnit") IN (
          'hours',
          'hour',
          'hrs',
          'hr',
          'h',
          '1 hour',
          'seconds',
          'second',
          'secs',
          'sec',
          's',
          'minutes',
          'minute',
          'mins',
          'min',
          'days',
          'day',
          'instance-hours',
          'instance hours',
          'node-hours',
          'node hours',
          'vm-hours',
          'vm hours',
          'gpu-hours',
          'gpu hours',
          'vcpu-hours',
          'vcpu hours',
          'cpu-hours',
          'cpu hours',
          'core-hours',
          'core hours',
          'instance-seconds',
          'instance seconds',
          'node-seconds',
          'node seconds',
          'vm-seconds',
          'vm seconds',
          'gpu-seconds',
          'gpu seconds',
          'vcpu-seconds',
          'vcpu seconds',
          'cpu-seconds',
          'cpu seconds',
          'core-seconds',
          'core seconds'
        )
        THEN TRY_CAST(ROUND(
          TRY_CAST("ConsumedQuantity" AS DOUBLE) * CASE LOWER("ConsumedUnit")
            WHEN 'hours'
            THEN 3600000000
            WHEN 'hour'
            THEN 3600000000
            WHEN 'hrs'
            THEN 3600000000
            WHEN 'hr'
            THEN 3600000000
            WHEN 'h'
            THEN 3600000000
            WHEN '1 hour'
            THEN 3600000000
            WHEN 'seconds'
            THEN 1000000
            WHEN 'second'
            THEN 1000000
            WHEN 'secs'
            THEN 1000000
            WHEN 'sec'
            THEN 1000000
            WHEN 's'
            THEN 1000000
            WHEN 'minutes'
            THEN 60000000
            WHEN 'minute'
            THEN 60000000
            WHEN 'mins'
            THEN 60000000
            WHEN 'min'
            THEN 60000000
            WHEN 'days'
            THEN 86400000000
            WHEN 'day'
            THEN 86400000000
            WHEN 'instance-hours'
            THEN 3600000000
            WHEN 'instance hours'
            THEN 3600000000
            WHEN 'node-hours'
            THEN 3600000000
            WHEN 'node hours'
            THEN 3600000000
            WHEN 'vm-hours'
            THEN 3600000000
            WHEN 'vm hours'
            THEN 3600000000
            WHEN 'gpu-hours'
            THEN 3600000000
            WHEN 'gpu hours'
            THEN 3600000000
            WHEN 'vcpu-hours'
            THEN 3600000000
            WHEN 'vcpu hours'
            THEN 3600000000
            WHEN 'cpu-hours'
            THEN 3600000000
            WHEN 'cpu hours'
            THEN 3600000000
            WHEN 'core-hours'
            THEN 3600000000
            WHEN 'core hours'
            THEN 3600000000
            WHEN 'instance-seconds'
            THEN 1000000
            WHEN 'instance seconds'
            THEN 1000000
            WHEN 'node-seconds'
            THEN 1000000
            WHEN 'node seconds'
            THEN 1000000
            WHEN 'vm-seconds'
            THEN 1000000
            WHEN 'vm seconds'
            THEN 1000000
            WHEN 'gpu-seconds'
            THEN 1000000
            WHEN 'gpu seconds'
            THEN 1000000
            WHEN 'vcpu-seconds'
            THEN 1000000
            WHEN 'vcpu seconds'
            THEN 1000000
            WHEN 'cpu-seconds'
            THEN 1000000
            WHEN 'cpu seconds'
            THEN 1000000
            WHEN 'core-seconds'
            THEN 1000000
            WHEN 'core seconds'
            THEN 1000000
          END
        ) AS BIGINT)
      END
    END AS "paid_us"
  FROM "charges"
) AS "charges"
JOIN "faces"
  USING ("mark");

-- Census: the time that the bill covers, its grains, and how many amounts it has.

DROP TABLE IF EXISTS "census";

CREATE TABLE "census" AS
WITH "periods" AS (
  SELECT
    "start_us",
    "end_us",
    COUNT(*) AS "charges",
    COUNT("billed") AS "billed",
    COUNT("effective") AS "effective",
    COUNT("list") AS "list",
    COUNT("contracted") AS "contracted",
    COUNT("paid_us") > 0 AS "is_paid",
    BOOL_OR("paid_us" <> "end_us" - "start_us") AS "is_uneven"
  FROM (
    SELECT
      "face",
      "start_us",
      "end_us",
      "paid_us",
      "billed",
      BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
      BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
      BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
    FROM "narrow_lines"
  ) AS "lines"
  GROUP BY
    "start_us",
    "end_us"
), "grained" AS (
  SELECT
    *,
    (
      CASE
        WHEN "end_us" <= "start_us"
        THEN 3
        WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
        THEN 0
        WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
        THEN 1
        ELSE 2
      END
    ) AS "grain"
  FROM "periods"
)
SELECT
  MIN(CASE WHEN "grain" < 3 THEN "start_us" END) AS "first_us",
  MAX(CASE WHEN "grain" < 3 THEN "end_us" END) AS "last_us",
  MAX("end_us" - "start_us") AS "longest_us",
  BOOL_OR("grain" = 0) AS "has_hours",
  BOOL_OR("grain" = 1) AS "has_days",
  BOOL_OR("grain" = 2) AS "has_odd",
  BOOL_OR("grain" = 3) AS "has_none",
  CAST(COALESCE(SUM(CAST("charges" AS DECIMAL(38, 0))), 0) AS BIGINT) AS "charges",
  CAST(COALESCE(SUM(CAST("billed" AS DECIMAL(38, 0))), 0) AS BIGINT) AS "billed",
  CAST(COALESCE(SUM(CAST("effective" AS DECIMAL(38, 0))), 0) AS BIGINT) AS "effective",
  CAST(COALESCE(SUM(CAST("list" AS DECIMAL(38, 0))), 0) AS BIGINT) AS "list",
  CAST(COALESCE(SUM(CAST("contracted" AS DECIMAL(38, 0))), 0) AS BIGINT) AS "contracted",
  BOOL_OR("grain" < 3 AND (
    "is_uneven" OR "grain" = 2 AND "is_paid"
  )) AS "has_uneven"
FROM "grained";

-- Survey: what every face sums to, day by day, and when it is charged at all.

DROP TABLE IF EXISTS "narrow_totals";

CREATE TABLE "narrow_totals" AS
SELECT
  "face",
  CAST((
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT)
  ) AS BIGINT) AS "day",
  CAST(COUNT(*) AS BIGINT) AS "charges",
  MIN("start_us") AS "first_us",
  MAX("end_us") AS "last_us",
  CAST(SUM(CAST("billed" AS DECIMAL(38, 0))) AS BIGINT) AS "billed",
  CAST(SUM(CAST("effective" AS DECIMAL(38, 0))) AS BIGINT) AS "effective",
  CAST(SUM(CAST("list" AS DECIMAL(38, 0))) AS BIGINT) AS "list",
  CAST(SUM(CAST("contracted" AS DECIMAL(38, 0))) AS BIGINT) AS "contracted",
  CAST((
    COUNT(*) - COUNT("billed")
  ) AS BIGINT) AS "billed_missing",
  CAST((
    COUNT(*) - COUNT("effective")
  ) AS BIGINT) AS "effective_missing",
  CAST((
    COUNT(*) - COUNT("list")
  ) AS BIGINT) AS "list_missing",
  CAST((
    COUNT(*) - COUNT("contracted")
  ) AS BIGINT) AS "contracted_missing"
FROM (
  SELECT
    "face",
    "start_us",
    "end_us",
    "paid_us",
    "billed",
    BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
    BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
    BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
  FROM "narrow_lines"
) AS "lines"
GROUP BY
  "face",
  2;

DROP TABLE IF EXISTS "spans";

CREATE TABLE "spans" AS
SELECT
  "face",
  MIN("first_us") AS "first_us",
  MAX("last_us") AS "last_us",
  CAST(SUM(CAST("billed_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "billed_missing",
  CAST(SUM(CAST("effective_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "effective_missing",
  CAST(SUM(CAST("list_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "list_missing",
  CAST(SUM(CAST("contracted_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "contracted_missing"
FROM "narrow_totals" AS "totals"
GROUP BY
  "face";

-- Paid: how long resources were paid for, on the days where that is not simply the charge period.

DROP TABLE IF EXISTS "uneven_days";

CREATE TABLE "uneven_days" AS
WITH "uneven" AS (
  SELECT DISTINCT
    LOWER("ResourceId") AS "name",
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT) AS "day"
  FROM (
    SELECT
      "face",
      "start_us",
      "end_us",
      "paid_us",
      "billed",
      BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
      BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
      BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
    FROM "narrow_lines"
  ) AS "lines"
  JOIN "faces"
    USING ("face")
  WHERE
    TRUE
    AND NOT "paid_us" IS NULL
    AND "start_us" < "end_us"
    AND (
      "paid_us" <> "end_us" - "start_us"
      OR (
        CASE
          WHEN "end_us" <= "start_us"
          THEN 3
          WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
          THEN 0
          WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
          THEN 1
          ELSE 2
        END
      ) = 2
    )
), "endings" AS (
  SELECT DISTINCT
    CASE
      WHEN STARTS_WITH("name", 'cluster:')
      THEN "name"
      ELSE COALESCE(NULLIF(REGEXP_EXTRACT("name", '[^/:]+$'), ''), "name")
    END AS "last_part",
    "day"
  FROM "uneven"
), "names" AS (
  SELECT DISTINCT
    LOWER("ResourceId") AS "name"
  FROM "faces"
  WHERE
    TRUE
), "named" AS (
  SELECT
    "name",
    CASE
      WHEN STARTS_WITH("name", 'cluster:')
      THEN "name"
      ELSE COALESCE(NULLIF(REGEXP_EXTRACT("name", '[^/:]+$'), ''), "name")
    END AS "last_part"
  FROM "names"
)
SELECT
  "name" AS "resource",
  "day"
FROM "named"
JOIN "endings"
  USING ("last_part");

DROP TABLE IF EXISTS "paid";

CREATE TABLE "paid" AS
WITH "usage" AS (
  SELECT
    LOWER("ResourceId") AS "resource",
    CAST(ROUND(TO_UNIXTIME("ChargePeriodStart") * 1000000) AS BIGINT) AS "start_us",
    CAST(ROUND(TO_UNIXTIME("ChargePeriodEnd") * 1000000) AS BIGINT) AS "end_us",
    CASE
      WHEN LOWER("ConsumedUnit") IN (
        'hours',
        'hour',
        'hrs',
        'hr',
        'h',
        '1 hour',
        'seconds',
        'second',
        'secs',
        'sec',
        's',
        'minutes',
        'minute',
        'mins',
        'min',
        'days',
        'day',
        'instance-hours',
        'instance hours',
        'node-hours',
        'node hours',
        'vm-hours',
        'vm hours',
        'gpu-hours',
        'gpu hours',
        'vcpu-hours',
        'vcpu hours',
        'cpu-hours',
        'cpu hours',
        'core-hours',
        'core hours',
        'instance-seconds',
        'instance seconds',
        'node-seconds',
        'node seconds',
        'vm-seconds',
        'vm seconds',
        'gpu-seconds',
        'gpu seconds',
        'vcpu-seconds',
        'vcpu seconds',
        'cpu-seconds',
        'cpu seconds',
        'core-seconds',
        'core seconds'
      )
      THEN TRY_CAST(ROUND(
        TRY_CAST("ConsumedQuantity" AS DOUBLE) * CASE LOWER("ConsumedUnit")
          WHEN 'hours'
          THEN 3600000000
          WHEN 'hour'
          THEN 3600000000
          WHEN 'hrs'
          THEN 3600000000
          WHEN 'hr'
          THEN 3600000000
          WHEN 'h'
          THEN 3600000000
          WHEN '1 hour'
          THEN 3600000000
          WHEN 'seconds'
          THEN 1000000
          WHEN 'second'
          THEN 1000000
          WHEN 'secs'
          THEN 1000000
          WHEN 'sec'
          THEN 1000000
          WHEN 's'
          THEN 1000000
          WHEN 'minutes'
          THEN 60000000
          WHEN 'minute'
          THEN 60000000
          WHEN 'mins'
          THEN 60000000
          WHEN 'min'
          THEN 60000000
          WHEN 'days'
          THEN 86400000000
          WHEN 'day'
          THEN 86400000000
          WHEN 'instance-hours'
          THEN 3600000000
          WHEN 'instance hours'
          THEN 3600000000
          WHEN 'node-hours'
          THEN 3600000000
          WHEN 'node hours'
          THEN 3600000000
          WHEN 'vm-hours'
          THEN 3600000000
          WHEN 'vm hours'
          THEN 3600000000
          WHEN 'gpu-hours'
          THEN 3600000000
          WHEN 'gpu hours'
          THEN 3600000000
          WHEN 'vcpu-hours'
          THEN 3600000000
          WHEN 'vcpu hours'
          THEN 3600000000
          WHEN 'cpu-hours'
          THEN 3600000000
          WHEN 'cpu hours'
          THEN 3600000000
          WHEN 'core-hours'
          THEN 3600000000
          WHEN 'core hours'
          THEN 3600000000
          WHEN 'instance-seconds'
          THEN 1000000
          WHEN 'instance seconds'
          THEN 1000000
          WHEN 'node-seconds'
          THEN 1000000
          WHEN 'node seconds'
          THEN 1000000
          WHEN 'vm-seconds'
          THEN 1000000
          WHEN 'vm seconds'
          THEN 1000000
          WHEN 'gpu-seconds'
          THEN 1000000
          WHEN 'gpu seconds'
          THEN 1000000
          WHEN 'vcpu-seconds'
          THEN 1000000
          WHEN 'vcpu seconds'
          THEN 1000000
          WHEN 'cpu-seconds'
          THEN 1000000
          WHEN 'cpu seconds'
          THEN 1000000
          WHEN 'core-seconds'
          THEN 1000000
          WHEN 'core seconds'
          THEN 1000000
        END
      ) AS BIGINT)
    END AS "paid_us",
    COALESCE("SkuId", "SkuMeter", "x_UsageType", '') AS "sku"
  FROM "charges"
  WHERE
    TRUE
    AND (
      "ChargeCategory" = 'Usage' AND "ChargeClass" IS DISTINCT FROM 'Correction'
    )
)
SELECT
  "usage"."resource",
  "start_us",
  "end_us",
  "sku",
  CAST(SUM(CAST("paid_us" AS DECIMAL(38, 0))) AS BIGINT) AS "paid_us"
FROM "usage"
JOIN "uneven_days"
  ON "uneven_days"."resource" = "usage"."resource"
  AND "uneven_days"."day" = CAST((
    "start_us" - (
      "start_us" % 86400000000
    )
  ) / 86400000000 AS BIGINT)
WHERE
  NOT "paid_us" IS NULL AND "start_us" < "end_us"
GROUP BY
  1,
  2,
  3,
  4;

DROP TABLE "uneven_days";

-- Places: one number per resource, whatever the bill and the claims call it.

DROP TABLE IF EXISTS "tag_maps";

CREATE TABLE "tag_maps" AS
WITH "texts" AS (
  SELECT
    "Tags" AS "text"
  FROM "faces"
  UNION
  SELECT
    "AllocatedTags"
  FROM "faces"
), "pairs" AS (
  SELECT
    "text",
    "entry"."key",
    "entry"."value"
  FROM "texts"
  CROSS JOIN UNNEST(TRY(CAST(JSON_PARSE("text") AS MAP(VARCHAR, VARCHAR)))) AS "entry"("key", "value")
), "plain" AS (
  SELECT
    "text",
    MAX_BY("value", "pairs"."key") AS "value",
    REGEXP_REPLACE(
      REGEXP_REPLACE(REGEXP_REPLACE(LOWER("pairs"."key"), '^user:', ''), '^label_', ''),
      '[^a-z0-9]+',
      ''
    ) AS "key"
  FROM "pairs"
  WHERE
    "value" <> ''
  GROUP BY
    1,
    3
)
SELECT
  "text",
  MAX(CASE WHEN "key" = 'awseksclustername' THEN "value" END) AS "tag_awseksclustername",
  MAX(CASE WHEN "key" = 'awsparallelclusterclustername' THEN "value" END) AS "tag_awsparallelclusterclustername",
  MAX(CASE WHEN "key" = 'cluster' THEN "value" END) AS "tag_cluster",
  MAX(CASE WHEN "key" = 'costcenter' THEN "value" END) AS "tag_costcenter",
  MAX(CASE WHEN "key" = 'eksclustername' THEN "value" END) AS "tag_eksclustername",
  MAX(CASE WHEN "key" = 'googk8sclustername' THEN "value" END) AS "tag_googk8sclustername",
  MAX(CASE WHEN "key" = 'owner' THEN "value" END) AS "tag_owner",
  MAX(CASE WHEN "key" = 'parallelclusterclustername' THEN "value" END) AS "tag_parallelclusterclustername",
  MAX(CASE WHEN "key" = 'project' THEN "value" END) AS "tag_project",
  MAX(CASE WHEN "key" = 'runid' THEN "value" END) AS "tag_runid",
  MAX(CASE WHEN "key" = 'slurmcluster' THEN "value" END) AS "tag_slurmcluster",
  MAX(CASE WHEN "key" = 'team' THEN "value" END) AS "tag_team",
  MAX(CASE WHEN "key" = 'trainfare' THEN "value" END) AS "tag_trainfare",
  MAX(CASE WHEN "key" = 'trainfareiorun' THEN "value" END) AS "tag_trainfareiorun",
  MAX(CASE WHEN "key" = 'trainfareiorunid' THEN "value" END) AS "tag_trainfareiorunid",
  MAX(CASE WHEN "key" = 'trainfarerun' THEN "value" END) AS "tag_trainfarerun",
  MAX(CASE WHEN "key" = 'trainfarerunid' THEN "value" END) AS "tag_trainfarerunid"
FROM "plain"
GROUP BY
  "text";

DROP TABLE IF EXISTS "places";

CREATE TABLE "places" AS
WITH "named" AS (
  SELECT
    "ResourceId" AS "name"
  FROM "faces"
  UNION
  SELECT
    "AllocatedResourceId"
  FROM "faces"
  UNION
  SELECT
    "x_ParentResourceId"
  FROM "faces"
  UNION
  SELECT DISTINCT
    CONCAT(
      CAST('cluster:' AS VARCHAR),
      CAST(LOWER(
        COALESCE(
          "tag_awseksclustername",
          "tag_eksclustername",
          "tag_awsparallelclusterclustername",
          "tag_parallelclusterclustername",
          "tag_googk8sclustername",
          "tag_slurmcluster",
          "tag_cluster"
        )
      ) AS VARCHAR)
    )
  FROM "tag_maps"
  UNION
  SELECT DISTINCT
    "resource"
  FROM "raw_claims"
  UNION
  SELECT
    "name"
  FROM "jobs"
  UNION
  SELECT
    "name"
  FROM "attachments"
  UNION
  SELECT
    "parent"
  FROM "attachments"
  UNION
  SELECT
    "name"
  FROM "lives"
), "small" AS (
  SELECT DISTINCT
    LOWER("name") AS "name"
  FROM "named"
  WHERE
    "name" <> ''
), "parts" AS (
  SELECT
    "name",
    CASE
      WHEN STARTS_WITH("name", 'cluster:')
      THEN "name"
      ELSE COALESCE(NULLIF(REGEXP_EXTRACT("name", '[^/:]+$'), ''), "name")
    END AS "last_part"
  FROM "small"
), "longer" AS (
  SELECT
    "last_part",
    COUNT(*) AS "names"
  FROM "parts"
  WHERE
    "name" <> "last_part"
  GROUP BY
    1
), "joined" AS (
  SELECT
    "name",
    CASE WHEN COALESCE("names", 0) <= 1 THEN "last_part" ELSE "name" END AS "one_name"
  FROM "parts"
  LEFT JOIN "longer"
    USING ("last_part")
)
SELECT
  "name",
  "one_name",
  STARTS_WITH("one_name", 'cluster:') AS "is_cluster",
  CAST((
    DENSE_RANK() OVER (ORDER BY "one_name")
  ) AS BIGINT) AS "place"
FROM "joined";

DROP TABLE IF EXISTS "followed";

CREATE TABLE "followed" AS
WITH RECURSIVE "following"("place", "above") AS (
  SELECT
    "below"."place",
    MAX_BY("above"."place", "attachments"."name") AS "above"
  FROM "attachments"
  JOIN "places" AS "below"
    ON "below"."name" = LOWER("attachments"."name")
  JOIN "places" AS "above"
    ON "above"."name" = LOWER("attachments"."parent")
  GROUP BY
    "below"."place"
), "chain"("place", "above", "depth") AS (
  SELECT
    "place",
    "above",
    1
  FROM "following"
  UNION ALL
  SELECT
    "chain"."place",
    "following"."above",
    "depth" + 1
  FROM "chain"
  JOIN "following"
    ON "following"."place" = "chain"."above"
  WHERE
    "depth" < 8
)
SELECT
  "place",
  "above",
  "depth"
FROM "chain";

DROP TABLE IF EXISTS "job_runs";

CREATE TABLE "job_runs" AS
SELECT
  "place",
  MAX_BY("run", "jobs"."name") AS "run"
FROM "jobs"
JOIN "places"
  ON "places"."name" = LOWER("jobs"."name")
GROUP BY
  "place";

DROP TABLE IF EXISTS "claims";

CREATE TABLE "claims" AS
SELECT
  "place",
  "run",
  GREATEST("start_us", (
    SELECT
      "first_us"
    FROM "census"
  )) AS "start_us",
  LEAST("end_us", (
    SELECT
      "last_us"
    FROM "census"
  )) AS "end_us",
  "share"
FROM "raw_claims"
JOIN "places"
  ON "places"."name" = LOWER("resource")
WHERE
  "start_us" < (
    SELECT
      "last_us"
    FROM "census"
  )
  AND "end_us" > (
    SELECT
      "first_us"
    FROM "census"
  )
  AND "start_us" < "end_us";

DROP TABLE "raw_claims";

DROP TABLE IF EXISTS "claimed_places";

CREATE TABLE "claimed_places" AS
SELECT DISTINCT
  "place"
FROM "claims";

DROP TABLE IF EXISTS "known";

CREATE TABLE "known" AS
SELECT
  "place",
  BOOL_OR("is_cluster") AS "is_cluster"
FROM "places"
WHERE
  EXISTS(
    SELECT
      1
    FROM (
      SELECT
        "place"
      FROM "claimed_places"
      UNION
      SELECT
        "place"
      FROM "lives"
      JOIN "places"
        ON "places"."name" = LOWER("lives"."name")
    ) AS "held_0"
    WHERE
      "held_0"."place" = "places"."place"
  )
GROUP BY
  "place";

-- Ways: how the charges of each face find their owners, the steps in order, first hit first.

DROP TABLE IF EXISTS "found";

CREATE TABLE "found" AS
WITH "tagged" AS (
  SELECT
    "faces".*,
    "own_tags"."tag_awseksclustername" AS "tag_awseksclustername",
    "own_tags"."tag_awsparallelclusterclustername" AS "tag_awsparallelclusterclustername",
    "own_tags"."tag_cluster" AS "tag_cluster",
    "own_tags"."tag_costcenter" AS "tag_costcenter",
    "own_tags"."tag_eksclustername" AS "tag_eksclustername",
    "own_tags"."tag_googk8sclustername" AS "tag_googk8sclustername",
    "own_tags"."tag_owner" AS "tag_owner",
    "own_tags"."tag_parallelclusterclustername" AS "tag_parallelclusterclustername",
    "own_tags"."tag_project" AS "tag_project",
    "own_tags"."tag_runid" AS "tag_runid",
    "own_tags"."tag_slurmcluster" AS "tag_slurmcluster",
    "own_tags"."tag_team" AS "tag_team",
    "own_tags"."tag_trainfare" AS "tag_trainfare",
    "own_tags"."tag_trainfareiorun" AS "tag_trainfareiorun",
    "own_tags"."tag_trainfareiorunid" AS "tag_trainfareiorunid",
    "own_tags"."tag_trainfarerun" AS "tag_trainfarerun",
    "own_tags"."tag_trainfarerunid" AS "tag_trainfarerunid",
    "allocated"."tag_awseksclustername" AS "allocated_tag_awseksclustername",
    "allocated"."tag_awsparallelclusterclustername" AS "allocated_tag_awsparallelclusterclustername",
    "allocated"."tag_cluster" AS "allocated_tag_cluster",
    "allocated"."tag_costcenter" AS "allocated_tag_costcenter",
    "allocated"."tag_eksclustername" AS "allocated_tag_eksclustername",
    "allocated"."tag_googk8sclustername" AS "allocated_tag_googk8sclustername",
    "allocated"."tag_owner" AS "allocated_tag_owner",
    "allocated"."tag_parallelclusterclustername" AS "allocated_tag_parallelclusterclustername",
    "allocated"."tag_project" AS "allocated_tag_project",
    "allocated"."tag_runid" AS "allocated_tag_runid",
    "allocated"."tag_slurmcluster" AS "allocated_tag_slurmcluster",
    "allocated"."tag_team" AS "allocated_tag_team",
    "allocated"."tag_trainfare" AS "allocated_tag_trainfare",
    "allocated"."tag_trainfareiorun" AS "allocated_tag_trainfareiorun",
    "allocated"."tag_trainfareiorunid" AS "allocated_tag_trainfareiorunid",
    "allocated"."tag_trainfarerun" AS "allocated_tag_trainfarerun",
    "allocated"."tag_trainfarerunid" AS "allocated_tag_trainfarerunid"
  FROM "faces"
  LEFT JOIN "tag_maps" AS "own_tags"
    ON "own_tags"."text" = "faces"."Tags"
  LEFT JOIN "tag_maps" AS "allocated"
    ON "allocated"."text" = "faces"."AllocatedTags"
), "placed" AS (
  SELECT
    "tagged".*,
    "own"."place" AS "own",
    "part"."place" AS "part",
    "parent"."place" AS "parent",
    "cluster"."place" AS "cluster"
  FROM "tagged"
  LEFT JOIN "places" AS "own"
    ON "own"."name" = LOWER("ResourceId")
  LEFT JOIN "places" AS "part"
    ON "part"."name" = LOWER("AllocatedResourceId")
  LEFT JOIN "places" AS "parent"
    ON "parent"."name" = LOWER("x_ParentResourceId")
  LEFT JOIN "places" AS "cluster"
    ON "cluster"."name" = CONCAT(
      CAST('cluster:' AS VARCHAR),
      CAST(LOWER(
        COALESCE(
          "tag_awseksclustername",
          "tag_eksclustername",
          "tag_awsparallelclusterclustername",
          "tag_parallelclusterclustername",
          "tag_googk8sclustername",
          "tag_slurmcluster",
          "tag_cluster"
        )
      ) AS VARCHAR)
    )
), "above" AS (
  SELECT
    "followed"."place",
    MIN_BY(
      CASE WHEN NOT "is_cluster" THEN "above" END,
      CASE WHEN NOT "is_cluster" THEN "depth" END
    ) AS "resource",
    MIN_BY(CASE WHEN "is_cluster" THEN "above" END, CASE WHEN "is_cluster" THEN "depth" END) AS "cluster"
  FROM "followed"
  JOIN "known"
    ON "known"."place" = "followed"."above"
  GROUP BY
    "followed"."place"
)
SELECT
  "placed".*,
  (
    NOT COALESCE(STARTS_WITH("AllocatedMethodId", 'trainfare:'), FALSE)
    AND (
      COALESCE("ChargeCategory" = 'Tax', FALSE)
      OR (
        COALESCE("CommitmentDiscountStatus" = 'Unused', FALSE)
        OR COALESCE("CapacityReservationStatus" = 'Unused', FALSE)
      )
    )
  ) AS "is_apart",
  COALESCE(
    NULLIF(REGEXP_REPLACE("tag_trainfare", '^\s+|\s+$', ''), ''),
    NULLIF(REGEXP_REPLACE("tag_trainfarerun", '^\s+|\s+$', ''), ''),
    NULLIF(REGEXP_REPLACE("tag_trainfarerunid", '^\s+|\s+$', ''), ''),
    NULLIF(REGEXP_REPLACE("tag_trainfareiorun", '^\s+|\s+$', ''), ''),
    NULLIF(REGEXP_REPLACE("tag_trainfareiorunid", '^\s+|\s+$', ''), ''),
    NULLIF(REGEXP_REPLACE("tag_runid", '^\s+|\s+$', ''), '')
  ) AS "tag_text",
  "own_job"."run" AS "job_text",
  CASE
    WHEN COALESCE(STARTS_WITH("AllocatedMethodId", 'trainfare:'), FALSE)
    THEN NULLIF("AllocatedResourceId", '')
    ELSE COALESCE(
      COALESCE(
        NULLIF(REGEXP_REPLACE("allocated_tag_trainfare", '^\s+|\s+$', ''), ''),
        NULLIF(REGEXP_REPLACE("allocated_tag_trainfarerun", '^\s+|\s+$', ''), ''),
        NULLIF(REGEXP_REPLACE("allocated_tag_trainfarerunid", '^\s+|\s+$', ''), ''),
        NULLIF(REGEXP_REPLACE("allocated_tag_trainfareiorun", '^\s+|\s+$', ''), ''),
        NULLIF(REGEXP_REPLACE("allocated_tag_trainfareiorunid", '^\s+|\s+$', ''), ''),
        NULLIF(REGEXP_REPLACE("allocated_tag_runid", '^\s+|\s+$', ''), '')
      ),
      "part_job"."run",
      CASE
        WHEN "x_ParentResourceId" <> ''
        THEN COALESCE(
          NULLIF(REGEXP_REPLACE("tag_trainfare", '^\s+|\s+$', ''), ''),
          NULLIF(REGEXP_REPLACE("tag_trainfarerun", '^\s+|\s+$', ''), ''),
          NULLIF(REGEXP_REPLACE("tag_trainfarerunid", '^\s+|\s+$', ''), ''),
          NULLIF(REGEXP_REPLACE("tag_trainfareiorun", '^\s+|\s+$', ''), ''),
          NULLIF(REGEXP_REPLACE("tag_trainfareiorunid", '^\s+|\s+$', ''), ''),
          NULLIF(REGEXP_REPLACE("tag_runid", '^\s+|\s+$', ''), '')
        )
      END
    )
  END AS "split_text",
  COALESCE("AllocatedMethodId" <> '' AND COALESCE("AllocatedResourceId", '') = '', FALSE) AS "is_unsplit",
  NULLIF(
    REGEXP_EXTRACT(
      "AllocatedMethodId",
      '^trainfare:(idle|shared|unused_commitment|unallocated)(:|$)',
      1
    ),
    ''
  ) AS "own_remainder",
  CASE
    WHEN NOT COALESCE(STARTS_WITH("AllocatedMethodId", 'trainfare:'), FALSE)
    THEN "part_known"."place"
  END AS "part_known",
  "own_known"."place" AS "own_known",
  COALESCE(CASE WHEN NOT "parent_known"."is_cluster" THEN "parent" END, "above"."resource") AS "above_known",
  COALESCE(
    CASE WHEN "parent_known"."is_cluster" THEN "parent" END,
    "above"."cluster",
    "cluster_known"."place"
  ) AS "cluster_known",
  CAST((
    NULL
  ) AS BIGINT) AS "rule",
  CAST((
    NULL
  ) AS BIGINT) AS "run_rule",
  CAST((
    NULL
  ) AS VARCHAR) AS "rule_text",
  CAST((
    COALESCE(
      NULL,
      CONCAT(CAST('team=' AS VARCHAR), CAST("tag_team" AS VARCHAR)),
      CONCAT(CAST('owner=' AS VARCHAR), CAST("tag_owner" AS VARCHAR)),
      CONCAT(CAST('project=' AS VARCHAR), CAST("tag_project" AS VARCHAR)),
      CONCAT(CAST('costcenter=' AS VARCHAR), CAST("tag_costcenter" AS VARCHAR))
    )
  ) AS VARCHAR) AS "owner_label",
  '' AS "scopes"
FROM "placed"
LEFT JOIN "known" AS "part_known"
  ON "part_known"."place" = "part"
LEFT JOIN "known" AS "own_known"
  ON "own_known"."place" = "own"
LEFT JOIN "known" AS "parent_known"
  ON "parent_known"."place" = "parent"
LEFT JOIN "known" AS "cluster_known"
  ON "cluster_known"."place" = "cluster"
LEFT JOIN "above"
  ON "above"."place" = "own"
LEFT JOIN "job_runs" AS "own_job"
  ON "own_job"."place" = "own"
LEFT JOIN "job_runs" AS "part_job"
  ON "part_job"."place" = "part";

DROP TABLE IF EXISTS "derived";

CREATE TABLE "derived" AS
SELECT DISTINCT
  "text",
  CAST(NULL AS VARCHAR) AS "run"
FROM (
  SELECT
    "listed"."text" AS "text"
  FROM "found"
  CROSS JOIN UNNEST(ARRAY["tag_text", "split_text", "rule_text"]) AS "listed"("text")
)
WHERE
  NOT "text" IS NULL AND NOT REGEXP_LIKE("text", '\A(?:[a-z0-9-]{1,63})\z');

-- Decisions: per face the place whose claims come first, and who gets the rest, or all.

DROP TABLE IF EXISTS "decided";

CREATE TABLE "decided" AS
WITH "named" AS (
  SELECT
    "found".*,
    "job_text" AS "job_run",
    COALESCE("tag_derived"."run", "tag_text") AS "tag_run",
    COALESCE("split_derived"."run", "split_text") AS "split_run",
    COALESCE("rule_derived"."run", "rule_text") AS "rule_run",
    COALESCE(NULL, 1000000) AS "rule_at",
    COALESCE(NULL, 1000000) AS "run_rule_at"
  FROM "found"
  LEFT JOIN "derived" AS "tag_derived"
    ON "tag_derived"."text" = "tag_text"
  LEFT JOIN "derived" AS "split_derived"
    ON "split_derived"."text" = "split_text"
  LEFT JOIN "derived" AS "rule_derived"
    ON "rule_derived"."text" = "rule_text"
), "tagged" AS (
  SELECT
    COALESCE("part_known", "own_known", "above_known") AS "place",
    "tag_run",
    MIN("spans"."first_us") AS "first_us",
    MAX("spans"."last_us") AS "last_us"
  FROM "named"
  JOIN "spans"
    USING ("face")
  WHERE
    NOT "is_apart" AND NOT "tag_run" IS NULL
  GROUP BY
    1,
    2
), "stale" AS (
  SELECT DISTINCT
    "place",
    "tag_run" AS "stale_run"
  FROM "tagged"
  JOIN "claims"
    USING ("place")
  WHERE
    "run" <> "tag_run" AND "start_us" < "last_us" AND "end_us" > "first_us"
), "believed" AS (
  SELECT
    "named".*,
    CASE WHEN "stale_run" IS NULL THEN "tag_run" END AS "fresh_run"
  FROM "named"
  LEFT JOIN "stale"
    ON "stale"."place" = COALESCE("part_known", "own_known", "above_known")
    AND "stale_run" = "tag_run"
), "steps" AS (
  SELECT
    *,
    CASE
      WHEN "is_apart"
      THEN NULL
      WHEN NOT "job_run" IS NULL
      THEN 'managed_job'
      WHEN NOT "split_run" IS NULL OR "is_unsplit"
      THEN 'split_row'
      WHEN NOT "fresh_run" IS NULL
      THEN 'run_tag'
    END AS "step",
    CASE
      WHEN "is_apart"
      THEN NULL
      WHEN NOT "job_run" IS NULL
      THEN 'managed_job'
      WHEN NOT "split_run" IS NULL
      THEN 'split_row'
      WHEN NOT "fresh_run" IS NULL
      THEN 'run_tag'
    END AS "run_step",
    CASE
      WHEN "is_apart"
      THEN NULL
      WHEN NOT "part_known" IS NULL
      THEN 'split_row'
      WHEN NOT "own_known" IS NULL
      THEN 'resource_overlap'
      WHEN NOT "above_known" IS NULL
      THEN 'attached'
      WHEN NOT "cluster_known" IS NULL
      THEN 'cluster_share'
    END AS "source"
  FROM "believed"
), "ordered" AS (
  SELECT
    *,
    COALESCE(
      CASE "step"
        WHEN 'managed_job'
        THEN 100
        WHEN 'split_row'
        THEN 200
        WHEN 'resource_overlap'
        THEN 300
        WHEN 'run_tag'
        THEN 400
        WHEN 'attached'
        THEN 500
        WHEN 'cluster_share'
        THEN 600
      END,
      1000000
    ) AS "step_at",
    COALESCE(
      CASE "run_step"
        WHEN 'managed_job'
        THEN 100
        WHEN 'split_row'
        THEN 200
        WHEN 'resource_overlap'
        THEN 300
        WHEN 'run_tag'
        THEN 400
        WHEN 'attached'
        THEN 500
        WHEN 'cluster_share'
        THEN 600
      END,
      1000000
    ) AS "run_step_at",
    COALESCE(
      CASE "source"
        WHEN 'managed_job'
        THEN 100
        WHEN 'split_row'
        THEN 200
        WHEN 'resource_overlap'
        THEN 300
        WHEN 'run_tag'
        THEN 400
        WHEN 'attached'
        THEN 500
        WHEN 'cluster_share'
        THEN 600
      END,
      1000000
    ) AS "source_at"
  FROM "steps"
), "chosen" AS (
  SELECT
    *,
    "source_at" < LEAST("rule_at", "step_at") AS "is_claimed",
    CASE
      WHEN "source_at" < LEAST("rule_at", "step_at")
      THEN CASE
        WHEN LEAST("run_rule_at", "run_step_at") = 1000000
        THEN 'idle'
        WHEN "run_rule_at" <= "run_step_at"
        THEN 'run_rule'
        ELSE "run_step"
      END
      WHEN LEAST("rule_at", "step_at") = 1000000
      THEN 'last'
      WHEN "rule_at" <= "step_at"
      THEN 'rule'
      ELSE "step"
    END AS "rest"
  FROM "ordered"
), "owned" AS (
  SELECT
    *,
    CASE WHEN "rest" = 'run_rule' THEN "run_rule" WHEN "rest" = 'rule' THEN "rule" END AS "by_rule",
    CASE
      WHEN "rest" = 'run_rule' OR "rest" = 'rule' AND "rule" = "run_rule"
      THEN "rule_run"
      WHEN "rest" = 'managed_job'
      THEN "job_run"
      WHEN "rest" = 'split_row'
      THEN "split_run"
      WHEN "rest" = 'run_tag'
      THEN "tag_run"
    END AS "run"
  FROM "chosen"
)
SELECT
  "face",
  "mark",
  CASE
    WHEN "is_claimed"
    THEN CASE "source"
      WHEN 'split_row'
      THEN "part_known"
      WHEN 'resource_overlap'
      THEN "own_known"
      WHEN 'attached'
      THEN "above_known"
      ELSE "cluster_known"
    END
  END AS "place",
  CASE WHEN "is_claimed" THEN "source" END AS "source",
  "run",
  CASE
    WHEN NOT "run" IS NULL
    THEN NULL
    WHEN "rest" = 'split_row'
    THEN COALESCE("own_remainder", 'idle')
    WHEN "rest" = 'idle'
    THEN 'idle'
    WHEN "rest" <> 'last'
    THEN NULL
    WHEN (
      COALESCE("CommitmentDiscountStatus" = 'Unused', FALSE)
      OR COALESCE("CapacityReservationStatus" = 'Unused', FALSE)
    )
    THEN 'unused_commitment'
    ELSE 'unallocated'
  END AS "remainder",
  CASE
    WHEN NOT "by_rule" IS NULL
    THEN NULL
    WHEN "rest" = 'idle'
    THEN "source"
    WHEN "rest" = 'last'
    THEN CASE
      WHEN (
        COALESCE("CommitmentDiscountStatus" = 'Unused', FALSE)
        OR COALESCE("CapacityReservationStatus" = 'Unused', FALSE)
      )
      THEN 'unused_commitment'
      WHEN "x_LineItemType" = 'Refund'
      OR "ChargeCategory" = 'Purchase'
      AND "ChargeClass" = 'Correction'
      THEN 'refund'
      WHEN "ChargeCategory" <> 'Usage'
      THEN LOWER("ChargeCategory")
      WHEN (
        STRPOS(LOWER("ServiceName"), 'support') > 0
      )
      THEN 'support'
      ELSE 'unmatched'
    END
    ELSE "rest"
  END AS "method",
  CASE WHEN "run" IS NULL THEN COALESCE(NULL, "owner_label") END AS "label",
  CASE WHEN "run" IS NULL THEN CAST((
    NULL
  ) AS BIGINT) END AS "pool",
  "tag_run",
  "ResourceId" AS "resource",
  "ServiceName" AS "service",
  COALESCE("SubAccountId", "BillingAccountId") AS "account",
  "RegionId" AS "region",
  "x_Component" AS "component",
  "BillingCurrency" AS "currency",
  "ChargeCategory" AS "charge_category",
  COALESCE("ChargeClass" = 'Correction', FALSE) AS "is_correction",
  "scopes"
FROM "owned";

DROP TABLE IF EXISTS "outs";

CREATE TABLE "outs" AS
SELECT
  "face" AS "out",
  *
FROM "decided";

DROP TABLE IF EXISTS "ways";

CREATE TABLE "ways" AS
SELECT
  "face",
  "mark",
  "place",
  "out"
FROM "outs";

-- Shares: how the time of each place is divided over the runs that claim it, period by period.
-- The rule in words is in time_shares.py. Times are microseconds; shares are parts of 144144000.

DROP TABLE IF EXISTS "runs";

CREATE TABLE "runs" AS
SELECT
  "run",
  CAST((
    ROW_NUMBER() OVER (ORDER BY "run")
  ) AS BIGINT) AS "run_number"
FROM (
  SELECT
    "run"
  FROM "claims"
  UNION
  SELECT
    "run"
  FROM "outs"
  UNION
  SELECT
    "run"
  FROM "run_bytes"
)
WHERE
  NOT "run" IS NULL;

DROP TABLE IF EXISTS "holds";

CREATE TABLE "holds" AS
WITH "numbered" AS (
  SELECT
    "place",
    "run_number" AS "run",
    "start_us",
    "end_us",
    CAST((
      "share" - (
        "share" % 1
      )
    ) / 1 AS BIGINT) AS "share"
  FROM "claims"
  JOIN "runs"
    USING ("run")
  WHERE
    "place" IN (
      SELECT
        "place"
      FROM "ways"
    )
), "several" AS (
  SELECT
    "place",
    "run"
  FROM "numbered"
  GROUP BY
    1,
    2
  HAVING
    COUNT(*) > 1
), "marked" AS (
  SELECT
    "numbered".*,
    "start_us" > MAX("end_us") OVER (
      PARTITION BY "place", "run", "share"
      ORDER BY "start_us", "end_us"
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS "is_new"
  FROM "numbered"
  WHERE
    EXISTS(
      SELECT
        1
      FROM "several" AS "held_0"
      WHERE
        "held_0"."place" = "numbered"."place" AND "held_0"."run" = "numbered"."run"
    )
), "islands" AS (
  SELECT
    "place",
    "run",
    MIN("start_us") AS "start_us",
    MAX("end_us") AS "end_us",
    "share"
  FROM (
    SELECT
      *,
      COUNT(CASE WHEN "is_new" THEN 1 END) OVER (
        PARTITION BY "place", "run", "share"
        ORDER BY "start_us", "end_us"
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS "island"
    FROM "marked"
  )
  GROUP BY
    "place",
    "run",
    "share",
    "island"
), "layered" AS (
  SELECT
    "place",
    "run"
  FROM "islands"
  GROUP BY
    1,
    2
  HAVING
    COUNT(DISTINCT "share") > 1
), "edges" AS (
  SELECT DISTINCT
    "place",
    "run",
    "listed"."at_us" AS "at_us"
  FROM "islands"
  CROSS JOIN UNNEST(ARRAY["start_us", "end_us"]) AS "listed"("at_us")
  WHERE
    EXISTS(
      SELECT
        1
      FROM "layered" AS "held_0"
      WHERE
        "held_0"."place" = "islands"."place" AND "held_0"."run" = "islands"."run"
    )
), "stretches" AS (
  SELECT
    "place",
    "run",
    "at_us" AS "from_us",
    LEAD("at_us") OVER (PARTITION BY "place", "run" ORDER BY "at_us") AS "to_us"
  FROM "edges"
), "largest" AS (
  SELECT
    "place",
    "run",
    "from_us",
    "to_us",
    MAX("share") AS "share"
  FROM "stretches"
  JOIN "islands"
    USING ("place", "run")
  WHERE
    "start_us" <= "from_us" AND "to_us" <= "end_us"
  GROUP BY
    1,
    2,
    3,
    4
), "turned" AS (
  SELECT
    *,
    LAG("to_us") OVER (PARTITION BY "place", "run" ORDER BY "from_us") IS DISTINCT FROM "from_us"
    OR LAG("share") OVER (PARTITION BY "place", "run" ORDER BY "from_us") IS DISTINCT FROM "share" AS "is_new"
  FROM "largest"
)
SELECT
  *
FROM "numbered"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "several" AS "held_0"
    WHERE
      "held_0"."place" = "numbered"."place" AND "held_0"."run" = "numbered"."run"
  )
UNION ALL
SELECT
  *
FROM "islands"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "layered" AS "held_0"
    WHERE
      "held_0"."place" = "islands"."place" AND "held_0"."run" = "islands"."run"
  )
UNION ALL
SELECT
  "place",
  "run",
  MIN("from_us"),
  MAX("to_us"),
  "share"
FROM (
  SELECT
    *,
    COUNT(CASE WHEN "is_new" THEN 1 END) OVER (
      PARTITION BY "place", "run"
      ORDER BY "from_us"
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "stretch"
  FROM "turned"
)
GROUP BY
  "place",
  "run",
  "share",
  "stretch";

DROP TABLE "claims";

DROP TABLE IF EXISTS "grains";

CREATE TABLE "grains" AS
SELECT DISTINCT
  "place",
  0 AS "grain"
FROM "ways"
WHERE
  FALSE AND NOT "place" IS NULL
UNION
SELECT DISTINCT
  "place",
  (
    CASE
      WHEN "end_us" <= "start_us"
      THEN 3
      WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
      THEN 0
      WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
      THEN 1
      ELSE 2
    END
  )
FROM (
  SELECT
    "face",
    "start_us",
    "end_us",
    "paid_us",
    "billed",
    BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
    BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
    BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
  FROM "narrow_lines"
) AS "lines"
JOIN "ways"
  USING ("face")
WHERE
  NOT FALSE AND NOT "place" IS NULL;

DROP TABLE IF EXISTS "odd_periods";

CREATE TABLE "odd_periods" AS
SELECT DISTINCT
  "place",
  "start_us",
  "end_us"
FROM (
  SELECT
    "face",
    "start_us",
    "end_us",
    "paid_us",
    "billed",
    BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
    BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
    BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
  FROM "narrow_lines"
) AS "lines"
JOIN "ways"
  USING ("face")
WHERE
  TRUE
  AND NOT "place" IS NULL
  AND (
    CASE
      WHEN "end_us" <= "start_us"
      THEN 3
      WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
      THEN 0
      WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
      THEN 1
      ELSE 2
    END
  ) = 2;

DROP TABLE IF EXISTS "pieces";

CREATE TABLE "pieces" AS
WITH "hourly" AS (
  SELECT
    *,
    "listed"."period_us" AS "period_us"
  FROM "holds"
  CROSS JOIN UNNEST(SEQUENCE(
    CAST((
      "start_us" - (
        "start_us" % 3600000000
      )
    ) / 3600000000 AS BIGINT) * 3600000000,
    (
      "end_us"
    ) - 1,
    3600000000
  )) AS "listed"("period_us")
  WHERE
    "place" IN (
      SELECT
        "place"
      FROM "grains"
      WHERE
        "grain" = 0
    )
), "daily" AS (
  SELECT
    *,
    "listed"."period_us" AS "period_us"
  FROM "holds"
  CROSS JOIN UNNEST(SEQUENCE(
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT) * 86400000000,
    (
      "end_us"
    ) - 1,
    86400000000
  )) AS "listed"("period_us")
  WHERE
    "place" IN (
      SELECT
        "place"
      FROM "grains"
      WHERE
        "grain" = 1
    )
), "odd_days" AS (
  SELECT
    *,
    "listed"."day" AS "day"
  FROM "odd_periods"
  CROSS JOIN UNNEST(SEQUENCE(
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT),
    (
      CAST((
        (
          "end_us" - 1
        ) - (
          (
            "end_us" - 1
          ) % 86400000000
        )
      ) / 86400000000 AS BIGINT) + 1
    ) - 1
  )) AS "listed"("day")
), "held_days" AS (
  SELECT
    *,
    "listed"."day" AS "day"
  FROM "holds"
  CROSS JOIN UNNEST(SEQUENCE(
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT),
    (
      CAST((
        (
          "end_us" - 1
        ) - (
          (
            "end_us" - 1
          ) % 86400000000
        )
      ) / 86400000000 AS BIGINT) + 1
    ) - 1
  )) AS "listed"("day")
  WHERE
    "place" IN (
      SELECT
        "place"
      FROM "odd_periods"
    )
)
SELECT
  "place",
  "period_us" AS "start_us",
  "period_us" + 3600000000 AS "end_us",
  "run",
  "share",
  GREATEST("start_us", "period_us") AS "from_us",
  LEAST("end_us", "period_us" + 3600000000) AS "to_us"
FROM "hourly"
UNION ALL
SELECT
  "place",
  "period_us",
  "period_us" + 86400000000,
  "run",
  "share",
  GREATEST("start_us", "period_us"),
  LEAST("end_us", "period_us" + 86400000000)
FROM "daily"
UNION ALL
SELECT
  "odd_days"."place",
  "odd_days"."start_us",
  "odd_days"."end_us",
  "run",
  "share",
  GREATEST("held_days"."start_us", "odd_days"."start_us"),
  LEAST("held_days"."end_us", "odd_days"."end_us")
FROM "odd_days"
JOIN "held_days"
  USING ("place", "day")
WHERE
  "held_days"."start_us" < "odd_days"."end_us"
  AND "odd_days"."start_us" < "held_days"."end_us"
  AND "day" = CAST((
    GREATEST("held_days"."start_us", "odd_days"."start_us") - (
      GREATEST("held_days"."start_us", "odd_days"."start_us") % 86400000000
    )
  ) / 86400000000 AS BIGINT);

DROP TABLE "holds";

DROP TABLE IF EXISTS "periods";

CREATE TABLE "periods" AS
SELECT
  "place",
  "start_us",
  "end_us",
  ARBITRARY("run") AS "run",
  CAST(COUNT(*) AS BIGINT) AS "pieces",
  SUM(CAST("share" AS DECIMAL(38, 0))) > 144144000 AS "is_crowded",
  CAST(CASE
    WHEN SUM(CAST("share" AS DECIMAL(38, 0))) <= 144144000
    THEN SUM(
      CAST(CAST("share" AS DECIMAL(38, 0)) * (
        "to_us" - "from_us"
      ) AS DECIMAL(38, 0))
    )
  END AS DECIMAL(38, 0)) AS "used"
FROM "pieces"
GROUP BY
  "place",
  "start_us",
  "end_us";

-- Capacity: for how long a place was paid for in a period, where that is not simply the period.
-- The rule in words is in by_hand_capacity.py.

DROP TABLE IF EXISTS "timed";

CREATE TABLE "timed" AS
SELECT
  "place",
  CAST((
    "start_us" - (
      "start_us" % 86400000000
    )
  ) / 86400000000 AS BIGINT) AS "day",
  "grain",
  MIN("end_us" - "start_us") AS "shortest_us",
  BITWISE_OR_AGG(
    BITWISE_LEFT_SHIFT(
      1,
      (
        CAST((
          (
            "start_us" % 86400000000
          ) - (
            (
              "start_us" % 86400000000
            ) % 3600000000
          )
        ) / 3600000000 AS BIGINT)
      )
    )
  ) AS "hours"
FROM (
  SELECT
    *,
    (
      CASE
        WHEN "end_us" <= "start_us"
        THEN 3
        WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
        THEN 0
        WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
        THEN 1
        ELSE 2
      END
    ) AS "grain"
  FROM (
    SELECT
      "face",
      "start_us",
      "end_us",
      "paid_us",
      "billed",
      BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
      BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
      BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
    FROM "narrow_lines"
  ) AS "lines"
  WHERE
    TRUE AND NOT "paid_us" IS NULL
)
JOIN "faces"
  USING ("face")
JOIN "places"
  ON "places"."name" = LOWER("ResourceId")
GROUP BY
  1,
  2,
  3;

DROP TABLE IF EXISTS "paid_places";

CREATE TABLE "paid_places" AS
SELECT
  "place",
  "start_us",
  "end_us",
  COALESCE(
    MAX(
      CASE WHEN "paid_us" > 0 AND "paid_us" <= "end_us" - "start_us" THEN "paid_us" END
    ),
    "end_us" - "start_us"
  ) AS "paid_us"
FROM (
  SELECT
    "place",
    "start_us",
    "end_us",
    "sku",
    SUM(CAST("paid_us" AS DECIMAL(38, 0))) AS "paid_us"
  FROM "paid"
  JOIN "places"
    ON "places"."name" = "resource"
  GROUP BY
    "place",
    "start_us",
    "end_us",
    "sku"
)
GROUP BY
  "place",
  "start_us",
  "end_us";

DROP TABLE IF EXISTS "coarse";

CREATE TABLE "coarse" AS
SELECT
  "place",
  "start_us",
  "end_us"
FROM "periods"
JOIN (
  SELECT
    "place",
    MIN("shortest_us") AS "shortest_us"
  FROM "timed"
  WHERE
    "grain" < 3
  GROUP BY
    "place"
) AS "shortest"
  USING ("place")
WHERE
  "end_us" - "start_us" >= 2 * "shortest_us";

DROP TABLE IF EXISTS "finer";

CREATE TABLE "finer" AS
WITH "whole" AS (
  SELECT
    "place",
    "day",
    "grain",
    "hours"
  FROM "timed"
  WHERE
    "grain" < 2 AND "place" IN (
      SELECT
        "place"
      FROM "coarse"
    )
), "uneven" AS (
  SELECT DISTINCT
    "place",
    CAST((
      "start_us" - (
        "start_us" % 86400000000
      )
    ) / 86400000000 AS BIGINT) AS "day"
  FROM "paid_places"
), "spans" AS (
  SELECT
    "place",
    "day" * 86400000000 AS "start_us",
    (
      "day" + 1
    ) * 86400000000 AS "end_us"
  FROM "whole"
  WHERE
    "grain" = 1
    AND NOT EXISTS(
      SELECT
        1
      FROM "uneven" AS "held_0"
      WHERE
        "held_0"."place" = "whole"."place" AND "held_0"."day" = "whole"."day"
    )
  UNION
  SELECT
    "place",
    "day" * 86400000000 + "hour" * 3600000000,
    "day" * 86400000000 + (
      "hour" + 1
    ) * 3600000000
  FROM (
    SELECT
      *,
      "listed"."hour" AS "hour"
    FROM "whole"
    CROSS JOIN UNNEST(SEQUENCE(0, (
      24
    ) - 1)) AS "listed"("hour")
    WHERE
      "grain" = 0
      AND NOT EXISTS(
        SELECT
          1
        FROM "uneven" AS "held_0"
        WHERE
          "held_0"."place" = "whole"."place" AND "held_0"."day" = "whole"."day"
      )
  )
  WHERE
    BITWISE_AND(BITWISE_RIGHT_SHIFT("hours", "hour"), 1) = 1
), "all_paid" AS (
  SELECT
    "place",
    "start_us",
    "end_us",
    "end_us" - "start_us" AS "paid_us"
  FROM "spans"
  UNION ALL
  SELECT
    *
  FROM "paid_places"
  WHERE
    "place" IN (
      SELECT
        "place"
      FROM "coarse"
    )
), "grained" AS (
  SELECT
    *,
    CASE
      WHEN "end_us" - "start_us" = 3600000000 AND "start_us" % 3600000000 = 0
      THEN 0
      WHEN "end_us" - "start_us" = 86400000000 AND "start_us" % 86400000000 = 0
      THEN 1
      ELSE 2
    END AS "grain"
  FROM "all_paid"
), "within" AS (
  SELECT
    "coarse"."place",
    "coarse"."start_us",
    "coarse"."end_us",
    "grain",
    SUM(CAST("paid_us" AS DECIMAL(38, 0))) AS "paid_us"
  FROM "coarse"
  JOIN "grained"
    ON "grained"."place" = "coarse"."place"
    AND "grained"."start_us" >= "coarse"."start_us"
    AND "grained"."end_us" <= "coarse"."end_us"
    AND 2 * (
      "grained"."end_us" - "grained"."start_us"
    ) <= "coarse"."end_us" - "coarse"."start_us"
  GROUP BY
    1,
    2,
    3,
    4
), "itself" AS (
  SELECT
    "coarse".*
  FROM "coarse"
  WHERE
    EXISTS(
      SELECT
        1
      FROM "grained" AS "held_0"
      WHERE
        (
          "held_0"."place" = "coarse"."place" AND "held_0"."start_us" = "coarse"."start_us"
        )
        AND "held_0"."end_us" = "coarse"."end_us"
    )
)
SELECT
  "place",
  "start_us",
  "end_us",
  CAST(LEAST(MIN_BY("paid_us", "grain"), "end_us" - "start_us") AS BIGINT) AS "paid_us"
FROM "within"
WHERE
  NOT EXISTS(
    SELECT
      1
    FROM "itself" AS "held_0"
    WHERE
      (
        "held_0"."place" = "within"."place" AND "held_0"."start_us" = "within"."start_us"
      )
      AND "held_0"."end_us" = "within"."end_us"
  )
GROUP BY
  "place",
  "start_us",
  "end_us";

DROP TABLE IF EXISTS "lived";

CREATE TABLE "lived" AS
WITH "named" AS (
  SELECT
    "place",
    "start_us",
    "end_us"
  FROM "lives"
  JOIN "places"
    ON "places"."name" = LOWER("lives"."name")
  WHERE
    "start_us" < "end_us"
    AND NOT EXISTS(
      SELECT
        1
      FROM "timed" AS "held_1"
      WHERE
        "held_1"."place" = "places"."place"
    )
), "marked" AS (
  SELECT
    *,
    "start_us" > MAX("end_us") OVER (
      PARTITION BY "place"
      ORDER BY "start_us", "end_us"
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS "is_new"
  FROM "named"
), "islands" AS (
  SELECT
    "place",
    MIN("start_us") AS "born_us",
    MAX("end_us") AS "gone_us"
  FROM (
    SELECT
      *,
      COUNT(CASE WHEN "is_new" THEN 1 END) OVER (
        PARTITION BY "place"
        ORDER BY "start_us", "end_us"
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS "island"
    FROM "marked"
  )
  GROUP BY
    "place",
    "island"
)
SELECT
  "place",
  "start_us",
  "end_us",
  CAST(SUM(
    CAST(LEAST("end_us", "gone_us") - GREATEST("start_us", "born_us") AS DECIMAL(38, 0))
  ) AS BIGINT) AS "paid_us"
FROM "periods"
JOIN "islands"
  USING ("place")
WHERE
  "born_us" < "end_us" AND "gone_us" > "start_us"
GROUP BY
  "place",
  "start_us",
  "end_us";

DROP TABLE IF EXISTS "capacities";

CREATE TABLE "capacities" AS
SELECT
  *
FROM "paid_places"
WHERE
  EXISTS(
    SELECT
      1
    FROM "periods" AS "held_0"
    WHERE
      (
        "held_0"."place" = "paid_places"."place"
        AND "held_0"."start_us" = "paid_places"."start_us"
      )
      AND "held_0"."end_us" = "paid_places"."end_us"
  )
UNION ALL
SELECT
  *
FROM "finer"
UNION ALL
SELECT
  *
FROM "lived";

-- Division: per period the proportions between which each run's part of a charge lies.
-- A proportion is a whole number of 2^-62; see proportion.py.

DROP TABLE IF EXISTS "measured";

CREATE TABLE "measured" AS
SELECT
  CAST((
    ROW_NUMBER() OVER ()
  ) AS BIGINT) AS "period",
  "periods".*,
  CAST(COALESCE("paid_us", "end_us" - "start_us") AS DECIMAL(38, 0)) * 144144000 AS "paid"
FROM "periods"
LEFT JOIN "capacities"
  USING ("place", "start_us", "end_us");

DROP TABLE IF EXISTS "shares";

CREATE TABLE "shares" AS
SELECT
  "place",
  "start_us",
  "end_us",
  "run",
  CAST(0 AS BIGINT) AS "low",
  (
    CASE
      WHEN "used" >= GREATEST("used", "paid")
      THEN CAST(4611686018427387904 AS BIGINT)
      WHEN GREATEST("used", "paid") < 2199023255552
      THEN (
        (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                ) * CAST("used" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                  ) * CAST("used" AS BIGINT)
                ) % CAST(GREATEST("used", "paid") AS BIGINT)
              )
            ) / CAST(GREATEST("used", "paid") AS BIGINT) AS BIGINT),
            42
          )
        ) + (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                    ) * CAST("used" AS BIGINT) % CAST(GREATEST("used", "paid") AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                ) * CAST("used" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                      ) * CAST("used" AS BIGINT) % CAST(GREATEST("used", "paid") AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                  ) * CAST("used" AS BIGINT)
                ) % CAST(GREATEST("used", "paid") AS BIGINT)
              )
            ) / CAST(GREATEST("used", "paid") AS BIGINT) AS BIGINT),
            21
          )
        ) + (
          CAST((
            (
              (
                BITWISE_LEFT_SHIFT(
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                        ) * CAST("used" AS BIGINT) % CAST(GREATEST("used", "paid") AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                    ) * CAST("used" AS BIGINT)
                  ) % CAST(GREATEST("used", "paid") AS BIGINT),
                  21
                )
              ) + (
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
              ) * CAST("used" AS BIGINT) + CAST(GREATEST("used", "paid") AS BIGINT) - 1
            ) - (
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                          ) * CAST("used" AS BIGINT) % CAST(GREATEST("used", "paid") AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                      ) * CAST("used" AS BIGINT)
                    ) % CAST(GREATEST("used", "paid") AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
                ) * CAST("used" AS BIGINT) + CAST(GREATEST("used", "paid") AS BIGINT) - 1
              ) % CAST(GREATEST("used", "paid") AS BIGINT)
            )
          ) / CAST(GREATEST("used", "paid") AS BIGINT) AS BIGINT)
        )
      )
      WHEN GREATEST("used", "paid") < 9223372036854775808
      THEN CAST((
        CAST((
          (
            CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "used" + GREATEST("used", "paid") - 1
          ) - (
            (
              CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "used" + GREATEST("used", "paid") - 1
            ) % GREATEST("used", "paid")
          )
        ) / GREATEST("used", "paid") AS DECIMAL(38, 0))
      ) AS BIGINT)
      ELSE (
        CAST((
          (
            CAST((
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * "used"
              ) - (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "used"
                ) % GREATEST("used", "paid")
              )
            ) / GREATEST("used", "paid") AS DECIMAL(38, 0))
          ) * 2147483648 + CAST((
            (
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * "used" % GREATEST("used", "paid")
              ) * 2147483648 + CAST((
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
              ) AS DECIMAL(38, 0)) * "used" + GREATEST("used", "paid") - 1
            ) - (
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "used" % GREATEST("used", "paid")
                ) * 2147483648 + CAST((
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
                ) AS DECIMAL(38, 0)) * "used" + GREATEST("used", "paid") - 1
              ) % GREATEST("used", "paid")
            )
          ) / GREATEST("used", "paid") AS DECIMAL(38, 0))
        ) AS BIGINT)
      )
    END
  ) AS "high"
FROM "measured"
WHERE
  "pieces" = 1;

DROP TABLE IF EXISTS "contested";

CREATE TABLE "contested" AS
SELECT
  "period",
  "pieces"."run",
  "share",
  "from_us",
  "to_us",
  "is_crowded"
FROM "pieces"
JOIN "measured"
  USING ("place", "start_us", "end_us")
WHERE
  "measured"."pieces" > 1;

DROP TABLE "pieces";

-- Crowd: the proportions of the periods that several runs hold, from one period number to another;
-- so many at a time that memory stays bounded however many runs there are.

DROP TABLE IF EXISTS "crowded_weights";

CREATE TABLE "crowded_weights" AS
WITH "held" AS (
  SELECT
    "period",
    "run",
    "share",
    "from_us",
    "to_us"
  FROM "contested"
  WHERE
    "is_crowded" AND "period" BETWEEN 0 AND 9223372036854775807
), "changes" AS (
  SELECT
    "period",
    "at_us",
    CAST(SUM(CAST("change" AS DECIMAL(38, 0))) AS BIGINT) AS "change"
  FROM (
    SELECT
      "period",
      "from_us" AS "at_us",
      "share" AS "change"
    FROM "held"
    UNION ALL
    SELECT
      "period",
      "to_us",
      -"share"
    FROM "held"
  )
  GROUP BY
    "period",
    "at_us"
), "levels" AS (
  SELECT
    "period",
    "at_us",
    CAST((
      SUM(CAST("change" AS DECIMAL(38, 0))) OVER (PARTITION BY "period" ORDER BY "at_us")
    ) AS BIGINT) AS "shares",
    CAST((
      LEAD("at_us") OVER (PARTITION BY "period" ORDER BY "at_us") - "at_us"
    ) AS DECIMAL(38, 0)) AS "length_us"
  FROM "changes"
), "clock" AS (
  SELECT
    "period",
    "at_us",
    COALESCE("length_us" * LEAST("shares", 144144000), 0) AS "used",
    CAST(COALESCE(
      SUM(
        CAST(CAST((
          (
            "length_us" * 9225216000
          ) - (
            (
              "length_us" * 9225216000
            ) % GREATEST("shares", 144144000)
          )
        ) / GREATEST("shares", 144144000) AS BIGINT) AS DECIMAL(38, 0))
      ) OVER (
        PARTITION BY "period"
        ORDER BY "at_us"
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ),
      0
    ) AS DECIMAL(38, 0)) AS "scaled_ticks"
  FROM "levels"
), "weights" AS (
  SELECT
    "held"."period",
    "run",
    SUM(
      CAST("share" * (
        "until"."scaled_ticks" - "since"."scaled_ticks"
      ) AS DECIMAL(38, 0))
    ) AS "weight"
  FROM "held"
  JOIN "clock" AS "since"
    ON "since"."period" = "held"."period" AND "since"."at_us" = "from_us"
  JOIN "clock" AS "until"
    ON "until"."period" = "held"."period" AND "until"."at_us" = "to_us"
  GROUP BY
    "held"."period",
    "run"
), "used" AS (
  SELECT
    "period",
    SUM(CAST("used" AS DECIMAL(38, 0))) AS "used"
  FROM "clock"
  GROUP BY
    "period"
)
SELECT
  "period",
  "run",
  "weight",
  "used"
FROM "weights"
JOIN "used"
  USING ("period");

INSERT INTO "shares"
WITH "together" AS (
  SELECT
    "period",
    "run",
    SUM(
      CAST(CAST("share" AS DECIMAL(38, 0)) * (
        "to_us" - "from_us"
      ) AS DECIMAL(38, 0))
    ) AS "weight",
    NULL AS "used"
  FROM "contested"
  WHERE
    NOT "is_crowded" AND "period" BETWEEN 0 AND 9223372036854775807
  GROUP BY
    "period",
    "run"
  UNION ALL
  SELECT
    "period",
    "run",
    "weight",
    "used"
  FROM "crowded_weights"
), "running" AS (
  SELECT
    *,
    SUM(CAST("weight" AS DECIMAL(38, 0))) OVER (PARTITION BY "period") AS "total",
    SUM(CAST("weight" AS DECIMAL(38, 0))) OVER (
      PARTITION BY "period"
      ORDER BY "run"
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "reached"
  FROM "together"
), "claimed" AS (
  SELECT
    "place",
    "start_us",
    "end_us",
    "run",
    "weight",
    "reached",
    "total",
    (
      CASE
        WHEN "in_use" >= GREATEST("in_use", "paid")
        THEN CAST(4611686018427387904 AS BIGINT)
        WHEN GREATEST("in_use", "paid") < 2199023255552
        THEN (
          (
            BITWISE_LEFT_SHIFT(
              CAST((
                (
                  (
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                  ) * CAST("in_use" AS BIGINT)
                ) - (
                  (
                    (
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                    ) * CAST("in_use" AS BIGINT)
                  ) % CAST(GREATEST("in_use", "paid") AS BIGINT)
                )
              ) / CAST(GREATEST("in_use", "paid") AS BIGINT) AS BIGINT),
              42
            )
          ) + (
            BITWISE_LEFT_SHIFT(
              CAST((
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                      ) * CAST("in_use" AS BIGINT) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                  ) * CAST("in_use" AS BIGINT)
                ) - (
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                        ) * CAST("in_use" AS BIGINT) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                    ) * CAST("in_use" AS BIGINT)
                  ) % CAST(GREATEST("in_use", "paid") AS BIGINT)
                )
              ) / CAST(GREATEST("in_use", "paid") AS BIGINT) AS BIGINT),
              21
            )
          ) + (
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                          ) * CAST("in_use" AS BIGINT) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                      ) * CAST("in_use" AS BIGINT)
                    ) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
                ) * CAST("in_use" AS BIGINT) + CAST(GREATEST("in_use", "paid") AS BIGINT) - 1
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        (
                          BITWISE_LEFT_SHIFT(
                            (
                              BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                            ) * CAST("in_use" AS BIGINT) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                            21
                          )
                        ) + (
                          BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                        ) * CAST("in_use" AS BIGINT)
                      ) % CAST(GREATEST("in_use", "paid") AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
                  ) * CAST("in_use" AS BIGINT) + CAST(GREATEST("in_use", "paid") AS BIGINT) - 1
                ) % CAST(GREATEST("in_use", "paid") AS BIGINT)
              )
            ) / CAST(GREATEST("in_use", "paid") AS BIGINT) AS BIGINT)
          )
        )
        WHEN GREATEST("in_use", "paid") < 9223372036854775808
        THEN CAST((
          CAST((
            (
              CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "in_use" + GREATEST("in_use", "paid") - 1
            ) - (
              (
                CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "in_use" + GREATEST("in_use", "paid") - 1
              ) % GREATEST("in_use", "paid")
            )
          ) / GREATEST("in_use", "paid") AS DECIMAL(38, 0))
        ) AS BIGINT)
        ELSE (
          CAST((
            (
              CAST((
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "in_use"
                ) - (
                  (
                    CAST((
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                    ) AS DECIMAL(38, 0)) * "in_use"
                  ) % GREATEST("in_use", "paid")
                )
              ) / GREATEST("in_use", "paid") AS DECIMAL(38, 0))
            ) * 2147483648 + CAST((
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "in_use" % GREATEST("in_use", "paid")
                ) * 2147483648 + CAST((
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
                ) AS DECIMAL(38, 0)) * "in_use" + GREATEST("in_use", "paid") - 1
              ) - (
                (
                  (
                    CAST((
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                    ) AS DECIMAL(38, 0)) * "in_use" % GREATEST("in_use", "paid")
                  ) * 2147483648 + CAST((
                    BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
                  ) AS DECIMAL(38, 0)) * "in_use" + GREATEST("in_use", "paid") - 1
                ) % GREATEST("in_use", "paid")
              )
            ) / GREATEST("in_use", "paid") AS DECIMAL(38, 0))
          ) AS BIGINT)
        )
      END
    ) AS "claimed"
  FROM (
    SELECT
      "running".*,
      "place",
      "start_us",
      "end_us",
      "paid",
      COALESCE("running"."used", CAST("measured"."used" AS DECIMAL(38, 0))) AS "in_use"
    FROM "running"
    JOIN "measured"
      USING ("period")
    WHERE
      "period" BETWEEN 0 AND 9223372036854775807
  ) AS "running"
)
SELECT
  "place",
  "start_us",
  "end_us",
  "run",
  (
    CASE
      WHEN (
        "reached" - "weight"
      ) >= "total"
      THEN "claimed"
      WHEN "total" < 2199023255552
      THEN (
        (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_RIGHT_SHIFT("claimed", 42)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_RIGHT_SHIFT("claimed", 42)
                  ) * CAST((
                    "reached" - "weight"
                  ) AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            42
          )
        ) + (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      BITWISE_RIGHT_SHIFT("claimed", 42)
                    ) * CAST((
                      "reached" - "weight"
                    ) AS BIGINT) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT("claimed", 42)
                      ) * CAST((
                        "reached" - "weight"
                      ) AS BIGINT) % CAST("total" AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                  ) * CAST((
                    "reached" - "weight"
                  ) AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            21
          )
        ) + (
          CAST((
            (
              (
                BITWISE_LEFT_SHIFT(
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT("claimed", 42)
                        ) * CAST((
                          "reached" - "weight"
                        ) AS BIGINT) % CAST("total" AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                    ) * CAST((
                      "reached" - "weight"
                    ) AS BIGINT)
                  ) % CAST("total" AS BIGINT),
                  21
                )
              ) + (
                BITWISE_AND("claimed", 2097151)
              ) * CAST((
                "reached" - "weight"
              ) AS BIGINT) + CAST("total" AS BIGINT) - 1
            ) - (
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT("claimed", 42)
                          ) * CAST((
                            "reached" - "weight"
                          ) AS BIGINT) % CAST("total" AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                      ) * CAST((
                        "reached" - "weight"
                      ) AS BIGINT)
                    ) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND("claimed", 2097151)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT) + CAST("total" AS BIGINT) - 1
              ) % CAST("total" AS BIGINT)
            )
          ) / CAST("total" AS BIGINT) AS BIGINT)
        )
      )
      WHEN "total" < 9223372036854775808
      THEN CAST((
        CAST((
          (
            CAST("claimed" AS DECIMAL(38, 0)) * (
              "reached" - "weight"
            ) + "total" - 1
          ) - (
            (
              CAST("claimed" AS DECIMAL(38, 0)) * (
                "reached" - "weight"
              ) + "total" - 1
            ) % "total"
          )
        ) / "total" AS DECIMAL(38, 0))
      ) AS BIGINT)
      ELSE (
        CAST((
          (
            CAST((
              (
                CAST((
                  BITWISE_RIGHT_SHIFT("claimed", 31)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                )
              ) - (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT("claimed", 31)
                  ) AS DECIMAL(38, 0)) * (
                    "reached" - "weight"
                  )
                ) % "total"
              )
            ) / "total" AS DECIMAL(38, 0))
          ) * 2147483648 + CAST((
            (
              (
                CAST((
                  BITWISE_RIGHT_SHIFT("claimed", 31)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                ) % "total"
              ) * 2147483648 + CAST((
                BITWISE_AND("claimed", 2147483647)
              ) AS DECIMAL(38, 0)) * (
                "reached" - "weight"
              ) + "total" - 1
            ) - (
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT("claimed", 31)
                  ) AS DECIMAL(38, 0)) * (
                    "reached" - "weight"
                  ) % "total"
                ) * 2147483648 + CAST((
                  BITWISE_AND("claimed", 2147483647)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                ) + "total" - 1
              ) % "total"
            )
          ) / "total" AS DECIMAL(38, 0))
        ) AS BIGINT)
      )
    END
  ),
  (
    CASE
      WHEN "reached" >= "total"
      THEN "claimed"
      WHEN "total" < 2199023255552
      THEN (
        (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_RIGHT_SHIFT("claimed", 42)
                ) * CAST("reached" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_RIGHT_SHIFT("claimed", 42)
                  ) * CAST("reached" AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            42
          )
        ) + (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      BITWISE_RIGHT_SHIFT("claimed", 42)
                    ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                ) * CAST("reached" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT("claimed", 42)
                      ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                  ) * CAST("reached" AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            21
          )
        ) + (
          CAST((
            (
              (
                BITWISE_LEFT_SHIFT(
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT("claimed", 42)
                        ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                    ) * CAST("reached" AS BIGINT)
                  ) % CAST("total" AS BIGINT),
                  21
                )
              ) + (
                BITWISE_AND("claimed", 2097151)
              ) * CAST("reached" AS BIGINT) + CAST("total" AS BIGINT) - 1
            ) - (
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT("claimed", 42)
                          ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT("claimed", 21), 2097151)
                      ) * CAST("reached" AS BIGINT)
                    ) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND("claimed", 2097151)
                ) * CAST("reached" AS BIGINT) + CAST("total" AS BIGINT) - 1
              ) % CAST("total" AS BIGINT)
            )
          ) / CAST("total" AS BIGINT) AS BIGINT)
        )
      )
      WHEN "total" < 9223372036854775808
      THEN CAST((
        CAST((
          (
            CAST("claimed" AS DECIMAL(38, 0)) * "reached" + "total" - 1
          ) - (
            (
              CAST("claimed" AS DECIMAL(38, 0)) * "reached" + "total" - 1
            ) % "total"
          )
        ) / "total" AS DECIMAL(38, 0))
      ) AS BIGINT)
      ELSE (
        CAST((
          (
            CAST((
              (
                CAST((
                  BITWISE_RIGHT_SHIFT("claimed", 31)
                ) AS DECIMAL(38, 0)) * "reached"
              ) - (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT("claimed", 31)
                  ) AS DECIMAL(38, 0)) * "reached"
                ) % "total"
              )
            ) / "total" AS DECIMAL(38, 0))
          ) * 2147483648 + CAST((
            (
              (
                CAST((
                  BITWISE_RIGHT_SHIFT("claimed", 31)
                ) AS DECIMAL(38, 0)) * "reached" % "total"
              ) * 2147483648 + CAST((
                BITWISE_AND("claimed", 2147483647)
              ) AS DECIMAL(38, 0)) * "reached" + "total" - 1
            ) - (
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT("claimed", 31)
                  ) AS DECIMAL(38, 0)) * "reached" % "total"
                ) * 2147483648 + CAST((
                  BITWISE_AND("claimed", 2147483647)
                ) AS DECIMAL(38, 0)) * "reached" + "total" - 1
              ) % "total"
            )
          ) / "total" AS DECIMAL(38, 0))
        ) AS BIGINT)
      )
    END
  )
FROM "claimed";

-- Amounts: the bill streamed past the shares, and what is left by subtraction.

DROP TABLE IF EXISTS "claimed";

CREATE TABLE "claimed" AS
WITH "held" AS (
  SELECT
    "out",
    "run" AS "run_number",
    CAST((
      CAST((
        "start_us" - (
          "start_us" % 86400000000
        )
      ) / 86400000000 AS BIGINT)
    ) AS BIGINT) AS "day",
    "low",
    "high",
    "billed",
    "effective",
    "list",
    "contracted",
    (
      CASE
        WHEN ABS("billed") < 4611686018427387904
        THEN CASE WHEN "billed" < 0 THEN -1 WHEN "billed" > 0 THEN 1 ELSE 0 END * (
          (
            (
              BITWISE_RIGHT_SHIFT(ABS("billed"), 31)
            ) * (
              BITWISE_RIGHT_SHIFT("high", 31)
            ) + (
              BITWISE_RIGHT_SHIFT(
                (
                  (
                    BITWISE_RIGHT_SHIFT(ABS("billed"), 31)
                  ) * (
                    BITWISE_AND("high", 2147483647)
                  ) + (
                    BITWISE_AND(ABS("billed"), 2147483647)
                  ) * (
                    BITWISE_RIGHT_SHIFT("high", 31)
                  ) + (
                    BITWISE_RIGHT_SHIFT(
                      (
                        BITWISE_AND(ABS("billed"), 2147483647)
                      ) * (
                        BITWISE_AND("high", 2147483647)
                      ),
                      31
                    )
                  )
                ),
                31
              )
            )
          ) - CASE
            WHEN "low" = 0
            THEN 0
            ELSE (
              (
                BITWISE_RIGHT_SHIFT(ABS("billed"), 31)
              ) * (
                BITWISE_RIGHT_SHIFT("low", 31)
              ) + (
                BITWISE_RIGHT_SHIFT(
                  (
                    (
                      BITWISE_RIGHT_SHIFT(ABS("billed"), 31)
                    ) * (
                      BITWISE_AND("low", 2147483647)
                    ) + (
                      BITWISE_AND(ABS("billed"), 2147483647)
                    ) * (
                      BITWISE_RIGHT_SHIFT("low", 31)
                    ) + (
                      BITWISE_RIGHT_SHIFT(
                        (
                          BITWISE_AND(ABS("billed"), 2147483647)
                        ) * (
                          BITWISE_AND("low", 2147483647)
                        ),
                        31
                      )
                    )
                  ),
                  31
                )
              )
            )
          END
        )
        ELSE CAST((
          (
            CASE WHEN "billed" < 0 THEN -1 WHEN "billed" > 0 THEN 1 ELSE 0 END * (
              CAST((
                (
                  ABS(CAST("billed" AS DECIMAL(38, 0))) * "high"
                ) - (
                  (
                    ABS(CAST("billed" AS DECIMAL(38, 0))) * "high"
                  ) % 4611686018427387904
                )
              ) / 4611686018427387904 AS DECIMAL(38, 0))
            )
          ) - (
            CASE WHEN "billed" < 0 THEN -1 WHEN "billed" > 0 THEN 1 ELSE 0 END * (
              CAST((
                (
                  ABS(CAST("billed" AS DECIMAL(38, 0))) * "low"
                ) - (
                  (
                    ABS(CAST("billed" AS DECIMAL(38, 0))) * "low"
                  ) % 4611686018427387904
                )
              ) / 4611686018427387904 AS DECIMAL(38, 0))
            )
          )
        ) AS BIGINT)
      END
    ) AS "billed_part"
  FROM (
    SELECT
      "face",
      "start_us",
      "end_us",
      "paid_us",
      "billed",
      BITWISE_XOR("effective", COALESCE("billed", 0)) AS "effective",
      BITWISE_XOR("list", COALESCE("billed", 0)) AS "list",
      BITWISE_XOR("contracted", COALESCE("billed", 0)) AS "contracted"
    FROM "narrow_lines"
  ) AS "lines"
  JOIN "ways"
    USING ("face")
  JOIN "shares"
    USING ("place", "start_us", "end_us")
)
SELECT
  "out",
  "run_number",
  "day",
  CAST(COUNT(*) AS BIGINT) AS "charges",
  CAST(SUM(CAST("billed_part" AS DECIMAL(38, 0))) AS BIGINT) AS "billed",
  CAST(SUM(
    CAST(CASE
      WHEN "effective" = "billed"
      THEN "billed_part"
      ELSE (
        CASE
          WHEN ABS("effective") < 4611686018427387904
          THEN CASE WHEN "effective" < 0 THEN -1 WHEN "effective" > 0 THEN 1 ELSE 0 END * (
            (
              (
                BITWISE_RIGHT_SHIFT(ABS("effective"), 31)
              ) * (
                BITWISE_RIGHT_SHIFT("high", 31)
              ) + (
                BITWISE_RIGHT_SHIFT(
                  (
                    (
                      BITWISE_RIGHT_SHIFT(ABS("effective"), 31)
                    ) * (
                      BITWISE_AND("high", 2147483647)
                    ) + (
                      BITWISE_AND(ABS("effective"), 2147483647)
                    ) * (
                      BITWISE_RIGHT_SHIFT("high", 31)
                    ) + (
                      BITWISE_RIGHT_SHIFT(
                        (
                          BITWISE_AND(ABS("effective"), 2147483647)
                        ) * (
                          BITWISE_AND("high", 2147483647)
                        ),
                        31
                      )
                    )
                  ),
                  31
                )
              )
            ) - CASE
              WHEN "low" = 0
              THEN 0
              ELSE (
                (
                  BITWISE_RIGHT_SHIFT(ABS("effective"), 31)
                ) * (
                  BITWISE_RIGHT_SHIFT("low", 31)
                ) + (
                  BITWISE_RIGHT_SHIFT(
                    (
                      (
                        BITWISE_RIGHT_SHIFT(ABS("effective"), 31)
                      ) * (
                        BITWISE_AND("low", 2147483647)
                      ) + (
                        BITWISE_AND(ABS("effective"), 2147483647)
                      ) * (
                        BITWISE_RIGHT_SHIFT("low", 31)
                      ) + (
                        BITWISE_RIGHT_SHIFT(
                          (
                            BITWISE_AND(ABS("effective"), 2147483647)
                          ) * (
                            BITWISE_AND("low", 2147483647)
                          ),
                          31
                        )
                      )
                    ),
                    31
                  )
                )
              )
            END
          )
          ELSE CAST((
            (
              CASE WHEN "effective" < 0 THEN -1 WHEN "effective" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("effective" AS DECIMAL(38, 0))) * "high"
                  ) - (
                    (
                      ABS(CAST("effective" AS DECIMAL(38, 0))) * "high"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            ) - (
              CASE WHEN "effective" < 0 THEN -1 WHEN "effective" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("effective" AS DECIMAL(38, 0))) * "low"
                  ) - (
                    (
                      ABS(CAST("effective" AS DECIMAL(38, 0))) * "low"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            )
          ) AS BIGINT)
        END
      )
    END AS DECIMAL(38, 0))
  ) AS BIGINT) AS "effective",
  CAST(SUM(
    CAST(CASE
      WHEN "list" = "billed"
      THEN "billed_part"
      ELSE (
        CASE
          WHEN ABS("list") < 4611686018427387904
          THEN CASE WHEN "list" < 0 THEN -1 WHEN "list" > 0 THEN 1 ELSE 0 END * (
            (
              (
                BITWISE_RIGHT_SHIFT(ABS("list"), 31)
              ) * (
                BITWISE_RIGHT_SHIFT("high", 31)
              ) + (
                BITWISE_RIGHT_SHIFT(
                  (
                    (
                      BITWISE_RIGHT_SHIFT(ABS("list"), 31)
                    ) * (
                      BITWISE_AND("high", 2147483647)
                    ) + (
                      BITWISE_AND(ABS("list"), 2147483647)
                    ) * (
                      BITWISE_RIGHT_SHIFT("high", 31)
                    ) + (
                      BITWISE_RIGHT_SHIFT(
                        (
                          BITWISE_AND(ABS("list"), 2147483647)
                        ) * (
                          BITWISE_AND("high", 2147483647)
                        ),
                        31
                      )
                    )
                  ),
                  31
                )
              )
            ) - CASE
              WHEN "low" = 0
              THEN 0
              ELSE (
                (
                  BITWISE_RIGHT_SHIFT(ABS("list"), 31)
                ) * (
                  BITWISE_RIGHT_SHIFT("low", 31)
                ) + (
                  BITWISE_RIGHT_SHIFT(
                    (
                      (
                        BITWISE_RIGHT_SHIFT(ABS("list"), 31)
                      ) * (
                        BITWISE_AND("low", 2147483647)
                      ) + (
                        BITWISE_AND(ABS("list"), 2147483647)
                      ) * (
                        BITWISE_RIGHT_SHIFT("low", 31)
                      ) + (
                        BITWISE_RIGHT_SHIFT(
                          (
                            BITWISE_AND(ABS("list"), 2147483647)
                          ) * (
                            BITWISE_AND("low", 2147483647)
                          ),
                          31
                        )
                      )
                    ),
                    31
                  )
                )
              )
            END
          )
          ELSE CAST((
            (
              CASE WHEN "list" < 0 THEN -1 WHEN "list" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("list" AS DECIMAL(38, 0))) * "high"
                  ) - (
                    (
                      ABS(CAST("list" AS DECIMAL(38, 0))) * "high"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            ) - (
              CASE WHEN "list" < 0 THEN -1 WHEN "list" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("list" AS DECIMAL(38, 0))) * "low"
                  ) - (
                    (
                      ABS(CAST("list" AS DECIMAL(38, 0))) * "low"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            )
          ) AS BIGINT)
        END
      )
    END AS DECIMAL(38, 0))
  ) AS BIGINT) AS "list",
  CAST(SUM(
    CAST(CASE
      WHEN "contracted" = "billed"
      THEN "billed_part"
      ELSE (
        CASE
          WHEN ABS("contracted") < 4611686018427387904
          THEN CASE WHEN "contracted" < 0 THEN -1 WHEN "contracted" > 0 THEN 1 ELSE 0 END * (
            (
              (
                BITWISE_RIGHT_SHIFT(ABS("contracted"), 31)
              ) * (
                BITWISE_RIGHT_SHIFT("high", 31)
              ) + (
                BITWISE_RIGHT_SHIFT(
                  (
                    (
                      BITWISE_RIGHT_SHIFT(ABS("contracted"), 31)
                    ) * (
                      BITWISE_AND("high", 2147483647)
                    ) + (
                      BITWISE_AND(ABS("contracted"), 2147483647)
                    ) * (
                      BITWISE_RIGHT_SHIFT("high", 31)
                    ) + (
                      BITWISE_RIGHT_SHIFT(
                        (
                          BITWISE_AND(ABS("contracted"), 2147483647)
                        ) * (
                          BITWISE_AND("high", 2147483647)
                        ),
                        31
                      )
                    )
                  ),
                  31
                )
              )
            ) - CASE
              WHEN "low" = 0
              THEN 0
              ELSE (
                (
                  BITWISE_RIGHT_SHIFT(ABS("contracted"), 31)
                ) * (
                  BITWISE_RIGHT_SHIFT("low", 31)
                ) + (
                  BITWISE_RIGHT_SHIFT(
                    (
                      (
                        BITWISE_RIGHT_SHIFT(ABS("contracted"), 31)
                      ) * (
                        BITWISE_AND("low", 2147483647)
                      ) + (
                        BITWISE_AND(ABS("contracted"), 2147483647)
                      ) * (
                        BITWISE_RIGHT_SHIFT("low", 31)
                      ) + (
                        BITWISE_RIGHT_SHIFT(
                          (
                            BITWISE_AND(ABS("contracted"), 2147483647)
                          ) * (
                            BITWISE_AND("low", 2147483647)
                          ),
                          31
                        )
                      )
                    ),
                    31
                  )
                )
              )
            END
          )
          ELSE CAST((
            (
              CASE WHEN "contracted" < 0 THEN -1 WHEN "contracted" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("contracted" AS DECIMAL(38, 0))) * "high"
                  ) - (
                    (
                      ABS(CAST("contracted" AS DECIMAL(38, 0))) * "high"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            ) - (
              CASE WHEN "contracted" < 0 THEN -1 WHEN "contracted" > 0 THEN 1 ELSE 0 END * (
                CAST((
                  (
                    ABS(CAST("contracted" AS DECIMAL(38, 0))) * "low"
                  ) - (
                    (
                      ABS(CAST("contracted" AS DECIMAL(38, 0))) * "low"
                    ) % 4611686018427387904
                  )
                ) / 4611686018427387904 AS DECIMAL(38, 0))
              )
            )
          ) AS BIGINT)
        END
      )
    END AS DECIMAL(38, 0))
  ) AS BIGINT) AS "contracted",
  CAST((
    COUNT(*) - COUNT("billed")
  ) AS BIGINT) AS "billed_missing",
  CAST((
    COUNT(*) - COUNT("effective")
  ) AS BIGINT) AS "effective_missing",
  CAST((
    COUNT(*) - COUNT("list")
  ) AS BIGINT) AS "list_missing",
  CAST((
    COUNT(*) - COUNT("contracted")
  ) AS BIGINT) AS "contracted_missing"
FROM "held"
GROUP BY
  "out",
  "run_number",
  "day";

DROP TABLE IF EXISTS "rest";

CREATE TABLE "rest" AS
WITH "whole" AS (
  SELECT
    "face" AS "out",
    "day",
    "charges",
    "billed",
    "effective",
    "list",
    "contracted",
    "billed_missing",
    "effective_missing",
    "list_missing",
    "contracted_missing"
  FROM "narrow_totals" AS "totals"
), "given" AS (
  SELECT
    "out",
    "day",
    SUM(CAST("billed" AS DECIMAL(38, 0))) AS "billed",
    SUM(CAST("effective" AS DECIMAL(38, 0))) AS "effective",
    SUM(CAST("list" AS DECIMAL(38, 0))) AS "list",
    SUM(CAST("contracted" AS DECIMAL(38, 0))) AS "contracted"
  FROM "claimed"
  GROUP BY
    "out",
    "day"
)
SELECT
  "whole"."out",
  "whole"."day",
  "whole"."charges",
  CAST((
    "whole"."billed" - COALESCE("given"."billed", 0)
  ) AS BIGINT) AS "billed",
  CAST((
    "whole"."effective" - COALESCE("given"."effective", 0)
  ) AS BIGINT) AS "effective",
  CAST((
    "whole"."list" - COALESCE("given"."list", 0)
  ) AS BIGINT) AS "list",
  CAST((
    "whole"."contracted" - COALESCE("given"."contracted", 0)
  ) AS BIGINT) AS "contracted",
  "billed_missing",
  "effective_missing",
  "list_missing",
  "contracted_missing"
FROM "whole"
LEFT JOIN "given"
  ON "given"."out" = "whole"."out" AND "given"."day" = "whole"."day"
WHERE
  "given"."out" IS NULL
  OR COALESCE("whole"."billed", 0) <> COALESCE("given"."billed", 0)
  OR COALESCE("whole"."effective", 0) <> COALESCE("given"."effective", 0)
  OR COALESCE("whole"."list", 0) <> COALESCE("given"."list", 0)
  OR COALESCE("whole"."contracted", 0) <> COALESCE("given"."contracted", 0);

-- Pools: shared charges that a rule divides over runs, for the whole bill at once.

DROP TABLE IF EXISTS "pooled";

CREATE TABLE "pooled" AS
SELECT
  "pool",
  "service",
  "account",
  "region",
  "component",
  "currency",
  "charge_category",
  "is_correction",
  CAST(SUM(CAST("charges" AS DECIMAL(38, 0))) AS BIGINT) AS "charges",
  SUM(CAST("billed" AS DECIMAL(38, 0))) AS "billed",
  SUM(CAST("effective" AS DECIMAL(38, 0))) AS "effective",
  SUM(CAST("list" AS DECIMAL(38, 0))) AS "list",
  SUM(CAST("contracted" AS DECIMAL(38, 0))) AS "contracted",
  CAST(SUM(CAST("billed_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "billed_missing",
  CAST(SUM(CAST("effective_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "effective_missing",
  CAST(SUM(CAST("list_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "list_missing",
  CAST(SUM(CAST("contracted_missing" AS DECIMAL(38, 0))) AS BIGINT) AS "contracted_missing"
FROM "rest"
JOIN "outs"
  USING ("out")
WHERE
  TRUE AND NOT "pool" IS NULL
GROUP BY
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8;

DROP TABLE IF EXISTS "pool_weights";

CREATE TABLE "pool_weights" AS
WITH "allocated" AS (
  SELECT
    COALESCE("runs"."run", "outs"."run") AS "run",
    "scopes",
    "currency",
    SUM(CAST("billed" AS DECIMAL(38, 0))) AS "billed",
    SUM(CAST("effective" AS DECIMAL(38, 0))) AS "effective",
    SUM(CAST("list" AS DECIMAL(38, 0))) AS "list",
    SUM(CAST("contracted" AS DECIMAL(38, 0))) AS "contracted"
  FROM (
    SELECT
      "out",
      "run_number",
      "billed",
      "effective",
      "list",
      "contracted"
    FROM "claimed"
    UNION ALL
    SELECT
      "out",
      NULL,
      "billed",
      "effective",
      "list",
      "contracted"
    FROM "rest"
  ) AS "given"
  JOIN "outs"
    USING ("out")
  LEFT JOIN "runs"
    USING ("run_number")
  WHERE
    TRUE AND (
      NOT "run_number" IS NULL OR NOT "outs"."run" IS NULL
    )
  GROUP BY
    1,
    2,
    3
), "rules" AS (
  SELECT
    0 AS "pool",
    '' AS "division",
    FALSE AS "is_scoped",
    '' AS "name"
  WHERE
    FALSE
), "entitled" AS (
  SELECT
    "rules"."pool",
    "currency",
    "run",
    ARBITRARY("division") AS "division",
    GREATEST(SUM(CAST(COALESCE("effective", 0) AS DECIMAL(38, 0))), 0) AS "effective",
    SUM(CAST("billed" AS DECIMAL(38, 0))) <> 0
    OR SUM(CAST("effective" AS DECIMAL(38, 0))) <> 0
    OR SUM(CAST("list" AS DECIMAL(38, 0))) <> 0
    OR SUM(CAST("contracted" AS DECIMAL(38, 0))) <> 0 AS "has_any"
  FROM "rules"
  JOIN "allocated"
    ON NOT "is_scoped"
    OR (
      STRPOS(
        "scopes",
        CONCAT(CAST(',' AS VARCHAR), CAST("rules"."pool" AS VARCHAR), CAST(',' AS VARCHAR))
      ) > 0
    )
  WHERE
    "division" <> 'bytes'
  GROUP BY
    1,
    2,
    3
)
SELECT
  "pool",
  "currency",
  "run",
  CAST((
    CASE WHEN "division" <> 'even' THEN "effective" WHEN "has_any" THEN 1 ELSE 0 END
  ) AS DECIMAL(38, 0)) AS "weight"
FROM "entitled"
UNION ALL
SELECT
  "rules"."pool",
  "currency",
  "run",
  "bytes"
FROM "rules"
JOIN "run_bytes"
  ON "bytes" > 0
JOIN (
  SELECT DISTINCT
    "pool",
    "currency"
  FROM "pooled"
) AS "lacking"
  ON "lacking"."pool" = "rules"."pool"
WHERE
  "division" = 'bytes';

DROP TABLE IF EXISTS "pool_shares";

CREATE TABLE "pool_shares" AS
WITH "running" AS (
  SELECT
    "pool",
    "currency",
    "run",
    "weight",
    SUM(CAST("weight" AS DECIMAL(38, 0))) OVER (PARTITION BY "pool", "currency") AS "total",
    SUM(CAST("weight" AS DECIMAL(38, 0))) OVER (
      PARTITION BY "pool", "currency"
      ORDER BY "run"
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "reached"
  FROM "pool_weights"
  WHERE
    "weight" > 0
)
SELECT
  "pool",
  "currency",
  "run",
  (
    CASE
      WHEN (
        "reached" - "weight"
      ) >= "total"
      THEN CAST(4611686018427387904 AS BIGINT)
      WHEN "total" < 2199023255552
      THEN (
        (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                  ) * CAST((
                    "reached" - "weight"
                  ) AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            42
          )
        ) + (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                    ) * CAST((
                      "reached" - "weight"
                    ) AS BIGINT) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                      ) * CAST((
                        "reached" - "weight"
                      ) AS BIGINT) % CAST("total" AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                  ) * CAST((
                    "reached" - "weight"
                  ) AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            21
          )
        ) + (
          CAST((
            (
              (
                BITWISE_LEFT_SHIFT(
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                        ) * CAST((
                          "reached" - "weight"
                        ) AS BIGINT) % CAST("total" AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                    ) * CAST((
                      "reached" - "weight"
                    ) AS BIGINT)
                  ) % CAST("total" AS BIGINT),
                  21
                )
              ) + (
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
              ) * CAST((
                "reached" - "weight"
              ) AS BIGINT) + CAST("total" AS BIGINT) - 1
            ) - (
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                          ) * CAST((
                            "reached" - "weight"
                          ) AS BIGINT) % CAST("total" AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                      ) * CAST((
                        "reached" - "weight"
                      ) AS BIGINT)
                    ) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
                ) * CAST((
                  "reached" - "weight"
                ) AS BIGINT) + CAST("total" AS BIGINT) - 1
              ) % CAST("total" AS BIGINT)
            )
          ) / CAST("total" AS BIGINT) AS BIGINT)
        )
      )
      WHEN "total" < 9223372036854775808
      THEN CAST((
        CAST((
          (
            CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * (
              "reached" - "weight"
            ) + "total" - 1
          ) - (
            (
              CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * (
                "reached" - "weight"
              ) + "total" - 1
            ) % "total"
          )
        ) / "total" AS DECIMAL(38, 0))
      ) AS BIGINT)
      ELSE (
        CAST((
          (
            CAST((
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                )
              ) - (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * (
                    "reached" - "weight"
                  )
                ) % "total"
              )
            ) / "total" AS DECIMAL(38, 0))
          ) * 2147483648 + CAST((
            (
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                ) % "total"
              ) * 2147483648 + CAST((
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
              ) AS DECIMAL(38, 0)) * (
                "reached" - "weight"
              ) + "total" - 1
            ) - (
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * (
                    "reached" - "weight"
                  ) % "total"
                ) * 2147483648 + CAST((
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
                ) AS DECIMAL(38, 0)) * (
                  "reached" - "weight"
                ) + "total" - 1
              ) % "total"
            )
          ) / "total" AS DECIMAL(38, 0))
        ) AS BIGINT)
      )
    END
  ) AS "low",
  (
    CASE
      WHEN "reached" >= "total"
      THEN CAST(4611686018427387904 AS BIGINT)
      WHEN "total" < 2199023255552
      THEN (
        (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                ) * CAST("reached" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                  ) * CAST("reached" AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            42
          )
        ) + (
          BITWISE_LEFT_SHIFT(
            CAST((
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                    ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                ) * CAST("reached" AS BIGINT)
              ) - (
                (
                  (
                    BITWISE_LEFT_SHIFT(
                      (
                        BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                      ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                      21
                    )
                  ) + (
                    BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                  ) * CAST("reached" AS BIGINT)
                ) % CAST("total" AS BIGINT)
              )
            ) / CAST("total" AS BIGINT) AS BIGINT),
            21
          )
        ) + (
          CAST((
            (
              (
                BITWISE_LEFT_SHIFT(
                  (
                    (
                      BITWISE_LEFT_SHIFT(
                        (
                          BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                        ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                        21
                      )
                    ) + (
                      BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                    ) * CAST("reached" AS BIGINT)
                  ) % CAST("total" AS BIGINT),
                  21
                )
              ) + (
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
              ) * CAST("reached" AS BIGINT) + CAST("total" AS BIGINT) - 1
            ) - (
              (
                (
                  BITWISE_LEFT_SHIFT(
                    (
                      (
                        BITWISE_LEFT_SHIFT(
                          (
                            BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 42)
                          ) * CAST("reached" AS BIGINT) % CAST("total" AS BIGINT),
                          21
                        )
                      ) + (
                        BITWISE_AND(BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 21), 2097151)
                      ) * CAST("reached" AS BIGINT)
                    ) % CAST("total" AS BIGINT),
                    21
                  )
                ) + (
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2097151)
                ) * CAST("reached" AS BIGINT) + CAST("total" AS BIGINT) - 1
              ) % CAST("total" AS BIGINT)
            )
          ) / CAST("total" AS BIGINT) AS BIGINT)
        )
      )
      WHEN "total" < 9223372036854775808
      THEN CAST((
        CAST((
          (
            CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "reached" + "total" - 1
          ) - (
            (
              CAST(CAST(4611686018427387904 AS BIGINT) AS DECIMAL(38, 0)) * "reached" + "total" - 1
            ) % "total"
          )
        ) / "total" AS DECIMAL(38, 0))
      ) AS BIGINT)
      ELSE (
        CAST((
          (
            CAST((
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * "reached"
              ) - (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "reached"
                ) % "total"
              )
            ) / "total" AS DECIMAL(38, 0))
          ) * 2147483648 + CAST((
            (
              (
                CAST((
                  BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                ) AS DECIMAL(38, 0)) * "reached" % "total"
              ) * 2147483648 + CAST((
                BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
              ) AS DECIMAL(38, 0)) * "reached" + "total" - 1
            ) - (
              (
                (
                  CAST((
                    BITWISE_RIGHT_SHIFT(CAST(4611686018427387904 AS BIGINT), 31)
                  ) AS DECIMAL(38, 0)) * "reached" % "total"
                ) * 2147483648 + CAST((
                  BITWISE_AND(CAST(4611686018427387904 AS BIGINT), 2147483647)
                ) AS DECIMAL(38, 0)) * "reached" + "total" - 1
              ) % "total"
            )
          ) / "total" AS DECIMAL(38, 0))
        ) AS BIGINT)
      )
    END
  ) AS "high"
FROM "running";

DROP TABLE IF EXISTS "pool_parts";

CREATE TABLE "pool_parts" AS
SELECT
  "pool",
  "service",
  "account",
  "region",
  "component",
  "currency",
  "charge_category",
  "is_correction",
  "charges",
  "billed_missing",
  "effective_missing",
  "list_missing",
  "contracted_missing",
  "run",
  CAST((
    (
      CASE WHEN "billed" < 0 THEN -1 WHEN "billed" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("billed" AS DECIMAL(38, 0))) * "high"
          ) - (
            (
              ABS(CAST("billed" AS DECIMAL(38, 0))) * "high"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    ) - (
      CASE WHEN "billed" < 0 THEN -1 WHEN "billed" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("billed" AS DECIMAL(38, 0))) * "low"
          ) - (
            (
              ABS(CAST("billed" AS DECIMAL(38, 0))) * "low"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    )
  ) AS BIGINT) AS "billed",
  CAST((
    (
      CASE WHEN "effective" < 0 THEN -1 WHEN "effective" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("effective" AS DECIMAL(38, 0))) * "high"
          ) - (
            (
              ABS(CAST("effective" AS DECIMAL(38, 0))) * "high"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    ) - (
      CASE WHEN "effective" < 0 THEN -1 WHEN "effective" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("effective" AS DECIMAL(38, 0))) * "low"
          ) - (
            (
              ABS(CAST("effective" AS DECIMAL(38, 0))) * "low"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    )
  ) AS BIGINT) AS "effective",
  CAST((
    (
      CASE WHEN "list" < 0 THEN -1 WHEN "list" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("list" AS DECIMAL(38, 0))) * "high"
          ) - (
            (
              ABS(CAST("list" AS DECIMAL(38, 0))) * "high"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    ) - (
      CASE WHEN "list" < 0 THEN -1 WHEN "list" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("list" AS DECIMAL(38, 0))) * "low"
          ) - (
            (
              ABS(CAST("list" AS DECIMAL(38, 0))) * "low"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    )
  ) AS BIGINT) AS "list",
  CAST((
    (
      CASE WHEN "contracted" < 0 THEN -1 WHEN "contracted" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("contracted" AS DECIMAL(38, 0))) * "high"
          ) - (
            (
              ABS(CAST("contracted" AS DECIMAL(38, 0))) * "high"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    ) - (
      CASE WHEN "contracted" < 0 THEN -1 WHEN "contracted" > 0 THEN 1 ELSE 0 END * (
        CAST((
          (
            ABS(CAST("contracted" AS DECIMAL(38, 0))) * "low"
          ) - (
            (
              ABS(CAST("contracted" AS DECIMAL(38, 0))) * "low"
            ) % 4611686018427387904
          )
        ) / 4611686018427387904 AS DECIMAL(38, 0))
      )
    )
  ) AS BIGINT) AS "contracted"
FROM "pooled"
JOIN "pool_shares"
  USING ("pool", "currency");

-- Result: one row per run or remainder, method, description and day.
--
-- The writer takes texts as enumerations: a file of a million rows is written in a third of the
-- time, and reads as texts all the same. Runs may be too many for that.

DROP TABLE IF EXISTS "dividing";

CREATE TABLE "dividing" AS
SELECT
  0 AS "pool",
  '' AS "division",
  FALSE AS "is_scoped",
  '' AS "name"
WHERE
  FALSE;

DROP TABLE IF EXISTS "told";

CREATE TABLE "told" AS
SELECT
  "out",
  "pool",
  "run",
  "remainder" AS "remainder",
  "method" AS "method",
  "source" AS "source",
  "label" AS "label",
  "tag_run" AS "tag_run",
  "resource" AS "resource",
  "service" AS "service",
  "account" AS "account",
  "region" AS "region",
  "component" AS "component",
  "currency" AS "currency",
  "charge_category" AS "charge_category",
  "is_correction"
FROM "outs";

DROP TABLE IF EXISTS "result";

CREATE TABLE "result" AS
WITH "described" AS (
  SELECT
    COALESCE("runs"."run", "told"."run") AS "run",
    CASE WHEN "run_number" IS NULL THEN "remainder" END AS "remainder",
    CASE WHEN "run_number" IS NULL THEN "method" ELSE "source" END AS "method",
    CASE WHEN "run_number" IS NULL THEN "label" END AS "label",
    "tag_run",
    "resource",
    "service",
    "account",
    "region",
    "component",
    "day",
    "currency",
    "charge_category",
    "is_correction",
    "billed",
    "effective",
    "list",
    "contracted",
    "charges",
    "billed_missing",
    "effective_missing",
    "list_missing",
    "contracted_missing",
    "out" AS "face"
  FROM (
    SELECT
      "out",
      "run_number",
      "day",
      "charges",
      "billed",
      "effective",
      "list",
      "contracted",
      "billed_missing",
      "effective_missing",
      "list_missing",
      "contracted_missing"
    FROM "claimed"
    UNION ALL
    SELECT
      "out",
      NULL,
      "day",
      "charges",
      "billed",
      "effective",
      "list",
      "contracted",
      "billed_missing",
      "effective_missing",
      "list_missing",
      "contracted_missing"
    FROM "rest"
    WHERE
      NOT EXISTS(
        SELECT
          1
        FROM (
          SELECT
            "out"
          FROM "outs"
          JOIN "pool_shares"
            USING ("pool", "currency")
        ) AS "held_0"
        WHERE
          "held_0"."out" = "rest"."out"
      )
  ) AS "given"
  JOIN "told"
    USING ("out")
  LEFT JOIN "runs"
    USING ("run_number")
  UNION ALL
  SELECT
    "run",
    NULL,
    "name",
    NULL,
    NULL,
    NULL,
    "service",
    "account",
    "region",
    "component",
    NULL,
    "currency",
    "charge_category",
    "is_correction",
    "billed",
    "effective",
    "list",
    "contracted",
    "charges",
    "billed_missing",
    "effective_missing",
    "list_missing",
    "contracted_missing",
    NULL
  FROM "pool_parts"
  JOIN "dividing"
    USING ("pool")
)
SELECT
  "run",
  "remainder",
  "method",
  "label",
  "tag_run",
  "resource",
  "service",
  "account",
  "region",
  "component",
  DATE_ADD('day', "day", CAST('1970-01-01' AS DATE)) AS "day",
  "currency",
  "charge_category",
  "is_correction",
  "billed" AS "billed_nano",
  "effective" AS "effective_nano",
  "list" AS "list_nano",
  "contracted" AS "contracted_nano",
  "charges",
  "billed_missing",
  "effective_missing",
  "list_missing",
  "contracted_missing",
  "face"
FROM "described";

-- Proof: what runs and remainders have, less the bill, per currency and view; every number must be 0.

WITH "bill" AS (
  SELECT
    "BillingCurrency" AS "currency",
    SUM(CAST("x_BilledNano" AS DECIMAL(38, 0))) AS "billed",
    SUM(CAST("x_EffectiveNano" AS DECIMAL(38, 0))) AS "effective",
    SUM(CAST("x_ListNano" AS DECIMAL(38, 0))) AS "list",
    SUM(CAST("x_ContractedNano" AS DECIMAL(38, 0))) AS "contracted"
  FROM "charges"
  GROUP BY
    "BillingCurrency"
), "given" AS (
  SELECT
    "currency",
    SUM(CAST("billed_nano" AS DECIMAL(38, 0))) AS "billed",
    SUM(CAST("effective_nano" AS DECIMAL(38, 0))) AS "effective",
    SUM(CAST("list_nano" AS DECIMAL(38, 0))) AS "list",
    SUM(CAST("contracted_nano" AS DECIMAL(38, 0))) AS "contracted"
  FROM "result"
  GROUP BY
    "currency"
)
SELECT
  "bill"."currency",
  COALESCE("given"."billed", 0) - COALESCE("bill"."billed", 0) AS "billed",
  COALESCE("given"."effective", 0) - COALESCE("bill"."effective", 0) AS "effective",
  COALESCE("given"."list", 0) - COALESCE("bill"."list", 0) AS "list",
  COALESCE("given"."contracted", 0) - COALESCE("bill"."contracted", 0) AS "contracted"
FROM "bill"
LEFT JOIN "given"
  ON "given"."currency" = "bill"."currency"
ORDER BY
  "bill"."currency";
