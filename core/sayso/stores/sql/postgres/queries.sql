-- name: append
-- the caller holds the advisory lock, so numbers become visible in their order
with before as (
    select coalesce((select hash from log where ticket_id = $1 order by number desc limit 1), '') as hash
), row as (
    insert into log (ticket_id, version, entry, prev, body, state, hash)
    select cast($1 as text), cast($2 as bigint), cast($3 as text), before.hash, cast($4 as text), cast($5 as text),
           encode(sha256(convert_to(before.hash || cast($6 as text), 'UTF8')), 'hex')
    from before
    returning number, version, ticket_id
)
select number, pg_notify('sayso', version || ' ' || ticket_id) from row;

-- name: take
-- each channel by its own index, and the rows by their keys: a plan that does not grow with the backlog
update outbox set fence = fence + 1, lease = fence + 1, attempts = attempts + 1, due_at = $1
where key = any(array(
    select found.key from json_array_elements_text(cast($2 as json)) as asked (channel), lateral (
        select key, due_at from outbox where outbox.channel = asked.channel and due_at <= $3
        order by due_at, key limit $4 for update skip locked
    ) as found order by found.due_at, found.key limit $4
))
returning key, ticket_id, effect, attempts - 1, fence, written_at;

-- name: next_job
select min((select min(due_at) from outbox where outbox.channel = asked.channel and due_at is not null))
from json_array_elements_text(cast($1 as json)) as asked (channel);

-- name: summary
select version, created_at, document::json #>> '{request,kind}', document::json #>> '{decision,outcome}',
       document::json #>> '{decision,decided_at}'
from tickets where id = $1;

-- name: cards
select ticket_id, place, channel, conversation, message from refs
where ticket_id = any(array(select json_array_elements_text(cast($1 as json)))) order by number;

-- name: due
select id from tickets where state = 'pending' and wake_at <= $1 order by wake_at, id limit $2;

-- name: next_due
select min(wake_at) from tickets where state = 'pending';
