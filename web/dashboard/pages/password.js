// For somebody who was given a link to set a password: #/password?link=…
import { post } from "../api.js";
import { h, notice } from "../dom.js";
import { fault, field, form } from "../parts/forms.js";
import { go } from "../router.js";

export const title = "Set a password";

export default async function show(view, { query }) {
    const link = field("password_link", { label: "Link", value: query.link ?? "", autocomplete: "off", hint: "It was given to you; it is good once." });
    const password = field("password", { label: "New password", type: "password", autocomplete: "new-password", hint: "At least 8 characters, not a common one." });
    const again = field("again", { label: "The same again", type: "password", autocomplete: "new-password" });
    view.append(h("div.narrow", h("h1", "Set a password"), form([link, password, again], { action: "Set it", submit: async (values) => {
        if (values.password !== values.again) throw fault("again", "The two are different.");
        await post("/api/password/", { password_link: values.password_link.trim(), password: values.password }, { login: true });
        notice("The password is set. Sign in with it.");
        go("/sign-in");
    } })));
}
