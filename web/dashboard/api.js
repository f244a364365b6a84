// Requests to the server: JSON in and out, the errors of all families in one form, conditional reads, and a session that
// ends in mid-work: whoever asked waits until the person has signed in again, and loses nothing.

let token = sessionStorage.getItem("windlass-token");
let renew = null; // set by session.js: asks the person to sign in again; resolves to true when that is done
const remembered = new Map(); // path -> { etag, answer }
const mostRemembered = 50;

export function setToken(value) {
    token = value;
    if (value) sessionStorage.setItem("windlass-token", value);
    else sessionStorage.removeItem("windlass-token");
    remembered.clear();
}
export const hasToken = () => Boolean(token);
export function onSessionEnd(handler) {
    renew = handler;
}
export function forgetAnswers() {
    remembered.clear();
}

/** What went wrong, whichever family said it. status 0: no answer came. fields: [{ field, words }]. */
export class ApiError extends Error {
    constructor(status, words, fields = [], more = {}) {
        super(words);
        this.status = status;
        this.fields = fields;
        this.requestId = more.requestId;
        this.retryAfter = more.retryAfter;
        this.type = more.type;
    }
}

function fieldName(pointer) {
    return pointer.replace(/^[/?]/, "").split("/")[0].replaceAll("~1", "/").replaceAll("~0", "~");
}

// problem+json; {error, message}; {detail}; {field: ["…"]}; text.
async function errorOf(response) {
    const more = { retryAfter: Number(response.headers.get("Retry-After")) || undefined };
    const body = await response.text();
    let json = null;
    try {
        json = JSON.parse(body);
    } catch {
        // text it is
    }
    if (json === null || typeof json !== "object")
        return new ApiError(response.status, body.slice(0, 500) || `The server said ${response.status}.`, [], more);
    more.requestId = json.request_id;
    more.type = json.type;
    if (Array.isArray(json.errors))
        return new ApiError(response.status, json.detail || json.title, json.errors.map((one) => ({ field: fieldName(one.pointer ?? ""), words: one.detail })), more);
    const words = json.detail ?? json.message ?? json.title;
    if (typeof words === "string") return new ApiError(response.status, words, [], more);
    const fields = Object.entries(json).filter(([, said]) => Array.isArray(said))
        .map(([field, said]) => ({ field: field === "non_field_errors" ? "" : field, words: said.join(" ") }));
    return new ApiError(response.status, fields.map((one) => (one.field ? `${one.field}: ` : "") + one.words).join(" ") || `The server said ${response.status}.`, fields, more);
}

export function credentialHeaders() {
    return token ? { Authorization: `Bearer ${token}` } : {};
}

/** The response as it is; throws ApiError when it is no success. */
export async function send(method, path, { body, headers = {}, signal, login = false } = {}) {
    const all = { ...(login ? {} : credentialHeaders()), ...headers };
    let sent = body;
    if (body !== undefined && !(body instanceof Blob) && !(body instanceof FormData) && !(body instanceof ArrayBuffer) && typeof body !== "string") {
        sent = JSON.stringify(body);
        all["Content-Type"] = "application/json";
    }
    for (;;) {
        let response;
        try {
            response = await fetch(path, { method, headers: all, body: sent, signal, cache: "no-store", credentials: "same-origin", redirect: "error" });
        } catch (error) {
            if (error.name === "AbortError") throw error;
            throw new ApiError(0, "The server cannot be reached.");
        }
        if (response.ok || response.status === 304) return response;
        if (response.status === 401 && !login && renew !== null && (await renew())) {
            delete all.Authorization;
            Object.assign(all, credentialHeaders());
            continue;
        }
        throw await errorOf(response);
    }
}

/** The JSON of the answer, null if it has none. */
export async function call(method, path, body, options = {}) {
    const response = await send(method, path, { ...options, body });
    const words = await response.text();
    if (words === "") return null;
    return (response.headers.get("Content-Type") ?? "").includes("json") ? JSON.parse(words) : words;
}

export const post = (path, body = {}, options = {}) => call("POST", path, body, options);
export const put = (path, body, options = {}) => call("PUT", path, body, options);
export const patch = (path, body, options = {}) => call("PATCH", path, body, options);
export const remove = (path, options = {}) => call("DELETE", path, undefined, options);

export async function get(path, options = {}) {
    return (await page(path, options)).items;
}

/** A list's page: { items, next }, next the path of the page behind it, or null. */
export async function page(path, { signal } = {}) {
    const before = remembered.get(path);
    const response = await send("GET", path, { signal, headers: before ? { "If-None-Match": before.etag } : {} });
    if (response.status === 304) return before.answer;
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "");
    const words = await response.text();
    const answer = { items: (response.headers.get("Content-Type") ?? "").includes("json") ? JSON.parse(words) : words, next: next ? next[1] : null };
    const etag = response.headers.get("ETag");
    remembered.delete(path);
    if (etag) {
        remembered.set(path, { etag, answer });
        if (remembered.size > mostRemembered) remembered.delete(remembered.keys().next().value);
    }
    return answer;
}

export function query(values) {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") parameters.set(name, value);
    const words = parameters.toString();
    return words ? `?${words}` : "";
}

/** A key for one act of creating: sending it twice does it once. */
export function newKey() {
    const random = crypto.getRandomValues(new Uint8Array(16));
    return "page-" + [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
