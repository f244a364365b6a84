-- Who comes in, by which door, and what was done: sessions that a logout really ends, API tokens that can be listed and
-- revoked, tiers, links to set a password, logins by OpenID Connect, and the audit.

-- A login. The access token (a JWT) names the row; whoever ends the row ends every token of it. Of the refresh token
-- only the BLAKE2b-256 is kept. label: the browser or program as it called itself.
create table session (
    id           text not null primary key,
    account      bigint not null references account (id),
    refresh_hash text not null unique,
    created_us   bigint not null,
    expires_us   bigint not null,
    last_used_us bigint not null,
    ended_us     bigint,
    address      text not null,
    label        text not null
);
create index session_account on session (account);

-- prefix: the first characters of the token, for people to tell tokens apart. scopes: words with a space between, empty
-- for all that the account may. roles: at most these (a bit mask), null for those of the account.
create table api_token (
    id           bigint not null primary key,
    token_hash   text not null unique,
    prefix       text not null,
    account      bigint not null references account (id),
    label        text not null,
    scopes       text not null,
    roles        bigint,
    created_us   bigint not null,
    expires_us   bigint,
    last_used_us bigint,
    revoked_us   bigint
);
create index api_token_account on api_token (account);

-- The API tokens move; whoever had a session logs in again.
insert into api_token (id, token_hash, prefix, account, label, scopes, roles, created_us, expires_us, last_used_us,
                       revoked_us)
select row_number() over (order by created_us, token_hash), token_hash, '', account, label, '', null, created_us,
       expires_us, last_used_us, revoked_us
from credential where kind = 2;
insert into id_counter (name, next) select 'api_token', coalesce(max(id), 0) + 1 from api_token;
drop table credential;

alter table account add column last_login_us bigint;

-- heights: of the thumbnails that images of this tier get, a JSON list. original, expiring_links: rights, 0 or 1.
create table tier (
    name           text not null primary key,
    name_key       text not null unique,
    heights        text not null,
    original       smallint not null check (original in (0, 1)),
    expiring_links smallint not null check (expiring_links in (0, 1)),
    created_us     bigint not null
);
insert into tier (name, name_key, heights, original, expiring_links, created_us) values
    ('Basic', 'basic', '[200]', 0, 0, 0),
    ('Premium', 'premium', '[200,400]', 1, 0, 0),
    ('Enterprise', 'enterprise', '[200,400]', 1, 1, 0);

-- A link with which somebody sets a password, once. Only the hash of its secret is kept.
create table password_link (
    secret_hash text not null primary key,
    account     bigint not null references account (id),
    created_us  bigint not null,
    expires_us  bigint not null,
    used_us     bigint
);
create index password_link_account on password_link (account);

-- Who an account is at a provider of OpenID Connect; and the logins that are under way there, each good once.
create table oidc_identity (
    issuer     text not null,
    subject    text not null,
    account    bigint not null references account (id),
    created_us bigint not null,
    primary key (issuer, subject)
);
create table oidc_login (
    state_hash text not null primary key,
    nonce      text not null,
    verifier   text not null,
    return_to  text not null,
    created_us bigint not null,
    expires_us bigint not null
);

-- What was done, by whom, from where: append-only. hash covers the entry and the hash before it, so that a changed or
-- missing entry shows. audit_head has one row: the last entry.
create table audit_entry (
    number        bigint not null primary key,
    at_us         bigint not null,
    account       bigint,
    actor         text not null,
    credential    text not null,
    address       text not null,
    action        text not null,
    object        text not null,
    status        smallint not null,
    request_id    text not null,
    detail        text not null,
    previous_hash text not null,
    hash          text not null
);
create index audit_entry_account on audit_entry (account, number);
create table audit_head (
    one    smallint not null primary key check (one = 1),
    number bigint not null,
    hash   text not null
);
insert into audit_head (one, number, hash) values (1, 0, '');
