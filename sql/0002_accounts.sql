-- Accounts, and what proves that a request comes from one. Nothing here opens a door by itself: passwords are hashed
-- with a slow function, and of a token only its BLAKE2b-256 is kept.

-- The next number of each kind of row that has no natural one:
--   update id_counter set next = next + 1 where name = 'account' returning next - 1
create table id_counter (
    name text not null primary key,
    next bigint not null
);
insert into id_counter (name, next) values ('account', 1);

-- username_key and email_key are the forms in which two spellings of one name are equal. roles is a bit mask.
create table account (
    id            bigint not null primary key,
    username      text not null,
    username_key  text not null unique,
    email         text not null,
    email_key     text not null unique,
    first_name    text not null,
    last_name     text not null,
    name          text not null,
    company       text not null,
    password_hash text,
    roles         bigint not null,
    tier          text not null,
    created_us    bigint not null,
    disabled_us   bigint
);

-- kind: 1 session, 2 API token.
create table credential (
    token_hash   text not null primary key,
    account      bigint not null references account (id),
    kind         smallint not null check (kind in (1, 2)),
    label        text not null,
    created_us   bigint not null,
    expires_us   bigint,
    last_used_us bigint,
    revoked_us   bigint
);
create index credential_account on credential (account);
