// Live fragments, sheets, keys and the palette. Every page reads and every action works without this file.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- Fragments that changed: what is the same stays, so focus, scrolling and open parts survive.

const KEPT = new Set(["open", "class-selected"]);

function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || (from.id || "") !== (to.id || "")) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
  if (from.nodeType === Node.TEXT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) return;
  const isSelected = from.classList.contains("selected");
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !KEPT.has(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (isSelected) from.classList.add("selected");
  // What a person is typing is theirs.
  if (from === document.activeElement && /^(INPUT|SELECT|TEXTAREA)$/.test(from.nodeName)) return;
  const [old, fresh] = [[...from.childNodes], [...to.childNodes]];
  fresh.forEach((child, index) => {
    if (old[index]) morph(old[index], child);
    else from.append(child.cloneNode(true));
  });
  old.slice(fresh.length).forEach((child) => child.remove());
}

function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

function prepare(root) {
  all("[data-copy]", root).forEach((button) => (button.hidden = false));
}

let source;
function listen() {
  const page = $("[data-live]");
  if (!page || source) return;
  source = new EventSource(`/live?page=${encodeURIComponent(page.dataset.live.split("#")[0])}`);
  source.addEventListener("fragment", ({ data }) => {
    const { id, html } = JSON.parse(data);
    const [old, fresh] = [document.getElementById(id), parse(html)];
    if (!old || !fresh || id === "toast") return;
    morph(old, fresh);
    prepare(old);
    tick();
  });
  source.addEventListener("end", () => {
    source.close();
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  });
  source.onopen = () => ($("#connection").textContent = "");
  source.onerror = () => {
    $("#connection").textContent = "Reconnecting…";
    if (source.readyState === EventSource.CLOSED) {
      source = undefined;
      setTimeout(listen, 2000);
    }
  };
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = undefined;
  } else listen();
});

// --- Times.

function human(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  const [unit, size] = parts[first];
  const [below, smaller] = parts[first + 1] ?? [];
  const rest = smaller && seconds < 10 * size ? Math.floor((seconds % size) / smaller) : 0;
  return `${Math.floor(seconds / size)}${unit}${rest ? rest + below : ""}`;
}

