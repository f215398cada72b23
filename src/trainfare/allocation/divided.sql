-- Divided: what only the division of time needed.

DROP TABLE contested;
DROP TABLE periods;
DROP TABLE measured;
DROP TABLE IF EXISTS crowded_weights;
