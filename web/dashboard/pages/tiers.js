// Tiers: what pictures their accounts get, and what quota they have.
import { get, put, remove } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, fault, field, form } from "../parts/forms.js";
import { quotaFields, quotaOf } from "../parts/quota_form.js";

export const title = "Tiers";

export default async function show(view, { signal }) {
    const cards = h("div.cards");
    async function load() {
        const [tiers, quotas] = await Promise.all([get("/api/tiers/", { signal }), get("/api/quotas/", { signal })]);
        fill(cards, tiers.map((tier) => {
            const path = `/api/tiers/${encodeURIComponent(tier.name)}/`;
            const quota = quotas.find((one) => one.subject === `tier:${tier.name}`) ?? {};
            return h("section.card", h("h2", told(tier.name, { most: 60 })),
                form([
                    field("heights", { label: "Heights of thumbnails", value: tier.heights.join(", "), hint: "Pixels, with commas between them." }),
                    field("original", { label: "the original picture", type: "checkbox", checked: tier.original }),
                    field("expiring_links", { label: "links that expire", type: "checkbox", checked: tier.expiring_links }),
                ], { action: "Save the tier", submit: async (values) => {
                    await put(path, { heights: heightsOf(values.heights), original: values.original, expiring_links: values.expiring_links });
                    notice(`Tier ${tier.name} is saved.`);
                } }),
                h("details", h("summary", "Quota"), form(quotaFields(quota), { action: "Save the quota", submit: async (values) => {
                    await put(`/api/quotas/${encodeURIComponent(`tier:${tier.name}`)}/`, quotaOf(values));
                    notice(`The quota of ${tier.name} holds from now on.`);
                } })),
                tier.name !== "Basic" && act("Remove", async () => {
                    if (!(await sure("Remove this tier?", `${tier.name} can be removed when no account has it.`, "Remove it"))) return;
                    await remove(path);
                    await load();
                }, { kind: "danger", label: `Remove ${tier.name}` }));
        }));
    }
    view.append(h("h1", "Tiers"), cards, h("details", h("summary", "Make a tier"), form([
        field("name", { label: "Name" }), field("heights", { label: "Heights of thumbnails", value: "200" }),
    ], { action: "Make the tier", submit: async (values, element) => {
        await put(`/api/tiers/${encodeURIComponent(values.name.trim())}/`, { heights: heightsOf(values.heights) });
        element.reset();
        await load();
    } })));
    await load();
}

function heightsOf(text) {
    const heights = text.split(",").map((one) => one.trim()).filter(Boolean).map(Number);
    if (heights.some((one) => !Number.isInteger(one))) throw fault("heights", "Whole numbers, with commas between them.");
    return heights;
}
