-- Divided: what only the division of time needed.

DROP TABLE pieces;
DROP TABLE periods;
DROP TABLE measured;
DROP TABLE IF EXISTS crowded_weights;
