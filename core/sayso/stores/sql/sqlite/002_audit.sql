-- Digests are SHA-256 in hexadecimal digits. Rows of before have none, and no seal covers them.
alter table log add column prev text;
alter table log add column body text;
alter table log add column state text;
alter table log add column hash text;

create table seals (
    number integer primary key,
    last_row integer not null,
    document text not null
) strict;

create index records_expired on records (expires_at) where expires_at is not null;
