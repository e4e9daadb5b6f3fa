-- A keyed hash over what decides in a row, under a key outside the database: a row changed past the service no longer matches.
ALTER TABLE consents ADD COLUMN seal bytea;
ALTER TABLE cast_members ADD COLUMN seal bytea;
ALTER TABLE segments ADD COLUMN seal bytea;
ALTER TABLE memberships ADD COLUMN seal bytea;
ALTER TABLE users ADD COLUMN seal bytea;
