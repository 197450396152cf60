-- Every list is read from one index, in its order: whose it is, the state, and the moment.
alter table tickets add column audience text collate "C" not null default '';
alter table tickets add column requester text collate "C";
alter table tickets add column ends_at bigint not null default 0;

-- a document that cannot be read stays as it is, and holds up no other
create function pg_temp.part(document text, key text) returns text language plpgsql as $part$
begin
    return trim(both '"' from nullif((document::json #> string_to_array(key, ','))::text, 'null'));
exception when others then
    return null;
end
$part$;
create function pg_temp.micros(moment text) returns bigint language plpgsql as $micros$
begin
    return extract(epoch from moment::timestamptz) * 1000000;
exception when others then
    return null;
end
$micros$;
update tickets set
    audience = coalesce(nullif(pg_temp.part(document, 'policy,approvers'), '[]'), ''),
    requester = pg_temp.part(document, 'requester'),
    ends_at = coalesce(pg_temp.micros(pg_temp.part(document, 'expires_at')), 0);
drop function pg_temp.part;
drop function pg_temp.micros;

drop index tickets_pending;
drop index tickets_newest;
drop index tickets_owner;
drop index tickets_session;
create index tickets_state on tickets (state, created_at, id);
create index tickets_ending on tickets (ends_at, id) where state = 'pending';
create index tickets_owner on tickets (owner, state, created_at, id);
create index tickets_session on tickets (session, state, created_at, id) where session is not null;
create index tickets_audience on tickets (audience, state, created_at, id);
create index tickets_audience_ending on tickets (audience, ends_at, id) where state = 'pending';
create index tickets_requester on tickets (requester, state, created_at, id) where requester is not null;
