// Colours %%route cells as Markdown: a prompt is prose, and as Python it is full of errors. And shows what a live panel leaves behind: a notebook that
// was saved while one lived would say "Error displaying widget" in its place.
//
// Written by hand in the form JupyterLab loads (a module federation container), so that there is nothing to build. `__esModule` must be
// set, or JupyterLab does not start at all; tests/test_colours_lab.py opens a real one.
(() => {
  const ROUTE = /^\s*%%route(?!\S)/;
  const PROSE = "text/x-ipythongfm";
  const LIVE = "application/vnd.routebook.live+json"; // stands beside the widget and the HTML of a live panel
  const VIEW = "application/vnd.jupyter.widget-view+json";
  const BEFORE_WIDGETS = -20; // ipywidgets draws its own at -10
  const GONE = /^Error displaying widget/;
  const LOADING = /^Loading widget/;
  const LATE_MS = 1500;
  let scope;

  const shared = async (name) => {
    const versions = Object.values(scope[name]);
    return (await versions[0].get())();
  };

  const colour = (cell, before) => {
    const model = cell.model;
    const isRoute = ROUTE.test(model.sharedModel.getSource());
    if (isRoute && model.mimeType !== PROSE) {
      before.set(cell, model.mimeType);
      model.mimeType = PROSE;
    } else if (!isRoute && before.has(cell) && model.mimeType === PROSE) {
      model.mimeType = before.get(cell);
      before.delete(cell);
    }
  };

  // The widget while it lives, else the HTML beside it; which of the two is seen follows what ipywidgets says.
  const makeLive = (Panel, rendermime) => {
    const box = new Panel();
    box.renderModel = async (model) => {
      const twin = rendermime.createRenderer("text/html");
      const live = model.data[VIEW] && rendermime.mimeTypes.includes(VIEW) ? rendermime.createRenderer(VIEW) : null;
      let isLate = false; // a widget that lives is there in a moment, and what is left of it would only flash up before
      box.widgets.slice().forEach((old) => old.dispose());
      box.addWidget(twin);
      twin.renderModel(model);
      if (!live) return;
      const look = () => {
        const said = live.node.textContent;
        const isDead = GONE.test(said) || (isLate && LOADING.test(said));
        live.setHidden(isDead);
        twin.setHidden(!isDead);
      };
      box.addWidget(live);
      look();
      new MutationObserver(look).observe(live.node, { childList: true, characterData: true, subtree: true });
      setTimeout(() => {
        isLate = true;
        look();
      }, LATE_MS);
      await live.renderModel(model);
      look();
    };
    return box;
  };

  const plugin = (INotebookTracker, Panel) => ({
    id: "routebook:colours",
    description: "Colours %%route cells as text, and shows what live panels leave behind.",
    autoStart: true,
    requires: [INotebookTracker],
    activate: (_app, tracker) => {
      const before = new WeakMap(); // what a cell was before it became a %%route cell
      const watched = new WeakSet();
      const watch = (cell) => {
        if (cell.model.type !== "code" || watched.has(cell)) return;
        watched.add(cell);
        const look = () => colour(cell, before);
        cell.model.contentChanged.connect(look);
        cell.model.mimeTypeChanged.connect(look); // a kernel that starts sets the type of all cells
        look();
      };
      tracker.widgetAdded.connect((_tracker, panel) => {
        const { rendermime } = panel.content;
        const createRenderer = () => makeLive(Panel, rendermime);
        rendermime.addFactory({ safe: false, mimeTypes: [LIVE], createRenderer }, BEFORE_WIDGETS);
        const scan = () => panel.content.widgets.forEach(watch);
        panel.content.modelContentChanged.connect(scan);
        panel.context.ready.then(scan);
      });
    },
  });

  const load = async () => {
    const { INotebookTracker } = await shared("@jupyterlab/notebook");
    const { Panel } = await shared("@lumino/widgets");
    return { __esModule: true, default: plugin(INotebookTracker, Panel) };
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.routebook = {
    init: (shareScope) => {
      scope = shareScope;
      return Promise.resolve();
    },
    get: () => load().then((module) => () => module),
  };
})();
