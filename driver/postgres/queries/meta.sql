-- name: MetaOf :one
SELECT value FROM meta WHERE name = $1;

-- name: AddMeta :exec
INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- LockErased has who begins a stream wait for who is erasing one.
-- name: LockErased :one
SELECT value::bigint FROM meta WHERE name = 'erased' FOR SHARE;

-- name: Erased :one
SELECT value::bigint FROM meta WHERE name = 'erased';

-- CountErased is the first statement of a transaction that erases pairs.
-- name: CountErased :exec
UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'erased';

-- History names the data as they developed: another server, one that was restored, and a standby that took over have another one.
-- name: History :one
SELECT ((SELECT system_identifier FROM pg_control_system())::text || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::text;

-- Epoch sets the epoch with its history, unless somebody has done so already, and returns what is there then.
-- name: Epoch :one
INSERT INTO meta AS m (name, value) VALUES ('epoch', @fresh::text || ' ' || @history::text)
ON CONFLICT (name) DO UPDATE SET value = CASE WHEN split_part(m.value, ' ', 2) = @history::text THEN m.value ELSE excluded.value END
RETURNING value;
