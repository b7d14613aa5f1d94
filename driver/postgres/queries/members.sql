-- LockMembers has all who change the members of a room wait for each other.
-- name: LockMembers :exec
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' members of ' || @room::text, 0));

-- name: Member :one
SELECT role, since FROM members WHERE room = $1 AND who = $2;

-- name: SetMember :exec
INSERT INTO members (room, who, role, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (room, who) DO UPDATE SET role = excluded.role;

-- name: RemoveMember :exec
DELETE FROM members WHERE room = $1 AND who = $2;

-- HasMembers tells whether a room has one besides a user.
-- name: HasMembers :one
SELECT EXISTS (SELECT 1 FROM members WHERE room = @room AND who <> @other);

-- HasOwners tells whether a room has an owner besides a user.
-- name: HasOwners :one
SELECT EXISTS (SELECT 1 FROM members WHERE room = @room AND role = 'owner' AND who <> @other);

-- name: MembersOf :many
SELECT who, role, since FROM members WHERE room = @room AND who > @after ORDER BY who LIMIT @most::bigint;

-- name: CountMembers :one
SELECT count(*) FROM members WHERE room = $1;

-- name: CountMemberships :one
SELECT count(*) FROM members WHERE who = $1;

-- name: MembershipsOf :many
SELECT room, role, since FROM members WHERE who = @who AND room > @after ORDER BY room LIMIT @most::bigint;

-- LongestStanding is the member of a role who has been there for the longest.
-- name: LongestStanding :one
SELECT who FROM members WHERE room = @room AND role = @role AND who <> @other ORDER BY since, who LIMIT 1;
