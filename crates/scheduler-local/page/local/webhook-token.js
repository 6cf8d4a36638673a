// The token of a webhook, computed from the master in the page's URL (`/?token=`).

const encoder = new TextEncoder();

/** HMAC-SHA256 of the instance's id, in lower-case hexadecimal. `master` is the value of `WEBHOOK_TOKEN`. */
export async function webhookToken(master, instanceId) {
  // During a rotation there are two masters, the new one first.
  const secret = encoder.encode(master.split(",")[0].trim());
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(instanceId)));
  return [...signature].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
