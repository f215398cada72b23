// What pages do beyond links and forms: theme, charts, live figures, choices. Pages work without it.
"use strict";

(() => {
  const root = document.documentElement;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const each = (selector, act, within = document) => within.querySelectorAll(selector).forEach(act);

  // Changes say the word that only our own pages know.
  document.addEventListener("htmx:config:request", (event) => {
    const word = document.querySelector("meta[name=page-word]")?.content;
    if (word) event.detail.ctx.request.headers["X-CSRF-Token"] = word;
  });

  // Light and dark.
  document.addEventListener("click", (event) => {
    const at = event.target.closest("[data-theme-switch], [data-menu], [data-copy]");
    if (!at) return;
    if ("themeSwitch" in at.dataset) {
      const next = theme() === "dark" ? "light" : "dark";
      root.dataset.theme = next;
      document.cookie = `trainfare_theme=${next}; path=/; max-age=31536000; samesite=lax`;
      each("[data-chart]", draw);
    } else if ("menu" in at.dataset) {
      at.setAttribute("aria-expanded", String(root.classList.toggle("menu")));
    } else {
      navigator.clipboard?.writeText(at.dataset.copy);
      at.textContent = "Copied";
    }
  });
  dark.addEventListener("change", () => { if (!root.dataset.theme) each("[data-chart]", draw); });

  // What did not come says so in its place, and can be asked for again.
  function sayFailed(place, what, status) {
    const said = document.getElementById("failed").content.cloneNode(true);
    said.querySelector("strong").textContent = `${what}.`;
    said.querySelector("[data-why]").textContent = status === 429
      ? "Too much was asked for within a minute; wait a little."
      : status ? `The server answered with ${status}.` : "The server did not answer.";
    place.replaceChildren(said);
    place.removeAttribute("aria-busy");
  }
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-again]")?.closest(".part, .chart");
    if (!place) return;
    if (place.dataset.chart) draw(place);
    else htmx.ajax("GET", place.getAttribute("hx-get"), { target: place, swap: "outerHTML" });
  });
  const offline = document.getElementById("offline");
  const failed = (event) => {
    const { ctx } = event.detail;
    if (!ctx) return;
    const status = ctx.response?.status || 0;
    if (status >= 400) ctx.swap = "none";
    const part = (ctx.target?.closest?.(".part[hx-get]")) || ctx.sourceElement?.closest?.(".part[hx-get]");
    if (part) sayFailed(part, "This part did not come", status);
    else if (!status && offline) offline.hidden = false;
  };
  document.addEventListener("htmx:error", failed);
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:after:request", (event) => {
    if (offline && event.detail.ctx?.response) offline.hidden = true;
  });

  // Charts: drawn by the server as wide as their place, and in its colours.
  async function draw(figure) {
    const width = Math.max(260, Math.min(1800, Math.round(figure.clientWidth / 20) * 20));
    const url = new URL(figure.dataset.chart, location.href);
    url.searchParams.set("theme", theme());
    url.searchParams.set("width", width);
    if (figure.dataset.drawn === url.href) return;
    figure.dataset.drawn = url.href;
    const isOpen = figure.querySelector("details")?.open;
    for (let tries = 0; tries < 240; tries += 1) {
      const answer = await fetch(url).catch(() => null);
      if (figure.dataset.drawn !== url.href || !figure.isConnected) return;
      if (answer?.status === 202) { await new Promise((done) => setTimeout(done, 700)); continue; }
      if (!answer?.ok) break;
      figure.innerHTML = await answer.text();
      if (isOpen) figure.querySelector("details")?.setAttribute("open", "");
      return;
    }
    figure.dataset.drawn = "";
    sayFailed(figure, "The chart could not be drawn", null);
  }
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting) draw(entry.target);
  }), { rootMargin: "300px" });
  const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    if (target.dataset.drawn) { clearTimeout(target.again); target.again = setTimeout(() => draw(target), 300); }
  }));
  const watch = (within) => each("[data-chart]:not([data-watched])", (figure) => {
    figure.dataset.watched = "";
    seen.observe(figure);
    sized.observe(figure);
  }, within);

  // What a mark of a chart is, beside the pointer.
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.addEventListener("pointermove", (event) => {
    const at = event.target.closest?.(".chart svg [data-tip]");
    tip.hidden = !at;
    if (!at) return;
    if (tip.of !== at) {
      tip.of = at;
      const list = document.createElement("dl");
      at.dataset.tip.split("; ").forEach((part) => {
        const [term, ...rest] = part.split(": ");
        const dt = document.createElement("dt"), dd = document.createElement("dd");
        dt.textContent = rest.length ? term : ""; dd.textContent = rest.length ? rest.join(": ") : term;
        list.append(dt, dd);
      });
      tip.replaceChildren(list);
      document.body.append(tip);
    }
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 12)}px`;
  });

  // Live figures: the server tells a frame a second, the amount goes on in between.
  const shown = (amount, currency, places) => new Intl.NumberFormat("en-US", {
    style: "currency", currency, minimumFractionDigits: places, maximumFractionDigits: places,
  }).format(amount);
  function live(box) {
    const source = new EventSource(box.dataset.live);
    let last = null;
    const say = (name, text) => each(`[data-say="${name}"]`, (at) => { if (text != null) at.textContent = text; }, box);
    const frame = (event) => {
      const told = JSON.parse(event.data);
      const total = told.estimated?.total;
      last = total == null ? null : { total: Number(total), hourly: Number(told.price_per_hour || 0), at: performance.now(), currency: told.currency };
      say("stage", [told.stage, told.epoch == null ? null : `epoch ${told.epoch}`].filter(Boolean).join(", ") || "–");
      say("steps", told.steps == null ? "–" : Number(told.steps).toLocaleString("en-US"));
      say("speed", told.steps_per_second == null ? "–" : `${told.steps_per_second.toPrecision(3)} steps/s`);
      say("hourly", told.price_per_hour == null ? "unknown" : shown(Number(told.price_per_hour), told.currency, 2));
      say("seconds", clock(told.duration_seconds));
      if (told.forecast?.total) say("forecast", shown(Number(told.forecast.total), told.currency, 2));
      tick();
      box.dataset.frames = String(Number(box.dataset.frames || 0) + 1);
    };
    const clock = (seconds) => {
      const whole = Math.floor(seconds), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
      return h ? `${h} h ${m} min ${s} s` : m ? `${m} min ${s} s` : `${s} s`;
    };
    const tick = () => {
      if (!last) return;
      const now = last.total + (last.hourly * Math.min(2000, performance.now() - last.at)) / 3.6e6;
      const places = now < 1 ? 6 : now < 1000 ? 4 : 2;
      const text = shown(now, last.currency, places);
      each("[data-say=total]", (at) => { at.textContent = text; }, box);
    };
    const turning = still.matches ? null : setInterval(tick, 100);
    const quiet = setInterval(() => { if (last) say("spoken", `${shown(last.total, last.currency, 2)} so far`); }, 15000);
    const over = () => { source.close(); clearInterval(turning); clearInterval(quiet); setTimeout(() => location.reload(), 1500); };
    source.addEventListener("frame", frame);
    source.onmessage = frame;
    source.addEventListener("end", over);
    addEventListener("pagehide", () => source.close());
  }

  // Two runs that are chosen can be compared.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-choose]");
    if (!form) return;
    const chosen = form.querySelectorAll("input[type=checkbox]:checked");
    each("[data-need]", (button) => { button.disabled = chosen.length !== Number(button.dataset.need); }, form);
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset?.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  const begin = (within) => {
    watch(within);
    each("[data-live]:not([data-frames])", (box) => { box.dataset.frames = "0"; live(box); }, within);
  };
  document.addEventListener("htmx:after:swap", () => begin(document));
  begin(document);
})();
