"""Rules and the SQL that give every charge to a run or to a named remainder."""
