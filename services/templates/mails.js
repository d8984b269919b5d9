"use strict";
(() => {
  const mails = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (tag, words, style) => {
    const made = document.createElement(tag);
    if (words !== undefined) made.textContent = words;
    if (style) made.className = style;
    return made;
  };
  const tone = (kind) => `var(--${kind.replace(/[^a-z-]/g, "")}, var(--soft))`;
  const DARK = /\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)/gi;
  let buttons = new Map();
  let visible = [];
  let picked = null;

  const options = (select, pairs) => {
    for (const [value, words] of new Map(pairs)) {
      const option = make("option", words);
      option.value = value;
      select.append(option);
    }
  };
  options($("kind"), mails.map((one) => [one.kind, one.word]));
  options($("agency"), mails.map((one) => [one.recipient, one.name]));

  function list() {
    const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    visible = mails.filter((one) => {
      const said = `${one.number} ${one.day} ${one.word} ${one.name} ${one.recipient} ${one.rungs.join(" ")} ${one.subject}`.toLowerCase();
      return (!$("kind").value || one.kind === $("kind").value)
        && (!$("agency").value || one.recipient === $("agency").value)
        && words.every((word) => said.includes(word));
    });
    buttons = new Map();
    const parts = [];
    let day = null;
    for (const one of visible) {
      if (one.day !== day) {
        day = one.day;
        parts.push(make("h2", day), make("ol"));
      }
      const button = make("button");
      button.type = "button";
      button.style.setProperty("--tone", tone(one.kind));
      const what = make("span", undefined, "what");
      const rungs = one.rungs.slice(0, 2).join(", ") + (one.rungs.length > 2 ? " …" : "");
      what.append(make("b", one.word), ` · ${[one.time, rungs].filter(Boolean).join(" · ")}`);
      button.append(make("span", `${one.number}. ${one.name}`, "to"), what);
      button.addEventListener("click", () => pick(one));
      const item = make("li");
      item.append(button);
      parts[parts.length - 1].append(item);
      buttons.set(one.number, button);
    }
    $("list").replaceChildren(...parts);
    $("none").hidden = visible.length > 0;
    if (visible.length && !visible.includes(picked)) pick(visible[0]);
    else if (picked) pick(picked);
  }

  // What a mail says for the dark is said where the button says so, whatever the browser is set to.
  const lit = (html) => html.replace(DARK, (_, scheme) =>
    (scheme.toLowerCase() === "dark") === document.body.classList.contains("dark") ? "(min-width: 0px)" : "(max-width: 0px)");

  function pick(one) {
    if (picked && buttons.has(picked.number)) buttons.get(picked.number).removeAttribute("aria-current");
    picked = one;
    const button = buttons.get(one.number);
    if (button) {
      button.setAttribute("aria-current", "true");
      button.scrollIntoView({ block: "nearest" });
    }
    const rows = one.headers.length ? one.headers : [["Subject", one.subject]];
    const extra = one.attachments.map((name) => ["📎", name]);
    $("headers").replaceChildren(...[...rows, ...extra].map(([name, value]) => {
      const row = make("tr", undefined, name);
      row.append(make("th", name), make("td", value));
      return row;
    }));
    $("fault").hidden = !one.fault;
    $("fault").textContent = one.fault;
    $("size").textContent = one.size && `· ${one.size}`;
    $("text").textContent = one.text;
    $("mail").srcdoc = lit(one.html);
    const place = visible.indexOf(one);
    $("place").textContent = `${place + 1} / ${visible.length}`;
    $("before").disabled = place <= 0;
    $("after").disabled = place < 0 || place >= visible.length - 1;
    history.replaceState(null, "", `#${one.number}`);
  }

  const step = (by) => {
    const next = visible[visible.indexOf(picked) + by];
    if (next) pick(next);
  };
  const toggle = (id, turn) => $(id).addEventListener("click", () => {
    const on = $(id).getAttribute("aria-pressed") !== "true";
    $(id).setAttribute("aria-pressed", String(on));
    turn(on);
  });
  toggle("phone", (on) => document.body.classList.toggle("phone", on));
  toggle("dark", (on) => {
    document.body.classList.toggle("dark", on);
    if (picked) $("mail").srcdoc = lit(picked.html);
  });
  toggle("plain", (on) => { $("written").hidden = !on; });
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["find", "kind", "agency"]) $(id).addEventListener("input", list);
  document.addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT|PRE)$/.test(event.target.tagName) || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "j" || event.key === "ArrowDown") { event.preventDefault(); step(1); }
    if (event.key === "k" || event.key === "ArrowUp") { event.preventDefault(); step(-1); }
  });

  const asked = new URLSearchParams(location.hash.slice(1));
  for (const id of ["phone", "dark"]) if (asked.has(id)) $(id).click();
  picked = mails.find((one) => String(one.number) === [...asked.keys()][0]) || null;
  list();
})();
