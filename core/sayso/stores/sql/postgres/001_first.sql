-- Times are microseconds since 1970 in UTC. Documents are JSON as text: what a person wrote comes back byte for byte.
create table tickets (
    id text collate "C" primary key,
    ref text collate "C" not null unique,
    version bigint not null,
    state text collate "C" not null,
    wake_at bigint,
    owner text collate "C" not null,
    session text collate "C",
    created_at bigint not null,
    document text not null
);
create index tickets_wake on tickets (wake_at, id) where state = 'pending';
create index tickets_pending on tickets (created_at, id) where state = 'pending';
create index tickets_newest on tickets (created_at, id);
create index tickets_owner on tickets (owner, created_at, id);
create index tickets_session on tickets (session, created_at, id) where session is not null;

create table log (
    number bigint generated always as identity primary key,
    ticket_id text collate "C" not null,
    version bigint not null,
    entry text not null
);
create index log_ticket on log (ticket_id, number);

create table outbox (
    key text collate "C" primary key,
    ticket_id text collate "C" not null,
    channel text collate "C" not null,
    effect text not null,
    written_at bigint not null,
    due_at bigint,
    attempts bigint not null default 0,
    fence bigint not null default 1,
    lease bigint not null default 0,
    error text
);
create index outbox_due on outbox (channel, due_at, key) where due_at is not null;

create table refs (
    number bigint generated always as identity primary key,
    ticket_id text collate "C" not null,
    place text collate "C" not null,
    channel text collate "C" not null,
    conversation text collate "C" not null,
    message text collate "C" not null,
    unique (channel, conversation, message)
);
create index refs_ticket on refs (ticket_id, number);

create table records (
    kind text collate "C" not null,
    name text collate "C" not null,
    value text not null,
    expires_at bigint,
    version bigint not null,
    primary key (kind, name)
);

create table sayso_schema (
    version bigint not null
);
insert into sayso_schema (version) values (1);
