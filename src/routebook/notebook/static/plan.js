// The buttons below a plan: Run sends what the card says, Close leaves the card as it is.
export default {
  render({ model, el }) {
    const box = make("div", "cell routebook-ask");
    const run = makeButton("Run", "button routebook-main", () => model.send({ kind: "run" }));
    const close = makeButton("Close", "button", () => model.send({ kind: "close" }));
    const state = makeStatus("status", "state");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "The plan above");
    run.title = "Send the prompt to the first model above; its answer comes below";
    box.append(run, close, state);
    el.append(box);
    const show = () => {
      turn(run, model.get("can_run") && !model.get("running"));
      turn(close, !model.get("running"));
      state.textContent = model.get("can_run") ? model.get("state") : "no model can take this prompt";
    };
    show();
    return watch(model, { "change:running change:state change:can_run": show });
  },
};
