// What every widget is made of; it stands in front of the widget's own file, in one script. Everything is set as text. Nothing that has the focus
// is ever disabled, because the keyboard would lose its place: such a button says aria-disabled and does nothing.

// JupyterLab takes keys for commands on cells (an arrow moves to another cell, b makes a new one) unless the very thing that has the focus says no.
const SUPPRESS = "data-lm-suppress-shortcuts";
const OWN_KEYS = ["button", "input", "select", "textarea"];

const make = (tag, name, text = "") => {
  const node = document.createElement(tag);
  if (OWN_KEYS.includes(tag)) node.setAttribute(SUPPRESS, "true");
  if (name) node.className = `routebook-${name}`;
  node.textContent = text;
  return node;
};

const makeButton = (text, name, act) => {
  const button = make("button", name, text);
  button.type = "button";
  button.onclick = () => button.getAttribute("aria-disabled") !== "true" && act();
  return button;
};

const turn = (button, on) => button.setAttribute("aria-disabled", String(!on));

const makeStatus = (role, name) => {
  const node = make("span", name);
  node.setAttribute("role", role);
  return node;
};

// A box of controls that belong together, with a name for screen readers.
const makeBox = (role, name, label) => {
  const box = make("div", `cell routebook-${name}`);
  box.setAttribute("role", role);
  box.setAttribute("aria-label", label);
  box.setAttribute(SUPPRESS, "true");
  return box;
};

// Registers all reactions with a model, and returns what takes them back.
const watch = (model, watched) => {
  for (const [names, react] of Object.entries(watched)) model.on(names, react);
  return () => {
    for (const [names, react] of Object.entries(watched)) model.off(names, react);
  };
};
