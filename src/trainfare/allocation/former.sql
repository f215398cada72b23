-- Former: the numbers of faces in the survey of an earlier delivery; those that grew too large begin anew.

INSERT INTO former
SELECT face, mark FROM {{former_faces}}
WHERE (SELECT max(face) FROM {{former_faces}}) < 1_000_000_000;
