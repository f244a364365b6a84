// Signing in: with a password, at the site's provider of OpenID Connect, or with an API token.
import { h } from "../dom.js";
import { field, form } from "../parts/forms.js";
import { show as dialog } from "../parts/dialog.js";
import * as session from "../session.js";

export const title = "Sign in";

function plain(error) {
    // Which of the two was wrong is nobody's business.
    if (error.status === 401 || error.status === 404) error.message = "The name or the password is wrong.";
    return error;
}

function forms(done, { name = "", elsewhere = false } = {}) {
    const username = field("username", { label: "Username or e-mail address", autocomplete: "username", autocapitalize: "none", required: true, value: name });
    const password = field("password", { label: "Password", type: "password", autocomplete: "current-password", required: true });
    const token = field("token", { label: "API token", type: "password", autocomplete: "off", hint: "Kept in this tab only, until it is closed." });
    return [
        form([username, password], { action: "Sign in", submit: async (values) => {
            await session.signInWithPassword(values.username.trim(), values.password).catch((error) => { throw plain(error); });
            done();
        } }),
        session.siteInfo().openid_connect && h("p", h("a.button", { href: "/auth/oauth/login", target: elsewhere ? "_blank" : undefined }, "Sign in with the site's account"),
            elsewhere && [" ", h("button", { type: "button", onclick: done }, "Done, go on")]),
        h("details", h("summary", "Sign in with an API token"), form([token], { action: "Use this token", submit: async (values) => {
            await session.signInWithToken(values.token.trim()).catch((error) => {
                if (error.status === 403) error.message = "This token may not be used here: it needs the scope account:read.";
                if (error.status === 401) error.message = "The token is not good: unknown, expired or revoked.";
                throw error;
            });
            done();
        } })),
    ];
}

export default async function show(view) {
    view.append(h("div.narrow", h("h1", "Sign in"), forms(() => {}),
        session.siteInfo().registration && h("p", "No account yet? ", h("a", { href: "#/register" }, "Make one"), ".")));
}

/** Over the page, which stays as it is. True: somebody is signed in again. */
export async function askAgain() {
    const name = session.user()?.username ?? "";
    const answer = await dialog("Your session has ended", (box) => [
        h("p", "Sign in again to go on. Nothing of what you have entered is lost."),
        forms(() => box.close("yes"), { name, elsewhere: true }),
    ]);
    if (answer !== "yes") location.assign("/");
    return answer === "yes";
}
