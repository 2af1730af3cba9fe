// Colours %%route cells as Markdown: a prompt is prose, and as Python it is full of errors.
//
// Written by hand in the form JupyterLab loads (a module federation container), so that there is nothing to build. `__esModule` must be
// set, or JupyterLab does not start at all; tests/test_colours.py opens a real one.
(() => {
  const ROUTE = /^\s*%%route(?!\S)/;
  const PROSE = "text/x-ipythongfm";
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

  const plugin = (INotebookTracker) => ({
    id: "routebook:colours",
    description: "Colours %%route cells as text.",
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
        const scan = () => panel.content.widgets.forEach(watch);
        panel.content.modelContentChanged.connect(scan);
        panel.context.ready.then(scan);
      });
    },
  });

  const load = async () => {
    const { INotebookTracker } = await shared("@jupyterlab/notebook");
    return { __esModule: true, default: plugin(INotebookTracker) };
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
