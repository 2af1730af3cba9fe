// The filters of the board: what it shows of. The board itself is HTML in an output of its own; a choice goes up as a message, and the kernel draws
// the board anew. Native selects, so that every keyboard and every screen reader knows them.
const NAMES = { since: "Time", notebook: "Notebook", task: "Task", model: "Model", agent: "Agent" };

const make = (tag, name, text = "") => {
  const node = document.createElement(tag);
  if (name) node.className = `routebook-${name}`;
  node.textContent = text;
  return node;
};

// JupyterLab takes keys for commands on cells (an arrow moves to another cell, b makes a new one) unless the very thing that has the focus says no.
const keepKeys = (node) => node.setAttribute("data-lm-suppress-shortcuts", "true");

const makeFilter = (name, model) => {
  const label = make("label", "filter");
  const select = make("select", "rating");
  keepKeys(select);
  select.onchange = () => model.send({ kind: "filter", name, value: select.value });
  label.append(make("span", "", NAMES[name]), select);
  return {
    label,
    show() {
      const chosen = model.get("chosen")[name] ?? "";
      const offered = model.get("offered")[name] ?? [];
      const options = offered.map(([value, text]) => new Option(text, value, false, value === chosen));
      if (document.activeElement !== select || select.options.length !== options.length) select.replaceChildren(...options);
      select.value = chosen;
      label.classList.toggle("routebook-set", chosen !== "" && name !== "since");
    },
  };
};

export default {
  render({ model, el }) {
    const box = make("div", "cell routebook-filters");
    const stop = make("button", "cancel", "Stop");
    const filters = Object.keys(NAMES).map((name) => makeFilter(name, model));
    const show = () => filters.forEach((filter) => filter.show());
    stop.type = "button";
    keepKeys(stop);
    stop.title = "Leave the board as it is";
    stop.onclick = () => model.send({ kind: "stop" });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Filters of the board");
    keepKeys(box);
    box.append(...filters.map(({ label }) => label), stop);
    el.append(box);
    model.on("change:offered change:chosen", show);
    show();
    return () => model.off("change:offered change:chosen", show);
  },
};
