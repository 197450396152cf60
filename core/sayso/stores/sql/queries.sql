-- name: load
select document, version from tickets where id = $1;

-- name: load_by_ref
select document, version from tickets where ref = $1;

-- name: version
select version from tickets where id = $1;

-- name: log
-- bounded in bytes, as `log_after`
select number, ticket_id, version, entry from (
    select page.*, sum(octet_length(entry)) over (order by number) as total from (
        select number, ticket_id, version, entry
        from log where ticket_id = $1 and number > $2 order by number limit $3
    ) as page
) as sized where total - octet_length(entry) < 4194304 order by number;

-- name: log_after
-- bounded in bytes, too: one row may hold a megabyte
select number, ticket_id, version, entry from (
    select number, ticket_id, version, entry, sum(octet_length(entry)) over (order by number) as total from (
        select number, ticket_id, version, entry from log where number > $1 order by number limit $2
    ) as page
) as sized where total - octet_length(entry) < 4194304 order by number;

-- name: tail
select number, ticket_id, version from log where number > $1 order by number limit 500;

-- name: postpone
update tickets set wake_at = $1 where id = $2 and state = 'pending';

-- name: done
-- the row stays, without a due time, so that its fence never starts again
update outbox
set due_at = case when fence = $1 then null else written_at end, lease = 0, error = null
where lease = $1 and key = $2;

-- name: retry
update outbox set due_at = $1, error = $2, lease = 0 where key = $3 and lease = $4;

-- name: put_off
update outbox set due_at = $1, lease = 0, attempts = case when attempts > 0 then attempts - 1 else 0 end
where key = $2 and lease = $3;

-- name: renew
update outbox set due_at = $1 where key = $2 and lease = $3 returning key;

-- name: add_card
insert into refs (ticket_id, place, channel, conversation, message) values ($1, $2, $3, $4, $5)
on conflict (channel, conversation, message) do nothing;

-- name: remove_card
delete from refs where channel = $1 and conversation = $2 and message = $3;

-- name: find_card
select ticket_id, place, channel, conversation, message from refs
where channel = $1 and conversation = $2 and message = $3;

-- name: insert_record
insert into records (kind, name, value, expires_at, version) values ($1, $2, $3, $4, 1)
on conflict (kind, name) do nothing returning version;

-- name: replace_record
update records set value = $1, expires_at = $2, version = version + 1
where kind = $3 and name = $4 and version = $5 returning version;

-- name: get
select kind, name, value, expires_at, version from records where kind = $1 and name = $2;

-- name: remove
delete from records where kind = $1 and name = $2 returning kind, name, value, expires_at, version;

-- name: scan
select kind, name, value, expires_at, version from records where kind = $1 and name >= $2 and name < $3 order by name;

-- name: audiences
-- from one to the next in the index, and never over the rows of one
with recursive found (audience) as (
    select min(audience) from tickets
    union all
    select (select min(audience) from tickets where audience > found.audience) from found where audience is not null
)
select audience from found where audience is not null;


-- name: chained
-- bounded in bytes, as `log_after`
select number, ticket_id, version, entry, prev, body, state, hash from (
    select page.*, sum(octet_length(entry)) over (order by number) as total from (
        select number, ticket_id, version, entry, prev, body, state, hash
        from log where number > $1 order by number limit $2
    ) as page
) as sized where total - octet_length(entry) < 4194304 order by number;

-- name: add_seal
insert into seals (number, last_row, document) values ($1, $2, $3) on conflict (number) do nothing returning number;

-- name: seals
select number, last_row, document from seals where number > $1 order by number limit $2;

-- name: last_seal
select number, last_row, document from seals where number = (select max(number) from seals);

-- name: documents
select id, document, ref, version, state, owner, session, created_at from (
    select page.*, sum(octet_length(document)) over (order by id) as total from (
        select id, document, ref, version, state, owner, session, created_at
        from tickets where id > $1 order by id limit $2
    ) as page
) as sized where total - octet_length(document) < 4194304 order by id;

-- name: document
select id, document, ref, version, state, owner, session, created_at from tickets where id = $1;

-- name: oldest
select created_at, id from (
    select * from (
        select created_at, id from tickets
        where state = 'decided' and created_at < $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4
    ) as decided
    union all
    select * from (
        select created_at, id from tickets
        where state = 'pending' and created_at < $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4
    ) as pending
) as found order by created_at, id limit $4;

-- name: forget_cards
delete from refs where ticket_id = $1 returning number;

-- name: forget_effects
-- the keys of a ticket begin with its id and a space, which is the sign before "!"
delete from outbox
where key > cast($1 as text) || ' ' and key < cast($1 as text) || '!' and due_at is null and lease = 0 returning key;

-- name: expire
delete from records
where (kind, name) in (select kind, name from records where expires_at < $1 order by expires_at limit $2)
returning name;
