// The live view of a %%route cell: one pane for each request, side by side.
//
// The end of an answer is set as text, never as markup; what has settled comes as HTML from the kernel's own renderer, which lets nothing of
// a model's through but what it made itself. What changes rarely is state of the model (by pane: heads, states, settled HTML and how many
// characters it stands for, text behind it), so that a page which opens late, or missed a message, catches up. What changes often comes as
// messages, { pane: { void, from, html, length, at, delta, stage, speed } }: a piece that does not fit onto what is there waits for the state. The
// steps of a pipeline stand above the answer, each folded once it has ended; `stage` is the end of what the one that runs has said.
const RENDERED = "settled jp-RenderedHTMLCommon"; // JupyterLab's own class, so that tables and code look as they will in the finished cell
const offerCopy = (block) => {
  if (block.querySelector(".routebook-copy")) return;
  const code = block.textContent;
  const copy = makeButton("Copy", "copy", async () => {
    try {
      await navigator.clipboard.writeText(code);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "The browser does not let it be copied";
    }
  });
  block.prepend(copy);
};

const makeStage = () => {
  const stage = make("details", "stage");
  stage.append(make("summary"), make("div", "text"));
  return stage;
};

const showStage = (stage, { title, html }) => {
  const [summary, text] = stage.children;
  summary.textContent = title;
  if (html === null || stage.dataset.done) return;
  stage.dataset.done = "yes";
  stage.open = false;
  text.className = `routebook-${RENDERED}`;
  text.innerHTML = html;
  text.querySelectorAll("pre").forEach(offerCopy);
};

const makePane = (name, model) => {
  const box = make("div", "pane");
  const head = make("div", "head");
  const stages = make("div", "stages");
  const body = make("div", "body");
  const settled = make("div", RENDERED);
  const live = make("div", "text");
  const foot = make("div", "foot");
  const state = makeStatus("status", "state");
  const speed = make("span", "speed");
  const cancel = makeButton("Cancel", "button routebook-cancel", () => {
    turn(cancel, false);
    state.textContent = "cancelling";
    model.send({ kind: "cancel", pane: name });
  });
  const text = document.createTextNode("");
  let reached = 0; // characters of the answer that `settled` stands for

  live.append(text);
  body.append(settled, live);
  foot.append(cancel, state, speed);
  if (name) {
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", name);
    cancel.setAttribute("aria-label", `Cancel ${name}`);
  }
  box.append(head, stages, body, foot);

  return {
    box,
    showState() {
      head.textContent = model.get("heads")[name] ?? "";
      const said = model.get("states")[name] ?? "";
      if (cancel.getAttribute("aria-disabled") !== "true" || said === "done") state.textContent = said;
      cancel.hidden = said === "done";
    },
    showStages() {
      (model.get("stages")?.[name] ?? []).forEach((told, place) => {
        if (!stages.children[place]) stages.append(makeStage());
        showStage(stages.children[place], told);
      });
    },
    catchUp() {
      const length = model.get("lengths")[name] ?? 0;
      const tail = model.get("tails")[name] ?? "";
      if (length > reached) {
        settled.innerHTML = model.get("settled")[name];
        reached = length;
        text.data = tail;
        settled.querySelectorAll("pre").forEach(offerCopy);
      } else if (length === reached && tail.length > text.length) {
        text.data = tail;
      }
    },
    take(news) {
      if (news.void !== undefined) {
        const gone = make("del", "void");
        gone.textContent = settled.textContent + text.data;
        gone.title = news.void;
        if (gone.textContent) body.insertBefore(gone, settled);
        settled.replaceChildren();
        text.data = "";
        reached = 0;
      }
      if (news.void !== undefined) speed.textContent = "";
      if (news.speed !== undefined) speed.textContent = `${news.speed} tokens/s`;
      const running = stages.lastElementChild;
      if (news.stage && running && !running.dataset.done) {
        running.lastElementChild.textContent = news.stage;
        running.open = true;
      }
      if (news.delta === undefined || news.from !== reached) return;
      if (news.html !== undefined) {
        settled.insertAdjacentHTML("beforeend", news.html);
        reached += news.length;
        text.data = "";
        settled.querySelectorAll("pre").forEach(offerCopy);
      }
      if (news.at === text.length) text.appendData(news.delta);
    },
  };
};

export default {
  render({ model, el }) {
    const panes = new Map(model.get("panes").map((name) => [name, makePane(name, model)]));
    const each = (what) => () => panes.forEach((pane) => pane[what]());
    const onMessage = (news) => Object.entries(news).forEach(([name, piece]) => panes.get(name)?.take(piece));
    const watched = {
      "change:heads": each("showState"),
      "change:states": each("showState"),
      "change:stages": each("showStages"),
      "change:lengths": each("catchUp"),
      "change:tails": each("catchUp"),
      "msg:custom": onMessage,
    };

    el.classList.add("routebook-cell");
    if (panes.size > 1) el.classList.add("routebook-panes");
    el.append(...[...panes.values()].map((pane) => pane.box));
    each("showState")();
    each("showStages")();
    each("catchUp")();
    return watch(model, watched);
  },
};
