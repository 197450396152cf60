-- Times are microseconds since 1970 in UTC. Documents are JSON as text: what a person wrote comes back byte for byte.
create table tickets (
    id text primary key,
    ref text not null unique,
    version integer not null,
    state text not null,
    wake_at integer,
    owner text not null,
    session text,
    created_at integer not null,
    document text not null
) strict;
create index tickets_wake on tickets (wake_at, id) where state = 'pending';
create index tickets_pending on tickets (created_at, id) where state = 'pending';
create index tickets_newest on tickets (created_at, id);
create index tickets_owner on tickets (owner, created_at, id);
create index tickets_session on tickets (session, created_at, id) where session is not null;

create table log (
    number integer primary key,
    ticket_id text not null,
    version integer not null,
    entry text not null
) strict;
create index log_ticket on log (ticket_id, number);

create table outbox (
    key text primary key,
    ticket_id text not null,
    channel text not null,
    effect text not null,
    written_at integer not null,
    due_at integer,
    attempts integer not null default 0,
    fence integer not null default 1,
    lease integer not null default 0,
    error text
) strict, without rowid;
create index outbox_due on outbox (channel, due_at, key) where due_at is not null;

create table refs (
    number integer primary key autoincrement,
    ticket_id text not null,
    place text not null,
    channel text not null,
    conversation text not null,
    message text not null,
    unique (channel, conversation, message)
) strict;
create index refs_ticket on refs (ticket_id, number);

create table records (
    kind text not null,
    name text not null,
    value text not null,
    expires_at integer,
    version integer not null,
    primary key (kind, name)
) strict, without rowid;
