// The live view of one %%route cell. Everything a model says is set as text, never as markup.
export default {
  render({ model, el }) {
    const part = (name, tag = "div") => {
      const node = document.createElement(tag);
      node.className = `routebook-${name}`;
      return node;
    };
    const head = part("head");
    const body = part("body");
    const foot = part("foot");
    const state = part("state", "span");
    const cancel = part("cancel", "button");
    const text = document.createTextNode("");
    const live = part("text");

    live.append(text);
    live.setAttribute("aria-live", "polite");
    state.textContent = "starting";
    state.setAttribute("role", "status");
    cancel.textContent = "Cancel";
    cancel.type = "button";
    cancel.onclick = () => {
      cancel.disabled = true;
      state.textContent = "cancelling";
      model.send({ kind: "cancel" });
    };
    body.append(live);
    foot.append(state, cancel);
    el.classList.add("routebook-cell");
    el.append(head, body, foot);

    const onMessage = (news) => {
      if (news.head !== undefined) head.textContent = news.head;
      if (news.void !== undefined && text.data) {
        const gone = part("void");
        gone.textContent = text.data;
        gone.title = news.void;
        body.insertBefore(gone, live);
        text.data = "";
      }
      if (news.state !== undefined) state.textContent = news.state;
      if (news.delta !== undefined) text.appendData(news.delta);
    };
    model.on("msg:custom", onMessage);
    return () => model.off("msg:custom", onMessage);
  },
};
