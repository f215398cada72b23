-- Machine life: machine time hour by hour, hours that were paid for as a whole joined where they touch.

WITH slots AS (
    SELECT resource, machine_us AS paid_us, slot * {{slot_us}} AS start_us,
        greatest(until_us, (slot + 1) * {{slot_us}}) AS end_us
    FROM machine_times),
marked AS (
    SELECT *, paid_us >= end_us - start_us AS is_whole,
        lag(end_us) OVER sooner AS before_us,
        lag(paid_us >= end_us - start_us) OVER sooner AS is_whole_before
    FROM slots WINDOW sooner AS (PARTITION BY resource ORDER BY start_us)),
numbered AS (
    SELECT *, sum(CASE WHEN is_whole AND is_whole_before AND before_us = start_us THEN 0 ELSE 1 END)
        OVER (PARTITION BY resource ORDER BY start_us ROWS UNBOUNDED PRECEDING) AS stretch
    FROM marked)
SELECT resource, min(start_us), max(end_us), sum(paid_us)::BIGINT
FROM numbered GROUP BY resource, stretch ORDER BY resource, min(start_us);
