-- name: User :one
SELECT * FROM users WHERE who = $1;

-- name: UsersOf :many
SELECT * FROM users WHERE who = ANY(@users::text[]);

-- name: AddUser :exec
INSERT INTO users (who, info, attrs, first_seen, baseline)
VALUES (@who, @info, @attrs, @first_seen, (SELECT c.seq FROM announcement_clock AS c))
ON CONFLICT (who) DO UPDATE SET info = excluded.info, attrs = excluded.attrs;

-- LockUsers has all who change the sessions of users wait for each other. The users are in ascending order. Those who are not known are
-- made, and returned.
-- name: LockUsers :many
INSERT INTO users (who, first_seen, baseline)
SELECT unnest(@users::text[]), 0, (SELECT c.seq FROM announcement_clock AS c)
ON CONFLICT (who) DO UPDATE SET who = excluded.who WHERE false
RETURNING who;

-- name: NameUsers :exec
UPDATE users SET info = n.info, attrs = n.attrs, first_seen = n.first_seen
FROM (SELECT unnest(@users::text[]) AS who, unnest(@infos::bytea[]) AS info, unnest(@all_attrs::text[]) AS attrs,
    unnest(@all_seen::bigint[]) AS first_seen) AS n
WHERE users.who = n.who;

-- name: TurnUsers :exec
UPDATE users SET last_seen = n.last_seen, online = n.online, turn = n.turn, turned = n.turned,
    here = EXISTS (SELECT 1 FROM sessions AS s WHERE s.who = users.who AND s.ended = 0)
FROM (SELECT unnest(@users::text[]) AS who, unnest(@seen::bigint[]) AS last_seen, unnest(@onlines::boolean[]) AS online,
    unnest(@turns::text[]) AS turn, unnest(@all_turned::bigint[]) AS turned) AS n
WHERE users.who = n.who;

-- name: DropUsers :exec
DELETE FROM users WHERE who = ANY(@users::text[]);

-- name: SessionsOf :many
SELECT id, ended FROM sessions WHERE id = ANY(@ids::text[]);

-- SetSessions does nothing to a session that has ended already.
-- name: SetSessions :exec
INSERT INTO sessions (id, who, node, connected, record, ended, why)
SELECT unnest(@ids::text[]), unnest(@users::text[]), unnest(@nodes::text[]), unnest(@connected::bigint[]), unnest(@records::bytea[]),
    unnest(@ended::bigint[]), unnest(@whys::text[])
ON CONFLICT (id) DO UPDATE SET who = excluded.who, record = excluded.record, ended = excluded.ended, why = excluded.why
WHERE sessions.ended = 0;

-- name: OpenOf :many
SELECT who, id FROM sessions WHERE who = ANY(@users::text[]) AND ended = 0;

-- name: Endings :many
SELECT id, why FROM sessions WHERE id = ANY(@ids::text[]) AND ended > 0;

-- name: ForgetSessions :exec
DELETE FROM sessions WHERE id IN (
    SELECT s.id FROM sessions AS s WHERE s.ended > 0 AND s.ended < @before ORDER BY s.ended LIMIT @most::bigint FOR UPDATE SKIP LOCKED);

-- NextNode finds the next node that has open sessions.
-- name: NextNode :one
SELECT node FROM sessions WHERE ended = 0 AND node > $1 ORDER BY node LIMIT 1;

-- LostSessions are the open sessions of nodes.
-- name: LostSessions :many
SELECT id, who, record FROM sessions WHERE ended = 0 AND node = ANY(@nodes::text[]) ORDER BY who, connected, id;

-- LostUsers are those who are online and have an open session of nodes, but none of others, and those who have had none at all since idle.
-- name: LostUsers :many
SELECT u.who, u.turn FROM users AS u JOIN (SELECT DISTINCT s.who FROM sessions AS s WHERE s.ended = 0 AND s.node = ANY(@nodes::text[])) AS l
    ON l.who = u.who
WHERE u.online AND NOT EXISTS (SELECT 1 FROM sessions AS o WHERE o.who = u.who AND o.ended = 0 AND o.node <> ALL(@nodes::text[]))
UNION ALL
SELECT i.who, i.turn FROM users AS i WHERE i.online AND NOT i.here AND i.last_seen <= @idle::bigint
ORDER BY 1;
