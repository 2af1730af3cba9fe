// A question with a few answers, one of them to be chosen; it goes when one is. The page says that it is there as soon as the question has come,
// drawn or still out of sight, because the kernel would wait for ever for a page that is not heard.
export default {
  initialize({ model }) {
    model.send({ kind: "here" });
  },
  render({ model, el }) {
    const box = document.createElement("div");
    box.className = "routebook-cell routebook-ask";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", model.get("question"));
    const question = document.createElement("span");
    question.textContent = model.get("question");
    question.setAttribute("role", "alert"); // it waits for a person, who may be elsewhere on the page
    const buttons = model.get("choices").map((choice) => {
      const button = document.createElement("button");
      button.className = "routebook-cancel";
      button.type = "button";
      button.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab would take keys for commands on cells
      button.textContent = choice;
      button.onclick = () => {
        buttons.forEach((other) => (other.disabled = true));
        model.send({ kind: "choice", choice });
      };
      return button;
    });
    box.append(question, ...buttons);
    if (model.get("hint")) {
      const hint = document.createElement("small");
      hint.className = "routebook-hint";
      hint.textContent = model.get("hint");
      box.append(hint);
    }
    el.append(box);
  },
};
