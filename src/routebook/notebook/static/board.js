// The filters of the board: what it shows of. The board itself is HTML in an output of its own; a choice goes up as a message, and the kernel draws
// the board anew. Native selects, so that every keyboard and every screen reader knows them. Each choice has a number; until the kernel has heard the
// newest one, what it says is about an older one and must not take the newer away.
const NAMES = { since: "Time", notebook: "Notebook", task: "Task", model: "Model", agent: "Agent" };

const makeFilter = (name, model, choose) => {
  const label = make("label", "field");
  const select = make("select", "choice");
  select.onchange = () => choose(name, select.value);
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
    const box = makeBox("group", "filters", "Filters of the board");
    const stop = makeButton("Stop", "button", () => model.send({ kind: "stop" }));
    let serial = model.get("heard"); // of a page that was loaded again the numbers go on
    let isHeard = true;
    const choose = (name, value) => {
      isHeard = false;
      serial += 1;
      model.send({ kind: "filter", name, value, serial });
    };
    const filters = Object.keys(NAMES).map((name) => makeFilter(name, model, choose));
    const show = () => {
      isHeard ||= model.get("heard") === serial;
      if (isHeard) filters.forEach((filter) => filter.show());
    };
    stop.title = "Leave the board as it is";
    box.append(...filters.map(({ label }) => label), stop);
    el.append(box);
    show();
    return watch(model, { "change:offered change:chosen change:heard": show });
  },
};
