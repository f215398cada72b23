-- Census sums: one row on the whole bill.

SELECT min(first_us), max(last_us), max(longest_us), bool_or(has_hours), bool_or(has_days),
    bool_or(has_odd), bool_or(has_none), coalesce(sum(charges), 0), coalesce(sum(billed), 0),
    coalesce(sum(effective), 0), coalesce(sum(list), 0), coalesce(sum(contracted), 0),
    count(resource)
FROM census;
