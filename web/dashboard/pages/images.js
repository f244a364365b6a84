// Pictures: upload, thumbnails as the tier has them, links that expire.
import { get, remove, send } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { show as dialog } from "../parts/dialog.js";
import { repeat } from "../parts/live.js";

export const title = "Images";

export default async function show(view, { signal }) {
    const [me, tiers] = await Promise.all([get("/api/user/", { signal }), get("/api/tiers/", { signal })]);
    const tier = tiers.find((one) => one.name === me.tier) ?? { heights: [], original: false, expiring_links: false };
    const gallery = h("div.cards");
    const shown = new Map(); // address -> blob address
    signal.addEventListener("abort", () => shown.forEach((address) => URL.revokeObjectURL(address)));

    async function picture(address, words) {
        const path = new URL(address, location.href);
        if (path.origin !== location.origin) return h("p.quiet", "elsewhere");
        if (!shown.has(path.href)) shown.set(path.href, URL.createObjectURL(await (await send("GET", path.pathname + path.search, { signal })).blob()));
        return h("img", { src: shown.get(path.href), alt: words });
    }

    let before = "";
    async function load() {
        const [images, thumbnails] = await Promise.all([get("/api/user/images/", { signal }), get("/api/user/thumbnails/", { signal }).catch((error) => {
            if (error.status !== 403) throw error;
            return [];
        })]);
        const now = JSON.stringify([images, thumbnails]);
        if (now === before) return;
        before = now;
        const cards = await Promise.all(images.map(async (image) => {
            const mine = thumbnails.filter((one) => one.image_id === image.id).sort((a, b) => a.height - b.height);
            const pictures = await Promise.all(mine.map((one) => picture(one.thumbnail, `Thumbnail of ${one.height} pixels`).catch(() => h("p.quiet", "not there yet"))));
            return h("section.card", h("h3", told(image.image.split("/").at(-1), { most: 80 })),
                mine.length === 0 ? h("p.quiet", "The thumbnails are being made.") : mine.map((one, at) => h("figure", pictures[at], h("figcaption.quiet", `${one.height} pixels`))),
                h("div.actions",
                    tier.original && act("Original", async () => {
                        const original = await picture(image.image, "The original");
                        await dialog("The original", () => original, { className: ".wide" });
                    }, { label: `Original of image ${image.id}` }),
                    tier.expiring_links && act("Link that expires", async () => {
                        await dialog("A link that expires", () => {
                            const out = h("div", { role: "status" });
                            return [form([field("time", { label: "Good for seconds", value: "3600", inputmode: "numeric", hint: "300 to 30000" })], { action: "Make the link", submit: async ({ time }) => {
                                const link = await get(`/api/user/link/${image.id}/?time=${encodeURIComponent(time)}`);
                                fill(out, h("pre", link.url));
                            } }), out];
                        });
                    }, { label: `Link to image ${image.id}` }),
                    act("Remove", async () => {
                        if (!(await sure("Remove this picture?", "Its thumbnails go with it.", "Remove it"))) return;
                        await remove(`/api/user/images/${image.id}/`);
                        await load();
                    }, { kind: "danger", label: `Remove image ${image.id}` })));
        }));
        fill(gallery, cards.length === 0 ? h("p.quiet", "No pictures yet.") : cards);
    }
    const file = field("image", { label: "A picture", type: "file", accept: "image/png,image/jpeg", hint: "PNG or JPEG." });
    view.append(h("h1", "Images"), h("p", `Tier ${tier.name ?? me.tier}: thumbnails of ${tier.heights.join(", ") || "no"} pixels${tier.original ? ", the original" : ""}${tier.expiring_links ? ", links that expire" : ""}.`),
        form([file], { action: "Upload", submit: async (_, element) => {
            const chosen = file.input.files[0];
            if (!chosen) return file.input.focus();
            const body = new FormData();
            body.append("image", chosen);
            await send("POST", "/api/user/images/", { body });
            element.reset();
            notice("The picture is here.");
            await load();
        } }), gallery);
    await load();
    repeat(3, load, signal);
}
