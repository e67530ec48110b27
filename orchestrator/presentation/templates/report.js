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
      this.limit = PAGE;
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
      this.sorted = { column, sign: again ? -this.sorted.sign : 1 };
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
      if (row.node) return row.node;
      row.node = document.createElement("tr");
      row.texts.forEach((text, column) => {
        const cell = row.node.insertCell();
        cell.textContent = text;
        if (this.heads[column].classList.contains("n")) cell.className = "n";
      });
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

  // ---- all cells: filters, kept in the address so that a view can be sent on ----
  const cells = new Table(byId("all"), data.rest);
  const filters = byId("filters");
  const words = byId("words");
  const chips = all(".chip", filters);
  const selects = all("select", filters);
  const more = byId("more");
  filters.hidden = false;
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
    showCells();
  }

  function showCells() {
    const { kept, shown } = cells.show();
    byId("shown").textContent = `${kept} of ${cells.rows.length} cells`;
    more.parentElement.hidden = shown >= kept;
  }

  function remember() {
    const state = new URLSearchParams();
    if (words.value) state.set("q", words.value);
    chips.forEach((chip, index) => chip.getAttribute("aria-pressed") === "true" && state.append("t", index));
    selects.forEach((select) => select.value && state.set("c" + select.dataset.column, select.value));
    history.replaceState(null, "", "#cells" + (state.size ? "?" + state : ""));
  }

  function restore() {
    const [place, query] = location.hash.split("?");
    if (place !== "#cells" || !query) return;
    const state = new URLSearchParams(query);
    words.value = state.get("q") ?? "";
    state.getAll("t").forEach((index) => chips[Number(index)]?.setAttribute("aria-pressed", "true"));
    selects.forEach((select) => { select.value = state.get("c" + select.dataset.column) ?? ""; });
    byId("cells").scrollIntoView();
  }

  function changed() {
    cells.limit = PAGE;
    filter();
    remember();
  }

  words.addEventListener("input", changed);
  selects.forEach((select) => select.addEventListener("change", changed));
  chips.forEach((chip) => chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    changed();
  }));
  more.addEventListener("click", () => {
    cells.limit += PAGE;
    showCells();
  });
  restore();
  filter();

  // ---- matrix: another metric ----
  all("select.choice").forEach((select) => {
    const index = Number(select.dataset.matrix);
    const table = document.querySelector(`table.matrix[data-matrix="${index}"]`);
    const fields = all("tbody td", table);
    const written = { texts: fields.map((field) => field.textContent), styles: fields.map((field) => field.className) };
    const choices = [written, ...data.matrices[index]];
    select.closest(".controls").hidden = choices.length < 2;
    select.addEventListener("change", () => {
      const choice = choices[select.selectedIndex];
      const shown = texts(choice.texts);
      const styles = texts(choice.styles);
      fields.forEach((field, place) => {
        field.textContent = shown[place];
        field.className = styles[place];
      });
      table.querySelector(".chosen").textContent = select.value;
    });
  });

  // ---- paper shows what is folded, but for what says no ----
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open]):not([data-noprint])");
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