function tick() {
  const now = Date.now();
  for (const time of all("time[data-since], time[data-until]")) {
    const at = Date.parse(time.dateTime);
    const seconds = Math.max(0, Math.floor(("since" in time.dataset ? now - at : at - now) / 1000));
    const text = human(seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(tick, 1000);

// --- Sheets: the page of an action or a pod, above the page where one is.

function dialog(id, label) {
  let box = document.getElementById(id);
  if (!box) {
    box = document.createElement("dialog");
    box.id = id;
    box.setAttribute("aria-label", label);
    box.addEventListener("click", (event) => event.target === box && box.close());
    document.body.append(box);
  }
  return box;
}

async function openSheet(path) {
  const response = await fetch(path, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const sheet = $("#sheet", page);
  if (!sheet) return location.assign(path);
  const box = dialog("above", "Action");
  box.replaceChildren(document.importNode(sheet, true));
  prepare(box);
  all("details.menu", box).forEach((menu) => (menu.open = true));
  if (!box.open) box.showModal();
  tick();
  ($("form input:not([type=hidden]), form select, button.primary:not(:disabled)", box) ?? box).focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sheet]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    all("details.menu[open]").forEach((menu) => (menu.open = false));
    openSheet(link.getAttribute("href"));
    return;
  }
  if (event.target.closest("dialog [data-close]")) {
    event.preventDefault();
    event.target.closest("dialog").close();
    return;
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => (copy.textContent = "Copied"));
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// At once, before the answer: the true state comes by the stream.
document.addEventListener("submit", (event) => {
  const sheet = event.target.closest("#sheet");
  if (!sheet) return;
  const button = $("button.primary", event.target);
  const why = $("#why");
  if (why) why.textContent = `${button.textContent}: asked for…`;
  setTimeout(() => (button.disabled = true));
});

// --- Keys.

const rows = () => all("[data-row]");
function select(step) {
  const list = rows();
  if (!list.length) return;
  const now = list.findIndex((row) => row.classList.contains("selected"));
  const next = Math.min(list.length - 1, Math.max(0, now + step));
  list[now]?.classList.remove("selected");
  list[next].classList.add("selected");
  list[next].scrollIntoView({ block: "nearest" });
}

function press(key) {
  const entry = all("a.entry[data-key]").find((link) => link.dataset.key === key);
  if (entry) return openSheet(entry.getAttribute("href"));
  const row = $(".selected[data-release]");
  const actions = { p: "promote", a: "abort", r: "restart", u: "undo" };
  if (row && actions[key]) openSheet(`/rollouts/${row.dataset.release}/actions/${actions[key]}`);
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    return palette();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") all("details.menu[open]").forEach((menu) => (menu.open = false));
  if ($("dialog[open]") || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.nodeName)) return;
  const menu = $("#menu");
  const done = {
    "/": () => palette(),
    "?": () => keys(),
    j: () => select(1),
    k: () => select(-1),
    ArrowDown: () => rows().length && select(1),
    ArrowUp: () => rows().length && select(-1),
    Enter: () => document.activeElement === document.body && $(".selected a")?.click(),
    ".": () => menu && ((menu.open = !menu.open), $("a", menu)?.focus()),
    p: () => press("p"),
    a: () => press("a"),
    r: () => press("r"),
    u: () => press("u"),
  }[event.key];
  if (!done) return;
  if (event.key !== "Enter") event.preventDefault();
  done();
});

function keys() {
  const box = dialog("keys", "Keys");
  const list = [
    ["Ctrl K or /", "find a release or an action"], ["j k ↑ ↓", "move in a list"], ["Enter", "open"], ["p", "promote"],
    ["a", "abort"], ["r", "restart"], ["u", "roll back"], [".", "all actions"], ["Esc", "close"],
  ];
  const title = document.createElement("h2");
  title.textContent = "Keys";
  const terms = document.createElement("dl");
  for (const [key, text] of list) {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = key;
    dd.textContent = text;
    terms.append(dt, dd);
  }
  box.replaceChildren(title, terms);
  box.showModal();
}

// --- The palette: every action of the object in view, every page, every release.

async function palette() {
  const box = dialog("palette", "Find or do");
  if (box.open) return;
  const input = document.createElement("input");
  input.placeholder = "Find a release or an action";
  input.setAttribute("aria-label", "Find a release or an action");
  const list = document.createElement("ul");
  box.replaceChildren(input, list);
  const here = all("#menu a.entry").map((link) => ({ text: $(".verb", link).firstChild.textContent, more: $("small", link).textContent, href: link.getAttribute("href"), sheet: true }));
  const pages = all(".top nav a").map((link) => ({ text: link.textContent.trim(), more: "page", href: link.getAttribute("href") }));
  let entries = [...here, ...pages];
  let at = 0;
  const shown = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    return entries.filter(({ text, more }) => words.every((word) => `${text} ${more}`.toLowerCase().includes(word))).slice(0, 30);
  };
  const draw = () => {
    at = Math.max(0, Math.min(at, shown().length - 1));
    list.replaceChildren(...shown().map(({ text, more, href, sheet }, index) => {
      const [item, link, small] = [document.createElement("li"), document.createElement("a"), document.createElement("small")];
      link.href = href;
      if (sheet) link.dataset.sheet = "";
      link.textContent = text;
      small.textContent = more;
      link.append(small);
      item.append(link);
      item.classList.toggle("selected", index === at);
      return item;
    }));
    $(".selected", list)?.scrollIntoView({ block: "nearest" });
  };
  const go = () => {
    const entry = shown()[at];
    if (!entry) return;
    box.close();
    if (entry.sheet) openSheet(entry.href);
    else location.assign(entry.href);
  };
  input.addEventListener("input", () => ((at = 0), draw()));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      at += step;
      draw();
    }
    if (event.key === "Enter") go();
  });
  list.addEventListener("click", () => box.close());
  draw();
  box.showModal();
  input.focus();
  const response = await fetch("/api/v1/releases");
  if (!response.ok) return;
  const { items } = await response.json();
  entries = [...entries, ...items.map(({ namespace, name, phase }) => ({ text: name, more: `${namespace} · ${phase}`, href: `/rollouts/${namespace}/${name}` }))];
  draw();
}

// --- Begin.

const find = $("#find");
if (find) {
  find.hidden = false;
  find.addEventListener("click", palette);
}
prepare(document);
tick();
listen();
if ($("#toast .toast")) {
  history.replaceState(null, "", location.pathname);
  const live = $("[data-live]");
  if (live) live.dataset.live = location.pathname;
  setTimeout(() => $("#toast").replaceChildren(), 8000);
}
