// Input files: uploaded under their SHA-256, in pieces, going on where an earlier try broke off.
import { send } from "../api.js";

const piece = 4 * 1024 * 1024;
const withinTheRequest = 512 * 1024;

function base64(whole) {
    let words = "";
    for (let at = 0; at < whole.length; at += 0x8000) words += String.fromCharCode(...whole.subarray(at, at + 0x8000));
    return btoa(words);
}

/** What stands for the file in the `files` of a submit. told(share) says how far it is. */
export async function upload(file, told, signal) {
    const whole = await file.arrayBuffer();
    // Without TLS, but on this machine, browsers do not offer hashes: small files travel inside the request instead.
    if (file.size <= withinTheRequest) return { base64: base64(new Uint8Array(whole)) };
    if (!crypto.subtle) throw new Error("Files of more than 512 KiB need a connection with TLS (https).");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    let at = 0;
    try {
        const known = await send("HEAD", `/api/blobs/${sha256}/`, { signal });
        if (known.ok) return { sha256 };
    } catch (error) {
        if (error.status !== 404) throw error;
    }
    while (at < file.size) {
        const end = Math.min(at + piece, file.size);
        await send("PUT", `/api/blobs/${sha256}/`, { body: new Blob([whole.slice(at, end)]), headers: { "Content-Range": `bytes ${at}-${end - 1}/${file.size}` }, signal });
        at = end;
        told(at / file.size);
    }
    return { sha256 };
}
