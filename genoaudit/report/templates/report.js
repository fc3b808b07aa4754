// The page's only script. It reads the block of data and writes text: no name from the cohort is ever parsed as HTML.
"use strict";
(() => {
  const PAGE = 25;
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const named = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

  // Light and dark: the reader's system decides until the button is pressed; nothing is remembered.
  const themes = () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const show = () => byId("theme").setAttribute("aria-pressed", String(isDark()));
    byId("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      show();
    });
    system.addEventListener("change", show);
    show();
  };

  // Paper cannot be unfolded, so everything is, and folded again afterwards.
  const printing = () => {
    let unfolded = [];
    addEventListener("beforeprint", () => {
      unfolded = [...document.querySelectorAll("details:not([open])")];
      unfolded.forEach((details) => { details.open = true; });
    });
    addEventListener("afterprint", () => unfolded.forEach((details) => { details.open = false; }));
    byId("print").addEventListener("click", () => print());
  };

  // A link into something folded unfolds it.
  const unfolding = () => {
    const unfold = () => {
      const target = byId(location.hash.slice(1));
      if (!target) return;
      for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
      target.scrollIntoView();
    };
    addEventListener("hashchange", unfold);
    unfold();
  };

  // What a column says of one patient.
  const number = (value, digits) =>
    value === null ? "\u2014" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const shown = (column, i) => {
    const value = column.values[i];
    if (column.key === "class") return data.patients.classes[value];
    if (column.digits !== undefined) return number(value, column.digits);
    return typeof value === "string" ? value : ["no", "yes"][value];
  };
  const limits = (column, i, between) =>
    column.low === undefined || column.low[i] === null
      ? ""
      : number(column.low[i], column.digits) + between + number(column.high[i], column.digits);

  // A figure with a tooltip: the nearest mark under the pointer, or the one that a slider stands at.
  const explore = (container, slider, marks, says) => {
    const tip = container.appendChild(named("p", { className: "tooltip" }));
    const ring = document.createElementNS(SVG, "circle");
    ring.setAttribute("class", "pointed");
    ring.setAttribute("r", "5");
    tip.setAttribute("role", "status");
    const clear = () => {
      tip.textContent = "";
      tip.style.transform = ""; // even unseen it would make a page that was narrowed since scroll sideways
      ring.remove();
    };
    const show = (mark) => {
      ring.setAttribute("cx", mark.x);
      ring.setAttribute("cy", mark.y);
      mark.svg.append(ring);
      tip.textContent = says(mark);
      const box = container.getBoundingClientRect();
      const at = ring.getBoundingClientRect();
      const left = Math.min(at.right - box.left + 6, box.width - tip.offsetWidth);
      const above = at.top - box.top - tip.offsetHeight - 6;
      tip.style.transform = `translate(${Math.max(0, left)}px, ${above < 0 ? at.bottom - box.top + 6 : above}px)`;
    };
    const nearest = (event) => {
      const svg = event.target.closest("svg");
      if (!svg) return clear();
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = null;
      let least = 30 ** 2;
      for (const mark of marks) {
        if (mark.svg !== svg) continue;
        const distance = (mark.x - point.x) ** 2 + (mark.y - point.y) ** 2;
        if (distance < least) [best, least] = [mark, distance];
      }
      return best ? show(best) : clear();
    };
    container.addEventListener("pointermove", nearest);
    container.addEventListener("pointerdown", nearest);
    container.addEventListener("pointerleave", clear);
    const step = () => {
      const mark = slider.at();
      show(mark);
      slider.range.setAttribute("aria-valuetext", says(mark).replaceAll("\n", ", "));
    };
    for (const control of slider.controls) {
      control.addEventListener("input", step);
      control.addEventListener("focus", step);
      control.addEventListener("blur", clear);
      control.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
    }
  };
  const stepper = (container, label, last) => {
    const range = named("input", { type: "range", min: 0, max: last, value: 0, step: 1 });
    const row = named("p", { className: "stepper only-screen" });
    const words = named("label", { textContent: `${label} ` });
    words.append(range);
    row.append(words);
    container.after(row);
    return { range, row };
  };

  const strips = (columns) => {
    const container = byId("strip-explore");
    if (!container) return;
    const marks = [];
    for (const svg of container.querySelectorAll("svg[data-class]")) {
      const code = Number(svg.dataset.class);
      for (const path of svg.querySelectorAll("path[data-side]")) {
        const wanted = { all: null, members: 1, non_members: 0 }[path.dataset.side];
        const whose = [];
        columns.class.values.forEach((value, i) => {
          if (value === code && (wanted === null || columns.member.values[i] === wanted)) whose.push(i);
        });
        [...path.getAttribute("d").matchAll(/M([\d.]+) ([\d.]+)h0/g)].forEach(([, x, y], place) => {
          marks.push({ svg, x: Number(x), y: Number(y), patient: whose[place] });
        });
      }
    }
    const others = data.patients.columns.filter(({ key }) => !["pseudonym", "class"].includes(key));
    const says = ({ patient }) => {
      const lines = others.map((column) => {
        const span = limits(column, patient, " to ");
        return `${column.title} ${shown(column, patient)}${span && ` (${span})`}`;
      });
      return [`${shown(columns.pseudonym, patient)}, ${shown(columns.class, patient)}`, ...lines].join("\n");
    };
    const ranked = [...marks].sort((one, other) => one.patient - other.patient);
    const { range } = stepper(container, "Patient by rank", ranked.length - 1);
    explore(container, { range, controls: [range], at: () => ranked[range.valueAsNumber] }, marks, says);
  };

  const curves = () => {
    const container = byId("roc-explore");
    if (!container || !data.roc) return;
    const svg = container.querySelector("svg");
    const [left, top, width, height] = data.roc.box;
    const along = (rate) => 1 - Math.log(Math.max(rate, data.roc.floor)) / Math.log(data.roc.floor);
    const share = (rate) => `${number(100 * rate, rate < 0.01 ? 2 : rate < 0.1 ? 1 : 0)} %`;
    const marks = data.roc.curves.flatMap((curve) =>
      curve.fpr.map((fpr, i) => ({ svg, curve, i, x: left + width * along(fpr), y: top + height * (1 - along(curve.tpr[i])) })));
    const says = ({ curve, i }) => {
      const few = curve.fpr[i] * data.roc.non_members < 10 ? "\nuncertain: fewer than ten non-members" : "";
      const found = `${share(curve.tpr[i])} (${share(curve.low[i])} to ${share(curve.high[i])})`;
      return `${curve.title}\nrecognises ${found} of members\nat ${share(curve.fpr[i])} false alarms${few}`;
    };
    const { range, row } = stepper(container, "Along the curve", data.roc.curves[0].fpr.length - 1);
    const which = named("select");
    data.roc.curves.forEach(({ title }, value) => which.append(named("option", { value, textContent: title })));
    const label = named("label", { textContent: "Curve " });
    label.append(which);
    row.prepend(label);
    const at = () => {
      const curve = data.roc.curves[which.selectedIndex];
      range.max = curve.fpr.length - 1;
      return marks.find((mark) => mark.curve === curve && mark.i === range.valueAsNumber);
    };
    explore(container, { range, controls: [range, which], at }, marks, says);
  };

  // The table of all patients: sorted, filtered, a page at a time.
  const table = (columns) => {
    const whole = byId("all-patients");
    if (!whole) return;
    const listed = data.patients.columns;
    const total = listed[0].values.length;
    const everybody = Array.from({ length: total }, (_, i) => i);
    const heads = [...whole.querySelectorAll("thead th")];
    const words = new Intl.Collator("en", { numeric: true });
    const state = { by: 0, turned: false, page: 0 };
    data.patients.classes.forEach((name, code) => byId("class-filter").append(named("option", { value: code, textContent: name })));

    const order = (one, other) => {
      const { values } = listed[state.by];
      const [a, b] = [values[one], values[other]];
      if (a === null || b === null) return (a === null) - (b === null) || one - other;
      const compared = typeof a === "string" ? words.compare(a, b) : a - b;
      return (state.turned ? -compared : compared) || one - other;
    };
    let rows = everybody;
    const cell = (column, place, i) => {
      const element = named(place === 0 ? "th" : "td");
      if (place === 0) Object.assign(element, { scope: "row", className: "rank" });
      else if (column.digits === undefined) element.className = "text";
      element.append(named("span", { className: "value", textContent: shown(column, i) }));
      const span = limits(column, i, "\u2013");
      if (span) element.append(named("span", { className: "interval", textContent: span }));
      return element;
    };
    const show = () => {
      const pages = Math.max(1, Math.ceil(rows.length / PAGE));
      state.page = Math.min(Math.max(0, state.page), pages - 1);
      const body = rows.slice(state.page * PAGE, (state.page + 1) * PAGE).map((i) => {
        const row = named("tr");
        row.append(...listed.map((column, place) => cell(column, place, i)));
        return row;
      });
      whole.querySelector("tbody").replaceChildren(...body);
      byId("page-place").textContent = `Page ${number(state.page + 1, 0)} of ${number(pages, 0)}`;
      byId("previous-page").disabled = state.page === 0;
      byId("next-page").disabled = state.page === pages - 1;
    };
    const choose = () => {
      const text = byId("patient-filter").value.trim().toLowerCase();
      const code = byId("class-filter").value;
      rows = everybody.filter((i) =>
        (code === "" || columns.class.values[i] === Number(code)) &&
        columns.pseudonym.values[i].toLowerCase().includes(text)).sort(order);
      state.page = 0;
      const all = number(total, 0);
      byId("patients-found").textContent =
        rows.length === total ? `${all} patients` : `${number(rows.length, 0)} of ${all} patients`;
      show();
    };
    heads.forEach((head, by) => head.querySelector("button").addEventListener("click", () => {
      Object.assign(state, { by, turned: state.by === by && !state.turned });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", state.turned ? "descending" : "ascending");
      choose();
    }));
    byId("patient-filter").addEventListener("input", choose);
    byId("class-filter").addEventListener("input", choose);
    byId("previous-page").addEventListener("click", () => { state.page -= 1; show(); });
    byId("next-page").addEventListener("click", () => { state.page += 1; show(); });
    choose();
    whole.hidden = false;
    byId("without-script").remove();
  };

  themes();
  printing();
  curves();
  if (data.patients) {
    const columns = Object.fromEntries(data.patients.columns.map((column) => [column.key, column]));
    strips(columns);
    table(columns);
  }
  document.querySelector(".tools").hidden = false;
  unfolding();
})();
