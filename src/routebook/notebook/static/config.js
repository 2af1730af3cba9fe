// rb.ConfigPanel(): a prompt to try, and routing.toml to edit.
//
// The kernel checks, plans and writes; this draws. What is typed is counted, so that an answer to what was typed before is not taken for one
// to what stands there now, and never takes its place. Nothing is sent by trying, and nothing is written before one saves.
const CHECK_MS = 250;
const LOOK_MS = 3000;

const makeTried = (goTo) => {
  const box = make("div", "tried");
  const head = makeStatus("status", "tried-head");
  const by = make("span", "about");
  const list = make("dl", "tried-parts");
  box.append(head, by, list);
  return {
    box,
    show({ head: said = "", by: against = "", parts = [], line = 0 }) {
      head.textContent = said;
      by.textContent = said ? against : "Here will stand what it is taken for, the route that takes it, and which models it tries.";
      list.replaceChildren(
        ...parts.flatMap(([title, lines]) => {
          const what = make("dd");
          what.append(...lines.map((text) => make("div", "", text)));
          if (title === "Route" && line) {
            what.firstChild.append(" ", makeButton(`line ${line}`, "link", () => goTo(line)));
          }
          return [make("dt", "", title), what];
        }),
      );
    },
  };
};

const makeProblems = (goTo) => {
  const list = make("ul", "problems");
  list.setAttribute("aria-label", "Problems");
  return {
    list,
    show(problems) {
      list.replaceChildren(
        ...problems.map(({ line, where, said }) => {
          const item = make("li");
          const place = line ? makeButton(`line ${line}`, "link", () => goTo(line)) : make("span", "", "the file");
          item.append(place, make("code", "", where), make("span", "", said));
          return item;
        }),
      );
    },
  };
};

const makeMover = (send) => {
  const box = make("div", "mover");
  const pick = make("select", "choice");
  const up = makeButton("Up", "button", () => move(-1));
  const down = makeButton("Down", "button", () => move(1));
  let shown = [];
  let wanted = null; // the route that was moved stays picked
  const move = (by) => {
    wanted = pick.value;
    send("move", { route: pick.selectedIndex, by });
  };
  const offer = () => {
    const at = pick.selectedIndex;
    turn(up, at > 0);
    turn(down, at >= 0 && at < shown.length - 1);
  };
  pick.setAttribute("aria-label", "Route to move");
  up.setAttribute("aria-label", "Move the route up");
  down.setAttribute("aria-label", "Move the route down");
  pick.onchange = offer;
  box.append(make("span", "about", "Order of the routes:"), pick, up, down);
  return {
    box,
    show(routes, isRight) {
      pick.disabled = !isRight && document.activeElement !== pick;
      if (isRight) {
        const picked = wanted ?? pick.value;
        wanted = null;
        if (routes.join("\n") !== shown.join("\n")) {
          shown = routes;
          pick.replaceChildren(...routes.map((name, at) => new Option(`${at + 1}. ${name}`, name)));
        }
        pick.selectedIndex = Math.max(0, routes.indexOf(picked));
        offer();
      } else {
        [up, down].forEach((button) => turn(button, false));
      }
    },
  };
};

export default {
  render({ model, el }) {
    const form = makeBox("form", "panel", "routing.toml");
    const prompt = makePrompt(model, 2, "Type a prompt, and see where it would go; nothing is sent");
    const summary = makeStatus("status", "summary");
    const state = makeStatus("status", "state");
    const note = makeStatus("alert", "problem");
    const foot = make("div", "foot");
    const head = make("div", "editor-head");
    let serial = model.get("checked").serial ?? 0;
    let looked = 0;

    const send = (kind, more = {}) => model.send({ kind, serial, ...more });
    const withText = (kind, more = {}) => {
      check.stop();
      send(kind, { text: editor.area.value, ...more });
    };
    const check = later(() => withText("edit"), CHECK_MS);
    const ask = later(() => withText("try", { prompt: prompt.value }), CHECK_MS);
    const editor = makeEditor({
      label: "Text of routing.toml",
      text: model.get("text"),
      onInput: () => {
        serial += 1;
        check();
      },
      onSave: () => withText("save"),
    });
    const tried = makeTried((line) => editor.goTo(line));
    const problems = makeProblems((line) => editor.goTo(line));
    const mover = makeMover(withText);
    const save = makeButton("Save and reload", "button routebook-main", () => withText("save"));
    const load = makeButton("Load from disk", "button", () => withText("load"));
    const back = makeButton("Back to my text", "button", () => withText("back"));
    const reload = makeButton("Reload the router", "button", () => send("reload"));
    const close = makeClose("the tables", () => withText("close"));
    const summaryId = named(summary, "summary");

    prompt.oninput = ask;
    load.title = "Take the text of the file as it is now; yours can be had back";
    reload.title = "Put the file as it is to use";
    head.append(make("span", "file", model.get("file")), mover.box);
    foot.append(save, load, back, reload, state, note, close);
    form.append(labelled("Try a prompt", prompt), tried.box, head, editor.box, summary, problems.list, foot);
    form.addEventListener("focusin", () => {
      if (Date.now() - looked < LOOK_MS) return;
      looked = Date.now();
      send("look");
    });
    el.append(form);

    const showChecked = () => {
      const { serial: of = 0, problems: found = [], routes = [], changed = false } = model.get("checked");
      if (of !== serial) return; // more was typed since
      editor.show(found, summaryId);
      problems.show(found);
      mover.show(routes, found.length === 0);
      const wrong = found.length === 1 ? "1 problem" : `${found.length} problems`;
      summary.textContent = found.length ? wrong : changed ? "Nothing is wrong with it. Not saved yet." : "Nothing is wrong with it.";
      summary.classList.toggle("routebook-problem", found.length > 0);
      turn(save, found.length === 0 && changed);
    };
    const showTried = () => tried.show(model.get("tried"));
    const showState = () => {
      state.textContent = model.get("note") ? "" : model.get("state");
      note.textContent = model.get("note");
      load.classList.toggle("routebook-main", model.get("stale"));
      back.hidden = !model.get("has_mine");
    };
    const onMessage = ({ kind, text, serial: of }) => kind === "replace" && of === serial && editor.replace(text);
    const leave = watch(model, {
      "change:checked": showChecked,
      "change:tried": showTried,
      "change:state change:note change:stale change:has_mine": showState,
      "msg:custom": onMessage,
    });
    showChecked();
    showTried();
    showState();
    if (!model.get("text")) send("fetch");
    return () => {
      check.stop();
      ask.stop();
      leave();
    };
  },
};
