// A question with a few answers, one of them to be chosen; it goes when one is. The page says that it is there as soon as the question has come,
// drawn or still out of sight, because the kernel would wait for ever for a page that is not heard.
export default {
  initialize({ model }) {
    model.send({ kind: "here" });
  },
  render({ model, el }) {
    const box = makeBox("group", "ask", model.get("question"));
    const question = makeStatus("alert"); // it waits for a person, who may be elsewhere on the page
    const choose = (choice) => {
      buttons.forEach((button) => turn(button, false));
      model.send({ kind: "choice", choice });
    };
    const buttons = model.get("choices").map((choice) => makeButton(choice[0].toUpperCase() + choice.slice(1), "button", () => choose(choice)));
    question.textContent = model.get("question");
    box.append(question, ...buttons);
    if (model.get("hint")) box.append(make("small", "hint", model.get("hint")));
    el.append(box);
  },
};
