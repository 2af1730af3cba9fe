// A question with a few answers, one of them to be chosen; it goes when one is.
export default {
  render({ model, el }) {
    const box = document.createElement("div");
    box.className = "routebook-cell routebook-ask";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", model.get("question"));
    const question = document.createElement("span");
    question.textContent = model.get("question");
    const buttons = model.get("choices").map((choice) => {
      const button = document.createElement("button");
      button.className = "routebook-cancel";
      button.type = "button";
      button.textContent = choice;
      button.onclick = () => {
        buttons.forEach((other) => (other.disabled = true));
        model.send({ kind: "choice", choice });
      };
      return button;
    });
    box.append(question, ...buttons);
    el.append(box);
  },
};
