// What the panels are made of. Everything is set as text. Nothing that has the focus is ever disabled, because the keyboard would lose its
// place: such a button says aria-disabled and does nothing.
let count = 0;

// JupyterLab takes keys for commands on cells (an arrow moves to another cell, b makes a new one) unless the very thing that has the focus says no.
const OWN_KEYS = ["button", "input", "select", "textarea"];

const make = (tag, name, text = "") => {
  const node = document.createElement(tag);
  if (OWN_KEYS.includes(tag)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  if (name) node.className = `routebook-${name}`;
  node.textContent = text;
  return node;
};

const named = (node, name) => {
  node.id = `routebook-${name}-${++count}`;
  return node.id;
};

const makeButton = (text, name, act) => {
  const button = make("button", name, text);
  button.type = "button";
  button.onclick = () => button.getAttribute("aria-disabled") !== "true" && act();
  return button;
};

const turn = (button, on) => button.setAttribute("aria-disabled", String(!on));

const labelled = (text, field) => {
  const label = make("label", "field");
  label.append(make("span", "", text), field);
  return label;
};

const makeGroup = (title, name) => {
  const group = make("fieldset", name);
  group.append(make("legend", "", title));
  return group;
};

const makeForm = (label) => {
  const form = make("div", "cell routebook-panel");
  form.setAttribute("role", "form");
  form.setAttribute("aria-label", label);
  form.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab would take keys for commands on cells
  return form;
};

const makeStatus = (role, name) => {
  const node = make("span", name);
  node.setAttribute("role", role);
  return node;
};

// Enter and undo in a field of many lines, done here: in a notebook's output others have a say in what these keys do.
const keepKeys = (area) =>
  area.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const isCommand = (event.ctrlKey || event.metaKey) && !event.altKey;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    const command =
      key === "enter" && isPlain ? ["insertText", "\n"]
      : isCommand && key === "z" ? [event.shiftKey ? "redo" : "undo"]
      : isCommand && key === "y" ? ["redo"]
      : null;
    if (command && document.execCommand(command[0], false, command[1])) {
      event.preventDefault();
      event.stopPropagation();
    }
  });

// Calls `act` when nothing was typed for a while; `now` does not wait.
const later = (act, ms) => {
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
  wait.stop = () => clearTimeout(timer);
  return wait;
};

// Registers all reactions with a model, and returns what takes them back.
const watch = (model, watched) => {
  for (const [names, react] of Object.entries(watched)) model.on(names, react);
  return () => {
    for (const [names, react] of Object.entries(watched)) model.off(names, react);
  };
};
