-- name: append
insert into log (ticket_id, version, entry, prev, body, state, hash) values ($1, $2, $3, $4, $5, $6, $7);

-- name: add_ticket
-- nothing is written if the id is taken
insert into tickets
    (id, ref, version, state, wake_at, owner, session, created_at, audience, requester, ends_at, document)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (id) do nothing;

-- name: change_ticket
update tickets set version = $1, state = $2, wake_at = $3, audience = $4, ends_at = $5, document = $6
where id = $7 and version = $1 - 1;

-- name: put_effect
-- a row that is being performed stays with its taker until its lease ends; the higher fence keeps it alive after that
insert into outbox (key, ticket_id, channel, effect, written_at, due_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (key) do update
set effect = excluded.effect, written_at = excluded.written_at, attempts = 0, fence = min(outbox.fence, 9223372036854775806) + 1, error = null,
    due_at = case when outbox.lease <> 0 or outbox.due_at < excluded.due_at then outbox.due_at else excluded.due_at end;

-- name: put_leased
-- as `put_effect`, and performed by whoever writes it, unless somebody performs it already
insert into outbox (key, ticket_id, channel, effect, written_at, due_at, attempts, lease)
values ($1, $2, $3, $4, $5, $6, 1, 1)
on conflict (key) do update
set effect = excluded.effect, written_at = excluded.written_at, fence = min(outbox.fence, 9223372036854775806) + 1, error = null,
    attempts = case when outbox.lease <> 0 then 0 else 1 end,
    due_at = case when outbox.lease <> 0 then outbox.due_at else excluded.due_at end,
    lease = case when outbox.lease <> 0 then outbox.lease else min(outbox.fence, 9223372036854775806) + 1 end
returning fence, lease;

-- name: done_unless_newer
-- as `done`, if the card shows the ticket as it is
update outbox
set due_at = case when fence = $1 then null else written_at end, lease = 0, error = null
where lease = $1 and key = $2 and exists (select 1 from tickets where id = $3 and version = $4) returning key;

-- name: put_beside
-- nothing is written if somebody else has written it meanwhile
insert into records (kind, name, value, expires_at, version) values ($1, $2, $3, $4, $5)
on conflict (kind, name) do update
set value = excluded.value, expires_at = excluded.expires_at, version = excluded.version
where records.version = excluded.version - 1;

-- name: leave
update log set entry = $1 where number = $2;

-- name: head
select hash from log where ticket_id = $1 order by number desc limit 1;

-- name: last_row
select coalesce(max(number), 0) from log;

-- name: take
-- a number that somebody set by hand to the greatest there is stays so, and stops nobody
update outbox set fence = min(fence, 9223372036854775806) + 1, lease = min(fence, 9223372036854775806) + 1,
    attempts = min(attempts, 9223372036854775806) + 1, due_at = $1
where key in (
    select key from outbox where channel in (select value from json_each($2)) and due_at <= $3
    order by due_at, key limit $4
)
returning key, ticket_id, effect, attempts - 1, fence, written_at, due_at;

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

-- name: get_all
-- the list is looked through first, and each of its records found by its key
select kind, name, records.value, expires_at, version from json_each($1) as wanted cross join records
where kind = wanted.value ->> 0 and name = wanted.value ->> 1;

-- name: probe
insert into records (kind, name, value, expires_at, version) values ('probe', 'store', '{}', null, 1)
on conflict (kind, name) do update set version = records.version + 1;
