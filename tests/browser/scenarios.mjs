// What people do with the dashboard. Started by browser_test.py: one line of JSON on standard input says where everything is.
import { readFileSync } from "node:fs";
import readline from "node:readline";
import { chromium } from "playwright-core";
import { all as hostile, megabyte, texts } from "./hostile.mjs";
import { Person } from "./page.mjs";

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const setup = JSON.parse((await lines.next()).value);
const browser = await chromium.launch({ executablePath: setup.chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const axe = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const patience = 60000;

function must(condition, words) {
    if (!condition) throw new Error(words);
}
async function api(method, path, body, token = setup.token) {
    const response = await fetch(setup.url + path, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
    const words = await response.text();
    must(response.ok, `${method} ${path}: ${response.status} ${words.slice(0, 300)}`);
    return words === "" ? null : JSON.parse(words);
}
const submit = async (commands, more = {}, token = setup.token) => (await api("POST", "/api/jobs/submit/", { code: "", data: "", running_commands: commands, ...more }, token)).id;
async function ended(job) {
    for (;;) {
        const now = await api("GET", `/api/jobs/${job}/?wait=30`);
        if (["succeeded", "failed", "timed_out", "cancelled", "lost"].includes(now.status)) return now;
    }
}
async function kill(daemon) {
    console.log(`PLEASE kill ${daemon}`);
    await lines.next();
}
const password = "correct horse battery";
let users = 0;
async function makeUser(name = `user${++users}`) {
    await api("POST", "/api/users/create/", { name, username: name, email: `${name}@example.org`, company: "Example", password });
    return name;
}
const features = (await (await fetch(`${setup.url}/api/site/`)).json()).features;

// As the scripts of an outside cluster report it: a job of two nodes since ten minutes, and what these measured.
let clusterKey = null;
async function clusterCall(method, path, body) {
    clusterKey ??= await (await fetch(`${setup.url}/api/generateAPIKey`, { method: "POST", headers: { Authorization: `Bearer ${setup.token}` } })).text();
    const text = typeof body === "string";
    const response = await fetch(setup.url + path, { method, headers: { Authorization: `Bearer ${clusterKey.trim()}`, "Content-Type": text ? "text/plain" : "application/json" }, body: text ? body : JSON.stringify(body) });
    must(response.ok, `${method} ${path}: ${response.status} ${(await response.text()).slice(0, 300)}`);
}
async function reportClusterJob(id, name) {
    const now = Math.floor(Date.now() / 1000), from = now - 600;
    await clusterCall("PUT", "/api/job_start", {
        Id: id, UserId: 1000, UserName: "grad", GroupId: 1000, GroupName: "physics", ClusterId: "cray", NumNodes: 2, NumTasks: 8, TasksPerNode: 4, GPUsPerNode: 0,
        NodeList: "n1|n2", StartTime: from, JobName: name, Account: "theory", TTL: 0, Partition: "batch", JobScript: "#!/bin/sh\n#SBATCH -N 2\nsrun ./simulate\n",
    });
    const rows = [];
    for (let at = from; at < now - 30; at += 30)
        for (const [node, scale] of [["n1", 1], ["n2", 2]])
            rows.push(`cpu_used,hostname=${node},type=node value=${scale * (1 + Math.sin(at / 90))} ${at}`, `mem_used,hostname=${node},type=node value=${scale * 1e9 + at % 600 * 1e6} ${at}`);
    await clusterCall("POST", "/api/write/?precision=s", rows.join("\n"));
    return now;
}

const scenarios = {
    async "first visit to first result"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        const sizes = [];
        page.on("response", async (response) => sizes.push(response.request().sizes().then((size) => size.responseBodySize + size.responseHeadersSize).catch(() => 0)));
        await page.goto(`${setup.url}/`);
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1);
        const weight = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
        console.log(`measured: first content after ${Math.round(paint)} ms, first view ${Math.round(weight / 1000)} kB`);
        must(weight > 5000 && weight < 200000, `the first view weighs ${weight} bytes`);
        await person.signIn();
        await page.getByRole("link", { name: "Submit a first one" }).click();
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByText("step 5", { exact: true }).waitFor({ timeout: patience });
        await page.locator(".standing .s-succeeded").waitFor({ timeout: patience });
        await page.getByRole("button", { name: "Show squares.csv" }).or(page.getByRole("button", { name: /^Show .*squares.csv/ })).first().click();
        await page.getByRole("cell", { name: "25", exact: true }).waitFor();
        await page.keyboard.press("Escape");
        const whole = (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
        console.log(`measured: all of it to the first result ${Math.round(whole / 1000)} kB`);
        await person.leave();
    },

    async "a live log: sixty updates a second, search, follow"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        const job = await submit("sleep 1; i=0; while [ $i -lt 600 ]; do echo \"line $i of many\"; i=$((i+1)); sleep 0.01; done; echo needle; echo oops >&2");
        await person.open(`/jobs/${job}`);
        // The longest pause between two frames while lines come: a page that stutters has long ones.
        await page.evaluate(() => {
            window.__frames = [];
            const turn = (at) => {
                window.__frames.push(at);
                requestAnimationFrame(turn);
            };
            requestAnimationFrame(turn);
        });
        await page.getByText("needle", { exact: true }).waitFor({ timeout: patience });
        const frames = await page.evaluate(() => window.__frames);
        const gaps = frames.slice(1).map((at, index) => at - frames[index]).sort((a, b) => a - b);
        console.log(`measured: ${frames.length} frames while 600 lines came, middle gap ${gaps[gaps.length >> 1].toFixed(1)} ms, 99 of 100 below ${gaps[Math.floor(gaps.length * 0.99)].toFixed(1)} ms`);
        must(await page.locator(".log-line").count() < 100, "more lines in the page than in sight");
        await page.getByLabel("Search the output").fill("line 42 of");
        await page.getByText("line 1 of 1 with it").waitFor();
        await page.locator(".log-line.current", { hasText: "line 42 of many" }).waitFor();
        await page.getByLabel("Search the output").fill("");
        await page.getByLabel("Which output").selectOption("stderr");
        await page.getByText("oops", { exact: true }).waitFor();
        await page.getByText("needle", { exact: true }).waitFor({ state: "hidden" });
        await person.leave();
    },

    async "what is searched for is found when it comes, in pieces too"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        const job = await submit("printf 'one nee'; sleep 3; echo between >&2; echo 'dle, whole'; echo 'another needle'");
        await person.open(`/jobs/${job}`);
        await page.getByText("one nee").waitFor({ timeout: patience });
        await page.getByLabel("Search the output").fill("needle");
        await page.locator(".log-line.current", { hasText: "one needle, whole" }).waitFor({ timeout: patience });
        await page.getByText("line 1 of 2 with it").waitFor({ timeout: patience });
        await person.leave();
    },

    async "cancelling a job, and many"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        const job = await submit("sleep 600", { name: "long one" });
        await person.open(`/jobs/${job}`);
        await page.getByRole("button", { name: "Cancel", exact: true }).click();
        await page.getByRole("button", { name: "Cancel it" }).click();
        await page.locator(".standing .s-cancelled").waitFor({ timeout: patience });
        const many = await Promise.all([1, 2, 3].map((number) => submit("sleep 600", { name: `bulk ${number}`, tags: ["bulk"] })));
        await person.open("/jobs?tag=bulk");
        for (const id of many) await page.getByLabel(`Choose job ${id}`).check();
        await page.locator(".bulk").getByRole("button", { name: "Cancel", exact: true }).click();
        await page.getByRole("button", { name: "Cancel them", exact: true }).click();
        for (const id of many) must((await ended(id)).status === "cancelled", `${id} is not cancelled`);
        await page.locator(".list .s-cancelled").nth(2).waitFor({ timeout: patience });
        await person.leave();
    },

    async "again, with changes; a file brought along; what is wrong stands at its field"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open("/submit");
        await page.getByLabel("Name", { exact: true }).fill("with a file");
        await page.getByLabel("Commands").fill("cat notes.txt; wc -c < big.bin");
        await page.getByLabel("More files").setInputFiles([{ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("brought along\n") }, { name: "big.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(5_000_000, 7) }]);
        await page.getByText("Limits and options").click();
        await page.getByLabel("Memory").fill("a lot");
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByText("This is no size").first().waitFor();
        must(await page.getByLabel("Memory").evaluate((input) => input === document.activeElement && input.getAttribute("aria-invalid") === "true"), "the field is not where the person is");
        await page.getByLabel("Memory").fill("64 MiB");
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByText("5000000", { exact: true }).waitFor({ timeout: patience });
        await page.getByText("brought along", { exact: true }).waitFor();
        await page.getByRole("link", { name: "Run again with changes" }).click();
        await page.getByRole("heading", { name: /again, with changes/ }).waitFor();
        must((await page.getByLabel("Commands").inputValue()) === "cat notes.txt; wc -c < big.bin", "the commands are not there to change");
        await page.getByLabel("Commands").fill("echo changed; cat notes.txt");
        await page.getByRole("button", { name: "Submit again" }).click();
        await page.getByText("changed", { exact: true }).waitFor({ timeout: patience });
        await person.leave();
    },

    async "an array: its grid, and the failed again"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        const job = await submit("exit $((WINDLASS_ARRAY_INDEX % 2))", { array: { count: 6 } });
        await ended(job);
        await person.open(`/jobs/${job}`);
        await page.locator(".cell.s-failed").nth(2).waitFor({ timeout: patience });
        must((await page.locator(".cell.s-succeeded").count()) === 3, "three members have succeeded");
        await page.getByRole("button", { name: "Run the failed again" }).click();
        await page.getByText("Array of 3").waitFor({ timeout: patience });
        await person.leave();
    },

    async "two people at once see their own, and each other's not"() {
        const [ada, bob] = [await makeUser(), await makeUser()];
        const people = await Promise.all([ada, bob].map(async (name) => {
            const person = await Person.come(browser, setup);
            await person.signIn(name, password);
            return person;
        }));
        for (const [at, person] of people.entries()) {
            await person.open("/submit");
            await person.page.getByLabel("Name", { exact: true }).fill(`of person ${at}`);
            await person.page.getByLabel("Commands").fill(`echo "I am ${at}"`);
        }
        await Promise.all(people.map((person) => person.page.getByRole("button", { name: "Submit", exact: true }).click()));
        for (const [at, person] of people.entries()) {
            await person.page.getByText(`I am ${at}`, { exact: true }).waitFor({ timeout: patience });
            await person.open("/jobs");
            await person.page.getByText(`of person ${at}`).waitFor();
            must((await person.page.getByText(`of person ${1 - at}`).count()) === 0, "somebody else's job is shown");
            must((await person.page.getByRole("link", { name: "Audit" }).count()) === 0, "admin's pages are in the menu");
        }
        const theirs = await submit("echo secret");
        await people[0].open(`/jobs/${theirs}`);
        await people[0].page.getByRole("heading", { name: "Not here" }).waitFor();
        for (const person of people) await person.leave();
    },

    async "a session that ends in mid-work loses nothing"() {
        const name = await makeUser();
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn(name, password);
        await person.open("/submit");
        await page.getByLabel("Name", { exact: true }).fill("typed before");
        await page.getByLabel("Commands").fill("echo typed before the end of the session");
        for (const session of await api("GET", `/api/sessions/?user=${name}`)) await api("DELETE", `/api/sessions/${session.id}/`);
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByRole("dialog").getByText("Your session has ended").waitFor();
        await page.getByRole("dialog").getByLabel("Password", { exact: true }).fill(password);
        await page.getByRole("dialog").getByRole("button", { name: "Sign in", exact: true }).click();
        await page.getByText("typed before the end of the session", { exact: true }).waitFor({ timeout: patience });
        await person.leave();
    },

    async "a server that restarts in mid-work: the output goes on, a form is sent once"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        const job = await submit("i=0; while [ $i -lt 80 ]; do echo \"tick $i\"; i=$((i+1)); sleep 0.05; done; echo all of it");
        await person.open(`/jobs/${job}`);
        await page.getByText("tick 3", { exact: true }).waitFor({ timeout: patience });
        await kill("api");
        await page.getByText("all of it", { exact: true }).waitFor({ timeout: patience });
        await page.locator(".standing .s-succeeded").waitFor({ timeout: patience });
        await page.getByText("81 lines").waitFor(); // none lost, none twice
        await person.open("/submit");
        await page.getByLabel("Commands").fill("echo once");
        await page.context().setOffline(true);
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByText("The server cannot be reached.").first().waitFor();
        await page.context().setOffline(false);
        await page.getByRole("button", { name: "Submit", exact: true }).click();
        await page.getByText("once", { exact: true }).waitFor({ timeout: patience });
        await person.leave();
    },

    async "what admins do"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open("/workers");
        await page.getByRole("button", { name: /^Drain / }).click();
        await page.getByText("draining", { exact: true }).waitFor({ timeout: patience });
        const waiting = await submit("true", { name: "waits" });
        await person.open(`/jobs/${waiting}`);
        await page.getByRole("heading", { name: "Why it waits" }).waitFor({ timeout: patience });
        await person.open("/workers");
        await page.getByRole("button", { name: /^Resume / }).click();
        must((await ended(waiting)).status === "succeeded", "the worker works again");
        await person.open("/users");
        await page.getByText("Make an account").click();
        await page.getByLabel("Name", { exact: true }).fill("Grace Hopper");
        await page.getByLabel("Username").fill("grace");
        await page.getByLabel("E-mail address").fill("grace@example.org");
        await page.getByLabel("Company").fill("Navy");
        await page.getByRole("button", { name: "Make the account" }).click();
        const link = await page.locator("#content .box pre").textContent();
        const grace = await Person.come(browser, setup);
        await grace.page.goto(link);
        await grace.page.getByLabel("New password").fill("nanoseconds of wire");
        await grace.page.getByLabel("The same again").fill("nanoseconds of wire");
        await grace.page.getByRole("button", { name: "Set it" }).click();
        await grace.page.getByRole("heading", { name: "Sign in" }).waitFor();
        await grace.signIn("grace", "nanoseconds of wire");
        await page.getByRole("link", { name: "grace", exact: true }).click();
        await page.getByLabel("job-control").check();
        await page.getByLabel("Tier").selectOption("Premium");
        await page.getByRole("button", { name: "Save", exact: true }).click();
        await page.getByText("Changed roles end the sessions").waitFor();
        await grace.page.reload();
        await grace.page.getByRole("heading", { name: "Sign in" }).waitFor();
        await grace.leave();
        await person.open("/queues");
        await page.getByText("Make or change a queue").click();
        await page.getByLabel("Name", { exact: true }).fill("slow");
        await page.getByRole("button", { name: "Save the queue" }).click();
        await page.getByRole("button", { name: "Hold slow" }).click();
        await page.getByRole("button", { name: "Release slow" }).waitFor();
        await person.open("/tiers");
        await page.locator(".card", { hasText: "Premium" }).locator("summary").click();
        await page.locator(".card", { hasText: "Premium" }).getByLabel("Jobs waiting").fill("500");
        await page.locator(".card", { hasText: "Premium" }).getByRole("button", { name: "Save the quota" }).click();
        await page.getByText("The quota of Premium holds").waitFor();
        await person.open("/me");
        await page.getByText("Make an API token").click();
        await page.getByLabel("What it is for").fill("of the page");
        await page.getByLabel("jobs:read").check();
        await page.getByLabel("account:read").check();
        await page.getByRole("button", { name: "Make the token" }).click();
        const token = await page.locator("#content .box pre").textContent();
        await person.open("/audit");
        await page.getByText("POST /api/tokens/").first().waitFor();
        const visitor = await Person.come(browser, setup);
        await visitor.page.goto(`${setup.url}/`);
        await visitor.page.getByText("Sign in with an API token").click();
        await visitor.page.getByLabel("API token", { exact: true }).fill(token);
        await visitor.page.getByRole("button", { name: "Use this token" }).click();
        const shown = await submit("echo by token; sleep 1; echo end of it");
        await visitor.page.getByRole("button", { name: "Sign out" }).waitFor();
        await visitor.open(`/jobs/${shown}`);
        await visitor.page.getByText("end of it", { exact: true }).waitFor({ timeout: patience });
        await visitor.leave();
        await person.leave();
    },

    async "what jobs, users and files say is shown and not obeyed"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        const tag = (text) => text.replace(/[\u0000-\u001f\u007f]/g, "").slice(0, 64);
        const files = {}, env = {};
        texts.forEach((text, at) => {
            files[`input ${at} ${text.replace(/[/\u0000-\u001f\u007f-\u009f]/g, "_").slice(0, 60)}`] = text;
            env[`E${at}`] = text;
        });
        const code = texts.map((text) => `${text}\n`).join("") + megabyte + "\n";
        await api("POST", "/api/users/create/", { name: texts[1].slice(0, 200), username: "<b>mallory</b>".replaceAll("/", "|"), email: "mallory@example.org", company: texts[2], password });
        const mallory = await fetch(`${setup.url}/api/users/authenticate/`, { method: "POST", body: JSON.stringify({ username: "mallory@example.org", password }) });
        const { token } = await mallory.json();
        await api("POST", "/api/tokens/", { label: hostile.slice(0, 150) }, token);
        const commands = `cat code; cat code >&2; mkdir -p out; cp code 'out/<img src=x onerror=window.__taken=1>.txt'; cp code out/page.html; cp code out/picture.png; cp code out/table.csv; cp code out/drawing.svg; python3 -c 'import json;json.dump(open("code").read()[:3000],open("out/results.json","w"))'; exit 3`;
        const job = await submit(commands, { code, name: hostile.slice(0, 180), tags: texts.slice(0, 5).map(tag), env, files, limits: { output_bytes: 8_000_000 } }, token);
        await api("POST", "/api/schedules/", { name: hostile.slice(0, 180), cron: "30 2 * * *", job: { code: "", data: "", running_commands: hostile } }, token);
        await ended(job);
        const waiting = await submit("true", { name: texts[1], not_before: "2100-01-01T00:00:00Z" }, token);
        await api("DELETE", `/api/jobs/${waiting}/?reason=${encodeURIComponent(texts[1])}`, undefined, token);
        await person.signIn();
        for (const path of ["/jobs", "/jobs?status=failed", "/users", "/queues", "/schedules", "/audit", "/workers"]) {
            await person.open(path);
            await page.waitForLoadState("networkidle").catch(() => {});
            await person.check();
        }
        await person.open(`/jobs/${waiting}`);
        await page.getByText(texts[1]).first().waitFor();
        await person.open(`/jobs/${job}`);
        await page.locator(".standing .s-failed").waitFor({ timeout: patience });
        await page.getByText("<script>window.__taken=1</script>").first().waitFor();
        must((await page.locator("#content script, #content iframe, #content svg:not(.plot svg), #content style").count()) === 0, "markup of a job became elements");
        must(!(await page.locator("#content").textContent()).includes("\u202e"), "what turns the direction of writing is in the page");
        must(!(await page.locator("#content").textContent()).includes("\u001b"), "an escape is in the page");
        await page.getByLabel("Search the output").fill("access ");
        await page.locator(".log-line.current", { hasText: "⟦RLO⟧" }).waitFor();
        await page.getByLabel("Search the output").fill("AAAA");
        await page.getByRole("button", { name: /show all/ }).first().waitFor();
        for (const file of await page.getByRole("button", { name: /^Show / }).all()) {
            await file.click();
            await page.locator("dialog").waitFor();
            await person.check();
            await page.keyboard.press("Escape");
            await page.locator("dialog").waitFor({ state: "detached" });
        }
        await person.open(`/submit?from=${job}`);
        await page.getByLabel("Commands").waitFor();
        await page.getByRole("searchbox", { name: "Search jobs and users" }).fill(texts[1]);
        await page.keyboard.press("Enter");
        await page.waitForFunction(() => location.hash.includes("q="));
        const id = (await api("GET", "/api/admin/users")).find((one) => one.email === "mallory@example.org").id;
        await person.open(`/users/${id}`);
        await page.getByRole("heading", { name: "Sessions" }).waitFor();
        await person.leave();
    },

    async "every page: a picture on a desk and on a phone, light and dark, and what axe says"() {
        const array = await submit("exit $((WINDLASS_ARRAY_INDEX % 3 == 0))", { name: "a sweep", array: { count: 120 }, tags: ["sweep"] });
        const job = await submit("for i in 1 2 3; do printf '\\033[32mok\\033[0m step %s\\n' $i; done; echo careful >&2; mkdir -p out; printf 'a,b\\n1,2\\n' > out/table.csv", { name: "a small one", tags: ["nightly", "report"], env: { LANG: "C.UTF-8" } });
        await ended(job);
        await ended(array);
        await api("POST", "/api/schedules/", { name: "nightly report", cron: "30 2 * * *", time_zone: "Europe/Berlin", job: { code: "", data: "", running_commands: "true" } }).catch(() => {});
        const pages = { jobs: "/jobs", job: `/jobs/${job}`, array: `/jobs/${array}`, submit: "/submit", schedules: "/schedules", queues: "/queues", me: "/me", workers: "/workers", users: "/users", user: "/users/1", tiers: "/tiers", audit: "/audit" };
        if (features.includes("courses")) pages.courses = "/courses";
        if (features.includes("images")) pages.images = "/images";
        if (features.includes("monitoring configuration")) pages.config = "/config";
        if (features.includes("live log")) pages.livelog = "/livelog";
        if (features.includes("job metrics")) {
            await reportClusterJob(4711, "cfd of a wing");
            pages.cluster = "/cluster";
            pages["cluster-job"] = "/cluster/4711";
        }
        const faults = [];
        for (const [width, height, size] of [[1280, 900, "desk"], [390, 844, "phone"]]) {
            for (const dark of [false, true]) {
                const person = await Person.come(browser, setup, { width, height, dark });
                const { page } = person;
                const look = async (name) => {
                    await page.screenshot({ path: `${setup.pictures}/${name}-${size}-${dark ? "dark" : "light"}.png`, fullPage: true });
                    // Text that a person has to scroll sideways for, on a phone.
                    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                    if (wide > 1) faults.push(`${name} on a ${size} is ${wide} pixels too wide`);
                    if (size === "phone" && dark) return; // judged in the three other ways
                    await page.evaluate(axe);
                    const said = await page.evaluate(async () => (await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] })).violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`));
                    for (const one of said) faults.push(`${name}, ${size}, ${dark ? "dark" : "light"}: ${one}`);
                };
                await page.goto(`${setup.url}/`);
                await page.getByRole("heading", { name: "Sign in" }).waitFor();
                await look("sign-in");
                await person.signIn();
                for (const [name, path] of Object.entries(pages)) {
                    await person.open(path);
                    await page.evaluate(() => document.getElementById("notices").replaceChildren());
                    await look(name);
                }
                await person.leave();
            }
        }
        must(faults.length === 0, faults.join("\n"));
    },

    async "charts of what was measured, by uPlot and without it"() {
        const job = await submit("true", { name: "measured" });
        await ended(job);
        const rows = (scale) => Array.from({ length: 120 }, (_, at) => ({ _time: new Date(Date.UTC(2026, 0, 31, 9, 0, at * 30)).toISOString(), _value: scale * (1 + Math.sin(at / 9)), _field: "value", _measurement: "m", hostname: "node-1" }));
        const config = (measurement, unit) => ({ GUID: measurement, Type: "node", Measurement: measurement, AggFn: "mean", SampleInterval: "30s", Unit: unit, DisplayName: `${measurement} ${texts[1]}`, Categories: [], AvailableAggFns: [] });
        const answer = { Metadata: { Tags: [{ Id: 1, Name: texts[0], Type: "user", CreatedBy: "ada" }] }, QuantileData: [], SampleInterval: 30, SampleIntervals: [30], MetricData: [
            { Config: config("cpu_used", "cores"), Data: { [texts[1]]: rows(0.4), "node-2": rows(0.2) }, RawData: "" },
            { Config: config("mem_used", "B"), Data: { "node-1": rows(2e8) }, RawData: "" }] };
        for (const [name, without] of [["uplot", false], ["drawn", true]]) {
            const person = await Person.come(browser, setup);
            const { page } = person;
            await page.route("**/api/site/", async (route) => {
                const response = await route.fetch();
                const site = await response.json();
                await route.fulfill({ response, json: { ...site, features: [...new Set([...site.features, "job metrics"])] } });
            });
            await page.route(`**/api/job/${job}`, (route) => route.fulfill({ json: answer }));
            if (without) await page.route("**/uPlot.esm.js", (route) => route.fulfill({ status: 404, body: "" }));
            await person.signIn();
            await person.open(`/jobs/${job}`);
            await page.getByRole("heading", { name: "Measured", exact: true }).waitFor({ timeout: patience });
            await page.locator(without ? ".plot svg polyline" : ".plot canvas, .plot svg polyline").first().waitFor();
            must(/at most/.test(await page.locator(".plot").first().getAttribute("aria-label")), "the chart says nothing to who does not see it");
            await page.screenshot({ path: `${setup.pictures}/charts-${name}.png`, fullPage: true });
            await person.leave();
        }
    },

    async "with the keyboard alone"() {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await page.goto(`${setup.url}/`);
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        const focused = () => page.evaluate(() => document.activeElement.getAttribute("name") ?? document.activeElement.textContent.trim().slice(0, 40));
        await page.keyboard.press("Tab");
        must((await focused()) === "Skip to the content", `first comes ${await focused()}`);
        await page.keyboard.press("Enter");
        await page.keyboard.press("Tab");
        must((await focused()) === "username", `behind the skip link comes ${await focused()}`);
        await page.keyboard.type("admin");
        await page.keyboard.press("Tab");
        await page.keyboard.type(setup.password);
        await page.keyboard.press("Enter");
        await page.getByRole("button", { name: "Sign out" }).waitFor();
        await person.open("/jobs");
        await page.locator("[data-key^=count-failed]").focus();
        await page.keyboard.press("Enter");
        await page.waitForFunction(() => location.hash.includes("status=failed"));
        await page.waitForFunction(() => document.activeElement?.dataset.key === "count-failed" && document.activeElement.getAttribute("aria-pressed") === "true");
        await person.leave();
    },
};

if (features.includes("courses")) {
    scenarios["a course is made, launched and ended"] = async () => {
        const teacher = await makeUser();
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open("/courses");
        await page.getByLabel("Username").fill(teacher);
        await page.getByRole("button", { name: "Make a teacher" }).click();
        await page.getByText(`${teacher} is a teacher`).waitFor();
        await person.leave();
        const ada = await Person.come(browser, setup);
        await ada.signIn(teacher, password);
        await ada.open("/courses");
        await ada.page.getByText("Teach: make a course or a class").click();
        await ada.page.getByLabel("Name", { exact: true }).fill(texts[1].slice(0, 100));
        await ada.page.getByLabel("Image").fill("plain");
        await ada.page.getByLabel("Command").fill("mkdir -p www; echo 'lesson one' > www/index.html; cd www; exec python3 -m http.server --bind 127.0.0.1 $PORT");
        await ada.page.getByRole("button", { name: "Make the course" }).click();
        await ada.page.getByRole("button", { name: /^Launch / }).click();
        // No worker here has a root file system of this name, so it waits, and says what for.
        await ada.page.getByText("Created", { exact: true }).waitFor({ timeout: patience });
        await ada.page.screenshot({ path: `${setup.pictures}/courses-launched.png`, fullPage: true });
        await ada.page.getByRole("link", { name: "Where it stands" }).click();
        await ada.page.getByRole("heading", { name: "Why it waits" }).waitFor({ timeout: patience });
        await ada.open("/courses");
        await ada.page.getByRole("button", { name: /^End / }).click();
        await ada.page.getByRole("button", { name: "End it" }).click();
        await ada.page.getByText("Nothing is launched.").waitFor({ timeout: patience });
        await ada.leave();
    };
}

if (features.includes("courses")) {
    scenarios["a teacher gives a course to a class and puts students into it"] = async () => {
        const teacher = await makeUser(), student = await makeUser();
        await api("PUT", `/v1/teacher/${teacher}/`);
        const person = await Person.come(browser, setup);
        const { page } = person;
        const button = (name) => page.getByRole("button", { name, exact: true });
        await person.signIn(teacher, password);
        await person.open("/courses");
        await page.getByText("Teach: make a course or a class").click();
        await page.getByLabel("Name", { exact: true }).fill("Statistics");
        await page.getByLabel("Image", { exact: true }).fill("plain");
        await button("Make the course").click();
        await button("Launch Statistics").waitFor();
        await page.getByLabel("Name of a class", { exact: true }).fill("Monday <b>");
        await button("Make the class").click();
        await button("Classes that see Statistics").click();
        await button("Give Statistics to Monday <b>").click();
        await button("Take Statistics away from Monday <b>").waitFor();
        await page.getByText("0 members, 1 courses", { exact: true }).waitFor();
        await button("Members and courses of Monday <b>").click();
        await page.getByLabel("Username", { exact: true }).fill(student);
        await button("Put into the class").click();
        await button(`Take ${student} out of Monday <b>`).waitFor();
        await page.screenshot({ path: `${setup.pictures}/courses-classes.png`, fullPage: true });

        const learner = await Person.come(browser, setup);
        await learner.signIn(student, password);
        await learner.open("/courses");
        await learner.page.getByRole("button", { name: "Launch Statistics", exact: true }).waitFor();
        must((await learner.page.getByRole("button", { name: "Classes that see Statistics", exact: true }).count()) === 0, "a student has no classes to give courses to");

        await button(`Take ${student} out of Monday <b>`).click();
        await page.getByText("None yet.", { exact: true }).waitFor();
        await learner.page.reload();
        await learner.page.getByText("No courses yet. A teacher gives them to a class that you are in.", { exact: true }).waitFor();
        await learner.leave();
        await button("Take Statistics away from Monday <b>").click();
        await button("Give Statistics to Monday <b>").waitFor();
        await page.getByText("0 members, 0 courses", { exact: true }).waitFor();
        await person.leave();
    };
}

if (features.includes("courses") && setup.image) {
    scenarios["a course is launched, becomes Ready and is opened"] = async () => {
        const teacher = await makeUser();
        await api("PUT", `/v1/teacher/${teacher}/`);
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn(teacher, password);
        await person.open("/courses");
        await page.getByText("Teach: make a course or a class").click();
        await page.getByLabel("Name", { exact: true }).fill("First steps");
        await page.getByLabel("Image").fill(setup.image);
        await page.getByLabel("Command").fill("exec httpd -f -p 127.0.0.1:$PORT -h /srv");
        await page.getByRole("button", { name: "Make the course" }).click();
        await page.getByRole("button", { name: "Launch First steps" }).click();
        await page.locator(".status", { hasText: "Ready" }).waitFor({ timeout: patience });
        await page.screenshot({ path: `${setup.pictures}/courses-ready.png`, fullPage: true });
        const [opened] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: "Open", exact: true }).click()]);
        await opened.getByRole("heading", { name: "lesson one" }).waitFor({ timeout: patience });
        await opened.screenshot({ path: `${setup.pictures}/courses-opened.png` });
        await opened.close();
        await page.getByRole("button", { name: "End First steps" }).click();
        await page.getByRole("button", { name: "End it" }).click();
        await page.getByText("Nothing is launched.").waitFor({ timeout: patience });
        await person.leave();
    };
}

if (setup.provider) {
    scenarios["signing in at the site's provider of OpenID Connect"] = async () => {
        const person = await Person.come(browser, setup, { friends: [setup.provider] });
        const { page } = person;
        await page.goto(`${setup.url}/`);
        await page.getByRole("link", { name: "Sign in with the site's account" }).click({ noWaitAfter: true });
        await page.locator("input[name=login]").fill("lovelace", { timeout: patience });
        await page.locator("input[name=password]").fill("believed by the provider's own page");
        await page.locator("[type=submit]").first().click({ noWaitAfter: true });
        await page.getByRole("button", { name: "Continue" }).click({ timeout: patience, noWaitAfter: true });
        await page.getByRole("button", { name: "Sign out" }).waitFor({ timeout: patience });
        await page.getByRole("link", { name: "lovelace", exact: true }).waitFor();
        await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor({ timeout: patience });
        await person.leave();
    };
}

if (features.includes("job metrics")) {
    scenarios["the jobs of a cluster: list, filters, charts, marks, live"] = async () => {
        const now = await reportClusterJob(4712, texts[1]);
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await page.getByRole("link", { name: "Cluster", exact: true }).click();
        await page.getByLabel("User", { exact: true }).fill("grad");
        await page.keyboard.press("Enter");
        await page.getByRole("link", { name: "4712", exact: true }).waitFor({ timeout: patience });
        await page.getByLabel("Partition", { exact: true }).fill("nowhere");
        await page.keyboard.press("Enter");
        await page.getByText("No job fits these filters.").waitFor({ timeout: patience });
        await page.getByRole("button", { name: "Clear filters" }).click();
        await page.getByRole("button", { name: "running", exact: true }).click();
        await page.waitForFunction(() => location.hash.includes("running=true"));
        await page.getByRole("link", { name: "4712", exact: true }).click({ timeout: patience });
        await page.getByRole("heading", { name: "Measured", exact: true }).waitFor({ timeout: patience });
        await page.locator(".plot canvas, .plot svg").first().waitFor({ timeout: patience });
        await page.getByText("· live").waitFor({ timeout: patience });
        await page.getByLabel("Which nodes").selectOption("quantiles");
        await page.locator(".legend li", { hasText: "0.75" }).first().waitFor({ timeout: patience });
        await page.getByLabel("Which nodes").selectOption("n2");
        await page.waitForFunction(() => ![...document.querySelectorAll(".legend li")].some((one) => one.textContent.includes("0.75")));
        await page.getByRole("button", { name: "Mark…" }).click();
        await page.getByLabel("Mark", { exact: true }).fill("looked at");
        await page.getByRole("button", { name: "Mark it" }).click();
        await page.locator(".tag", { hasText: "looked at" }).waitFor({ timeout: patience });
        await clusterCall("PATCH", "/api/job_stop/4712", { ExitCode: 3, StopTime: now });
        await page.reload(); // it would be seen by itself, within 15 s
        await page.locator(".standing .s-failed").waitFor({ timeout: patience });
        await person.open("/cluster");
        await page.locator(".counters .tag", { hasText: "looked at" }).click({ timeout: patience });
        await page.getByText("exit code 3").waitFor({ timeout: patience });
        await person.leave();
        const name = await makeUser();
        const other = await Person.come(browser, setup);
        await other.signIn(name, password);
        await other.open("/cluster");
        must(await other.page.getByRole("link", { name: "4712", exact: true }).count() === 0, "somebody else's job is in the list");
        await other.open("/cluster/4712");
        await other.page.getByRole("heading", { name: /Not here|That did not work/ }).waitFor({ timeout: patience });
        await other.leave();
    };
}

if (features.includes("live log")) {
    scenarios["the log of the server as it is written"] = async () => {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open("/livelog");
        await page.getByText("Connected.").waitFor({ timeout: patience });
        await page.locator(".log-line").first().waitFor({ timeout: patience });
        await person.leave();
    };
}

if (features.includes("job metrics")) {
    scenarios["what the worker measured of a job is shown"] = async () => {
        const job = await submit("end=$(($(date +%s) + 12)); while [ $(date +%s) -lt $end ]; do :; done", { name: "busy" });
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open(`/jobs/${job}`);
        await page.getByRole("heading", { name: "Measured", exact: true }).waitFor({ timeout: patience });
        await page.locator(".plot canvas, .plot svg").first().waitFor();
        await page.screenshot({ path: `${setup.pictures}/measured.png`, fullPage: true });
        await person.leave();
    };
}

if (features.includes("images")) {
    scenarios["a picture is uploaded and its thumbnails come"] = async () => {
        const person = await Person.come(browser, setup);
        const { page } = person;
        await person.signIn();
        await person.open("/images");
        const picture = await page.screenshot();
        await page.getByLabel("A picture").setInputFiles({ name: "page.png", mimeType: "image/png", buffer: picture });
        await page.getByRole("button", { name: "Upload" }).click();
        await page.locator(".card img").first().waitFor({ timeout: patience });
        await person.leave();
    };
}

for (const [name, run] of Object.entries(scenarios)) {
    if (setup.only && !name.includes(setup.only)) continue;
    const began = Date.now();
    try {
        await run();
        console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
        for (const [at, page] of browser.contexts().flatMap((context) => context.pages()).entries()) await page.screenshot({ path: `${setup.pictures}/failed-${name.slice(0, 20).replaceAll(/[^a-z]/g, "-")}-${at}.png`, fullPage: true }).catch(() => {});
        console.log(`not ok ${name}: ${error.stack.replaceAll("\n", " | ")}`);
    }
    for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log("END of the scenarios");
process.exit(0);
