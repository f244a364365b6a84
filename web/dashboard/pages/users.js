// The accounts, for admins.
import { get, newKey, post, remove } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { act, field, form } from "../parts/forms.js";
import { table } from "../parts/table.js";
import { offers } from "../session.js";

export const title = "Users";

const most = 200;

export function linkBox(answer) {
    return h("div.box", h("p", "Give this address to the person, over a way that you trust. It is good once."),
        h("pre", `${location.origin}/#/password?link=${encodeURIComponent(answer.password_link)}`), h("p.quiet", "Until ", when(answer.password_link_expires)));
}

export default async function show(view, { signal, query }) {
    const list = h("div"), made = h("div", { role: "status" });
    let accounts = await get("/api/admin/users", { signal });
    const search = h("input", { type: "search", "aria-label": "Part of a name or address", placeholder: "Name or address", value: query.q ?? "" });
    search.addEventListener("input", draw);
    function draw() {
        const wanted = search.value.trim().toLowerCase();
        const fitting = accounts.filter((one) => [one.username, one.email, one.name, one.company].some((words) => words.toLowerCase().includes(wanted)));
        fill(list, table("Accounts", [
            ["Username", (one) => h("a", { href: `#/users/${one.id}`, "data-key": `user-${one.id}` }, told(one.username, { most: 60 }))],
            ["Name", (one) => told(one.name, { most: 80 })], ["E-mail", (one) => told(one.email, { most: 80 })], ["Roles", (one) => one.roles.join(", ") || h("span.quiet", "none")],
            ["Tier", (one) => told(one.tier)], ["State", (one) => one.disabled && h("span.status.s-failed", "disabled")], ["Last sign-in", (one) => when(one.last_login, "never")],
        ], fitting.slice(0, most)), fitting.length > most && h("p.quiet", `The first ${most} of ${fitting.length}.`));
    }
    const asked = h("div");
    async function loadNotices() {
        const notices = await get("/api/admin/notices/", { signal });
        fill(asked, notices.length > 0 && [h("h2", "Asked of the admins"), h("ul.files", notices.map((one) => h("li", told(one.username, { most: 80 }), " asks for ", told(one.roles.join(", ") || "a role", { most: 120 }), " ", when(one.last), one.times > 1 && ` (${one.times} times)`, " ",
            act("Done", async () => {
                await remove(`/api/admin/notices/${one.id}/`);
                await loadNotices();
            }, { label: `Done with what ${one.username} asked`, key: `notice-${one.id}` }))))]);
    }
    if (offers("search")) await loadNotices();
    view.append(h("h1", "Users"), asked, h("div.filters", search), list, h("details", h("summary", "Make an account"), made, form([
        field("name", { label: "Name" }), field("username", { label: "Username", autocomplete: "off" }), field("email", { label: "E-mail address", type: "email" }), field("company", { label: "Company" }),
    ], { action: "Make the account", submit: async (values, element) => {
        const answer = await post("/api/users/create/", values, { headers: { "Idempotency-Key": newKey() } });
        fill(made, answer.password_link && linkBox(answer));
        element.reset();
        notice("The account is made.");
        accounts = await get("/api/admin/users", { signal });
        draw();
    } })));
    draw();
}
