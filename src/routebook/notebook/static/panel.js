// What panels with fields are made of, behind parts.js.
let count = 0;

// Gives a node an id of its own, for those that refer to it.
const named = (node, name) => {
  node.id = `routebook-${name}-${++count}`;
  return node.id;
};

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

// The button at the end of a panel; it says what it leaves behind.
const makeClose = (left, act) => {
  const close = makeButton("Close", "button routebook-close", act);
  close.title = `Leave ${left}, and put a line that can be saved in the place of these controls`;
  return close;
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

// A field for a prompt, of so many lines at first.
const makePrompt = (model, rows, hint) => {
  const prompt = make("textarea", "prompt");
  prompt.rows = rows;
  prompt.value = model.get("prompt");
  prompt.placeholder = hint;
  keepKeys(prompt);
  return prompt;
};

// Calls `act` when nothing was typed for a while; `stop` forgets it.
const later = (act, ms) => {
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
  };
  wait.stop = () => clearTimeout(timer);
  return wait;
};
