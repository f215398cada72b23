-- Survey: what every face sums to, day by day, and when it is charged at all.

COPY (
    SELECT face, (start_us // {{day_us}})::INTEGER AS day, count(*)::INTEGER AS charges,
        min(start_us) AS first_us, max(end_us) AS last_us,
        sum(billed)::BIGINT AS billed, sum(effective)::BIGINT AS effective,
        sum(list)::BIGINT AS list, sum(contracted)::BIGINT AS contracted, {{missing}}{{cell_marks}}
    FROM {{lines}} lines
    GROUP BY face, day
) TO {{totals_file}} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2);

CREATE TEMP TABLE spans AS
SELECT face, min(first_us) AS first_us, max(last_us) AS last_us,
    sum(billed_missing)::BIGINT AS billed_missing, sum(effective_missing)::BIGINT AS effective_missing,
    sum(list_missing)::BIGINT AS list_missing, sum(contracted_missing)::BIGINT AS contracted_missing
FROM {{totals}} totals GROUP BY face;
