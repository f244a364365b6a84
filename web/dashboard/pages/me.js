// My account: usage against quota, password, API tokens, sessions.
import { get, post, put, remove } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, fault, field, form } from "../parts/forms.js";
import { bar, facts, table } from "../parts/table.js";
import { offers } from "../session.js";
import { bytes, count, seconds } from "../words.js";

export const title = "My account";

const scopes = ["jobs:read", "jobs:write", "account:read", "account:write", "monitoring:read", "monitoring:write", "courses:read", "courses:write", "images:read", "images:write", "admin"];

export function usageMeters(quota, usage) {
    const one = (label, used, most, words) => (most === null
        ? h("div.meter", h("span", `${words(used)} ${label}, no limit`))
        : bar(used, most, `${words(used)} of ${words(most)} ${label}`, label));
    return h("div.meters", one("jobs waiting", usage.queued, quota.queued, count), one("jobs running", usage.running, quota.running, count),
        one("processor time today", usage.cpu_s_today, quota.cpu_s_per_day, seconds), one("stored files", usage.stored_bytes, quota.stored_bytes, bytes));
}

export function accessTables(place, who, signal) {
    const suffix = who ? `?user=${encodeURIComponent(who)}` : "";
    async function load() {
        const [tokens, sessions] = await Promise.all([get(`/api/tokens/${suffix}`, { signal }), get(`/api/sessions/${suffix}`, { signal })]);
        fill(place, h("h2", "API tokens"), table("API tokens", [
            ["Name", (one) => [told(one.label, { most: 100 }), one.current && h("span.tag", "this one")]], ["Begins with", (one) => h("code", told(one.prefix))],
            ["May", (one) => (one.scopes === null ? "everything" : told(one.scopes.join(", "), { most: 200 }))],
            ["Made", (one) => when(one.created)], ["Ends", (one) => when(one.expires, "never")], ["Last used", (one) => when(one.last_used, "never")],
            ["Actions", (one) => act("Revoke", async () => {
                if (!(await sure("Revoke this token?", `Programs that use “${one.label}” are refused from now on.`, "Revoke it"))) return;
                await remove(`/api/tokens/${one.id}/`);
                await load();
            }, { kind: "danger", label: `Revoke ${one.label}` })],
        ], tokens, { none: "No tokens." }), h("h2", "Sessions"), table("Sessions", [
            ["Where", (one) => [told(one.label, { most: 60 }), " ", told(one.address), one.current && h("span.tag", "this one")]],
            ["Began", (one) => when(one.created)], ["Last used", (one) => when(one.last_used)], ["Ends", (one) => when(one.expires)],
            ["Actions", (one) => act("End", async () => {
                await remove(`/api/sessions/${one.id}/`);
                await load();
            }, { kind: "danger", label: "End this session" })],
        ], sessions, { none: "No sessions." }));
    }
    return load().then(() => load);
}

export default async function show(view, { signal }) {
    const me = await get("/api/user/", { signal });
    const access = h("div"), made = h("div", { role: "status" });
    view.append(h("h1", "My account"), facts([["Username", told(me.username)], ["Name", told(me.name)], ["E-mail", told(me.email)], ["Company", told(me.company)], ["Tier", told(me.tier)], ["Roles", me.roles.join(", ")]]),
        h("section", h("h2", "Usage and quota"), usageMeters(me.quota, me.usage),
            h("p.quiet", "Your own quota goes before that of your tier, kind by kind; members of arrays count one by one; processor time is of what ended today (UTC); stored files are uploads and what submits brought along.")),
        access);
    const reload = await accessTables(access, "", signal);
    const label = field("label", { label: "What it is for" });
    const days = field("days", { label: "Good for days", value: "90", inputmode: "numeric" });
    const may = scopes.map((scope) => field(scope, { label: scope, type: "checkbox" }));
    view.append(h("details", h("summary", "Make an API token"), made, form([label, days, ...may], { action: "Make the token", submit: async (values) => {
        const wanted = scopes.filter((scope) => values[scope]);
        const token = await post("/api/tokens/", { label: values.label, expires_in_s: Math.round(Number(values.days) * 86400), ...(wanted.length > 0 ? { scopes: wanted } : {}) });
        await reload();
        fill(made, h("div.box", h("p", "The token, told this once:"), h("pre", token.token), h("button", { type: "button", onclick: async () => {
            await navigator.clipboard.writeText(token.token);
            notice("The token is in the clipboard.");
        } }, "Copy")));
    } }), h("p.quiet", "With none of them chosen it may do everything that you may.")),
    offers("search") && !me.roles.includes("admin") ? h("details", h("summary", "Ask for a role"), form([
        field("role", { label: "Role", tag: "select", options: ["user", "job-control", "admin"].filter((role) => !me.roles.includes(role)).map((role) => [role, role]) }),
    ], { action: "Ask the admins", submit: async (values) => {
        await post("/api/notify/admin/", { Username: me.username, Roles: [values.role] });
        notice("The admins have been told.");
    } })) : "",
    h("details", h("summary", "Change my name"), form([field("first_name", { label: "First name", value: me.first_name, autocomplete: "given-name" }), field("last_name", { label: "Last name", value: me.last_name, autocomplete: "family-name" })], { action: "Save", submit: async (values) => {
        await put("/api/user/", values);
        notice("Saved.");
    } })),
    h("details", h("summary", "Change my password"), form([
        field("old_password", { label: "The password now", type: "password", autocomplete: "current-password" }),
        field("password", { label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters, not a common one." }),
        field("again", { label: "The same again", type: "password", autocomplete: "new-password" }),
    ], { action: "Change it", submit: async (values, element) => {
        if (values.password !== values.again) throw fault("again", "The two are different.");
        await put("/api/user/password/", { old_password: values.old_password, password: values.password });
        element.reset();
        notice("The password is changed; all other sessions have ended.");
    } })));
}
