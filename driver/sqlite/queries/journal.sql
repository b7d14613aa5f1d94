-- name: User :one
SELECT * FROM users WHERE user = ?;

-- name: UsersOf :many
SELECT * FROM users WHERE user IN (sqlc.slice('names'));

-- name: AddUser :exec
INSERT INTO users (user, info, attrs, first_seen, baseline)
VALUES (@user, @info, @attrs, @first_seen, (SELECT COALESCE(MAX(seq), 0) FROM announcement_clock))
ON CONFLICT (user) DO UPDATE SET info = excluded.info, attrs = excluded.attrs;

-- name: SetSeen :exec
UPDATE users SET last_seen = @seen WHERE user = @user AND last_seen < @seen;

-- name: SetTurn :exec
UPDATE users SET online = @online, turn = @turn, turned = @turned, node = @node WHERE user = @user;

-- OpenSession does nothing to a session that is known, open or ended.
-- name: OpenSession :execrows
INSERT INTO sessions (id, user, node, connected, record, ended) VALUES (@id, @user, @node, @connected, @record, 0)
ON CONFLICT (id) DO NOTHING;

-- EndSession does nothing to a session that has ended already. Whose it was is forgotten.
-- name: EndSession :exec
INSERT INTO sessions (id, user, node, connected, ended, why) VALUES (@id, '', @node, @connected, @ended, @why)
ON CONFLICT (id) DO UPDATE SET user = '', record = NULL, ended = excluded.ended, why = excluded.why WHERE sessions.ended = 0;

-- name: OpenOf :many
SELECT user, id FROM sessions WHERE user IN (sqlc.slice('users')) AND ended = 0;

-- name: Endings :many
SELECT id, why FROM sessions WHERE id IN (sqlc.slice('ids')) AND ended > 0;

-- name: ForgetSessions :exec
DELETE FROM sessions WHERE id IN (
    SELECT s.id FROM sessions AS s WHERE s.ended > 0 AND s.ended < @before ORDER BY s.ended LIMIT @most);

-- name: OpenNodes :many
SELECT DISTINCT node FROM sessions WHERE ended = 0 ORDER BY node;

-- LostSessions are the open sessions of nodes.
-- name: LostSessions :many
SELECT id, user, record FROM sessions WHERE ended = 0 AND node IN (sqlc.slice('nodes')) ORDER BY user, connected, id;

-- LostUsers are those who are online and have no open session but those of nodes. Who has none at all must have been seen last before idle.
-- name: LostUsers :many
SELECT user, turn FROM users
WHERE users.online = 1
  AND NOT EXISTS (SELECT 1 FROM sessions AS s WHERE s.user = users.user AND s.ended = 0 AND s.node NOT IN
    (SELECT j.value FROM json_each(CAST(@nodes AS TEXT)) AS j))
  AND (users.last_seen <= @idle OR EXISTS (SELECT 1 FROM sessions AS s WHERE s.user = users.user AND s.ended = 0))
ORDER BY user;
