-- Tagged rows: what runs and remainders have of charges whose tags name a run, from the whole result.

CREATE TEMP VIEW all_rows AS
SELECT * FROM kept_rows ANTI JOIN touched_cells
    ON kept_rows.face = touched_cells.face AND kept_rows.day = touched_cells.date
UNION ALL BY NAME
SELECT * FROM renewed;

CREATE OR REPLACE TEMP TABLE claimed AS
SELECT outs.out, run_number, effective_nano AS effective
FROM all_rows JOIN outs ON outs.out = all_rows.face JOIN runs ON runs.run = all_rows.run
WHERE all_rows.tag_run IS NOT NULL AND all_rows.method = outs.source;

CREATE OR REPLACE TEMP TABLE rest AS
SELECT outs.out, effective_nano AS effective
FROM all_rows JOIN outs ON outs.out = all_rows.face
WHERE all_rows.tag_run IS NOT NULL AND (all_rows.run IS NULL OR all_rows.method IS DISTINCT FROM outs.source);
