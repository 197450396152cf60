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
update outbox set fence = fence + 1, lease = fence + 1, attempts = attempts + 1, due_at = $1
where key in (
    select key from outbox where channel in (select json_array_elements_text(cast($2 as json))) and due_at <= $3
    order by due_at, key limit $4 for update skip locked
)
returning key, ticket_id, effect, attempts - 1, fence, written_at;

-- name: next_job
select min(due_at) from outbox
where channel in (select json_array_elements_text(cast($1 as json))) and due_at is not null;

-- name: summary
select version, created_at, document::json #>> '{request,kind}', document::json #>> '{decision,outcome}',
       document::json #>> '{decision,decided_at}'
from tickets where id = $1;
