-- name: last_row
-- how far the log is final, and the number that was given out last
select pg_temp.settled(), coalesce(pg_sequence_last_value(pg_get_serial_sequence('log', 'number')), 0);

-- name: take
-- each channel by its own index, and the rows by their keys: a plan that does not grow with the backlog
-- a number that somebody set by hand to the greatest there is stays so, and stops nobody
update outbox set fence = least(fence, 9223372036854775806) + 1, lease = least(fence, 9223372036854775806) + 1,
    attempts = least(attempts, 9223372036854775806) + 1, due_at = $1
where key = any(array(
    select found.key from json_array_elements_text(cast($2 as json)) as asked (channel), lateral (
        select key, due_at from outbox where outbox.channel = asked.channel and due_at <= $3
        order by due_at, key limit $4 for update skip locked
    ) as found order by found.due_at, found.key limit $4
))
returning key, ticket_id, effect, attempts - 1, fence, written_at, due_at;

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

-- name: get_all
select kind, name, records.value, expires_at, version from json_array_elements(cast($1 as json)) as wanted (pair), records
where kind = wanted.pair ->> 0 and name = wanted.pair ->> 1;

-- name: probe
-- it changes one row, and takes the locks of all tables that a commit writes to
with tickets_locked as (update tickets set version = version where false),
log_locked as (delete from log where false),
outbox_locked as (delete from outbox where false)
insert into records (kind, name, value, expires_at, version) values ('probe', 'store', '{}', null, 1)
on conflict (kind, name) do update set version = records.version + 1;
