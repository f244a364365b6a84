// A person in front of the dashboard: a browser context that notices everything a page must never do.
export class Person {
    static async come(browser, setup, { width = 1280, height = 900, dark = false, https = false, friends = [] } = {}) {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", ignoreHTTPSErrors: https });
        const person = new Person();
        Object.assign(person, { context, setup, faults: [], page: await context.newPage() });
        const known = [setup.url, ...friends].map((url) => new URL(url).host);
        await context.addInitScript(() => {
            document.addEventListener("securitypolicyviolation", (event) => console.error(`POLICY ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
        });
        person.page.on("dialog", (dialog) => {
            person.faults.push(`a dialog: ${dialog.message()}`);
            dialog.dismiss();
        });
        person.page.on("pageerror", (error) => person.faults.push(`an exception: ${error.stack}`));
        person.page.on("console", (message) => {
            const words = message.text();
            if (message.type() === "error" && !/Failed to load resource|WebSocket connection|net::ERR_/.test(words)) person.faults.push(`the console: ${words}`);
        });
        person.page.on("request", (request) => {
            const url = new URL(request.url());
            if (!["data:", "blob:"].includes(url.protocol) && !known.includes(url.host) && !friends.some((friend) => request.frame().url().startsWith(friend))) person.faults.push(`a request to elsewhere: ${request.url()}`);
        });
        return person;
    }
    async signIn(name = "admin", password = this.setup.password) {
        await this.page.goto(`${this.setup.url}/`);
        await this.page.getByLabel("Username or e-mail address").fill(name);
        await this.page.getByLabel("Password", { exact: true }).fill(password);
        await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
        await this.page.getByRole("button", { name: "Sign out" }).waitFor();
    }
    async open(path) {
        await this.page.goto(`${this.setup.url}/#${path}`);
        await this.page.waitForFunction(() => !document.getElementById("content").hasAttribute("aria-busy") && document.querySelector("#content h1") !== null);
    }
    /** Nothing that must not happen has happened. */
    async check() {
        const taken = await this.page.evaluate(() => window.__taken);
        if (taken !== undefined) this.faults.push("a script of a job has run");
        if (this.faults.length > 0) throw new Error(this.faults.join("\n"));
    }
    async leave() {
        await this.check();
        await this.context.close();
    }
}
