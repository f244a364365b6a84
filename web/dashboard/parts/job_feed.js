// Everything that happens to a job and that it prints, as it comes: by its WebSocket, which a browser opens with its cookie;
// for a page that has only a token, by the event stream of the output, which takes a header.
import { credentialHeaders, hasToken } from "../api.js";

/** on: { event(event), log(piece), end(status), trouble(words) }. Goes on after every break exactly where it was. */
export function follow(job, on, signal) {
    if (hasToken()) return followStream(job, on, signal);
    let eventsAfter = "", logAfter = "", failures = 0, socket = null;
    function open() {
        if (signal.aborted) return;
        const scheme = location.protocol === "https:" ? "wss:" : "ws:";
        const place = new URLSearchParams();
        if (eventsAfter) place.set("events_after", eventsAfter);
        if (logAfter) place.set("log_after", logAfter);
        socket = new WebSocket(`${scheme}//${location.host}/api/jobs/${encodeURIComponent(job)}/live/?${place}`);
        socket.onmessage = (message) => {
            failures = 0;
            const said = JSON.parse(message.data);
            if (said.type === "event") {
                eventsAfter = said.position;
                on.event(said);
            } else if (said.type === "log") {
                logAfter = said.position;
                on.log(said);
            } else if (said.type === "end") {
                on.end(said.status);
            }
        };
        socket.onclose = (closed) => {
            if (signal.aborted || closed.code === 1000) return;
            failures = Math.min(failures + 1, 6);
            on.trouble(failures > 1);
            setTimeout(open, 250 * 2 ** failures);
        };
    }
    signal.addEventListener("abort", () => socket?.close());
    open();
}

async function followStream(job, on, signal) {
    let position = "", failures = 0;
    while (!signal.aborted) {
        try {
            const headers = { ...credentialHeaders(), Accept: "text/event-stream" };
            if (position) headers["Last-Event-ID"] = position;
            const response = await fetch(`/api/jobs/${encodeURIComponent(job)}/log/`, { headers, signal });
            if (response.status === 204) return on.end("");
            if (!response.ok) throw new Error(String(response.status));
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            let waiting = "";
            for (;;) {
                const { done, value } = await reader.read();
                if (done) break;
                failures = 0;
                waiting += value;
                for (let end = waiting.indexOf("\n\n"); end >= 0; end = waiting.indexOf("\n\n")) {
                    const lines = waiting.slice(0, end).split("\n");
                    waiting = waiting.slice(end + 2);
                    const of = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
                    if (of("id")) position = of("id");
                    if (of("event") === "output") on.log(JSON.parse(of("data")));
                    if (of("event") === "end") return on.end(JSON.parse(of("data")).status);
                }
            }
        } catch (error) {
            if (signal.aborted || error.name === "AbortError") return;
        }
        failures = Math.min(failures + 1, 6);
        on.trouble(failures > 1);
        await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** failures));
    }
}
