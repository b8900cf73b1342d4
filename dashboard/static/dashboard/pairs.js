// A pair made in this browser: the private half goes into a file, the public half into the form. Nothing else is sent.
(() => {
  "use strict";
  const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
  const KINDS = {
    ES256: { name: "ECDSA", namedCurve: "P-256" },
    ES384: { name: "ECDSA", namedCurve: "P-384" },
    RS384: { name: "RSASSA-PKCS1-v1_5", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-384" },
  };
  const MEMBERS = { RSA: ["e", "kty", "n"], EC: ["crv", "kty", "x", "y"] };
  const find = (what) => document.querySelector(what);

  const looksPrivate = (text) =>
    /PRIVATE[\s-]+(KEY|LINES)/i.test(text) ||
    PRIVATE.some((name) => new RegExp(`["']${name}["']\\s*:`).test(text));

  const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const base64url = (bytes) => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // RFC 7638: the members of the kind, in order, without spaces.
  async function thumbprint(jwk) {
    const text = JSON.stringify(Object.fromEntries(MEMBERS[jwk.kty].map((name) => [name, jwk[name]])));
    return base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  }

  function offer(link, name, type, text) {
    if (link.href) URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
  }

  function pem(bytes) {
    const lines = base64(bytes).match(/.{1,64}/g).join("\n");
    return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
  }

  async function make(panel) {
    const alg = find("[data-pair-kind]").value;
    const pair = await crypto.subtle.generateKey(KINDS[alg], true, ["sign", "verify"]);
    const half = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const whole = await crypto.subtle.exportKey("jwk", pair.privateKey);
    const members = Object.fromEntries(MEMBERS[half.kty].map((name) => [name, half[name]]));
    const kid = await thumbprint(half);
    const file = `${panel.dataset.client}-${kid.slice(0, 8)}.private`;
    const kept = { ...whole, kid, alg, use: "sig" };
    delete kept.key_ops;
    delete kept.ext;
    offer(find("[data-pair-jwk]"), `${file}.jwk.json`, "application/json", JSON.stringify(kept, null, 2));
    offer(find("[data-pair-pem]"), `${file}.pem`, "application/x-pem-file", pem(await crypto.subtle.exportKey("pkcs8", pair.privateKey)));
    find("[data-public]").value = JSON.stringify({ ...members, kid, alg, use: "sig" }, null, 2);
    find("[data-origin]").value = "browser";
    find("[data-pair-files]").hidden = false;
    find("[data-pair-said]").textContent = "The pair is made. Save the private key now: it is gone when you leave this page. Then add the public key below.";
  }

  const panel = find("[data-pair]");
  if (panel && window.isSecureContext && window.crypto?.subtle) {
    panel.hidden = false;
    find("[data-pair-make]").addEventListener("click", () => {
      make(panel).catch(() => { find("[data-pair-said]").textContent = "This browser could not make the pair. Use the commands below."; });
    });
  } else if (panel) find("[data-pair-off]").hidden = false;

  find("[data-public]")?.addEventListener("input", () => { find("[data-origin]").value = "pasted"; });
  find("[data-public-only]")?.addEventListener("submit", (event) => {
    const field = find("[data-public]");
    const found = looksPrivate(field.value);
    find("[data-private-found]").hidden = !found;
    if (!found) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.value = "";
    field.focus();
  }, true);
})();
