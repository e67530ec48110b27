// Makes the page handier: sorting, filtering, choice of metric, theme. It formats no number and computes none: all
// texts were written by the program. Without it the page still reads. No innerHTML: Trusted Types forbid it.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const data = JSON.parse(byId("data").textContent);
  const PAGE = 200;

  // ---- theme ----
  const theme = byId("theme");
  const themes = ["auto", "dark", "light"];
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme || "auto") + 1) % themes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    theme.textContent = "Theme: " + next;
  });

  // ---- a table that sorts and filters; `rest` holds rows that are not in the document yet ----
  const numeric = (text) => {
    const found = text.replaceAll("−", "-").replaceAll(",", "").match(/^[+]?-?[\d.]+(?:e-?\d+)?/);
    return found ? Number(found[0]) : NaN;
  };
  const collator = new Intl.Collator("en", { numeric: true });

  class Table {
    constructor(table, rest = []) {
      this.table = table;
      this.body = table.tBodies[0];
      this.heads = [...table.tHead.rows[0].cells];
      this.rows = [...this.body.rows].map((node) => ({ node, texts: [...node.cells].map((cell) => cell.textContent) }));
      this.rows.push(...decode(rest).map((texts) => ({ node: null, texts })));
      this.keep = () => true;
      this.rows.forEach((row, id) => { row.id = id; });
      this.limit = PAGE;
      this.changed = () => {};
      this.dress = () => {};
      this.sorted = { column: -1, sign: 1 };
      this.heads.forEach((head, column) => this.addButton(head, column));
    }

    addButton(head, column) {
      if (head.classList.contains("plot") || head.classList.contains("bar")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => this.sort(column));
      head.replaceChildren(button);
    }

    sort(column) {
      const again = this.sorted.column === column;
      this.sortBy(column, again ? -this.sorted.sign : 1);
      this.changed();
    }

    sortBy(column, sign) {
      this.sorted = { column, sign };
      this.heads.forEach((head, index) => {
        if (index === column) head.setAttribute("aria-sort", this.sorted.sign > 0 ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      });
      this.show();
    }

    order(rows) {
      const { column, sign } = this.sorted;
      if (column < 0) return rows;
      if (!this.heads[column].classList.contains("n"))
        return [...rows].sort((a, b) => sign * collator.compare(a.texts[column], b.texts[column]));
      const keyed = rows.map((row) => ({ row, value: numeric(row.texts[column]) }));
      const missing = (entry) => Number.isNaN(entry.value);
      keyed.sort((a, b) => missing(a) - missing(b) || (missing(a) ? 0 : sign * (a.value - b.value)));
      return keyed.map((entry) => entry.row);
    }

    node(row) {
      if (!row.node) {
        row.node = document.createElement("tr");
        row.texts.forEach((text, column) => {
          const cell = row.node.insertCell();
          cell.textContent = text;
          if (this.heads[column].classList.contains("n")) cell.className = "n";
        });
      }
      if (!row.dressed) this.dress(row);
      row.dressed = true;
      return row.node;
    }

    show() {
      const kept = this.rows.filter(this.keep);
      const shown = this.order(kept).slice(0, this.limit);
      this.body.replaceChildren(...shown.map((row) => this.node(row)));
      return { kept: kept.length, shown: shown.length };
    }
  }

  // a column is a list of texts, or its distinct texts with an index for each row
  function texts(column) {
    return Array.isArray(column) ? column : column.index.map((place) => column.values[place]);
  }

  function decode(encoded) {
    const columns = encoded.map(texts);
    return columns.length ? columns[0].map((_, row) => columns.map((column) => column[row])) : [];
  }

  all("table.sortable").filter((table) => table.id !== "all").forEach((table) => new Table(table));

  // ---- the cells: chosen by filters, which hold for the whole page ----
  const cells = new Table(byId("all"), data.rest);
  const keys = cells.heads.map((head) => head.dataset.key);
  const at = (key) => keys.indexOf(key);
  const field = (row, key) => (at(key) < 0 ? "default" : row.texts[at(key)]);
  const nameOf = (row) => ["model", "device", "variant"].map((key) => field(row, key));
  const placeOf = (row) => {
    const [, device, variant] = nameOf(row);
    return variant === "default" ? device : `${device} · ${variant}`;
  };
  const filters = byId("filters");
  const words = byId("words");
  const chips = all(".chip", filters);
  const selects = all("select", filters);
  const more = byId("more");
  const reset = byId("reset");
  filters.hidden = false;
  byId("kept").parentElement.hidden = false;
  all(".scripted").forEach((node) => { node.hidden = false; });
  filters.addEventListener("submit", (event) => event.preventDefault());
  if (byId("rest")) byId("rest").hidden = true;

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const trusts = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((c) => c.dataset.trust);
    const chosen = selects.filter((select) => select.value).map((select) => [Number(select.dataset.column), select.value]);
    cells.keep = (row) => {
      if (trusts.length && !trusts.includes(row.texts[0])) return false;
      if (!chosen.every(([column, value]) => row.texts[column] === value)) return false;
      row.search ??= row.texts.join("\n").toLowerCase();
      return wanted.every((word) => row.search.includes(word));
    };
    reset.hidden = !(wanted.length || trusts.length || chosen.length);
    showCells();
    narrow(!reset.hidden);
  }

  function showCells() {
    const { kept, shown } = cells.show();
    const text = `${kept} of ${cells.rows.length} cells`;
    byId("shown").textContent = text;
    byId("kept").textContent = text;
    more.parentElement.hidden = shown >= kept;
  }

  // The other sections leave out what has no cell left; without a filter they show all.
  function narrow(isFiltered) {
    const rows = cells.rows.filter(cells.keep);
    const kept = new Set(rows.map((row) => row.id));
    const models = new Set(rows.map((row) => field(row, "model")));
    const places = new Set(rows.map(placeOf));
    all("[data-model]").forEach((node) => {
      const { model, place } = node.dataset;
      node.hidden = isFiltered && !(models.has(model) && (place === undefined || places.has(place)));
    });
    all("table[data-places] tbody tr").forEach((row) => {
      row.hidden = isFiltered && !places.has(row.cells[0].textContent);
    });
    grids.forEach((grid) => grid.narrow(isFiltered ? kept : null));
  }

  // ---- matrix: other numbers, and a grid to walk through ----
  class Grid {
    constructor(select) {
      const index = Number(select.dataset.matrix);
      this.select = select;
      this.table = document.querySelector(`table.matrix[data-matrix="${index}"]`);
      this.rows = [...this.table.tBodies[0].rows];
      this.heads = [...this.table.tHead.rows[0].cells].slice(1);
      this.fields = this.rows.map((row) => [...row.cells].slice(1));
      this.flat = this.fields.flat();
      this.cells = data.matrices[index].cells;
      const written = { texts: this.flat.map((node) => node.textContent), styles: this.flat.map((node) => node.className) };
      this.choices = [written, ...data.matrices[index].choices];
      select.closest(".controls").hidden = false;
      select.addEventListener("change", () => { this.show(); remember("matrix"); });
      this.walk();
    }

    show() {
      const choice = this.choices[this.select.selectedIndex];
      const shown = texts(choice.texts);
      const styles = texts(choice.styles);
      this.flat.forEach((node, place) => {
        node.textContent = shown[place];
        node.className = styles[place];
      });
      const option = this.select.selectedOptions[0];
      const way = option.parentElement.label;
      this.table.querySelector(".chosen").textContent = option.textContent + (way === "absolute" ? "" : ", " + way);
    }

    // One stop for Tab; the arrows go from field to field, Enter or a click opens the cell.
    walk() {
      this.flat.forEach((node, place) => {
        if (this.cells[place] >= 0) node.dataset.cell = this.cells[place];
        node.tabIndex = -1;
      });
      this.flat[0].tabIndex = 0;
      const place = (node) => this.flat.indexOf(node.closest("td"));
      const body = this.table.tBodies[0];
      body.addEventListener("pointerover", (event) => {
        const found = place(event.target);
        if (found >= 0 && this.cells[found] >= 0) this.flat[found].title = evidenceOf(cells.rows[this.cells[found]]);
      });
      body.addEventListener("click", (event) => {
        const found = place(event.target);
        if (found >= 0 && this.cells[found] >= 0) openCell(this.cells[found]);
      });
      body.addEventListener("keydown", (event) => {
        const wide = this.heads.length;
        const from = place(event.target);
        const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide };
        if (event.key === "Enter" && this.cells[from] >= 0) openCell(this.cells[from]);
        if (!(event.key in steps) || from < 0) return;
        event.preventDefault();
        const next = this.flat[from + steps[event.key]];
        if (!next) return;
        this.flat[from].tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
    }

    narrow(kept) {
      const wide = this.heads.length;
      const stays = this.cells.map((id) => !kept || id < 0 || kept.has(id));
      const grouped = this.cells.every((id) => id < 0);
      this.rows.forEach((row, index) => {
        row.hidden = !grouped && !stays.slice(index * wide, (index + 1) * wide).some((stay, n) => stay && this.cells[index * wide + n] >= 0);
      });
      this.heads.forEach((head, column) => {
        const some = grouped || this.rows.some((_, row) => stays[row * wide + column] && this.cells[row * wide + column] >= 0);
        head.hidden = !some;
        this.fields.forEach((row) => { row[column].hidden = !some; });
      });
      this.flat.forEach((node, place) => node.classList.toggle("out", !stays[place]));
    }
  }

  // What the number of a cell rests on, in one line.
  function evidenceOf(row) {
    const told = ["range", "spread", "sensitivity", "sessions", "jobs", "trust"].filter((key) => at(key) >= 0);
    return [title(row), ...told.map((key) => `${cells.heads[at(key)].textContent} ${row.texts[at(key)]}`)].join("; ");
  }

  const grids = all("select.choice").map((select) => new Grid(select));

  // ---- one cell, and another beside it ----
  const dialog = byId("cell");
  const beside = byId("beside");
  let opened = null;
  const make = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const title = (row) => `${field(row, "model")} on ${placeOf(row)}`;

  // As the program writes a change: tenths below ten percent, whole numbers above, and a true minus.
  function change(now, before) {
    const percent = 100 * (now / before - 1);
    if (!Number.isFinite(percent)) return "–";
    const text = Math.abs(percent).toFixed(Math.abs(percent) < 9.95 ? 1 : 0);
    if (Number(text) === 0) return "0%";
    return (percent > 0 ? "+" : "−") + text + "%";
  }

  function openCell(id, other = null) {
    opened = { id, other };
    const row = cells.rows[id];
    const others = cells.rows.filter((candidate) => candidate.id !== id && (cells.keep(candidate) || candidate.id === other));
    beside.replaceChildren(new Option("no other cell", ""), ...others.slice(0, 1000).map((one) => new Option(title(one), one.id)));
    beside.value = other ?? "";
    fill(row, other === null ? null : cells.rows[other]);
    if (!dialog.open) dialog.showModal();
    remember("cell");
  }

  function fill(row, other) {
    byId("cell-h").textContent = title(row);
    const head = make("tr");
    const names = other ? ["", title(row), title(other), "second against first"] : ["", title(row)];
    head.append(...names.map((name) => (name ? Object.assign(make("th", name), { scope: "col" }) : make("td"))));
    const lines = keys.map((key, column) => {
      const line = make("tr");
      const numbers = cells.heads[column].classList.contains("n") && key !== "jobs";
      line.append(Object.assign(make("th", cells.heads[column].textContent), { scope: "row" }));
      line.append(make("td", row.texts[column] || "–"));
      if (other) {
        line.append(make("td", other.texts[column] || "–"));
        const [first, second] = [numeric(row.texts[column]), numeric(other.texts[column])];
        const told = numbers && !/%$/.test(row.texts[column]) && first > 0 && second >= 0;
        line.append(make("td", told ? change(second, first) : "", "strong"));
      }
      return line;
    });
    const table = byId("numbers");
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...lines);
    byId("cell-layers").replaceChildren(...[row, ...(other ? [other] : [])].flatMap(layersOf));
  }

  function layersOf(row) {
    const found = data.layers.cells[row.id];
    const heading = make("h3", `Layers of ${title(row)}`);
    if (!found) return [heading, make("p", "This page holds no layers of this cell; if it has any, they are in results.json.", "muted")];
    const text = (place) => data.layers.texts[place];
    const told = found.some((layer) => text(layer[6]));
    const table = make("table", undefined, "chart");
    const head = table.createTHead().insertRow();
    const heads = ["Layer", "Operator", "Unit", "ms", "share", "", ...(told ? ["against the baseline"] : [])];
    head.append(...heads.map((name) => (name ? Object.assign(make("th", name), { scope: "col" }) : make("td"))));
    const body = table.createTBody();
    found.forEach(([name, type, unit, ms, share, bar, fate]) => {
      const line = body.insertRow();
      line.append(Object.assign(make("th", text(name)), { scope: "row" }), make("td", text(type)), make("td", text(unit)));
      line.append(make("td", ms, "n"), make("td", share, "n strong"), drawn(bar, text(unit)));
      if (told) line.append(make("td", text(fate)));
    });
    const box = make("div", undefined, "scroll");
    box.append(table);
    return [heading, box];
  }

  function drawn(percent, unit) {
    const cell = make("td", undefined, "bar");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const known = ["npu", "gpu", "cpu"].includes(unit.toLowerCase()) ? unit.toLowerCase() : "other";
    for (const [name, value] of [["width", "100%"], ["height", "12"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    for (const [name, value] of [["class", known], ["width", percent + "%"], ["height", "12"]]) rect.setAttribute(name, value);
    svg.append(rect);
    cell.append(svg);
    return cell;
  }

  beside.addEventListener("change", () => openCell(opened.id, beside.value === "" ? null : Number(beside.value)));
  dialog.addEventListener("close", () => { opened = null; remember(); });
  cells.dress = (row) => {
    const cell = row.node.cells[at("device")];
    const button = make("button", cell.textContent, "open");
    button.type = "button";
    button.addEventListener("click", () => openCell(row.id));
    cell.replaceChildren(button);
  };

  // ---- the address: everything that was chosen, by name, so that a view can be sent on ----
  function remember(place = "view") {
    const state = new URLSearchParams();
    if (words.value) state.set("q", words.value);
    chips.forEach((chip) => chip.getAttribute("aria-pressed") === "true" && state.append("trust", chip.dataset.trust));
    selects.forEach((select) => select.value && state.set(select.dataset.key, select.value));
    if (cells.sorted.column >= 0) state.set("sort", (cells.sorted.sign < 0 ? "-" : "") + keys[cells.sorted.column]);
    grids.forEach((grid, index) => grid.select.selectedIndex && state.set("show" + index, grid.select.selectedIndex));
    if (opened) nameOf(cells.rows[opened.id]).forEach((name) => state.append("cell", name));
    if (opened && opened.other !== null) nameOf(cells.rows[opened.other]).forEach((name) => state.append("with", name));
    history.replaceState(null, "", state.size ? `#${place}?${state}` : "#" + (location.hash.slice(1).split("?")[0] || place));
  }

  function find(names) {
    const row = names.length && cells.rows.find((one) => nameOf(one).every((name, place) => name === names[place]));
    return row ? row.id : null;
  }

  function restore() {
    const [place, query] = location.hash.slice(1).split(/\?(.*)/s);
    const state = new URLSearchParams(query ?? "");
    words.value = state.get("q") ?? "";
    const trusts = state.getAll("trust");
    chips.forEach((chip) => chip.setAttribute("aria-pressed", String(trusts.includes(chip.dataset.trust))));
    selects.forEach((select) => {
      select.value = state.get(select.dataset.key) ?? "";
      if (select.selectedIndex < 0) select.value = "";
    });
    const sort = state.get("sort") ?? "";
    const column = at(sort.replace(/^-/, ""));
    if (column >= 0) cells.sortBy(column, sort.startsWith("-") ? -1 : 1);
    grids.forEach((grid, index) => {
      const wanted = Number(state.get("show" + index) ?? 0);
      if (wanted === grid.select.selectedIndex || !grid.select.options[wanted]) return;
      grid.select.selectedIndex = wanted;
      grid.show();
    });
    filter();
    const [id, other] = [find(state.getAll("cell")), find(state.getAll("with"))];
    if (id !== null) openCell(id, other);
    else if (query) (byId(place) ?? filters).scrollIntoView();
  }

  function changed() {
    cells.limit = PAGE;
    filter();
    remember();
  }

  cells.changed = () => remember();
  words.addEventListener("input", changed);
  selects.forEach((select) => select.addEventListener("change", changed));
  chips.forEach((chip) => chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    changed();
  }));
  reset.addEventListener("click", () => {
    words.value = "";
    selects.forEach((select) => { select.value = ""; });
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    changed();
    words.focus();
  });
  more.addEventListener("click", () => {
    cells.limit += PAGE;
    showCells();
  });
  addEventListener("hashchange", () => location.hash.includes("?") && restore());
  restore();

  // ---- paper shows what is folded, but for what says no ----
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all("details:not([open]):not([data-noprint])");
    unfolded.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((details) => { details.open = false; }));
})();
