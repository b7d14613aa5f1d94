-- name: PublicationKey :one
SELECT id, hash FROM publication_keys WHERE author = ? AND key = ?;

-- name: AddPublicationKey :exec
INSERT INTO publication_keys (author, key, id, hash, made) VALUES (?, ?, ?, ?, ?);

-- name: ForgetPublicationKeys :execrows
DELETE FROM publication_keys WHERE (author, key) IN (
    SELECT k.author, k.key FROM publication_keys k WHERE k.made < ? ORDER BY k.made LIMIT ?);

-- name: AddPublication :execrows
INSERT INTO publications (id, category, collapse, time, expires, status, remove, room, reached, audience, seq, content)
VALUES (?, ?, ?, ?, ?, 0, ?, ?, '', ?, 0, ?)
ON CONFLICT (id) DO NOTHING;

-- name: Publication :one
SELECT * FROM publications WHERE id = ?;

-- name: DuePublications :many
SELECT id FROM publications
WHERE status = 0 AND time <= @now AND (remove = 0 OR remove > @now) ORDER BY time, number LIMIT @most;

-- name: AddPublicationUsers :exec
INSERT INTO publication_users (id, step, users) VALUES (?, ?, ?);

-- name: PublicationUsers :many
SELECT step, users FROM publication_users WHERE id = ? ORDER BY step LIMIT 2;

-- name: RemovePublicationUsers :exec
DELETE FROM publication_users WHERE id = ? AND step = ?;

-- name: RemoveAllPublicationUsers :exec
DELETE FROM publication_users WHERE id = ?;

-- name: MembersToReach :many
SELECT user FROM members WHERE room = ? AND user > ? ORDER BY user LIMIT ?;

-- name: ReachMembers :exec
UPDATE publications SET reached = ? WHERE id = ?;

-- name: FinishDelivery :exec
UPDATE publications SET status = 1, reached = '' WHERE id = ?;

-- name: CollapseNotice :exec
DELETE FROM notices
WHERE user = @user AND notices.collapse = @collapse AND notices.collapse <> '' AND EXISTS (
    SELECT 1 FROM publications p
    WHERE p.id = notices.id AND (p.time, p.number) < (@time, @number));

-- name: AddNotice :execrows
INSERT INTO notices (id, user, state, time, category, collapse) VALUES (?, ?, 0, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: CollapsingAnnouncements :many
SELECT * FROM publications WHERE seq <> 0 AND collapse <> '' AND status = 1 AND collapse = ?;

-- name: NextAnnouncement :one
UPDATE announcement_clock SET seq = seq + 1, revision = revision + 1 RETURNING seq, revision;

-- name: NextRevision :one
UPDATE announcement_clock SET revision = revision + 1 RETURNING revision;

-- name: AnnouncementClock :one
SELECT seq, revision FROM announcement_clock;

-- name: PublishAnnouncement :exec
UPDATE publications SET status = 1, seq = ? WHERE id = ?;

-- name: BeginRemoval :exec
UPDATE publications SET status = 2, reached = '', remove = ? WHERE id = ?;

-- name: FinishRemoval :exec
UPDATE publications SET status = 3, remove = 0, seq = 0 WHERE id = ?;

-- name: PublicationsToRemove :many
SELECT * FROM publications WHERE remove <> 0 AND remove <= ? ORDER BY remove LIMIT ?;

-- name: RemoveNotices :many
DELETE FROM notices WHERE (notices.id, notices.user) IN (
    SELECT n.id, n.user FROM notices n WHERE n.id = ? LIMIT ?) RETURNING user;

-- name: HasNotices :one
SELECT EXISTS (SELECT 1 FROM notices WHERE id = ?);

-- name: RemoveAnnouncementStates :execrows
DELETE FROM announcement_states WHERE (announcement_states.user, announcement_states.seq) IN (
    SELECT s.user, s.seq FROM announcement_states s WHERE s.seq = ? LIMIT ?);

-- name: NoticeCounts :many
SELECT category, unread, unseen FROM notice_counts WHERE user = ?;

-- name: AnnouncementMarks :many
SELECT category, state, seq FROM announcement_marks WHERE user = ?;

-- name: AnnouncementStates :many
SELECT id, state FROM announcement_states WHERE user = ?;

-- name: RaiseAnnouncementMark :exec
INSERT INTO announcement_marks (user, category, state, seq) VALUES (?, ?, ?, ?)
ON CONFLICT (user, category, state) DO UPDATE SET seq = max(seq, excluded.seq);

-- name: ForgetAnnouncementStates :exec
DELETE FROM announcement_states
WHERE announcement_states.user = ? AND announcement_states.seq <= ? AND announcement_states.state < ?;

-- name: ForgetAnnouncementStatesOf :exec
DELETE FROM announcement_states
WHERE announcement_states.user = ? AND announcement_states.seq <= ? AND announcement_states.state < ? AND EXISTS (
    SELECT 1 FROM publications p WHERE p.seq <> 0 AND p.seq = announcement_states.seq AND p.category = ?);

-- name: MakeAnnouncement :exec
INSERT INTO announcement_states (user, seq, id, state) VALUES (?, ?, ?, ?)
ON CONFLICT (user, seq) DO UPDATE SET state = excluded.state;

-- name: Announcements :many
SELECT * FROM publications WHERE seq <> 0 AND status = 1 ORDER BY seq;

-- name: Recipient :one
SELECT attrs, baseline FROM users WHERE user = ?;

-- name: Notices :many
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires FROM notices n JOIN publications p ON p.id = n.id
WHERE n.user = @user AND n.state = @state AND (n.time, n.id) < (@time, CAST(@before AS TEXT))
ORDER BY n.time DESC, n.id DESC LIMIT @most;

-- name: NoticesOfCategory :many
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires FROM notices n JOIN publications p ON p.id = n.id
WHERE n.user = @user AND n.category = @category AND n.state = @state AND (n.time, n.id) < (@time, CAST(@before AS TEXT))
ORDER BY n.time DESC, n.id DESC LIMIT @most;

-- name: Notice :one
SELECT n.id, n.state, n.time, p.category, p.collapse, p.content, p.expires
FROM notices n JOIN publications p ON p.id = n.id WHERE n.id = ? AND n.user = ?;

-- name: MarkNotices :many
UPDATE notices SET state = @state WHERE (notices.id, notices.user) IN (
    SELECT n.id, n.user FROM notices n
    WHERE n.user = @user AND n.state = @present AND n.time <= @until LIMIT @most)
RETURNING id;

-- name: MarkNoticesOf :many
UPDATE notices SET state = @state WHERE (notices.id, notices.user) IN (
    SELECT n.id, n.user FROM notices n
    WHERE n.user = @user AND n.category = @category AND n.state = @present AND n.time <= @until LIMIT @most)
RETURNING id;

-- name: MarkNotice :execrows
UPDATE notices SET state = @state
WHERE id = @id AND user = @user AND state >= @lowest AND state <= @highest AND time <= @until
  AND (CAST(@category AS TEXT) = '' OR category = @category);

-- name: AnnouncementSeq :one
SELECT seq FROM publications WHERE id = ? AND seq <> 0 AND status = 1;
