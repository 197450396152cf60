-- Digests are SHA-256 in hexadecimal digits. Rows of before have none, and no seal covers them.
alter table log add column prev text collate "C";
alter table log add column body text collate "C";
alter table log add column state text collate "C";
alter table log add column hash text collate "C";

create table seals (
    number bigint primary key,
    last_row bigint not null,
    document text not null
);

create index records_expired on records (expires_at) where expires_at is not null;
