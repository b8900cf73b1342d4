// An assertion signed in this browser, with a private key read from a file. The file is not sent: only what it signs.
(() => {
  "use strict";
  const panel = document.querySelector("[data-sign]");
  if (!panel || !window.isSecureContext || !window.crypto?.subtle) return;
  const find = (what) => document.querySelector(what);
  const said = (words) => { find("[data-sign-said]").textContent = words; };

  const bytes = (text) => new TextEncoder().encode(text);
  const raw = (base64) => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  const base64url = (data) =>
    btoa(String.fromCharCode(...new Uint8Array(data))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const part = (members) => base64url(bytes(JSON.stringify(members)));

  // What Web Crypto wants to import a key for an algorithm of JOSE, and to sign with it (RFC 7518, 3.1).
  function parameters(algorithm) {
    const digits = algorithm.slice(2);
    const hash = `SHA-${digits}`;
    switch (algorithm.slice(0, 2)) {
      case "RS": return [{ name: "RSASSA-PKCS1-v1_5", hash }, { name: "RSASSA-PKCS1-v1_5" }];
      case "PS": return [{ name: "RSA-PSS", hash }, { name: "RSA-PSS", saltLength: Number(digits) / 8 }];
      case "ES": return [{ name: "ECDSA", namedCurve: `P-${digits}` }, { name: "ECDSA", hash }];
      default: return [{ name: "Ed25519" }, { name: "Ed25519" }];
    }
  }

  async function keyOf(text, imported) {
    if (!text.startsWith("{")) return crypto.subtle.importKey("pkcs8", raw(text.replace(/-----[^-]+-----|\s/g, "")), imported, false, ["sign"]);
    const { kty, crv, n, e, d, p, q, dp, dq, qi, x, y } = JSON.parse(text);
    return crypto.subtle.importKey("jwk", { kty, crv, n, e, d, p, q, dp, dq, qi, x, y }, imported, false, ["sign"]);
  }

  async function sign(text) {
    const { client, kid, algorithm, audience } = panel.dataset;
    const [imported, signing] = parameters(algorithm);
    const key = await keyOf(text, imported);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: client, sub: client, aud: audience, jti: crypto.randomUUID(), iat: now, exp: now + 240 };
    const signed = `${part({ alg: algorithm, kid })}.${part(claims)}`;
    return `${signed}.${base64url(await crypto.subtle.sign(signing, key, bytes(signed)))}`;
  }

  panel.hidden = false;
  find("[data-sign-off]").hidden = true;
  const file = find("[data-sign-file]");
  file.addEventListener("change", async () => {
    const field = find("[data-assertion]");
    field.value = "";
    if (!file.files.length) return;
    try {
      field.value = await sign((await file.files[0].text()).trim());
      said("Signed. It is good for four minutes: try it now.");
    } catch {
      said(`This browser could not sign with that file. It takes a private key for ${panel.dataset.algorithm}, as PEM (PKCS#8) without a passphrase, or as JWK.`);
    }
    file.value = "";
  });
})();
