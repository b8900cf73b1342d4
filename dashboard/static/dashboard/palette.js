/* Search or jump: Ctrl K opens a combobox over the links of the navigation, what this tab opened last, and what the
   search finds. It only opens pages. Without script, or on a page without the dialog, the search field does the work. */
(() => {
  "use strict";

  const dialog = document.getElementById("palette");
  if (!dialog?.showModal) return;
  const field = dialog.querySelector("input");
  const list = document.getElementById("jump-list");
  const form = field.form;
  const MEMORY = `opened:${form.getAttribute("action")}`;
  const WAIT = 150;
  let options = [];
  let at = 0;
  let asked = 0;

  const kept = () => {
    try { return JSON.parse(sessionStorage.getItem(MEMORY) ?? "[]"); } catch { return []; }
  };
  const keep = (place) => {
    const rest = kept().filter((each) => each.href !== place.href);
    try { sessionStorage.setItem(MEMORY, JSON.stringify([place, ...rest].slice(0, 5))); } catch { /* not allowed: nothing is kept */ }
  };

  const links = (selector) => [...document.querySelectorAll(selector)].map((link) => {
    const words = link.cloneNode(true);
    for (const extra of words.querySelectorAll(".count, .sr-only")) extra.remove();
    return { name: words.textContent.trim(), href: link.getAttribute("href") };
  });
  const matching = (places, words) => places.filter((each) => each.name.toLowerCase().includes(words.toLowerCase()));

  const mark = (place) => {
    at = place;
    for (const [number, option] of options.entries()) option.setAttribute("aria-selected", String(number === at));
    if (options[at]) {
      field.setAttribute("aria-activedescendant", options[at].id);
      options[at].scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const optionOf = (place) => {
    const option = document.createElement("a");
    option.id = `jump-${options.length}`;
    option.href = place.href;
    option.tabIndex = -1;
    option.setAttribute("role", "option");
    const name = document.createElement("span");
    name.textContent = place.name;
    option.append(name);
    if (place.about) {
      const about = document.createElement("span");
      about.className = "meta";
      about.textContent = place.about;
      option.append(about);
    }
    option.addEventListener("click", () => keep(place));
    options.push(option);
    return option;
  };
  const draw = (groups) => {
    options = [];
    list.replaceChildren();
    for (const [name, places] of groups.filter(([, places]) => places.length)) {
      const group = document.createElement("div");
      const head = document.createElement("span");
      head.id = `jump-group-${list.childElementCount}`;
      head.className = "meta";
      head.textContent = name;
      group.setAttribute("role", "group");
      group.setAttribute("aria-labelledby", head.id);
      group.append(head, ...places.map(optionOf));
      list.append(group);
    }
    if (!options.length) list.textContent = "No match.";
    mark(0);
  };

  const offered = (words) => [
    ["Go to", matching(links(".side .nav a[href]"), words)],
    ["Acts of this page", matching(links(".head-actions a.btn[href]"), words)],
  ];
  const found = async (words) => {
    const answer = await fetch(`${form.getAttribute("action")}?${new URLSearchParams({ q: words })}`, { headers: { Accept: "application/json" } });
    return answer.ok ? Object.entries(await answer.json()) : [];
  };
  const look = async () => {
    const words = field.value.trim();
    const mine = ++asked;
    draw(words ? offered(words) : [["Opened lately", kept()], ...offered("")]);
    if (!words) return;
    await new Promise((done) => { window.setTimeout(done, WAIT); });
    if (mine !== asked) return;
    const more = await found(words).catch(() => []);
    if (mine !== asked) return;
    draw([...more, ...offered(words)]);
    document.getElementById("said").textContent = `${options.length} found`;
  };

  const keys = (event) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (to !== undefined && options.length) {
      event.preventDefault();
      mark((to + options.length) % options.length);
    } else if (event.key === "Enter" && options[at]) {
      event.preventDefault();
      options[at].click();
    }
  };
  const opens = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (dialog.open) { dialog.close(); return; }
    field.value = "";
    look();
    dialog.showModal();
  };

  document.addEventListener("keydown", opens, true);
  field.addEventListener("keydown", keys);
  field.addEventListener("input", look);
})();
