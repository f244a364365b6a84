// One account, for admins: roles, tier, disabling, a link for a new password, its tokens and sessions, its quota.
import { get, patch, post, put, remove } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { linkBox } from "./users.js";
import { accessTables } from "./me.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { facts } from "../parts/table.js";
import { quotaFields, quotaOf } from "../parts/quota_form.js";
import { go } from "../router.js";

export const title = ({ id }) => `Account ${id}`;

export default async function show(view, { params, signal }) {
    const path = `/api/users/${encodeURIComponent(params.id)}/`;
    const [user, roles, tiers] = await Promise.all([get(path, { signal }), get("/api/roles/", { signal }), get("/api/tiers/", { signal })]);
    const subject = `/api/quotas/${encodeURIComponent(`user:${user.username}`)}/`;
    const quota = await get(subject, { signal }).catch((error) => {
        if (error.status !== 404) throw error;
        return {};
    });
    const link = h("div", { role: "status" }), access = h("div");
    const boxes = roles.map((role) => field(role.name, { label: role.name, type: "checkbox", checked: user.roles.includes(role.name), hint: role.meaning }));
    const tier = field("tier", { label: "Tier", tag: "select", value: user.tier, options: tiers.map((one) => [one.name, one.name]) });
    view.append(h("h1", told(user.username, { most: 80 })),
        facts([["Name", told(user.name)], ["E-mail", told(user.email)], ["Company", told(user.company)], ["Made", when(user.created)], ["Last sign-in", when(user.last_login, "never")], ["Password", user.password_set ? "set" : "not set"]]),
        user.disabled ? h("p", h("span.status.s-failed", "disabled")) : "",
        h("p", h("a", { href: `#/jobs?user=${encodeURIComponent(user.username)}` }, "Jobs of this account")),
        h("h2", "Roles and tier"), form([...boxes, tier], { action: "Save", submit: async (values) => {
            await patch(path, { roles: roles.map((role) => role.name).filter((name) => values[name]), tier: values.tier });
            notice("Saved. Changed roles end the sessions of the account.");
        } }),
        h("h2", "Quota of its own"), form(quotaFields(quota), { action: "Save the quota", submit: async (values) => {
            await put(subject, quotaOf(values));
            notice("The quota holds from now on.");
        } }),
        h("h2", "Password and access"), link, h("div.actions",
            act("Make a link for a new password", async () => fill(link, linkBox(await post(`${path}password-link/`)))),
            act(user.disabled ? "Enable" : "Disable", async () => {
                if (!user.disabled && !(await sure("Disable this account?", "Its sessions end, and its tokens are refused until it is enabled again.", "Disable it"))) return;
                await patch(path, { disabled: !user.disabled });
                notice(user.disabled ? "The account is enabled." : "The account is disabled.");
                go(`/users/${user.id}`);
            }, { kind: user.disabled ? "" : "danger" }),
            act("Delete", async () => {
                if (!(await sure("Delete this account?", "It can do nothing any more. Its jobs and results stay.", "Delete it"))) return;
                await remove(`/api/users/delete/${user.id}/`);
                notice("The account is deleted.");
                go("/users");
            }, { kind: "danger" })),
        access);
    await accessTables(access, user.username, signal);
}
