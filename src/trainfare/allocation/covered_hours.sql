-- Covered hours: what coverage.sql wrote, in a fixed order.

SELECT * FROM {{files}} ORDER BY ALL;
