// What was done, by whom, from where: the newest first, a page at a time.
import { get } from "../api.js";
import { fill, h, told, when } from "../dom.js";
import { table } from "../parts/table.js";

export const title = "Audit";

const perPage = 100;

export default async function show(view, { signal, query }) {
    const list = h("div");
    let entries = [];
    const account = query.account ? `&account=${encodeURIComponent(query.account)}` : "";
    async function load(before) {
        const got = await get(`/api/audit/?limit=${perPage}${before ? `&before=${before}` : ""}${account}`, { signal });
        entries = entries.concat(got);
        fill(list, table("Audit", [
            ["Number", (one) => String(one.number), "number"], ["When", (one) => when(one.at), "tight"], ["Who", (one) => (one.account ? h("a", { href: `#/users/${one.account}` }, told(one.actor || one.account, { most: 60 })) : told(one.actor, { most: 60 }))],
            ["By", (one) => h("span", { title: one.credential }, told(one.credential.slice(0, 16)))], ["From", (one) => told(one.address), "tight"], ["What", (one) => h("code", told(one.action, { most: 120 }))], ["Of what", (one) => told(one.object, { most: 120 })],
            ["Answer", (one) => h(`span.status.s-${one.status < 400 ? "succeeded" : "failed"}`, String(one.status))], ["Detail", (one) => told(one.detail, { most: 200 })],
        ], entries), got.length === perPage && h("p.more", h("button", { type: "button", "data-key": "more", onclick: () => load(entries.at(-1).number) }, "Show older")));
    }
    view.append(h("div.head", h("h1", "Audit"), h("button", { type: "button", onclick: () => {
        entries = [];
        load();
    } }, "Read again")), h("p.quiet", "Each entry holds the hash of the one before it; ", h("code", "windlass audit verify"), " walks the whole chain."), list);
    await load();
}
