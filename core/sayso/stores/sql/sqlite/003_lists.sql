-- Every list is read from one index, in its order: whose it is, the state, and the moment.
alter table tickets add column audience text not null default '';
alter table tickets add column requester text;
alter table tickets add column ends_at integer not null default 0;

update tickets set
    audience = coalesce(nullif(json_extract(document, '$.policy.approvers'), '[]'), ''),
    requester = json_extract(document, '$.requester'),
    ends_at = coalesce(case
        when json_extract(document, '$.expires_at') like '____-__-__T__:__:__.______%'
        then cast(substr(json_extract(document, '$.expires_at'), 21, 6) as integer) else 0
    end + 1000000 * cast(strftime('%s', json_extract(document, '$.expires_at')) as integer), 0)
-- a document that cannot be read stays as it is, and holds up no other
where json_valid(document);

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
