-- Result: one row per run or remainder, method, description and day.
--
-- The writer takes texts as enumerations: a file of a million rows is written in a third of the
-- time, and reads as texts all the same. Runs may be too many for that.

CREATE TEMP TABLE dividing AS {{pool_rules}};

CREATE TYPE remainder_word AS ENUM (SELECT DISTINCT remainder FROM outs WHERE remainder IS NOT NULL);
CREATE TYPE method_word AS ENUM (
    SELECT method FROM outs UNION SELECT source FROM outs WHERE source IS NOT NULL
    UNION SELECT name FROM dividing);
CREATE TYPE label_word AS ENUM (SELECT DISTINCT label FROM outs WHERE label IS NOT NULL);
CREATE TYPE tag_word AS ENUM (SELECT DISTINCT tag_run FROM outs WHERE tag_run IS NOT NULL);
CREATE TYPE resource_word AS ENUM (SELECT DISTINCT resource FROM outs WHERE resource IS NOT NULL);
CREATE TYPE service_word AS ENUM (SELECT DISTINCT service FROM outs WHERE service IS NOT NULL);
CREATE TYPE account_word AS ENUM (SELECT DISTINCT account FROM outs WHERE account IS NOT NULL);
CREATE TYPE region_word AS ENUM (SELECT DISTINCT region FROM outs WHERE region IS NOT NULL);
CREATE TYPE component_word AS ENUM (SELECT DISTINCT component FROM outs WHERE component IS NOT NULL);
CREATE TYPE currency_word AS ENUM (SELECT DISTINCT currency FROM outs WHERE currency IS NOT NULL);
CREATE TYPE category_word AS ENUM (
    SELECT DISTINCT charge_category FROM outs WHERE charge_category IS NOT NULL);

CREATE TEMP TABLE told AS
SELECT out, pool, run, remainder::remainder_word AS remainder,
    method::method_word AS method, source::method_word AS source, label::label_word AS label,
    tag_run::tag_word AS tag_run, resource::resource_word AS resource,
    service::service_word AS service, account::account_word AS account,
    region::region_word AS region, component::component_word AS component,
    currency::currency_word AS currency, charge_category::category_word AS charge_category,
    is_correction
FROM outs;

CREATE TEMP VIEW result AS
WITH described AS (
    SELECT coalesce(runs.run, told.run) AS run,
        CASE WHEN run_number IS NULL THEN remainder END AS remainder,
        CASE WHEN run_number IS NULL THEN method ELSE source END AS method,
        CASE WHEN run_number IS NULL THEN label END AS label,
        tag_run, resource, service, account, region, component, day, currency, charge_category,
        is_correction, billed, effective, list, contracted, charges, billed_missing,
        effective_missing, list_missing, contracted_missing, out AS face
    FROM (
        SELECT out, run_number, day, charges, billed, effective, list, contracted, billed_missing,
            effective_missing, list_missing, contracted_missing
        FROM claimed
        UNION ALL
        SELECT out, NULL, day, charges, billed, effective, list, contracted, billed_missing,
            effective_missing, list_missing, contracted_missing
        FROM rest ANTI JOIN (
            SELECT out FROM outs JOIN pool_shares USING (pool, currency)) divided USING (out)
        ) given
        JOIN told USING (out) LEFT JOIN runs USING (run_number)
    UNION ALL
    SELECT run, NULL, name::method_word, NULL, NULL, NULL, service::service_word,
        account::account_word, region::region_word, component::component_word, NULL,
        currency::currency_word, charge_category::category_word, is_correction, billed, effective,
        list, contracted, charges, billed_missing, effective_missing, list_missing,
        contracted_missing, NULL
    FROM pool_parts JOIN dividing USING (pool))
SELECT run, remainder, method, label, tag_run, resource, service, account, region, component,
    make_date(day) AS day, currency, charge_category, is_correction,
    billed AS billed_nano, effective AS effective_nano, list AS list_nano,
    contracted AS contracted_nano, charges, billed_missing, effective_missing, list_missing,
    contracted_missing, face
FROM described;
