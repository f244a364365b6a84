// The log of the server as it is written, for admins: a WebSocket that tells what is kept and then each new line.
import { hasToken } from "../api.js";
import { fill, h } from "../dom.js";
import { logView } from "../parts/log_view.js";

export const title = "Live log";

export default async function show(view, { signal }) {
    const log = logView({ label: "Log of the server", both: false });
    const standing = h("p.quiet", { role: "status" }, "Connecting…");
    let failures = 0;
    view.append(h("h1", "Live log"), standing, log.element);
    if (hasToken()) {
        fill(standing, "A page that has only a token cannot open the live log: sign in with a password.");
        return;
    }
    function open() {
        if (signal.aborted) return;
        const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/api/admin/livelog`);
        const close = () => socket.close();
        signal.addEventListener("abort", close);
        socket.onopen = () => {
            fill(standing, failures > 0 ? "Connected again: what is kept is told from its beginning." : "Connected.");
            if (failures > 0) log.append("— connected again —\n", "stdout");
            failures = 0;
        };
        socket.onmessage = (message) => log.append(message.data.endsWith("\n") ? message.data : `${message.data}\n`, "stdout");
        socket.onclose = () => {
            signal.removeEventListener("abort", close);
            if (signal.aborted) return;
            failures = Math.min(failures + 1, 6);
            fill(standing, "Not connected; it is tried again.");
            setTimeout(open, 250 * 2 ** failures);
        };
    }
    open();
}
