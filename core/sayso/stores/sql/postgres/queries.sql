-- name: append
-- the caller holds the advisory lock, so numbers become visible in their order
with row as (insert into log (ticket_id, version, entry) values ($1, $2, $3) returning number, version, ticket_id)
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
