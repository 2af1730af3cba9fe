// The knob between quality and cost. What each setting reaches is here already, so the line below the slider follows at once; the chart, which the
// kernel draws, follows a moment later.
const WAIT_MS = 150;

export default {
  render({ model, el }) {
    const form = makeBox("form", "panel", "Quality against cost");
    const slider = make("input", "slider");
    const value = make("output", "value");
    const said = makeStatus("status", "state");
    const place = make("select", "choice");
    const done = makeStatus("status", "done");
    const note = makeStatus("alert", "problem");
    const into = labelled("Pool or route", place);
    const write = makeButton("Write", "button routebook-main", () => model.send({ kind: "write", setting: Number(slider.value), place: place.value }));
    const close = makeClose("the chart", () => model.send({ kind: "close" }));
    const tell = later(() => model.send({ kind: "turn", setting: Number(slider.value) }), WAIT_MS);

    Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05, value: model.get("setting") });
    write.title = "Write this quality into routing.toml; nothing else of the file changes";

    const showSetting = () => {
      const found = model.get("reached").find(([setting]) => Math.abs(setting - slider.value) < 0.026);
      value.textContent = Number(slider.value).toFixed(2);
      slider.setAttribute("aria-valuetext", `quality ${value.textContent}`);
      said.textContent = found ? found[1] : "";
    };
    const showPlaces = () => {
      const chosen = place.value || model.get("place");
      place.replaceChildren(...model.get("places").map(([name, text]) => new Option(text, name, false, name === chosen)));
      turn(write, model.get("places").length > 0);
      into.hidden = model.get("places").length === 0;
      done.textContent = model.get("done");
      note.textContent = model.get("note");
    };
    slider.oninput = () => {
      showSetting();
      tell();
    };
    const row = make("div", "knob");
    const ends = labelled("0 weighs cost only, 1 quality only", slider);
    const foot = make("div", "foot");
    row.append(ends, value);
    foot.append(into, write, done, note, close);
    form.append(row, said, foot);
    el.append(form);
    const unwatch = watch(model, { "change:reached change:setting": showSetting, "change:places change:place change:done change:note": showPlaces });
    showSetting();
    showPlaces();
    return () => {
      tell.stop();
      unwatch();
    };
  },
};
