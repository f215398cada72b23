-- Tag rows: of the resources with stale tags that are shown, what runs and remainders have now.

CREATE TEMP VIEW all_rows AS
SELECT * FROM kept_rows ANTI JOIN touched_cells
    ON kept_rows.face = touched_cells.face AND kept_rows.day = touched_cells.date
UNION ALL BY NAME
SELECT * FROM renewed;

CREATE TEMP TABLE shown_rows AS
SELECT face AS out, run, method, effective_nano AS effective
FROM all_rows WHERE face IN (SELECT out FROM shown_outs);

INSERT INTO runs
SELECT run, (SELECT coalesce(max(run_number), 0) FROM runs)::INTEGER
    + (row_number() OVER ())::INTEGER
FROM (SELECT DISTINCT run FROM shown_rows WHERE run IS NOT NULL
      AND run NOT IN (SELECT run FROM runs));

CREATE OR REPLACE TEMP TABLE claimed AS
SELECT shown_rows.out, run_number, effective
FROM shown_rows JOIN outs USING (out) JOIN runs ON runs.run = shown_rows.run
WHERE shown_rows.method = outs.source;

CREATE OR REPLACE TEMP TABLE rest AS
SELECT shown_rows.out, effective
FROM shown_rows JOIN outs USING (out)
WHERE shown_rows.run IS NULL OR shown_rows.method IS DISTINCT FROM outs.source;
