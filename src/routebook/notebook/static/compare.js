// The controls of rb.Compare(): a prompt, models to pick, parameters, Run and Cancel, and what one thinks of the answers.
//
// The kernel holds the state and this draws it. What a person fills in goes up when a field is left, so that a page that is loaded again has
// it; what a person does goes up as messages.
const makeModel = (offered) => {
  const label = make("label", offered.off ? "model routebook-off" : "model");
  const box = make("input");
  const about = make("span", "about", `${offered.tier} · ${offered.state}`);
  box.type = "checkbox";
  box.value = offered.name;
  box.disabled = offered.off;
  box.setAttribute("aria-label", offered.name);
  box.setAttribute("aria-describedby", named(about, "about"));
  label.title = offered.why || about.textContent;
  const said = make("span", "named");
  said.append(make("span", "name", offered.name), about);
  label.append(box, said);
  return { label, box };
};

const makeNumber = (model, trait, title, hint, mode) => {
  const field = make("input", "number");
  field.type = "text";
  field.inputMode = mode;
  field.placeholder = hint;
  field.value = model.get(trait);
  return { trait, field, label: labelled(title, field) };
};

const RATINGS = ["not rated", "1 poor", "2", "3", "4", "5 excellent"];

const makeVerdict = (name, model) => {
  const box = make("div", "verdict");
  const best = makeButton("Best", "button", () => model.send({ kind: "vote", pane: name }));
  const rating = make("select", "choice");
  RATINGS.forEach((text, at) => rating.append(new Option(text, at)));
  best.setAttribute("aria-label", `${name} is best`);
  rating.setAttribute("aria-label", `Rating of ${name}`);
  rating.onchange = () => rating.value !== "0" && model.send({ kind: "rate", pane: name, score: (rating.value - 1) / 4 });
  const note = make("input", "note");
  note.type = "text";
  note.placeholder = "a note";
  note.maxLength = 1000;
  note.setAttribute("aria-label", `Note on ${name}`);
  note.onchange = (event) => {
    event.stopPropagation();
    model.send({ kind: "note", pane: name, note: note.value });
  };
  box.append(make("span", "name", name), best, rating, note);
  return {
    box,
    show() {
      const won = model.get("won");
      const ready = !model.get("running") && model.get("answered").includes(name);
      turn(best, ready && !won);
      best.setAttribute("aria-pressed", String(won === name));
      box.classList.toggle("routebook-won", won === name);
      rating.disabled = note.disabled = !ready;
    },
  };
};

export default {
  render({ model, el }) {
    const form = makeBox("form", "panel", "Compare models");
    const prompt = makePrompt(model, 3, "One prompt for all of them; Ctrl+Enter runs");
    const models = makeGroup("Models", "models");
    const list = make("div", "list");
    const fields = make("div", "fields");
    const foot = make("div", "foot");
    const state = makeStatus("status", "state");
    const note = makeStatus("alert", "problem");
    const verdicts = makeGroup("Which is best?", "verdicts");
    const judged = make("div", "judged");
    const noted = makeStatus("status", "noted");
    const offered = model.get("models").map(makeModel);
    const numbers = [
      makeNumber(model, "temperature", "Temperature", "the model's own", "decimal"),
      makeNumber(model, "max_tokens", "Longest answer, tokens", "the model's own", "numeric"),
      makeNumber(model, "repeat", "Times each", "1", "numeric"),
    ];
    const filled = () => ({
      prompt: prompt.value,
      models: offered.filter(({ box }) => box.checked).map(({ box }) => box.value),
      ...Object.fromEntries(numbers.map(({ trait, field }) => [trait, field.value])),
    });
    const keep = () => {
      const { models: picked, ...rest } = filled();
      for (const [trait, value] of Object.entries({ ...rest, picked })) model.set(trait, value);
      model.save_changes();
    };
    const start = () => !model.get("running") && model.send({ kind: "run", ...filled() });
    const run = makeButton("Run", "button routebook-main", start);
    const cancel = makeButton("Cancel", "button", () => model.send({ kind: "cancel" }));
    const close = makeClose("the answers", () => model.send({ kind: "close" }));
    let verdict = [];

    prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
      event.preventDefault();
      start();
    });
    offered.forEach(({ box, label }) => {
      box.checked = model.get("picked").includes(box.value);
      list.append(label);
    });
    models.append(list);
    fields.append(...numbers.map(({ label }) => label));
    foot.append(run, cancel, state, note, close);
    const copies = ["Markdown", "CSV"].map((text) => makeButton(`Copy ${text}`, "button", () => model.send({ kind: "export", form: text })));
    const copying = make("div", "copies");
    const copied = makeStatus("status", "noted");
    copying.append(...copies, copied);
    verdicts.append(judged, noted, copying);
    form.addEventListener("change", keep);
    form.append(labelled("Prompt", prompt), models, fields, foot, verdicts);
    el.append(form);

    const showState = () => {
      turn(run, !model.get("running"));
      turn(cancel, model.get("running"));
      state.textContent = model.get("note") ? "" : model.get("state");
      note.textContent = model.get("note");
    };
    const showVerdicts = () => {
      verdicts.hidden = verdict.length === 0;
      verdict.forEach((one) => one.show());
      copies.forEach((copy) => turn(copy, !model.get("running") && model.get("answered").length > 0));
      noted.textContent = model.get("verdict");
    };
    const take = async ({ kind, form: what, text }) => {
      if (kind !== "copy") return;
      try {
        await navigator.clipboard.writeText(text);
        copied.textContent = `${what} is in the clipboard`;
      } catch {
        copied.textContent = `The browser does not let it be copied; panel.result.to_${what.toLowerCase()}() gives it`;
      }
    };
    const showPanes = () => {
      verdict = model.get("panes").map((name) => makeVerdict(name, model));
      judged.replaceChildren(...verdict.map(({ box }) => box));
      copied.textContent = "";
      showVerdicts();
    };
    showState();
    showPanes();
    return watch(model, {
      "change:running change:state change:note": showState,
      "change:running change:answered change:won change:verdict": showVerdicts,
      "change:panes": showPanes,
      "msg:custom": take,
    });
  },
};
