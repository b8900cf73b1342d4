/* Small helpers; every page works without them, but for copying. No inline code, no innerHTML: Trusted Types allow htmx alone. */
(() => {
  "use strict";

  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const say = (text) => { const region = document.getElementById("said"); if (region) region.textContent = text; };

  /* Copy: the clipboard, else a selected field (plain http has no clipboard), else say that it failed. */
  const byField = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "sr-only";
    document.body.append(field);
    field.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { done = false; }
    field.remove();
    return done;
  };
  const put = async (text) => {
    if (window.isSecureContext && navigator.clipboard) {
      try { await navigator.clipboard.writeText(text); return true; } catch { /* refused: try the field */ }
    }
    return byField(text);
  };
  const select = (source) => {
    const range = document.createRange();
    range.selectNodeContents(source);
    const chosen = window.getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
  };
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const text = "value" in source ? source.value : source.textContent.trim();
    const done = await put(text);
    button.focus();
    button.dataset.done = done ? "yes" : "no";
    const worded = button.dataset.size !== "icon-sm";
    if (worded) {
      button.dataset.label ??= button.textContent;
      button.textContent = done ? "Copied" : "Copy failed – select and copy by hand";
    }
    say(done ? `${button.dataset.name} copied` : `${button.dataset.name} could not be copied`);
    if (!done && !source.closest("[hidden]")) select(source);
    window.clearTimeout(Number(button.dataset.timer));
    button.dataset.timer = window.setTimeout(() => {
      if (worded) button.textContent = button.dataset.label;
      delete button.dataset.done;
    }, done ? 2000 : 6000);
  };

  /* A concealed secret: Show and Hide beside the text; without script a <details> does it. */
  const reveal = (button) => {
    const text = document.getElementById(button.getAttribute("aria-controls"));
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? "Hide" : "Show";
    const mask = document.getElementById(button.dataset.mask);
    text.hidden = !shown;
    if (mask) mask.hidden = shown;
  };

  /* Times say "4 min ago" only as long as that is young; older ones keep what the server wrote. */
  const refreshTimes = () => {
    for (const mark of all("time[data-ago]")) {
      const seconds = Math.round((Date.now() - Date.parse(mark.dateTime)) / 1000);
      if (seconds < 0 || seconds > 3600) continue;
      const words = seconds < 5 ? "just now" : seconds < 60 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
      if (mark.textContent !== words) mark.textContent = words;
    }
  };

  /* Snippets: one shown at a time, the choice kept in this browser. */
  const kept = (name, value) => {
    try { return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value); } catch { return null; }
  };
  const tabs = (box) => {
    const buttons = all('[role="tab"]', box);
    if (box.dataset.live || !buttons.length) return;
    box.dataset.live = "yes";
    const show = (chosen, focus) => {
      for (const button of buttons) {
        const on = button === chosen;
        button.setAttribute("aria-selected", String(on));
        button.tabIndex = on ? 0 : -1;
        document.getElementById(button.getAttribute("aria-controls")).hidden = !on;
      }
      const copier = box.querySelector(".snippet-bar [data-copy]");
      if (copier) copier.dataset.copy = chosen.dataset.code;
      if (focus) chosen.focus();
    };
    for (const [place, button] of buttons.entries()) {
      button.addEventListener("click", () => { show(button); kept("snippet", button.dataset.language); });
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        show(buttons[(place + step + buttons.length) % buttons.length], true);
      });
    }
    show(buttons.find((button) => button.dataset.language === kept("snippet")) ?? buttons[0]);
  };

  /* The summary beside a form says what is chosen there. */
  const echo = () => {
    for (const word of all("[data-echo]")) {
      const field = document.getElementById(word.dataset.echo);
      if (!field) continue;
      const chosen = field.selectedOptions ? field.selectedOptions[0]?.textContent : field.value.trim();
      const special = field.value === "none" ? word.dataset.none : field.value === "custom" ? word.dataset.custom : undefined;
      const date = field.value === "custom" ? document.getElementById("id_ends_at")?.value.replace("T", ", ") || "a date of your choice" : "";
      word.textContent = special === undefined ? (chosen ? (word.dataset.before ?? "") + chosen : word.dataset.empty) : special + date;
    }
  };

  /* Forms: sent once; leaving with unsaved words, or with a secret nobody has stored, asks first. */
  let leaving = false;
  const changed = new Set();
  const guardForm = (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    leaving = true;
    form.dataset.sent = "yes";
    const button = event.submitter;
    /* After the browser has read the form: a disabled button would not be sent with it. */
    window.setTimeout(() => {
      if (!button) return;
      button.setAttribute("aria-busy", "true");
      if (button.dataset.busy) { button.dataset.label = button.textContent; button.textContent = button.dataset.busy; }
    });
  };
  const mayLeave = (event) => {
    const secret = document.querySelector("[data-unstored]");
    const open = secret && !(secret.querySelector('input[type="checkbox"]')?.checked);
    const unsaved = [...changed].some((form) => form.isConnected && !form.dataset.sent);
    if (!leaving && (open || unsaved)) event.preventDefault();
  };
  const wake = () => {
    leaving = false;
    for (const form of all("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of all('[aria-busy="true"]', form)) {
        button.removeAttribute("aria-busy");
        if (button.dataset.label) button.textContent = button.dataset.label;
      }
    }
  };

  /* Menus are <details>: one open at a time, Escape closes and gives the focus back, arrows walk. */
  const closeMenus = (but) => { for (const menu of all("details.menu[open]")) if (menu !== but) menu.open = false; };
  const menuKeys = (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return false;
    const items = all(".menu-list :is(a, button)", menu).filter((item) => item.offsetParent !== null);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 1 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); }
    else if (to !== undefined && items.length) items[to % items.length].focus();
    else return false;
    event.preventDefault();
    return true;
  };

  /* Shortcuts: they navigate, open or focus, never change data, never fire in fields. */
  let pressed = "";
  const go = { h: "Overview", k: "Keys", t: "Teams", m: "Members", a: "Approvals", l: "Log" };
  const follow = (word) => {
    const link = all(".side .nav a").find((item) => item.textContent.trim().startsWith(word));
    if (link) link.click();
  };
  const plainKey = (event) => {
    if (document.body.dataset.plainKeys === "off") return undefined;
    const was = pressed;
    pressed = event.key === "g" ? "g" : "";
    if (was === "g" && go[event.key]) return follow(go[event.key]);
    if (event.key === "/") return document.querySelector("[data-filter]") ?? document.querySelector("[data-search]");
    if (event.key === "?") return document.getElementById("shortcuts")?.showModal();
    if (event.key === "n") document.querySelector("[data-new]")?.click();
    return undefined;
  };
  const keys = (event) => {
    if (menuKeys(event)) return;
    let field;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") field = document.querySelector("[data-search]");
    else if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
    else field = plainKey(event);
    if (field?.focus) { event.preventDefault(); field.focus(); field.select?.(); }
  };

  const clicks = (event) => {
    const target = event.target.closest?.("[data-copy], [data-reveal], [data-dialog], [data-close], [data-shortcuts], [data-dismiss]");
    closeMenus(event.target.closest?.("details.menu"));
    if (!target) return;
    if (target.matches("[data-copy]")) copy(target);
    else if (target.matches("[data-reveal]")) reveal(target);
    else if (target.matches("[data-close]")) target.closest("dialog")?.close();
    else if (target.matches("[data-dismiss]")) target.closest(".toast, .alert")?.remove();
    else if (target.matches("[data-shortcuts]")) { closeMenus(); document.getElementById("shortcuts")?.showModal(); }
    else openDialog(event, target);
  };
  const openDialog = (event, link) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog?.showModal || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const menu = link.closest("details.menu");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    dialog.showModal();
  };

  /* The browser's zone, for people who chose none. */
  const zone = () => {
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (name && !document.cookie.split("; ").includes(`zone=${name}`)) {
      document.cookie = `zone=${name}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    }
  };

  const dress = (within) => {
    for (const button of all("[data-copy][hidden], [data-reveal][hidden], [data-shortcuts][hidden]", within)) button.hidden = false;
    for (const fallback of all("[data-without-script]", within)) fallback.hidden = true;
    for (const mask of all("[data-with-script][hidden]", within)) mask.hidden = false;
    for (const box of all(".snippets", within)) tabs(box);
    for (const field of all(".field > input[type=password][autocomplete*=password]", within)) showable(field);
  };
  // Which roles of a table are not as they were, and how many, on the button that leads on.
  const markCells = (form) => {
    const selects = all("select", form);
    for (const select of selects) select.toggleAttribute("data-changed", !select.selectedOptions[0]?.defaultSelected);
    const count = selects.filter((select) => select.hasAttribute("data-changed")).length;
    const button = form.querySelector("[data-cells-button]");
    if (button) button.textContent = count ? `Review ${count} change${count === 1 ? "" : "s"}` : "Review changes";
  };
  const offline = (text) => {
    const place = document.getElementById("banners");
    if (!place || document.getElementById("offline")) return;
    const note = document.createElement("div");
    note.id = "offline";
    note.className = "alert alert-warn";
    const body = document.createElement("div");
    body.className = "alert-body";
    const strong = document.createElement("strong");
    strong.textContent = text;
    body.append(strong);
    note.append(body);
    place.prepend(note);
    document.getElementById("alarm").textContent = text;
  };

  /* Passwords: seen while one types, if one wants; and a word when the caps lock is on. */
  const showable = (field) => {
    const row = document.createElement("div"), button = document.createElement("button");
    const focused = document.activeElement === field;
    row.className = "input-row";
    button.type = "button";
    button.className = "btn";
    button.dataset.variant = "outline";
    const set = (shown) => {
      field.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", shown ? "Hide what is typed" : "Show what is typed");
    };
    field.replaceWith(row);
    row.append(field, button);
    button.addEventListener("click", () => set(field.type === "password"));
    field.form?.addEventListener("submit", () => set(false));
    const caps = document.createElement("p");
    caps.className = "help";
    caps.setAttribute("role", "status");
    row.after(caps);
    const note = (event) => { caps.textContent = event.getModifierState?.("CapsLock") ? "Caps lock is on." : ""; };
    field.addEventListener("keydown", note);
    field.addEventListener("keyup", note);
    field.addEventListener("blur", () => { caps.textContent = ""; });
    set(false);
    if (focused) field.focus();
  };
  document.addEventListener("click", clicks);
  document.addEventListener("keydown", keys);
  document.addEventListener("submit", guardForm);
  document.addEventListener("input", (event) => { if (event.target.form?.matches("[data-summed]")) echo(); });
  document.addEventListener("change", (event) => { if (event.target.form?.matches("[data-cells]")) markCells(event.target.form); });
  document.addEventListener("input", (event) => { if (event.target.form?.matches("[data-unsaved]")) changed.add(event.target.form); });
  window.addEventListener("beforeunload", mayLeave);
  window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  window.addEventListener("pagehide", () => { for (const secret of all("[data-secret]")) secret.textContent = ""; });
  document.addEventListener("htmx:after:swap", (event) => dress(event.target instanceof Element ? event.target : document));
  document.addEventListener("htmx:error", () => offline(`No answer from the server – showing the page as of ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.`));

  const start = () => {
    dress(document);
    zone();
    echo();
    window.setInterval(refreshTimes, 60000);
    document.querySelector("[data-focus]")?.focus();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
