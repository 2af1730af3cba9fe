// The live view of one %%route cell. Everything a model says is set as text, never as markup.
//
// What changes rarely is state of the model (head, state, text so far), so that a page which opens late, or missed a message, catches up.
// What changes often comes as messages: { at, delta } is appended where the text is as long as `at` says, and waits for the state otherwise.
export default {
  render({ model, el }) {
    const part = (name, tag = "div") => {
      const node = document.createElement(tag);
      node.className = `routebook-${name}`;
      return node;
    };
    const head = part("head");
    const body = part("body");
    const live = part("text");
    const foot = part("foot");
    const state = part("state", "span");
    const cancel = part("cancel", "button");
    const text = document.createTextNode(model.get("text"));

    live.append(text);
    body.append(live);
    state.setAttribute("role", "status");
    cancel.textContent = "Cancel";
    cancel.type = "button";
    cancel.onclick = () => {
      cancel.disabled = true;
      state.textContent = "cancelling";
      model.send({ kind: "cancel" });
    };
    foot.append(cancel, state);
    el.classList.add("routebook-cell");
    el.append(head, body, foot);

    const showState = () => {
      head.textContent = model.get("head");
      if (!cancel.disabled) state.textContent = model.get("state");
    };
    const catchUp = () => {
      if (model.get("text").length > text.length) text.data = model.get("text");
    };
    const onMessage = (news) => {
      if (news.void !== undefined) {
        const gone = part("void", "del");
        gone.textContent = text.data;
        gone.title = news.void;
        if (text.data) body.insertBefore(gone, live);
        text.data = "";
      } else if (news.at === text.length) {
        text.appendData(news.delta);
      }
    };
    const watched = { "change:head": showState, "change:state": showState, "change:text": catchUp, "msg:custom": onMessage };
    for (const [name, react] of Object.entries(watched)) model.on(name, react);
    showState();
    return () => {
      for (const [name, react] of Object.entries(watched)) model.off(name, react);
    };
  },
};
