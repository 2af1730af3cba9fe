// The buttons below a plan: Run sends what the card says, Close leaves the card as it is.
export default {
  render({ model, el }) {
    const box = makeBox("group", "ask", "The plan above");
    const run = makeButton("Run", "button routebook-main", () => model.send({ kind: "run" }));
    const close = makeButton("Close", "button", () => model.send({ kind: "close" }));
    const state = makeStatus("status", "state");
    const show = () => {
      turn(run, model.get("can_run") && !model.get("running"));
      turn(close, !model.get("running"));
      state.textContent = model.get("can_run") ? model.get("state") : "no model can take this prompt";
    };
    run.title = "Send the prompt to the first model above; its answer comes below";
    close.title = "Leave the card, without its buttons";
    box.append(run, close, state);
    el.append(box);
    show();
    return watch(model, { "change:running change:state change:can_run": show });
  },
};
