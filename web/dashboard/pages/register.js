import { post } from "../api.js";
import { h } from "../dom.js";
import { field, form } from "../parts/forms.js";
import * as session from "../session.js";

export const title = "Make an account";

export default async function show(view) {
    const fields = [
        field("first_name", { label: "First name", autocomplete: "given-name" }),
        field("last_name", { label: "Last name", autocomplete: "family-name" }),
        field("email", { label: "E-mail address", type: "email", autocomplete: "username", hint: "You sign in with it." }),
        field("password", { label: "Password", type: "password", autocomplete: "new-password", hint: "At least 8 characters, not a common one." }),
    ];
    view.append(h("div.narrow", h("h1", "Make an account"), form(fields, { action: "Make the account", submit: async (values) => {
        await post("/api/register/", values, { login: true }).catch((error) => {
            if (error.status === 0) error.message = "That did not work. Perhaps there is an account with this address already: try to sign in.";
            throw error;
        });
        await session.signInWithPassword(values.email, values.password);
    } }), h("p", h("a", { href: "#/sign-in" }, "Sign in instead"))));
}
