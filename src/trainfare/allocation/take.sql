-- Take: a table of columns that come from Python as lists. No Arrow table: making one imports pandas
-- where that is installed, which takes longer than most allocations.

CREATE OR REPLACE TEMP TABLE {{table}} ({{columns}});
