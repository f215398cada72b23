-- Evidence: claims as they come in; an instant is a whole microsecond, as in bills.

CREATE OR REPLACE TEMP TABLE raw_claims
    (run VARCHAR, resource VARCHAR, start_us BIGINT, end_us BIGINT, share BIGINT);
