// Who is signed in, and signing in again when a session ends while somebody works.
import { forgetAnswers, get, hasToken, onSessionEnd, post, setToken } from "./api.js";

let account = null;
let site = { version: "", openid_connect: false, registration: false, features: [] };
let asking = null; // the one question to sign in again, however many requests wait for it
const watchers = new Set();

export const user = () => account;
export const siteInfo = () => site;
export const isAdmin = () => account?.roles.includes("admin") ?? false;
export const hasRole = (role) => isAdmin() || (account?.roles.includes(role) ?? false);
export const offers = (feature) => site.features.includes(feature);
export function onChange(watcher) {
    watchers.add(watcher);
}

function become(who) {
    account = who;
    for (const watcher of watchers) watcher(who);
}

export async function loadSite() {
    site = await get("/api/site/");
    return site;
}

// Whether somebody has a session, as far as this page can tell without asking: the readable cookie, which opens nothing.
const seemsSignedIn = () => hasToken() || document.cookie.split("; ").some((one) => one.startsWith("Authorization="));

/** The account, or null: somebody has to sign in. */
export async function load() {
    if (!seemsSignedIn()) return null;
    onSessionEnd(null);
    try {
        become(await get("/api/user/"));
    } catch (error) {
        if (error.status !== 401) throw error;
        setToken(null);
        return null;
    }
    onSessionEnd(signInAgain);
    return account;
}

export async function signInWithPassword(username, password) {
    setToken(null);
    await post("/api/users/authenticate/", { username, password }, { login: true });
    return entered();
}

export async function signInWithToken(token) {
    setToken(token);
    onSessionEnd(null);
    try {
        return await entered();
    } catch (error) {
        setToken(null);
        throw error;
    }
}

async function entered() {
    forgetAnswers();
    const before = account;
    onSessionEnd(null);
    const who = await get("/api/user/");
    onSessionEnd(signInAgain);
    if (before !== null && before.id !== who.id) location.reload(); // somebody else: nothing of the one before stays
    become(who);
    return who;
}

export async function signOut() {
    onSessionEnd(null);
    try {
        if (!hasToken()) await post("/api/user/jwt-logout/");
    } catch {
        // it has ended anyway
    }
    setToken(null);
    location.hash = "#/";
    location.reload();
}

function signInAgain() {
    asking ??= import("./pages/sign_in.js").then((page) => page.askAgain()).finally(() => {
        asking = null;
    });
    return asking;
}
