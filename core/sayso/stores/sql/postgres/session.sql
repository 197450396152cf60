-- What each connection brings with it. It ends with the connection, so two versions of the program never share it.

-- Writes a group in the order given, and returns the numbers of the bundles that were not the next versions, and which
-- effects are leased to who writes them: those with an end of a lease that nobody performs already.
-- It is one statement: a copy that stops, or whose network does, is not waited for before the commit.
create function pg_temp.put_group(
    ids text[], commits json, effects json, beside json, kept json, out lost int[], out keys text[], out fences bigint[]
)
language plpgsql set lock_timeout = 300 as $put$
declare
    one record;
    numbers text := pg_get_serial_sequence('log', 'number');
begin
    lost := '{}';
    -- the rows of one request are chained, and always in the same order, so that no two ever wait for each other
    perform pg_advisory_xact_lock(key) from (
        select distinct hashtextextended(id, 495556588399) as key from unnest(ids) as given (id) order by key
    ) as keys;
    -- whoever reads the log in order sees by this lock that numbers above this one may be missing yet
    perform pg_advisory_xact_lock_shared(
        'log'::regclass::oid::bigint::bit(32)::int, (coalesce(pg_sequence_last_value(numbers), 0) & 2147483647)::int
    );
    for one in select * from json_to_recordset(commits) as given (
        bundle int, size int, id text, version bigint, entry text, body text, digest text, rest text,
        ref text, state text, wake_at bigint, owner text, session text, created_at bigint, audience text,
        requester text, ends_at bigint, document text
    ) loop
        if one.ref is not null then
            insert into tickets
                (id, ref, version, state, wake_at, owner, session, created_at, audience, requester, ends_at, document)
            select one.id, one.ref, one.version, one.state, one.wake_at, one.owner, one.session, one.created_at,
                   one.audience, one.requester, one.ends_at, one.document
            where one.version = 1 or exists (select 1 from tickets where id = one.id)
            on conflict (id) do update
            set version = excluded.version, state = excluded.state, wake_at = excluded.wake_at,
                document = excluded.document, audience = excluded.audience, ends_at = excluded.ends_at
            where tickets.version = excluded.version - 1;
            if not found then
                if one.size > 1 then
                    raise exception using errcode = 'SAYSO', message = 'one of several was changed by somebody else';
                end if;
                lost := lost || one.bundle;
                continue;
            end if;
        end if;
        insert into log (ticket_id, version, entry, prev, body, state, hash)
        select one.id, one.version, one.entry, before.hash, one.body, one.digest,
               encode(sha256(convert_to(before.hash || one.rest, 'UTF8')), 'hex')
        from (
            select coalesce((select hash from log where ticket_id = one.id order by number desc limit 1), '') as hash
        ) as before;
    end loop;
    -- a row that is being performed stays with its taker until its lease ends; the higher fence keeps it alive after
    with given as materialized (
        select distinct on (key) *, (until is not null)::int as leased from json_to_recordset(effects) as given (
            bundle int, place int, key text, ticket_id text, channel text, effect text, written_at bigint,
            due_at bigint, until bigint
        ) where bundle <> all(lost) order by key, place desc
    ), written as (
        insert into outbox (key, ticket_id, channel, effect, written_at, due_at, attempts, lease)
        select key, ticket_id, channel, effect, written_at, coalesce(until, due_at), leased, leased from given
        on conflict (key) do update
        set effect = excluded.effect, written_at = excluded.written_at, fence = least(outbox.fence, 9223372036854775806) + 1, error = null,
            attempts = case when outbox.lease <> 0 then 0 else excluded.attempts end,
            due_at = case
                when outbox.lease <> 0 then outbox.due_at
                when excluded.lease = 0 and outbox.due_at < excluded.due_at then outbox.due_at else excluded.due_at
            end,
            lease = case when outbox.lease <> 0 or excluded.lease = 0 then outbox.lease else least(outbox.fence, 9223372036854775806) + 1 end
        returning outbox.key, outbox.fence, outbox.lease
    )
    select array_agg(key), array_agg(fence) into keys, fences from written where lease = fence;
    -- nothing is written if somebody else has written it meanwhile, or does so at this moment
    with given as materialized (
        select distinct on (kind, name) kind, name, value, expires_at, version
        from json_to_recordset(beside) as given (
            bundle int, place int, kind text, name text, value text, expires_at bigint, version bigint
        ) where bundle <> all(lost) order by kind, name, place
    ), free as materialized (
        select kind, name from records where (kind, name) in (select kind, name from given) for update skip locked
    )
    insert into records (kind, name, value, expires_at, version)
    select * from given where version = 1 or (kind, name) in (select kind, name from free)
    on conflict (kind, name) do update
    set value = excluded.value, expires_at = excluded.expires_at, version = excluded.version
    where records.version = excluded.version - 1;
    update log set entry = given.entry
    from json_to_recordset(kept) as given (bundle int, entry text, number bigint)
    where log.number = given.number and bundle <> all(lost);
end
$put$;

-- Writes a row of the log as a group, remembers a card, and ends its effect as `done` does, if the request has this
-- version. Nobody changes it meanwhile: the group has locked it. Returns whether the effect ended.
create function pg_temp.settle(
    ids text[], commits json, effects json, beside json, kept json,
    ticket_id text, place text, channel text, conversation text, message text, key text, fence bigint, version bigint
) returns boolean
language plpgsql as $settle$
begin
    perform pg_temp.put_group($1, $2, $3, $4, $5);
    insert into refs (ticket_id, place, channel, conversation, message) values ($6, $7, $8, $9, $10)
    on conflict do nothing;
    update outbox set due_at = case when outbox.fence = $12 then null else written_at end, lease = 0, error = null
    where outbox.lease = $12 and outbox.key = $11
    and exists (select 1 from tickets where tickets.id = $6 and tickets.version = $13);
    return found;
end
$settle$;

-- Whether a commit whose answer was lost is stored. One that is still under way is waited for.
create function pg_temp.was_put(id text, version bigint, entry text, ref text) returns boolean
language plpgsql as $was$
begin
    perform pg_advisory_xact_lock(hashtextextended($1, 495556588399));
    return exists (select 1 from log where ticket_id = $1 and log.version = $2 and log.entry = $3)
        and ($4 is null or exists (select 1 from tickets where tickets.id = $1 and tickets.ref = $4));
end
$was$;

-- Up to which number the log is final: what is not there by now was taken back and never comes.
-- Not one query: what is read later must not be older than the look at who is still writing.
create function pg_temp.settled() returns bigint
language plpgsql as $settled$
declare
    last bigint := coalesce(pg_sequence_last_value(pg_get_serial_sequence('log', 'number')), 0);
    first bigint;
begin
    select min(last - ((last - objid::bigint) & 2147483647)) into first from pg_locks
    where locktype = 'advisory' and classid = 'log'::regclass and objsubid = 2
    and database = (select oid from pg_database where datname = current_database());
    return least(last, first);
end
$settled$;
