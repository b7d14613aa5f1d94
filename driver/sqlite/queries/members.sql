-- name: Member :one
SELECT role, since FROM members WHERE room = ? AND user = ?;

-- name: SetMember :exec
INSERT INTO members (room, user, role, since) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET role = excluded.role;

-- name: RemoveMember :exec
DELETE FROM members WHERE room = ? AND user = ?;

-- HasMembers tells whether a room has one besides a user.
-- name: HasMembers :one
SELECT EXISTS (SELECT 1 FROM members WHERE room = sqlc.arg(room) AND user <> sqlc.arg(except));

-- HasOwners tells whether a room has an owner besides a user.
-- name: HasOwners :one
SELECT EXISTS (SELECT 1 FROM members WHERE room = sqlc.arg(room) AND role = 'owner' AND user <> sqlc.arg(except));

-- name: MembersOf :many
SELECT user, role, since FROM members WHERE room = sqlc.arg(room) AND user > sqlc.arg(after) ORDER BY user LIMIT sqlc.arg(most);

-- name: CountMembers :one
SELECT count(*) FROM members WHERE room = ?;

-- name: CountMemberships :one
SELECT count(*) FROM members WHERE user = ?;

-- name: MembershipsOf :many
SELECT room, role, since FROM members WHERE user = sqlc.arg(user) AND room > sqlc.arg(after) ORDER BY room LIMIT sqlc.arg(most);
