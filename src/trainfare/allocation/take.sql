-- Take: a table of rows that come from Python.

CREATE OR REPLACE TEMP TABLE {{table}} AS SELECT * FROM incoming;
