// A provider of OpenID Connect for oidc_test.py: the package oidc-provider on loopback, with its own login and consent
// pages, and a hand that can tamper with the id_tokens it gives.
//
// Arguments: the port (0: any) and the file with its keys, made if absent. Stdout: "LISTENING port". Then each line on
// stdin is a JSON object, answered by one line: "OK" or "FAILED why". The first is the set-up: {redirect_uri,
// client_id, client_secret, algorithm}; the later ones change {accounts: {login: claims}}, {forge: how, or null},
// {broken: a path that is answered with 500, or null}, {lean: whether id_tokens leave out what userinfo says},
// {impostor: a subject that userinfo speaks of instead, or null}, {rotate: true: other keys}; {count: a path} is answered
// by "OK n", how often it was asked for. It ends when stdin does.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import * as jose from 'jose';
import { Provider } from 'oidc-provider';

const [port, keyFile] = process.argv.slice(2);
console.info = console.error; // what oidc-provider says to developers; stdout is for the test

async function newKey(algorithm) {
  const { privateKey } = await jose.generateKeyPair(algorithm, { extractable: true });
  const jwk = await jose.exportJWK(privateKey);
  return { ...jwk, alg: algorithm, use: 'sig', kid: await jose.calculateJwkThumbprint(jwk) };
}

if (!existsSync(keyFile)) {
  const made = [await newKey('RS256'), await newKey('ES256')];
  writeFileSync(keyFile, JSON.stringify(made), { mode: 0o600 });
}
let keys = JSON.parse(readFileSync(keyFile, 'utf8'));

let setup;
let accounts = {};
let forge = null;
let broken = null;
let lean = false;
let impostor = null;
const asked = {};
let previous = null; // an id_token of an earlier login

const sign = async (claims, header, key = keys.find(({ kid }) => kid === header.kid)) =>
  new jose.SignJWT(claims).setProtectedHeader(header).sign(await jose.importJWK(key, header.alg));
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

// Each takes what the true token says and gives another token.
const forgeries = {
  // No forgery: the same claims, signed here by the right key. Shows that the others are refused for what they change.
  same: (claims, header) => sign(claims, header),
  unsigned: (claims) => `${part({ alg: 'none' })}.${part(claims)}.`,
  unsigned_but_named: (claims, header) => `${part({ ...header, alg: 'none' })}.${part(claims)}.`,
  no_signature: (claims, header) => `${part(header)}.${part(claims)}.`,
  // Keys that are no secret of the provider's, for an algorithm with a shared one.
  signed_with_client_secret: (claims) =>
    new jose.SignJWT(claims).setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(setup.client_secret)),
  signed_with_public_key: (claims, header) => {
    const { kty, n, e, crv, x, y } = keys.find(({ kid }) => kid === header.kid);
    return new jose.SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' })
      .sign(Buffer.from(JSON.stringify(kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y })));
  },
  other_key: async (claims, header) => sign(claims, header, await newKey(header.alg)),
  unknown_key: async (claims, { alg }) => {
    const key = await newKey(alg);
    return sign(claims, { alg, kid: key.kid }, key);
  },
  key_in_token: async (claims, { alg }) => {
    const { kty, n, e, crv, x, y, ...key } = await newKey(alg);
    const jwk = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
    return sign(claims, { alg, jwk }, { ...jwk, ...key });
  },
  changed_after_signing: (claims, header, token) => {
    const [first, , last] = token.split('.');
    return `${first}.${part({ ...claims, sub: 'eve' })}.${last}`;
  },
  other_issuer: (claims, header) => sign({ ...claims, iss: 'http://127.0.0.1:1' }, header),
  other_audience: (claims, header) => sign({ ...claims, aud: 'another' }, header),
  no_audience: ({ aud, ...claims }, header) => sign(claims, header),
  for_several_and_another: (claims, header) =>
    sign({ ...claims, aud: [claims.aud, 'another'].flat(), azp: 'another' }, header),
  expired: (claims, header) => sign({ ...claims, iat: now() - 7200, exp: now() - 3600 }, header),
  no_end: ({ exp, ...claims }, header) => sign(claims, header),
  from_the_future: (claims, header) => sign({ ...claims, iat: now() + 3600, exp: now() + 7200 }, header),
  other_nonce: (claims, header) => sign({ ...claims, nonce: 'of-another-login' }, header),
  no_nonce: ({ nonce, ...claims }, header) => sign(claims, header),
  nobody: ({ sub, ...claims }, header) => sign(claims, header),
  of_an_earlier_login: () => previous,
  no_token: () => undefined,
  rubbish: () => 'not.a.token',
};

async function tamper(ctx, next) {
  await next();
  if (ctx.path === '/me' && impostor) ctx.body = { ...ctx.body, sub: impostor };
  if (ctx.path !== '/token' || !ctx.body?.id_token) return;
  const token = ctx.body.id_token;
  if (!forge) {
    previous = token;
    return;
  }
  const header = jose.decodeProtectedHeader(token);
  ctx.body.id_token = await forgeries[forge](jose.decodeJwt(token), header, token);
}

function makeProvider(issuer) {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: setup.client_id,
      client_secret: setup.client_secret,
      redirect_uris: [setup.redirect_uri],
      id_token_signed_response_alg: setup.algorithm,
    }],
    jwks: { keys },
    cookies: { keys: ['signs the cookies of a test'] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      roles: ['realm'],
    },
    conformIdTokenClaims: lean, // false: all claims in the id_token
    findAccount: (ctx, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  });
  provider.use(tamper);
  return provider.callback();
}

let handle = (request, response) => response.writeHead(503).end();
const server = createServer((request, response) => handle(request, response));

function serve() {
  const provider = makeProvider(`http://127.0.0.1:${server.address().port}`);
  handle = (request, response) => {
    asked[request.url] = (asked[request.url] ?? 0) + 1;
    return request.url === broken ? response.writeHead(500).end() : provider(request, response);
  };
}

async function command(line) {
  if (!setup) {
    setup = line;
    serve();
    return '';
  }
  if ('count' in line) return ` ${asked[line.count] ?? 0}`;
  if (line.rotate) keys = [await newKey('RS256'), await newKey('ES256')];
  if ('lean' in line) lean = line.lean;
  if (line.rotate || 'lean' in line) serve();
  if ('impostor' in line) impostor = line.impostor;
  if (line.accounts) accounts = line.accounts;
  if (line.forge && !(line.forge in forgeries)) throw new Error(`no forgery is called ${line.forge}`);
  if ('broken' in line) broken = line.broken;
  if ('forge' in line) forge = line.forge;
  return '';
}

server.listen(Number(port), '127.0.0.1', () => {
  console.log(`LISTENING ${server.address().port}`);
  createInterface({ input: process.stdin })
    .on('line', async (line) => {
      try {
        console.log(`OK${await command(JSON.parse(line))}`);
      } catch (error) {
        console.log(`FAILED ${String(error.message).replaceAll('\n', ' ')}`);
      }
    })
    .on('close', () => process.exit(0));
});
