-- name: append
insert into log (ticket_id, version, entry, prev, body, state, hash) values ($1, $2, $3, $4, $5, $6, $7);

-- name: take
update outbox set fence = fence + 1, lease = fence + 1, attempts = attempts + 1, due_at = $1
where key in (
    select key from outbox where channel in (select value from json_each($2)) and due_at <= $3
    order by due_at, key limit $4
)
returning key, ticket_id, effect, attempts - 1, fence, written_at;

-- name: next_job
select min(due_at) from outbox where channel in (select value from json_each($1)) and due_at is not null;

-- name: summary
select version, created_at, json_extract(document, '$.request.kind'), json_extract(document, '$.decision.outcome'),
       json_extract(document, '$.decision.decided_at')
from tickets where id = $1;

-- name: cards
select ticket_id, place, channel, conversation, message from refs
where ticket_id in (select value from json_each($1)) order by number;

-- name: due
-- the index is named, because SQLite keeps no figures here and takes any that begins with the state
select id from tickets indexed by tickets_wake where state = 'pending' and wake_at <= $1 order by wake_at, id limit $2;

-- name: next_due
select min(wake_at) from tickets indexed by tickets_wake where state = 'pending';
